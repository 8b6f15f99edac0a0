/**
 * What readings of a mesh leave for the next one: who was there, which addresses devices have that nobody but they tell, and
 * what changes slowly. Bounded; what was not confirmed for long is forgotten.
 */
import type { ExtAddress } from '../../protocol/ids.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import { isRouterRloc16, type Rloc16 } from '../../protocol/rloc16.ts';
import type { DeviceDiagnostics } from './device-diagnostics.ts';
import type { MeshPicture, RememberedDevices, SlowFacts } from './mesh-picture.ts';
import type { DeviceKind } from './mesh-reader.ts';

interface Remembered {
  rloc16: Rloc16;
  kind: DeviceKind;
  hasMode: boolean;
  /** A reading proved it, or a table named it; monotonic. */
  confirmedAtMs: number;
  addresses: readonly Ipv6Address[];
}

/** More than a mesh has: 32 routers, 64 children each at most, and few have so many. */
const maxDevices = 2_048;
/** A place that no reading confirmed for so long may be somebody else's by now. */
const placeHoldsMs = 30 * 60_000;
/** A full device that stayed silent about its addresses is asked again after this. */
const placeRetryMs = 10 * 60_000;
/** A listed device in no table that stayed silent is most likely gone. */
const unnamedRetryMs = 10 * 60_000;
/** A search seldom finds what the last one did not. */
const searchAgainMs = 10 * 60_000;
/** Names and versions change with an update of the firmware. */
const identityHoldsMs = 6 * 60 * 60_000;

interface SlowMemory {
  facts: SlowFacts;
  identityAtMs: number | null;
  askedAtMs: number;
}

export class MeshMemory implements RememberedDevices {
  readonly #devices = new Map<ExtAddress, Remembered>();
  readonly #places = new Map<Rloc16, ExtAddress>();
  readonly #slow = new Map<ExtAddress, SlowMemory>();
  readonly #placeAsked = new Map<ExtAddress, number>();
  /** Did not answer in the last reading that asked them. */
  readonly #silent = new Map<ExtAddress, number>();
  #searchedAtMs = -Infinity;
  #notFound: ReadonlySet<string> = new Set();
  #mesh: string | null = null;
  #nowMs = 0;

  /** Ages are judged as of the beginning of a reading. */
  beginReading(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** The network and partition that is read now: places of another one mean nothing in it. */
  enter(mesh: string): void {
    if (this.#mesh !== null && this.#mesh !== mesh) {
      this.#devices.clear();
      this.#places.clear();
      this.#placeAsked.clear();
      this.#silent.clear();
      this.#searchedAtMs = -Infinity;
      this.#notFound = new Set();
    }
    this.#mesh = mesh;
  }

  get size(): number {
    return this.#devices.size;
  }

  addressesOf(extAddress: ExtAddress): readonly Ipv6Address[] {
    return this.#devices.get(extAddress)?.addresses ?? [];
  }

  extAddressAt(rloc16: Rloc16): ExtAddress | null {
    const extAddress = this.#places.get(rloc16);
    const device = extAddress === undefined ? undefined : this.#devices.get(extAddress);
    if (extAddress === undefined || device?.rloc16 !== rloc16) return null;
    return this.#nowMs - device.confirmedAtMs <= placeHoldsMs ? extAddress : null;
  }

  slowFactsOf(extAddress: ExtAddress): SlowFacts | null {
    return this.#slow.get(extAddress)?.facts ?? null;
  }

  rloc16Of(extAddress: ExtAddress): Rloc16 | null {
    return this.#devices.get(extAddress)?.rloc16 ?? null;
  }

  extAddressOf(address: Ipv6Address): ExtAddress | null {
    for (const [extAddress, { addresses }] of this.#devices)
      if (addresses.includes(address)) return extAddress;
    return null;
  }

  /** Those of the last reading: they are asked even where the border router does not list them any more. */
  routers(): ExtAddress[] {
    return [...this.#devices].flatMap(([extAddress, { rloc16 }]) =>
      isRouterRloc16(rloc16) ? [extAddress] : [],
    );
  }

  wasSilent(extAddress: ExtAddress): boolean {
    return this.#silent.has(extAddress);
  }

  /** Whether a device that nobody names may be asked whether it is there: not soon after it stayed silent. */
  mayAskUnnamed(extAddress: ExtAddress): boolean {
    return this.#nowMs - (this.#silent.get(extAddress) ?? -Infinity) >= unnamedRetryMs;
  }

  silence(extAddress: ExtAddress, isSilent: boolean, nowMs: number): void {
    this.#silent.delete(extAddress);
    if (isSilent) this.#silent.set(extAddress, nowMs);
    if (this.#silent.size <= maxDevices) return;
    const [oldest] = this.#silent.keys();
    if (oldest !== undefined) this.#silent.delete(oldest);
  }

  /** Since the mesh was last searched; Infinity where it never was. */
  get unsearchedForMs(): number {
    return this.#nowMs - this.#searchedAtMs;
  }

  searched(nowMs: number): void {
    this.#searchedAtMs = nowMs;
  }

  /** A search may find them: it has not failed to a short while ago. */
  maySearchFor(routers: readonly string[]): boolean {
    if (routers.length === 0) return false;
    return this.unsearchedForMs >= searchAgainMs || routers.some((router) => !this.#notFound.has(router));
  }

  /** None of them is missing since the last search only. */
  areNotFound(routers: readonly string[]): boolean {
    return routers.every((router) => this.#notFound.has(router));
  }

  /** What the last search did not help to find. */
  notFound(routers: readonly string[]): void {
    this.#notFound = new Set(routers.slice(0, maxDevices));
  }

  /** Keeps what the reading proved or named; drops the rest, unless the reading ended early and says nothing of it. */
  learn(picture: MeshPicture, nowMs: number, endedEarly: boolean): void {
    const named = new Set<ExtAddress>();
    for (const { extAddress } of picture.expectedRouters.values())
      if (extAddress !== null) named.add(extAddress);
    if (!endedEarly)
      for (const extAddress of this.#devices.keys())
        if (!named.has(extAddress) && !picture.byExtAddress.has(extAddress)) this.#forget(extAddress);
    for (const device of picture.devices) {
      if (device.extAddress === null) continue;
      this.#forgetPlace(device.extAddress);
      this.#devices.set(device.extAddress, {
        rloc16: device.rloc16,
        kind: device.kind,
        hasMode: device.mode !== null,
        confirmedAtMs: nowMs,
        addresses: device.ipv6Addresses,
      });
      this.#places.set(device.rloc16, device.extAddress);
    }
    while (this.#devices.size > maxDevices) {
      const [oldest] = this.#devices.keys();
      if (oldest !== undefined) this.#forget(oldest);
    }
  }

  // ------------------------------------------------------------------------------------------------ the device's own place

  /** Whether a device may be asked for its addresses: once, and once more long after it stayed silent. */
  mayAskPlace(extAddress: ExtAddress, nowMs: number): boolean {
    const askedAtMs = this.#placeAsked.get(extAddress);
    return askedAtMs === undefined || nowMs - askedAtMs >= placeRetryMs;
  }

  placeAsked(extAddress: ExtAddress, nowMs: number): void {
    this.#placeAsked.delete(extAddress);
    this.#placeAsked.set(extAddress, nowMs);
    if (this.#placeAsked.size <= maxDevices) return;
    const [oldest] = this.#placeAsked.keys();
    if (oldest !== undefined) this.#placeAsked.delete(oldest);
  }

  // ------------------------------------------------------------------------------------------------------ slow facts

  /** Null: never. */
  slowAskedAtMs(extAddress: ExtAddress): number | null {
    return this.#slow.get(extAddress)?.askedAtMs ?? null;
  }

  needsIdentity(extAddress: ExtAddress, nowMs: number): boolean {
    const identityAtMs = this.#slow.get(extAddress)?.identityAtMs ?? null;
    return identityAtMs === null || nowMs - identityAtMs >= identityHoldsMs;
  }

  /** `diagnostics`: null where it stayed silent, which costs it its turn. */
  slowTold(extAddress: ExtAddress, diagnostics: DeviceDiagnostics | null, nowMs: number): void {
    const earlier = this.#slow.get(extAddress);
    const identity = diagnostics === null ? {} : identityOf(diagnostics);
    const hasIdentity = Object.keys(identity).length > 0;
    const counters = diagnostics?.counters ?? null;
    this.#slow.delete(extAddress);
    this.#slow.set(extAddress, {
      facts: {
        counters: counters ?? earlier?.facts.counters ?? null,
        countersAtMs: counters === null ? (earlier?.facts.countersAtMs ?? null) : nowMs,
        identity: { ...earlier?.facts.identity, ...identity },
      },
      identityAtMs: hasIdentity ? nowMs : (earlier?.identityAtMs ?? null),
      askedAtMs: nowMs,
    });
    if (this.#slow.size <= maxDevices) return;
    const [oldest] = this.#slow.keys();
    if (oldest !== undefined) this.#slow.delete(oldest);
  }

  #forget(extAddress: ExtAddress): void {
    this.#forgetPlace(extAddress);
    // Its addresses are forgotten with it: should it come back, it is asked for them again.
    if (this.addressesOf(extAddress).length > 0) this.#placeAsked.delete(extAddress);
    this.#devices.delete(extAddress);
  }

  #forgetPlace(extAddress: ExtAddress): void {
    const rloc16 = this.#devices.get(extAddress)?.rloc16;
    if (rloc16 !== undefined && this.#places.get(rloc16) === extAddress) this.#places.delete(rloc16);
  }
}

const identityFields = [
  'eui64',
  'threadVersion',
  'vendorName',
  'vendorModel',
  'softwareVersion',
  'stackVersion',
  'batteryPercent',
  'supplyMillivolts',
] as const;

function identityOf(diagnostics: DeviceDiagnostics): SlowFacts['identity'] {
  return Object.fromEntries(
    identityFields.flatMap((name) => {
      const value = diagnostics[name];
      return value === null ? [] : [[name, value]];
    }),
  );
}
