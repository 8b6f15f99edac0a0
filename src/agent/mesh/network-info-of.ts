/**
 * A device of the picture as `network_info`, the object that a hub parses (`src/protocol/network-info.ts`). What nobody told
 * is absent; what a parent tells of a child is the child's place, never a measurement that the child itself did not make.
 */
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import type { ChildRow, DeviceMode, NeighborRow, Reception, RouteRow } from './device-diagnostics.ts';
import type { MeshDevice, MeshPicture } from './mesh-picture.ts';

/** `nowMs`: monotonic, when the answer is sent. */
export function networkInfoOf(device: MeshDevice, { state }: MeshPicture, nowMs: number): JsonObject {
  const { own, row, slow } = device;
  const isRouter = device.parent === null;
  const counters = own?.counters ?? slow?.counters ?? null;
  const countersAtMs = own?.counters == null ? (slow?.countersAtMs ?? null) : device.readAtMs;
  return told({
    role: device.role,
    rloc16: device.rloc16,
    ext_addr: device.extAddress,
    partition_id: own?.leader?.partitionId ?? state.partitionId,
    ext_pan_id: state.extPanId,
    network_name: state.networkName,
    leader_router_id: own?.leader?.leaderRouterId ?? state.leaderRouterId,
    mode: modeText(device.mode),
    ipv6_addresses: device.ipv6Addresses.length === 0 ? null : [...device.ipv6Addresses],
    border_router: device.isBorderRouter,
    told_by: device.toldBy,
    measured_ago_ms: agoMs(device.readAtMs, nowMs),
    counters_ago_ms: counters === null || countersAtMs === null ? null : agoMs(countersAtMs, nowMs),
    parent:
      device.parent === null
        ? null
        : told({ rloc16: device.parent.rloc16, ext_addr: device.parent.extAddress }),
    children: isRouter && own?.children != null ? own.children.map(childOf) : null,
    neighbors: isRouter && own?.neighbors != null ? own.neighbors.map(neighborOf) : null,
    routes: isRouter && own?.routes != null ? own.routes.map(routeOf) : null,
    device: objectOrNull({
      hostname: device.hostname,
      vendor_name: own?.vendorName ?? slow?.identity.vendorName ?? null,
      vendor_model: own?.vendorModel ?? slow?.identity.vendorModel ?? null,
      software_version: own?.softwareVersion ?? slow?.identity.softwareVersion ?? null,
      stack_version: own?.stackVersion ?? slow?.identity.stackVersion ?? null,
      thread_version: own?.threadVersion ?? row?.threadVersion ?? slow?.identity.threadVersion ?? null,
      eui64: own?.eui64 ?? slow?.identity.eui64 ?? null,
    }),
    battery: objectOrNull({
      voltage_mv: own?.supplyMillivolts ?? slow?.identity.supplyMillivolts ?? null,
      percent: own?.batteryPercent ?? slow?.identity.batteryPercent ?? null,
    }),
    counters: counters === null ? null : { ...counters },
  });
}

function childOf(row: ChildRow): JsonObject {
  return told({
    rloc16: row.rloc16,
    ext_addr: row.extAddress,
    mode: modeText(row.mode),
    age: row.ageSeconds,
    link_age: row.linkAgeSeconds,
    timeout: row.timeoutSeconds,
    queued_messages: row.queuedMessages,
    thread_version: row.threadVersion,
    ipv6_addresses: row.ipv6Addresses === null ? null : [...row.ipv6Addresses],
    ...receptionOf(row),
  });
}

function neighborOf(row: NeighborRow): JsonObject {
  return told({
    rloc16: row.rloc16,
    ext_addr: row.extAddress,
    age: row.ageSeconds,
    link_age: row.linkAgeSeconds,
    ...receptionOf(row),
  });
}

function routeOf(row: RouteRow): JsonObject {
  return told({
    router_id: row.routerId,
    next_hop: row.nextHop,
    cost: row.cost,
    lq_in: row.linkQualityIn,
    lq_out: row.linkQualityOut,
  });
}

const receptionOf = (row: Reception): Record<string, JsonValue> => ({
  rssi: row.averageRssi,
  last_rssi: row.lastRssi,
  link_margin: row.linkMargin,
  lqi: row.linkQuality,
  frame_error_rate: row.frameErrorRate,
  message_error_rate: row.messageErrorRate,
});

/** `rdn`, `-` for none of the three; null where it is not told. */
function modeText(mode: DeviceMode | null): string | null {
  if (mode === null) return null;
  const letters = [
    mode.rxOnWhenIdle ? 'r' : '',
    mode.fullThreadDevice ? 'd' : '',
    mode.fullNetworkData ? 'n' : '',
  ].join('');
  return letters === '' ? '-' : letters;
}

const agoMs = (atMs: number, nowMs: number): number => Math.max(0, Math.round(nowMs - atMs));

/** Without what nobody told. */
function told(fields: Readonly<Record<string, JsonValue>>): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}

function objectOrNull(fields: Readonly<Record<string, JsonValue>>): JsonObject | null {
  const object = told(fields);
  return Object.keys(object).length === 0 ? null : object;
}
