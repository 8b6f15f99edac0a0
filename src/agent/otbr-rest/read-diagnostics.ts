/**
 * A device's diagnostics from any dialect. Names of fields, first that of today, then those of before July 2026 and of
 * `GET /diagnostics`. Nothing in here throws: a field that is odd is not told.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { type Rloc16, formatRloc16, rloc16Number, routerIdOf } from '../../protocol/rloc16.ts';
import type {
  ChildRow,
  CounterValues,
  DeviceDiagnostics,
  DeviceMode,
  LeaderData,
  NeighborRow,
  Reception,
  RouteRow,
} from '../mesh/device-diagnostics.ts';
import {
  booleanField,
  extAddressField,
  hexField,
  integerField,
  ipv6ListField,
  objectField,
  rateField,
  rloc16Field,
  rowsField,
  textField,
} from './wire-fields.ts';

const maxRouterId = 62;
const maxChildId = 511;
const u32 = [0, 0xffff_ffff] as const;
const u64 = [0, Number.MAX_SAFE_INTEGER] as const;
/** dBm; 127 stands for "never measured". */
const rssi = [-128, 126] as const;

const macCounterNames = [
  ['mac_in_unknown_protos', 'ifInUnknownProtos', 'IfInUnknownProtos'],
  ['mac_in_errors', 'ifInErrors', 'IfInErrors'],
  ['mac_out_errors', 'ifOutErrors', 'IfOutErrors'],
  ['mac_in_unicast', 'ifInUcastPkts', 'IfInUcastPkts'],
  ['mac_in_broadcast', 'ifInBroadcastPkts', 'IfInBroadcastPkts'],
  ['mac_in_discards', 'ifInDiscards', 'IfInDiscards'],
  ['mac_out_unicast', 'ifOutUcastPkts', 'IfOutUcastPkts'],
  ['mac_out_broadcast', 'ifOutBroadcastPkts', 'IfOutBroadcastPkts'],
  ['mac_out_discards', 'ifOutDiscards', 'IfOutDiscards'],
] as const;

const mleCounterNames = [
  ['role_disabled', 'radioDisabledCount'],
  ['role_detached', 'detachedRoleCount'],
  ['role_child', 'childRoleCount'],
  ['role_router', 'routerRoleCount'],
  ['role_leader', 'leaderRoleCount'],
  ['attach_attempts', 'attachAttemptsCount'],
  ['partition_id_changes', 'partIdChangesCount'],
  ['better_partition_attach_attempts', 'betterPartIdAttachAttemptsCount'],
  ['parent_changes', 'newParentCount'],
  ['tracked_ms', 'totalTrackingTime'],
  ['disabled_ms', 'radioDisabledTime'],
  ['detached_ms', 'detachedRoleTime'],
  ['child_ms', 'childRoleTime'],
  ['router_ms', 'routerRoleTime'],
  ['leader_ms', 'leaderRoleTime'],
] as const;

/** Null for what is no object at all. */
export function readDiagnostics(value: JsonValue | undefined): DeviceDiagnostics | null {
  if (!isJsonObject(value)) return null;
  const rloc16 = rloc16Field(value, 'rloc16', 'Rloc16');
  const routes = readRoutes(value);
  const ipv6Addresses = ipv6ListField(value, 'ipv6Addresses', 'IP6AddressList');
  return {
    extAddress: extAddressField(value, 'extAddress', 'ExtAddress'),
    rloc16,
    mode: readMode(objectField(value, 'mode', 'Mode')),
    leader: readLeader(value),
    routes,
    neighbors: readNeighbors(value, routes),
    children: readChildren(value, rloc16),
    ipv6Addresses,
    // Found by its addresses: without those it is always false.
    isBorderRouter: ipv6Addresses === null ? null : booleanField(value, 'isBorderRouter'),
    counters: readCounters(value),
    eui64: hexField(value, 16, 'eui', 'eui64'),
    threadVersion: integerField(value, [0, 0xffff], 'threadVersion', 'version'),
    vendorName: textField(value, 64, 'vendorName'),
    vendorModel: textField(value, 64, 'vendorModel'),
    softwareVersion: textField(value, 64, 'vendorSwVersion'),
    stackVersion: textField(value, 128, 'threadStackVersion'),
    batteryPercent: integerField(value, [0, 100], 'batteryLevel', 'BatteryLevel'),
    supplyMillivolts: integerField(value, [0, 0xffff], 'supplyVoltage', 'SupplyVoltage'),
  };
}

export function readLeader(object: JsonObject): LeaderData | null {
  const leader = objectField(object, 'leaderData', 'LeaderData');
  if (leader === null) return null;
  const partitionId = integerField(leader, u32, 'partitionId', 'PartitionId');
  const leaderRouterId = integerField(leader, [0, maxRouterId], 'leaderRouterId', 'LeaderRouterId');
  return partitionId === null || leaderRouterId === null ? null : { partitionId, leaderRouterId };
}

/** Null unless all three flags are there. A child's flags stand in its own row. */
export function readMode(object: JsonObject | null): DeviceMode | null {
  if (object === null) return null;
  const rxOnWhenIdle = booleanField(object, 'rxOnWhenIdle', 'RxOnWhenIdle');
  const fullThreadDevice = booleanField(object, 'fullThreadDevice', 'deviceTypeFTD', 'DeviceType');
  const fullNetworkData = booleanField(object, 'fullNetworkData', 'NetworkData');
  return rxOnWhenIdle === null || fullThreadDevice === null || fullNetworkData === null
    ? null
    : { rxOnWhenIdle, fullThreadDevice, fullNetworkData };
}

function readRoutes(object: JsonObject): RouteRow[] | null {
  const route = objectField(object, 'route', 'Route');
  const rows = route === null ? null : rowsField(route, maxRouterId + 1, 'routeData', 'RouteData');
  if (rows === null) return null;
  const byId = new Map<number, RouteRow>();
  for (const row of rows) {
    const routerId = integerField(row, [0, maxRouterId], 'routeId', 'RouteId');
    if (routerId === null) continue;
    byId.set(routerId, {
      routerId,
      linkQualityIn: integerField(row, [0, 3], 'linkQualityIn', 'LinkQualityIn') ?? 0,
      linkQualityOut: integerField(row, [0, 3], 'linkQualityOut', 'LinkQualityOut') ?? 0,
      cost: integerField(row, [0, 16], 'routeCost', 'RouteCost'),
      nextHop: null,
    });
  }
  return [...byId.values()];
}

function readNeighbors(object: JsonObject, routes: readonly RouteRow[] | null): NeighborRow[] | null {
  const rows = rowsField(object, maxRouterId + 1, 'routerNeighbors');
  if (rows === null) return null;
  const quality = new Map(routes?.map(({ linkQualityIn, routerId }) => [routerId, linkQualityIn]));
  const byRloc16 = new Map<Rloc16, NeighborRow>();
  for (const row of rows) {
    const rloc16 = rloc16Field(row, 'rloc16');
    if (rloc16 === null) continue;
    byRloc16.set(rloc16, {
      extAddress: extAddressField(row, 'extAddress'),
      rloc16,
      linkAgeSeconds: integerField(row, u32, 'linkAge', 'connectionTime'),
      ageSeconds: null,
      ...readReception(row, quality.get(routerIdOf(rloc16)) ?? null),
    });
  }
  return [...byRloc16.values()];
}

/** Three tables make a child: what its parent hears, the older table with its link quality, and its addresses. */
function readChildren(object: JsonObject, parent: Rloc16 | null): ChildRow[] | null {
  const heard = rowsField(object, maxChildId, 'children');
  const table = rowsField(object, maxChildId, 'childTable', 'ChildTable');
  if (heard === null && table === null) return null;
  const addresses = new Map(
    rowsField(object, maxChildId, 'childIpv6Addresses')?.map((row) => [
      rloc16Field(row, 'rloc16'),
      ipv6ListField(row, 'ipv6Addresses', 'ip6Addresses'),
    ]),
  );
  const entries = new Map(
    table?.map((row) => [integerField(row, [1, maxChildId], 'childId', 'ChildId'), row]),
  );
  const children = new Map<Rloc16, ChildRow>();
  for (const row of heard ?? []) {
    const rloc16 = rloc16Field(row, 'rloc16');
    if (rloc16 === null) continue;
    const entry = entries.get(rloc16Number(rloc16) & maxChildId) ?? null;
    children.set(rloc16, {
      extAddress: extAddressField(row, 'extAddress'),
      rloc16,
      mode: readMode(row) ?? tableMode(entry),
      ageSeconds: integerField(row, u32, 'age'),
      linkAgeSeconds: integerField(row, u32, 'linkAge', 'connectionTime'),
      timeoutSeconds: integerField(row, u32, 'timeout') ?? tableTimeout(entry),
      queuedMessages: integerField(row, [0, 0xffff], 'queuedMessageCount'),
      threadVersion: integerField(row, [0, 0xffff], 'threadVersion', 'version'),
      ipv6Addresses: addresses.get(rloc16) ?? null,
      ...readReception(row, tableQuality(entry)),
    });
  }
  for (const [childId, entry] of entries) {
    if (childId === null || parent === null) continue;
    const rloc16 = formatRloc16((rloc16Number(parent) & 0xfc00) + childId);
    if (children.has(rloc16)) continue;
    children.set(rloc16, {
      extAddress: null,
      rloc16,
      mode: tableMode(entry),
      ageSeconds: null,
      linkAgeSeconds: null,
      timeoutSeconds: tableTimeout(entry),
      queuedMessages: null,
      threadVersion: null,
      ipv6Addresses: addresses.get(rloc16) ?? null,
      ...readReception(null, tableQuality(entry)),
    });
  }
  return [...children.values()];
}

const tableMode = (entry: JsonObject | null): DeviceMode | null =>
  entry === null ? null : readMode(objectField(entry, 'mode', 'Mode'));

const tableQuality = (entry: JsonObject | null): number | null =>
  entry === null ? null : integerField(entry, [0, 3], 'linkQuality', 'LinkQuality');

/** An exponent in the older table: 2^(n − 4) seconds, rounded up from what the child asked for (Thread 1.3, §10.11.3.2). */
function tableTimeout(entry: JsonObject | null): number | null {
  const exponent = entry === null ? null : integerField(entry, [0, 31], 'timeout', 'Timeout');
  return exponent === null ? null : 2 ** (exponent - 4);
}

function readReception(row: JsonObject | null, linkQuality: number | null): Reception {
  if (row === null)
    return {
      linkMargin: null,
      averageRssi: null,
      lastRssi: null,
      frameErrorRate: null,
      messageErrorRate: null,
      linkQuality,
    };
  return {
    linkMargin: integerField(row, [0, 255], 'linkMargin'),
    averageRssi: integerField(row, rssi, 'averageRssi'),
    lastRssi: integerField(row, rssi, 'lastRssi'),
    frameErrorRate: rateField(row, 'frameErrorRate'),
    messageErrorRate: rateField(row, 'messageErrorRate'),
    linkQuality,
  };
}

function readCounters(object: JsonObject): CounterValues | null {
  const mac = objectField(object, 'macCounters', 'MACCounters');
  const mle = objectField(object, 'mleCounters');
  if (mac === null && mle === null) return null;
  const counters: Record<string, number> = {};
  for (const [name, ...wireNames] of macCounterNames) {
    const value = mac === null ? null : integerField(mac, u32, ...wireNames);
    if (value !== null) counters[name] = value;
  }
  for (const [name, ...wireNames] of mleCounterNames) {
    const value = mle === null ? null : integerField(mle, u64, ...wireNames);
    if (value !== null) counters[name] = value;
  }
  return counters;
}
