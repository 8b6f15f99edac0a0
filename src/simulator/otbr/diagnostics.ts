/**
 * What a device answers to each diagnostic type, in the form and order of the JSON:API of August 2026. Absent: it has
 * nothing of the kind. Other dialects are made of this.
 */
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import { rloc16Number } from '../../protocol/rloc16.ts';
import { routerIdOf } from '../mesh.ts';
import type { MeshDevice } from '../mesh-device.ts';
import { macCountersOf, mleCountersOf } from './device-counters.ts';
import { addressOf, linkLocalOf, locatorOf } from './mesh-addresses.ts';
import type { Heard, ListedChild, ObservedMesh } from './observed-mesh.ts';

/** Anycast locators of the leader and of the first service (Thread 1.3 §5.2.2.2). */
const leaderAnycast = 0xfc00;
const serviceAnycast = 0xfc10;
const childIdMask = 0x1ff;

/** By name of the type; the tables that need a query included. */
export function diagnosticsOf(observed: ObservedMesh, device: MeshDevice): ReadonlyMap<string, JsonValue> {
  const { mesh, seed } = observed;
  const profile = observed.profileOf(device);
  const upMs = observed.upMs(device);
  const isRouter = device.attachment.kind === 'router';
  const role = mesh.roleOf(device);
  const children = isRouter ? observed.childrenOf(device) : [];
  const told = new Map<string, JsonValue>([
    ['extAddress', device.extAddress],
    ['rloc16', mesh.rloc16Of(device)],
    ['mode', modeOf(device)],
    ['leaderData', leaderDataOf(observed, device)],
    ['networkData', networkDataOf(observed)],
    ['ipv6Addresses', [...addressesOf(observed, device)]],
    ['macCounters', { ...macCountersOf(seed, device, upMs) }],
    ['channelPages', '00'],
    ['eui', profile.eui64],
    ['threadVersion', profile.threadVersion],
    ['vendorName', profile.vendorName],
    ['vendorModel', profile.vendorModel],
    ['vendorSwVersion', profile.vendorSwVersion],
    ['threadStackVersion', profile.threadStackVersion],
    [
      'mleCounters',
      { ...mleCountersOf(seed, device, role === 'leader' || role === 'router' ? role : 'child', upMs) },
    ],
  ]);
  if (device.deviceKind === 'sleepy') told.set('timeout', profile.childTimeoutSeconds);
  if (profile.battery !== null) {
    told.set('batteryLevel', profile.battery.percent);
    told.set('supplyVoltage', profile.battery.millivolts);
  }
  if (device.deviceKind === 'full') {
    told.set('connectivity', connectivityOf(observed, device));
    told.set('route', {
      idSequence: idSequenceOf(observed),
      routeData: observed.routesOf(device).map((row) => ({
        routeId: row.routerId,
        linkQualityOut: row.linkQualityOut,
        linkQualityIn: row.linkQualityIn,
        routeCost: row.cost,
      })),
    });
  }
  if (!isRouter) return told;
  told.set(
    'childTable',
    children.map((child) => childTableRow(observed, child)),
  );
  const minimal = children.filter((child) => child.device.deviceKind !== 'full');
  if (minimal.length > 0) {
    told.set(
      'maxChildTimeout',
      Math.max(...minimal.map((child) => observed.profileOf(child.device).childTimeoutSeconds)),
    );
  }
  told.set(
    'children',
    children.map((child) => childRow(observed, child)),
  );
  told.set(
    'childIpv6Addresses',
    minimal.map((child) => ({
      rloc16: child.rloc16,
      ipv6Addresses: [mlEidOf(observed, child.device), child.device.ipv6],
    })),
  );
  told.set(
    'routerNeighbors',
    observed.neighborsOf(device).map((neighbor) => ({
      supportsErrorRate: true,
      rloc16: mesh.rloc16Of(neighbor.device),
      extAddress: neighbor.device.extAddress,
      threadVersion: observed.profileOf(neighbor.device).threadVersion,
      linkAge: neighbor.linkAgeSeconds,
      ...signalOf(neighbor),
    })),
  );
  return told;
}

/** What the border router adds to an answer that holds addresses. */
export function roleFlagsOf(observed: ObservedMesh, device: MeshDevice): JsonObject {
  const isBorderRouter = device.kind === 'border_router';
  return {
    isLeader: observed.mesh.leaderOf(device) === device,
    hostsService: isBorderRouter,
    isPrimaryBBR: false,
    isBorderRouter,
  };
}

/** Traffic between the mesh and the LAN; the border router's own, told with its own diagnostics. */
export function borderCountersOf(observed: ObservedMesh, device: MeshDevice): JsonObject {
  const advertisements = Math.floor(observed.upMs(device) / 200_000);
  return {
    ifInUcastPkts: advertisements * 3,
    ifInBroadcastPkts: advertisements,
    ifOutUcastPkts: advertisements * 3,
    ifOutBroadcastPkts: 0,
    raRx: advertisements,
    raTxSuccess: advertisements,
    raTxFailed: 0,
    rsRx: 3,
    rsTxSuccess: 3,
    rsTxFailed: 0,
  };
}

export function leaderDataOf(observed: ObservedMesh, device: MeshDevice): JsonObject {
  const { mesh, seed } = observed;
  return {
    partitionId: mesh.partitionIdOf(device),
    weighting: observed.leaderWeight,
    dataVersion: seed % 256,
    stableDataVersion: (seed >> 8) % 256,
    leaderRouterId: routerIdOf(mesh.leaderOf(device)),
  };
}

export const mlEidOf = (observed: ObservedMesh, device: MeshDevice): Ipv6Address =>
  addressOf(observed.meshLocalHex, observed.profileOf(device).mlEidIid);

export const rlocOf = (observed: ObservedMesh, device: MeshDevice): Ipv6Address =>
  locatorOf(observed.meshLocalHex, observed.mesh.rloc16Of(device));

function addressesOf(observed: ObservedMesh, device: MeshDevice): readonly Ipv6Address[] {
  const ends = [mlEidOf(observed, device), linkLocalOf(device.extAddress)];
  const rloc = rlocOf(observed, device);
  if (device.attachment.kind === 'child') return [device.ipv6, rloc, ...ends];
  const anycast = (locator: number): Ipv6Address => locatorOf(observed.meshLocalHex, locator);
  return [
    ...(device.kind === 'border_router' ? [anycast(serviceAnycast)] : []),
    ...(observed.mesh.leaderOf(device) === device ? [anycast(leaderAnycast)] : []),
    rloc,
    device.ipv6,
    ...ends,
  ];
}

/** Sleepy devices take the stable half of the network data. */
export function modeOf(device: MeshDevice): JsonObject {
  return {
    rxOnWhenIdle: device.deviceKind !== 'sleepy',
    fullThreadDevice: device.deviceKind === 'full',
    fullNetworkData: device.deviceKind !== 'sleepy',
  };
}

function connectivityOf(observed: ObservedMesh, device: MeshDevice): JsonObject {
  const router = observed.mesh.routerOf(device);
  const qualities = observed.neighborsOf(router).map((neighbor) => neighbor.linkQuality);
  const withQuality = (quality: number): number => qualities.filter((one) => one === quality).length;
  return {
    parentPriority: 0,
    linkQuality3: withQuality(3),
    linkQuality2: withQuality(2),
    linkQuality1: withQuality(1),
    leaderCost: observed.leaderCostOf(device),
    idSequence: idSequenceOf(observed),
    activeRouters: observed.routersIn(device).length,
    sedBufferSize: 1_280,
    sedDatagramCount: 1,
  };
}

function idSequenceOf(observed: ObservedMesh): number {
  return Math.floor(observed.upMs(observed.mesh.leaderOf(observed.mesh.devices[0] ?? fail())) / 1_000) % 256;
}

/** The prefix TLV of the routable prefix, stable, as hex (Thread 1.3 §5.18.3). */
function networkDataOf(observed: ObservedMesh): string {
  const [first] = observed.mesh.borderRouters;
  const prefixHex = observed.mesh.prefix
    .replace(/::\/64$/, '')
    .split(':')
    .map((group) => group.padStart(4, '0'))
    .join('');
  const rloc16 = observed.mesh.rloc16Of(first ?? fail()).slice(2);
  return `03140040${prefixHex}0504${rloc16}f1000702114003080007fc0103${rloc16}0010`;
}

function childTableRow(observed: ObservedMesh, child: ListedChild): JsonObject {
  return {
    childId: rloc16Number(child.rloc16) & childIdMask,
    timeout: timeoutExponentOf(observed.profileOf(child.device).childTimeoutSeconds),
    linkQuality: child.linkQuality,
    mode: modeOf(child.device),
  };
}

/** The child table tells a timeout as 2^(n − 4) seconds, rounded up. */
export function timeoutExponentOf(seconds: number): number {
  return Math.ceil(Math.log2(seconds)) + 4;
}

function childRow(observed: ObservedMesh, child: ListedChild): JsonObject {
  const profile = observed.profileOf(child.device);
  const mode = modeOf(child.device);
  return {
    ...mode,
    cslSynchronized: false,
    supportsErrorRate: true,
    rloc16: child.rloc16,
    childId: rloc16Number(child.rloc16) & childIdMask,
    extAddress: child.device.extAddress,
    threadVersion: profile.threadVersion,
    timeout: profile.childTimeoutSeconds,
    age: child.ageSeconds,
    linkAge: child.linkAgeSeconds,
    ...(child.device.deviceKind === 'sleepy' ? { supervisionInterval: 129 } : {}),
    ...signalOf(child),
    queuedMessageCount: child.queuedMessages,
  };
}

function signalOf(heard: Heard): JsonObject {
  return {
    linkMargin: heard.linkMargin,
    averageRssi: heard.averageRssi,
    lastRssi: heard.lastRssi,
    frameErrorRate: heard.frameErrorRate,
    messageErrorRate: heard.messageErrorRate,
  };
}

function fail(): never {
  throw new Error('a mesh without a border router');
}
