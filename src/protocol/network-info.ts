/**
 * `network_info`: what a node says of itself, as its CoAP `/network-info` answers it.
 *
 * Only `role` and `rloc16` are required. Everything else is taken where it is well formed and left out where it is
 * not: a node with one odd table entry is still on the map. The answer itself is kept untouched in `raw`.
 */
import { type ExtAddress, parseExtAddress } from './ids.ts';
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
  /** The answer as it came, unknown fields included. */
  readonly raw: JsonObject;
}

/** A measured radio link as its receiver sees it. */
export interface LinkMeasurement {
  /** Received signal strength, dBm; null where not reported. */
  readonly rssi: number | null;
  /** Link quality, 0–3 (0: no link). */
  readonly lqi: number | null;
  /** Signal above the noise floor, dB. */
  readonly linkMargin: number | null;
  /** Share of frames lost, 0–1. */
  readonly frameErrorRate: number | null;
  /** Share of messages lost, 0–1. */
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
}

export interface NeighborInfo extends LinkMeasurement {
  readonly rloc16: Rloc16;
  readonly extAddress: ExtAddress | null;
  readonly ageSeconds: number | null;
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
      batteryMillivolts: isJsonObject(value['battery']) ? toNumber(value['battery']['voltage_mv']) : null,
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
        ...toMeasurement(value),
      };
}

function toRoute(value: JsonObject): RouteInfo | null {
  const routerId = toNumber(value['router_id']);
  if (routerId === null || !Number.isInteger(routerId) || routerId < 0 || routerId > 62) return null;
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
  const rssi = toNumber(value['rssi']);
  return {
    rssi: rssi !== null && rssi >= -128 && rssi <= 20 ? rssi : null,
    lqi: toLinkQuality(value['lqi']) ?? toLinkQuality(value['link_quality_in']),
    linkMargin: toNumber(value['link_margin']),
    frameErrorRate: toRate(value['frame_error_rate']),
    messageErrorRate: toRate(value['message_error_rate']),
  };
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
