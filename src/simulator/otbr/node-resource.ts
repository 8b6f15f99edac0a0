/** What the border router says of itself now under `/node`, and as a snapshot in its own entry of the device list. */
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import { rloc16Number } from '../../protocol/rloc16.ts';
import { routerIdOf } from '../mesh.ts';
import type { MeshDevice } from '../mesh-device.ts';
import { createRandom } from '../random.ts';
import { leaderDataOf, rlocOf } from './diagnostics.ts';
import { groupsOf } from './mesh-addresses.ts';
import type { ObservedMesh } from './observed-mesh.ts';

interface Itself {
  readonly observed: ObservedMesh;
  readonly device: MeshDevice;
}

/** 32 hex digits, of the border agent. */
function borderAgentIdOf({ observed, device }: Itself): string {
  return createRandom(observed.seed, `border-agent/${device.number}`).hex(32);
}

export function nodeOf(itself: Itself): JsonObject {
  const { observed, device } = itself;
  return {
    baId: borderAgentIdOf(itself),
    baState: '',
    state: observed.mesh.roleOf(device),
    routerCount: observed.routersIn(device).length,
    rlocAddress: rlocOf(observed, device),
    extAddress: device.extAddress,
    networkName: observed.networkName,
    rloc16: observed.mesh.rloc16Of(device),
    routerId: routerIdOf(device),
    leaderData: leaderDataOf(observed, device),
    extPanId: observed.mesh.extPanId,
  };
}

/** In the device list after a discovery. */
export function nodeSnapshotOf(itself: Itself): JsonObject {
  const { extAddress: _, ...node } = nodeOf(itself);
  return { ...node, baState: 'active' };
}

/** In the device list before the first discovery. */
export function unknownNodeOf(itself: Itself): JsonObject {
  return {
    baId: borderAgentIdOf(itself),
    baState: 'enabled',
    state: 'disabled',
    routerCount: 0,
    rlocAddress: '::',
    networkName: '',
    rloc16: '0x0000',
    routerId: 0,
    leaderData: {
      partitionId: 0,
      weighting: 0,
      dataVersion: 0,
      stableDataVersion: 0,
      leaderRouterId: 0,
    },
    extPanId: itself.observed.mesh.extPanId,
  };
}

/** `/node/…` by the last part of its path; keys and codes included, as the real one gives them to anybody. */
export function nodePartsOf(itself: Itself): ReadonlyMap<string, JsonValue> {
  const node = nodeOf(itself);
  return new Map<string, JsonValue>([
    ['ba-id', node['baId'] ?? ''],
    ['state', node['state'] ?? ''],
    ['num-of-router', node['routerCount'] ?? 0],
    ['rloc', node['rlocAddress'] ?? ''],
    ['rloc16', rloc16Number(itself.observed.mesh.rloc16Of(itself.device))],
    ['ext-address', node['extAddress'] ?? ''],
    ['network-name', node['networkName'] ?? ''],
    ['leader-data', node['leaderData'] ?? {}],
    ['ext-panid', node['extPanId'] ?? ''],
    ['commissioner/state', 'disabled'],
    ['commissioner/joiner', []],
    ['coprocessor/version', 'OPENTHREAD/; SIMULATION; Aug 21 2026 17:50:09'],
    ['dataset/active', datasetOf(itself)],
  ]);
}

function datasetOf({ observed }: Itself): JsonObject {
  const random = createRandom(observed.seed, 'dataset');
  return {
    activeTimestamp: { seconds: 1, ticks: 0, authoritative: false },
    networkKey: random.hex(32),
    networkName: observed.networkName,
    extPanId: observed.mesh.extPanId,
    meshLocalPrefix: `${groupsOf(observed.meshLocalHex)}::/64`.replaceAll(/(^|:)0+(?=[0-9a-f])/g, '$1'),
    panId: observed.panId,
    channel: observed.channel,
    pskc: random.hex(32),
    securityPolicy: {
      rotationTime: 672,
      obtainNetworkKey: true,
      nativeCommissioning: true,
      routers: true,
      externalCommissioning: true,
      commercialCommissioning: false,
      autonomousEnrollment: false,
      networkKeyProvisioning: false,
      tobleLink: true,
      nonCcmRouters: false,
    },
    channelMask: 134_215_680,
  };
}
