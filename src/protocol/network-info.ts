/**
 * `network_info`: what a node says of itself, as its CoAP `/network-info` answers it.
 *
 * Only `role` and `rloc16` are required. Everything else is taken where it is well formed and left out where it is
 * not: a node with one odd table entry is still on the map. The answer itself is kept untouched in `raw`.
 */
import { type ExtAddress, parseExtAddress } from './ids.ts';
import { type Ipv6Address, parseIpv6 } from './ipv6.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { isRouterRloc16, parseRloc16, type Rloc16 } from './rloc16.ts';

export const roles = ['leader', 'router', 'reed', 'child', 'sleepy_child', 'detached', 'disabled'] as const;
export type Role = (typeof roles)[number];

export interface NetworkInfo {
  readonly role: Role;
  readonly rloc16: Rloc16;
  readonly extAddress: ExtAddress | null;
  readonly partitionId: number | null;
  /** Extended PAN id, 16 lower-case hex digits. */
  readonly extPanId: string | null;
  /** Null where the node names none. */
  readonly parent: ParentInfo | null;
  readonly children: readonly ChildInfo[];
  readonly neighbors: readonly NeighborInfo[];
  readonly routes: readonly RouteInfo[];
  readonly counters: Readonly<Record<string, number>>;
  readonly batteryMillivolts: number | null;
  /** 0–100. */
  readonly batteryPercent: number | null;
  /** The router whose tables told all of this; null where the device itself spoke. */
  readonly toldBy: ExtAddress | null;
  /** Age of the facts when the answer was sent, ms; null: as old as the answer. */
  readonly measuredAgoMs: number | null;
  /** Age of the counters, which are read more rarely, ms. */
  readonly countersAgoMs: number | null;
  readonly networkName: string | null;
  /** 0–62. */
  readonly leaderRouterId: number | null;
  /** Thread mode, as in `ChildInfo`. */
  readonly mode: string | null;
  readonly ipv6Addresses: readonly Ipv6Address[];
  /** Null where not told. */
  readonly borderRouter: boolean | null;
  readonly device: DeviceInfo | null;
  /** The answer as it came, unknown fields included. */
  readonly raw: JsonObject;
}

/** What a device says of its make. Text is bounded; null where not told. */
export interface DeviceInfo {
  readonly hostname: string | null;
  readonly vendorName: string | null;
  readonly vendorModel: string | null;
  readonly softwareVersion: string | null;
  readonly stackVersion: string | null;
  /** As on the air: 2 is Thread 1.1, 3 is 1.2, 4 is 1.3, 5 is 1.4. */
  readonly threadVersion: number | null;
  /** 16 lower-case hex digits. */
  readonly eui64: ExtAddress | null;
}

/** A measured radio link as its receiver sees it. */
export interface LinkMeasurement {
  /** Received signal strength, dBm, averaged where the receiver does; null where not reported. */
  readonly rssi: number | null;
  /** Of the last frame alone, dBm. */
  readonly lastRssi: number | null;
  /** Link quality, 0–3 (0: no link). */
  readonly lqi: number | null;
  /** Signal above the noise floor, dB. */
  readonly linkMargin: number | null;
  /** Share of lost frames among those that it sends to the other end, 0–1: OpenThread counts what is not acknowledged. */
  readonly frameErrorRate: number | null;
  /** The same of whole messages, after retries. */
  readonly messageErrorRate: number | null;
}

export interface ParentInfo extends LinkMeasurement {
  readonly rloc16: Rloc16 | null;
  readonly extAddress: ExtAddress | null;
}

export interface ChildInfo extends LinkMeasurement {
  readonly rloc16: Rloc16;
  readonly extAddress: ExtAddress | null;
  /** Thread mode: r receiver on when idle, d full Thread device, n full network data; `-` or empty: none. */
  readonly mode: string | null;
  /** Seconds since the parent last heard it. */
  readonly ageSeconds: number | null;
  /** Seconds since the link was made. */
  readonly linkAgeSeconds: number | null;
  /** Seconds of silence after which the parent gives it up. */
  readonly timeoutSeconds: number | null;
  /** Messages that wait for it at its parent. */
  readonly queuedMessages: number | null;
  readonly threadVersion: number | null;
  readonly ipv6Addresses: readonly Ipv6Address[];
}

export interface NeighborInfo extends LinkMeasurement {
  readonly rloc16: Rloc16;
  readonly extAddress: ExtAddress | null;
  readonly ageSeconds: number | null;
  /** Seconds since the link was made. */
  readonly linkAgeSeconds: number | null;
}

/** One entry of Route64 (TLV 5). */
export interface RouteInfo {
  /** 0–62. */
  readonly routerId: number;
  /** Router id of the next hop; null where it is unknown or the entry is a direct link. */
  readonly nextHop: number | null;
  readonly cost: number | null;
  /** Link quality in, 0–3; 0 with `linkQualityOut` 0 means no direct link. */
  readonly linkQualityIn: number | null;
  readonly linkQualityOut: number | null;
}

/** Tables beyond these sizes are cut: Thread has at most 63 router ids and 511 children per router. */
const maxTableEntries = 1_024;
/** Thread devices have a handful. */
const maxAddresses = 32;
/** A DNS label has 63 octets; the vendor's texts of Thread are shorter. */
const maxTextLength = 64;
/** A DNS name. */
const maxNameLength = 253;
/** 16 octets in a dataset. */
const maxNetworkNameLength = 16;

/** 30 days, ms. */
const maxAgeMs = 30 * 24 * 3_600_000;

const noAddresses: readonly Ipv6Address[] = [];

export type NetworkInfoResult =
  { readonly ok: true; readonly networkInfo: NetworkInfo } | { readonly ok: false; readonly reason: string };

/** Parses a node's answer. `reason` is a sentence that names the field and the value seen. */
export function parseNetworkInfo(value: unknown): NetworkInfoResult {
  if (!isJsonObject(value)) return { ok: false, reason: `network_info is ${describe(value)}, not an object` };
  const rloc16 = toRloc16(value['rloc16']);
  if (rloc16 === null)
    return { ok: false, reason: `network_info.rloc16 is ${describe(value['rloc16'])}, not an RLOC16` };
  const role = toRole(value['role'], rloc16, value['mode']);
  if (role === null)
    return { ok: false, reason: `network_info.role is ${describe(value['role'])}, not a Thread role` };
  return {
    ok: true,
    networkInfo: {
      role,
      rloc16,
      extAddress: toExtAddress(value['ext_addr']),
      partitionId: toNumber(value['partition_id']),
      extPanId: toExtAddress(value['ext_pan_id']),
      parent: toParent(value['parent']),
      children: toTable(value['children'], toChild),
      neighbors: toTable(value['neighbors'], toNeighbor),
      routes: toTable(value['routes'], toRoute),
      counters: toCounters(value['counters']),
      ...toBattery(value['battery']),
      toldBy: toExtAddress(value['told_by']),
      measuredAgoMs: toAge(value['measured_ago_ms']),
      countersAgoMs: toAge(value['counters_ago_ms']),
      networkName: toText(value['network_name'], maxNetworkNameLength),
      leaderRouterId: toRouterId(value['leader_router_id']),
      mode: toMode(value['mode']),
      ipv6Addresses: toAddresses(value['ipv6_addresses']),
      borderRouter: typeof value['border_router'] === 'boolean' ? value['border_router'] : null,
      device: toDevice(value['device']),
      raw: value,
    },
  };
}

const roleSpellings: ReadonlyMap<string, Role> = new Map([
  ['leader', 'leader'],
  ['router', 'router'],
  ['reed', 'reed'],
  ['child', 'child'],
  ['sleepy_child', 'sleepy_child'],
  ['detached', 'detached'],
  ['disabled', 'disabled'],
  ['end_device', 'child'],
  ['full_end_device', 'child'],
  ['minimal_end_device', 'child'],
  ['med', 'child'],
  ['fed', 'child'],
  ['sed', 'sleepy_child'],
  ['ssed', 'sleepy_child'],
  ['sleepy_end_device', 'sleepy_child'],
]);

/** Firmware spells roles in its own ways (`End Device`, `end-device`); a `child` that does not listen when idle is a sleepy one. */
function toRole(value: JsonValue | undefined, rloc16: Rloc16, mode: JsonValue | undefined): Role | null {
  if (typeof value !== 'string') return null;
  const spelling = value
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, '_');
  const role = roleSpellings.get(spelling) ?? null;
  if (role === 'child' && typeof mode === 'string' && !mode.includes('r') && !isRouterRloc16(rloc16))
    return 'sleepy_child';
  return role;
}

function toParent(value: JsonValue | undefined): ParentInfo | null {
  if (!isJsonObject(value)) return null;
  const rloc16 = toRloc16(value['rloc16']);
  const extAddress = toExtAddress(value['ext_addr']);
  return rloc16 === null && extAddress === null ? null : { rloc16, extAddress, ...toMeasurement(value) };
}

function toChild(value: JsonObject): ChildInfo | null {
  const rloc16 = toRloc16(value['rloc16']);
  return rloc16 === null
    ? null
    : {
        rloc16,
        extAddress: toExtAddress(value['ext_addr']),
        mode: typeof value['mode'] === 'string' ? value['mode'] : null,
        ageSeconds: toNumber(value['age']),
        linkAgeSeconds: toCount(value['link_age']),
        timeoutSeconds: toCount(value['timeout']),
        queuedMessages: toCount(value['queued_messages']),
        threadVersion: toThreadVersion(value['thread_version']),
        ipv6Addresses: toAddresses(value['ipv6_addresses']),
        ...toMeasurement(value),
      };
}

function toNeighbor(value: JsonObject): NeighborInfo | null {
  const rloc16 = toRloc16(value['rloc16']);
  return rloc16 === null
    ? null
    : {
        rloc16,
        extAddress: toExtAddress(value['ext_addr']),
        ageSeconds: toNumber(value['age']),
        linkAgeSeconds: toCount(value['link_age']),
        ...toMeasurement(value),
      };
}

function toRoute(value: JsonObject): RouteInfo | null {
  const routerId = toRouterId(value['router_id']);
  if (routerId === null) return null;
  const nextHop = toNumber(value['next_hop']);
  return {
    routerId,
    nextHop: nextHop !== null && nextHop >= 0 && nextHop <= 62 ? nextHop : null,
    cost: toNumber(value['cost']),
    linkQualityIn: toLinkQuality(value['lq_in']),
    linkQualityOut: toLinkQuality(value['lq_out']),
  };
}

function toMeasurement(value: JsonObject): LinkMeasurement {
  return {
    rssi: toRssi(value['rssi']),
    lastRssi: toRssi(value['last_rssi']),
    lqi: toLinkQuality(value['lqi']) ?? toLinkQuality(value['link_quality_in']),
    linkMargin: toNumber(value['link_margin']),
    frameErrorRate: toRate(value['frame_error_rate']),
    messageErrorRate: toRate(value['message_error_rate']),
  };
}

function toBattery(value: JsonValue | undefined): Pick<NetworkInfo, 'batteryMillivolts' | 'batteryPercent'> {
  if (!isJsonObject(value)) return { batteryMillivolts: null, batteryPercent: null };
  const percent = toNumber(value['percent']);
  return {
    batteryMillivolts: toNumber(value['voltage_mv']),
    batteryPercent: percent !== null && percent >= 0 && percent <= 100 ? percent : null,
  };
}

/** Null where nothing is told. */
function toDevice(value: JsonValue | undefined): DeviceInfo | null {
  if (!isJsonObject(value)) return null;
  const device: DeviceInfo = {
    hostname: toText(value['hostname'], maxNameLength),
    vendorName: toText(value['vendor_name'], maxTextLength),
    vendorModel: toText(value['vendor_model'], maxTextLength),
    softwareVersion: toText(value['software_version'], maxTextLength),
    stackVersion: toText(value['stack_version'], maxTextLength),
    threadVersion: toThreadVersion(value['thread_version']),
    eui64: toExtAddress(value['eui64']),
  };
  return Object.values(device).every((entry) => entry === null) ? null : device;
}

/** Addresses that can be read, each once. */
function toAddresses(value: JsonValue | undefined): readonly Ipv6Address[] {
  if (!Array.isArray(value) || value.length === 0) return noAddresses;
  const addresses = new Set<Ipv6Address>();
  for (const item of value.slice(0, maxAddresses)) {
    const address = typeof item === 'string' ? parseIpv6(item) : null;
    if (address !== null) addresses.add(address);
  }
  return [...addresses];
}

function toTable<Entry>(value: JsonValue | undefined, toEntry: (value: JsonObject) => Entry | null): Entry[] {
  if (!Array.isArray(value)) return [];
  const entries: Entry[] = [];
  for (const item of value.slice(0, maxTableEntries)) {
    const entry = isJsonObject(item) ? toEntry(item) : null;
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

function toCounters(value: JsonValue | undefined): Record<string, number> {
  if (!isJsonObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value)
      .filter((entry): entry is [string, number] => toNumber(entry[1]) !== null)
      .slice(0, 256),
  );
}

function toRloc16(value: JsonValue | undefined): Rloc16 | null {
  return typeof value === 'string' || typeof value === 'number' ? parseRloc16(value) : null;
}

function toExtAddress(value: JsonValue | undefined): ExtAddress | null {
  return typeof value === 'string' ? parseExtAddress(value) : null;
}

function toRouterId(value: JsonValue | undefined): number | null {
  const number = toNumber(value);
  return number !== null && Number.isInteger(number) && number >= 0 && number <= 62 ? number : null;
}

/** Not negative. */
function toCount(value: JsonValue | undefined): number | null {
  const number = toNumber(value);
  return number !== null && number >= 0 ? number : null;
}

/** Older than `maxAgeMs` is that old: left out, it would seem to be new. */
function toAge(value: JsonValue | undefined): number | null {
  const number = toCount(value);
  return number === null ? null : Math.min(number, maxAgeMs);
}

function toThreadVersion(value: JsonValue | undefined): number | null {
  const number = toNumber(value);
  return number !== null && Number.isInteger(number) && number >= 1 && number <= 0xff_ff ? number : null;
}

function toRssi(value: JsonValue | undefined): number | null {
  const number = toNumber(value);
  return number !== null && number >= -128 && number <= 20 ? number : null;
}

function toMode(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && /^[rdns-]{0,4}$/.test(value) ? value : null;
}

/** Text that somebody else wrote: what is empty, too long or not printable is no text. */
function toText(value: JsonValue | undefined, maxLength: number): string | null {
  if (typeof value !== 'string') return null;
  const text = value.trim();
  return text !== '' && text.length <= maxLength && text.isWellFormed() && !/\p{Cc}/u.test(text)
    ? text
    : null;
}

function toNumber(value: JsonValue | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}

/** Link quality is 0–3 in Thread; drivers that report the radio's 0–255 LQI are not mistaken for it. */
function toLinkQuality(value: JsonValue | undefined): number | null {
  const number = toNumber(value);
  return number !== null && number >= 0 && number <= 3 ? number : null;
}

function toRate(value: JsonValue | undefined): number | null {
  const number = toNumber(value);
  return number !== null && number >= 0 && number <= 1 ? number : null;
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
