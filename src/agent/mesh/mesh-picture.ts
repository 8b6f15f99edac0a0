/**
 * What the devices of a mesh told of themselves and of each other, put together: one entry for each device that is proved to be
 * there. Pure.
 *
 * A device is proved by its own word in this reading, or by a row in the child table of a router that gave its own word.
 * That a border router lists it proves nothing, and neither does a neighbour table: dead devices stay in both for minutes.
 * Of two parents that list one child, the one that heard it last has it, and a child that tells its own place has been heard in
 * that moment.
 */
import type { ExtAddress } from '../../protocol/ids.ts';
import { type Ipv6Address, type Ipv6Prefix, parseIpv6Prefix } from '../../protocol/ipv6.ts';
import type { Role } from '../../protocol/network-info.ts';
import {
  isRouterRloc16,
  type Rloc16,
  rloc16OfRouter,
  routerIdOf,
  routerRloc16Of,
} from '../../protocol/rloc16.ts';
import type { ChildRow, DeviceDiagnostics, DeviceMode } from './device-diagnostics.ts';
import { isLocator, linkLocalOf, meshLocalPrefixOf, rlocAddressOf } from './mesh-addresses.ts';
import type { BorderRouterState, DeviceKind, ListedDevice } from './mesh-reader.ts';

/** A device's own word. */
export interface ToldDevice {
  readonly diagnostics: DeviceDiagnostics;
  /** Monotonic. */
  readonly readAtMs: number;
  /** Nothing more will be asked of it: its tables were read, or this dialect tells no more. */
  readonly wasRead: boolean;
}

/** What changes slowly, from this reading or an earlier one. */
export interface SlowFacts {
  readonly counters: DeviceDiagnostics['counters'];
  readonly countersAtMs: number | null;
  readonly identity: Partial<
    Pick<
      DeviceDiagnostics,
      | 'eui64'
      | 'threadVersion'
      | 'vendorName'
      | 'vendorModel'
      | 'softwareVersion'
      | 'stackVersion'
      | 'batteryPercent'
      | 'supplyMillivolts'
    >
  >;
}

/** What is known from earlier readings and stays true for long. */
export interface RememberedDevices {
  addressesOf(extAddress: ExtAddress): readonly Ipv6Address[];
  /** Null unless a recent reading confirmed it. */
  extAddressAt(rloc16: Rloc16): ExtAddress | null;
  slowFactsOf(extAddress: ExtAddress): SlowFacts | null;
}

export interface MeshFacts {
  readonly state: BorderRouterState;
  readonly listed: ReadonlyMap<ExtAddress, ListedDevice>;
  readonly told: readonly ToldDevice[];
  readonly remembered: RememberedDevices;
}

export interface MeshDevice {
  /** Null for a child that its parent names by its RLOC16 alone. */
  readonly extAddress: ExtAddress | null;
  readonly rloc16: Rloc16;
  readonly kind: DeviceKind;
  readonly role: Role;
  readonly mode: DeviceMode | null;
  /** Null for routers. */
  readonly parent: { readonly rloc16: Rloc16; readonly extAddress: ExtAddress | null } | null;
  /** Null where it spoke itself. */
  readonly toldBy: ExtAddress | null;
  /** Of the word that its place rests on; monotonic. */
  readonly readAtMs: number;
  /** Its own word, or its parent's tables, will not be read again in this reading. */
  readonly wasRead: boolean;
  /** When its parent heard it last, monotonic; null where nobody told. */
  readonly heardAtMs: number | null;
  readonly own: DeviceDiagnostics | null;
  readonly row: ChildRow | null;
  /** All that were told, without the locators that follow from its place. */
  readonly ipv6Addresses: readonly Ipv6Address[];
  readonly hostname: string | null;
  readonly isBorderRouter: boolean | null;
  readonly slow: SlowFacts | null;
}

/** A router that Route64 or a neighbour table of this reading names. */
export interface ExpectedRouter {
  readonly rloc16: Rloc16;
  /** Null where nobody told. */
  readonly extAddress: ExtAddress | null;
  readonly namedBy: readonly Rloc16[];
  readonly wasRead: boolean;
}

export interface MeshPicture {
  readonly state: BorderRouterState;
  readonly meshLocalPrefix: Ipv6Prefix | null;
  readonly devices: readonly MeshDevice[];
  readonly byAddress: ReadonlyMap<Ipv6Address, MeshDevice>;
  readonly byExtAddress: ReadonlyMap<ExtAddress, MeshDevice>;
  readonly expectedRouters: ReadonlyMap<Rloc16, ExpectedRouter>;
  /** The border router lists them, and nothing in this reading proves them. */
  readonly unproved: readonly ListedDevice[];
  /** Rows of child tables that name a device which is elsewhere. */
  readonly ghostRows: number;
}

/** A neighbour not heard for so long has gone, though its neighbour keeps the row: routers advertise at least every 32 s. */
const freshNeighborSeconds = 200;

/** Where a child is, by one row or its own word. */
interface Placement {
  readonly rloc16: Rloc16;
  readonly extAddress: ExtAddress | null;
  readonly router: ToldDevice | null;
  readonly row: ChildRow | null;
  readonly own: ToldDevice | null;
  /** Null where the row has no age. */
  readonly heardAtMs: number | null;
  readonly readAtMs: number;
}

export function pictureOf(facts: MeshFacts): MeshPicture {
  const { listed, remembered, state, told } = facts;
  const meshLocalPrefix = meshLocalOf(facts);
  const expectedRouters = expectedOf(facts);
  const children: MeshDevice[] = [];
  const placements = new Map<string, Placement[]>();
  /** Rows that are named from elsewhere. Ghosts stay in their tables: who reads those tells them apart, and shows them. */
  const rowsNamed = new Map<ChildRow, ChildRow>();
  let ghostRows = 0;

  const routers = new Map<ExtAddress | Rloc16, ToldDevice>();
  const ownPlaces = new Map<Rloc16, ExtAddress>();
  for (const device of told) {
    const { extAddress, rloc16 } = device.diagnostics;
    if (rloc16 === null) continue;
    if (isRouterRloc16(rloc16)) routers.set(extAddress ?? rloc16, device);
    else if (extAddress !== null) ownPlaces.set(rloc16, extAddress);
  }

  const place = (key: string, placement: Placement): void => {
    const known = placements.get(key);
    if (known === undefined) placements.set(key, [placement]);
    else known.push(placement);
  };

  for (const device of told) {
    const { children: rows, extAddress, rloc16 } = device.diagnostics;
    if (rloc16 === null) continue;
    if (!isRouterRloc16(rloc16)) {
      place(extAddress ?? rloc16, {
        rloc16,
        extAddress,
        router: null,
        row: null,
        own: device,
        heardAtMs: device.readAtMs,
        readAtMs: device.readAtMs,
      });
      continue;
    }
    for (const row of rows ?? []) {
      if (isRouterRloc16(row.rloc16) || routerRloc16Of(row.rloc16) !== rloc16) continue;
      const named =
        row.extAddress ?? ownPlaces.get(row.rloc16) ?? confirmed(remembered.extAddressAt(row.rloc16), told);
      if (named !== row.extAddress) rowsNamed.set(row, { ...row, extAddress: named });
      if (named !== null && routers.has(named)) {
        ghostRows += 1;
        continue;
      }
      place(named ?? row.rloc16, {
        rloc16: row.rloc16,
        router: device,
        row,
        extAddress: named,
        own: null,
        heardAtMs: row.ageSeconds === null ? null : device.readAtMs - row.ageSeconds * 1_000,
        readAtMs: device.readAtMs,
      });
    }
  }

  for (const candidates of placements.values()) {
    const best = candidates.reduce((one, other) => (isLater(other, one) ? other : one));
    // The row has the measurements, the own word the rest.
    const same = candidates.filter(({ rloc16 }) => rloc16 === best.rloc16);
    const own = same.find((placement) => placement.own !== null)?.own ?? null;
    const { router = null, row = null } = same.find((placement) => placement.row !== null) ?? {};
    ghostRows += candidates.filter(
      ({ rloc16, row: ghost }) => rloc16 !== best.rloc16 && ghost !== null,
    ).length;
    children.push(childOf({ ...best, own, router, row }, facts, expectedRouters));
  }
  const devices = [...[...routers.values()].map((device) => routerOf(device, facts, rowsNamed)), ...children];

  const byAddress = new Map<Ipv6Address, MeshDevice>();
  const byExtAddress = new Map<ExtAddress, MeshDevice>();
  for (const device of devices) {
    if (device.extAddress !== null) byExtAddress.set(device.extAddress, device);
    for (const address of addressesOf(device, meshLocalPrefix)) {
      const other = byAddress.get(address);
      if (other === undefined || other.readAtMs < device.readAtMs) byAddress.set(address, device);
    }
  }
  return {
    state,
    meshLocalPrefix,
    devices,
    byAddress,
    byExtAddress,
    expectedRouters,
    unproved: [...listed.values()].filter(({ extAddress }) => !byExtAddress.has(extAddress)),
    ghostRows,
  };
}

function meshLocalOf({ state, told }: MeshFacts): Ipv6Prefix | null {
  if (state.meshLocalPrefix !== null) return parseIpv6Prefix(state.meshLocalPrefix);
  const lists = [state.ipv6Addresses, ...told.map(({ diagnostics }) => diagnostics.ipv6Addresses ?? [])];
  for (const addresses of lists) {
    const prefix = meshLocalPrefixOf(addresses);
    if (prefix !== null) return prefix;
  }
  return null;
}

/** What an earlier reading knew of a place holds unless the device says in this one that it is elsewhere. */
function confirmed(extAddress: ExtAddress | null, told: readonly ToldDevice[]): ExtAddress | null {
  if (extAddress === null) return null;
  const isElsewhere = told.some(
    ({ diagnostics }) =>
      diagnostics.extAddress === extAddress ||
      (diagnostics.children ?? []).some((row) => row.extAddress === extAddress),
  );
  return isElsewhere ? null : extAddress;
}

/** Who heard the child last; without ages its own place, then the shorter link, then what was read last. */
function isLater(candidate: Placement, earlier: Placement): boolean {
  if (candidate.heardAtMs !== null && earlier.heardAtMs !== null && candidate.heardAtMs !== earlier.heardAtMs)
    return candidate.heardAtMs > earlier.heardAtMs;
  if ((candidate.own === null) !== (earlier.own === null)) return candidate.own !== null;
  const [ours, theirs] = [candidate.row?.linkAgeSeconds ?? null, earlier.row?.linkAgeSeconds ?? null];
  if (ours !== null && theirs !== null && ours !== theirs) return ours < theirs;
  return candidate.readAtMs >= earlier.readAtMs;
}

function expectedOf({ listed, remembered, told }: MeshFacts): Map<Rloc16, ExpectedRouter> {
  const known = new Map<Rloc16, ExtAddress>();
  const namedBy = new Map<Rloc16, Set<Rloc16>>();
  const name = (rloc16: Rloc16, by: Rloc16): void => {
    const names = namedBy.get(rloc16) ?? new Set();
    names.add(by);
    namedBy.set(rloc16, names);
  };
  const read = new Set<Rloc16>();
  for (const { diagnostics, wasRead } of told) {
    const { extAddress, neighbors, rloc16, routes } = diagnostics;
    if (rloc16 === null || !isRouterRloc16(rloc16)) continue;
    if (!namedBy.has(rloc16)) namedBy.set(rloc16, new Set());
    if (extAddress !== null) known.set(rloc16, extAddress);
    if (wasRead) read.add(rloc16);
    for (const { routerId } of routes ?? []) name(rloc16OfRouter(routerId), rloc16);
    for (const row of neighbors ?? []) {
      if (!isRouterRloc16(row.rloc16) || (row.ageSeconds ?? 0) > freshNeighborSeconds) continue;
      name(row.rloc16, rloc16);
    }
  }
  // Own words are better than what neighbours say, and those better than what was so before.
  for (const { diagnostics } of told)
    for (const { extAddress, rloc16 } of diagnostics.neighbors ?? [])
      if (extAddress !== null && !known.has(rloc16)) known.set(rloc16, extAddress);
  const taken = new Set(known.values());
  const expected = new Map<Rloc16, ExpectedRouter>();
  for (const [rloc16, names] of namedBy) {
    const before = remembered.extAddressAt(rloc16);
    const guess = before !== null && !taken.has(before) && listed.has(before) ? before : null;
    names.delete(rloc16);
    expected.set(rloc16, {
      rloc16,
      extAddress: known.get(rloc16) ?? guess,
      namedBy: [...names],
      wasRead: read.has(rloc16),
    });
  }
  return expected;
}

function routerOf(
  { diagnostics, readAtMs, wasRead }: ToldDevice,
  facts: MeshFacts,
  rowsNamed: ReadonlyMap<ChildRow, ChildRow>,
): MeshDevice {
  const children = diagnostics.children?.map((row) => rowsNamed.get(row) ?? row);
  const { extAddress, leader, mode } = diagnostics;
  const rloc16 = diagnostics.rloc16 ?? rloc16OfRouter(0);
  const leaderRouterId = leader?.leaderRouterId ?? facts.state.leaderRouterId;
  return {
    extAddress,
    rloc16,
    kind: 'router',
    role: leaderRouterId === routerIdOf(rloc16) ? 'leader' : 'router',
    mode,
    parent: null,
    toldBy: null,
    readAtMs,
    wasRead,
    heardAtMs: readAtMs,
    own: { ...diagnostics, children: children ?? null },
    row: null,
    ...sharedFactsOf(extAddress, diagnostics, null, facts),
  };
}

function childOf(
  { extAddress, heardAtMs, own, readAtMs, rloc16, router, row }: Placement,
  facts: MeshFacts,
  expectedRouters: ReadonlyMap<Rloc16, ExpectedRouter>,
): MeshDevice {
  const diagnostics = own?.diagnostics ?? null;
  const listedKind = extAddress === null ? null : (facts.listed.get(extAddress)?.kind ?? null);
  const mode = diagnostics?.mode ?? row?.mode ?? null;
  const kind = mode === null ? childKind(listedKind) : kindOf(mode);
  const parentRloc16 = routerRloc16Of(rloc16);
  const parentExtAddress =
    router?.diagnostics.extAddress ?? expectedRouters.get(parentRloc16)?.extAddress ?? null;
  return {
    extAddress,
    rloc16,
    kind,
    role: kind === 'full' ? 'reed' : kind === 'sleepy' ? 'sleepy_child' : 'child',
    mode,
    parent: { rloc16: parentRloc16, extAddress: parentExtAddress },
    toldBy: diagnostics === null ? parentExtAddress : null,
    readAtMs,
    wasRead: own?.wasRead === true || router?.wasRead === true,
    heardAtMs,
    own: diagnostics,
    row,
    ...sharedFactsOf(extAddress, diagnostics, row, facts),
  };
}

function sharedFactsOf(
  extAddress: ExtAddress | null,
  own: DeviceDiagnostics | null,
  row: ChildRow | null,
  { listed, remembered, state }: MeshFacts,
): Pick<MeshDevice, 'ipv6Addresses' | 'hostname' | 'isBorderRouter' | 'slow'> {
  const entry = extAddress === null ? undefined : listed.get(extAddress);
  const isSelf = extAddress !== null && extAddress === state.extAddress;
  const lists = [own?.ipv6Addresses, row?.ipv6Addresses, entry?.ipv6Addresses];
  if (isSelf) lists.push(state.ipv6Addresses);
  const now = new Set(lists.flatMap((addresses) => addresses ?? []));
  // What it had before counts only where this reading told nothing.
  const before = now.size > 0 || extAddress === null ? [] : remembered.addressesOf(extAddress);
  return {
    ipv6Addresses: [...now, ...before].slice(0, maxAddresses),
    hostname: entry?.hostname ?? null,
    isBorderRouter: isSelf ? true : (own?.isBorderRouter ?? null),
    slow: extAddress === null ? null : remembered.slowFactsOf(extAddress),
  };
}

const maxAddresses = 32;

export function kindOf(mode: DeviceMode): DeviceKind {
  if (mode.fullThreadDevice) return 'full';
  return mode.rxOnWhenIdle ? 'minimal' : 'sleepy';
}

/** What the list calls a router is a child by now. Where nobody told its mode, it is a child of the plain kind. */
const childKind = (listed: DeviceKind | null): DeviceKind =>
  listed === 'router' ? 'full' : (listed ?? 'minimal');

function addressesOf(device: MeshDevice, meshLocal: Ipv6Prefix | null): Set<Ipv6Address> {
  const addresses = new Set(device.ipv6Addresses.filter((address) => !isLocator(address)));
  const linkLocal = device.extAddress === null ? null : linkLocalOf(device.extAddress);
  const locator = meshLocal === null ? null : rlocAddressOf(meshLocal, device.rloc16);
  if (linkLocal !== null) addresses.add(linkLocal);
  if (locator !== null) addresses.add(locator);
  return addresses;
}
