/**
 * A Thread network of its own with one stock border router in it: the mesh, what time does to it, and the fake that tells
 * of it. The same options give the same network.
 */
import type { Clock } from '../../clock.ts';
import { SimulationError } from '../../errors.ts';
import type { GroundTruthNetwork } from '../ground-truth.ts';
import { Mesh } from '../mesh.ts';
import { type MeshDevice, maxRouters } from '../mesh-device.ts';
import { createRandom, type SeededRandom } from '../random.ts';
import { FakeOtbr } from './fake-otbr.ts';
import { ObservedMesh } from './observed-mesh.ts';
import type { OtbrDialect } from './otbr-dialects.ts';
import type { OtbrFault } from './otbr-fault.ts';

export interface OtbrNetworkOptions {
  /** Tells networks of one seed apart. */
  readonly index: number;
  /** Of the border router, such as `OTBR-001`. */
  readonly id: string;
  /** Besides the border router. */
  readonly nodes: number;
  /** Routers in all, the border router included, 1 to 32; absent: as many as the nodes need. */
  readonly routers?: number;
  readonly dialect: OtbrDialect;
  readonly faults?: readonly OtbrFault[];
  readonly seed: number;
  readonly clock: Clock;
  readonly port?: number;
}

export interface OtbrNetwork {
  readonly id: string;
  readonly otbr: FakeOtbr;
  readonly observed: ObservedMesh;
  /** What the mesh really is. */
  groundTruth(): GroundTruthNetwork;
  /** Devices that answer the border router now: alive, and a path of living routers to them. */
  answering(): readonly MeshDevice[];
}

/** Devices that are dead from the start were so for a while: their neighbours have not forgotten them yet. */
const silentBeforeStartMs = 60_000;

/** Opens nothing yet. Throws `SimulationError` `options_invalid`. */
export function createOtbrNetwork(options: OtbrNetworkOptions): OtbrNetwork {
  const { index, id, nodes, routers, faults = [], clock } = options;
  if (routers !== undefined && (routers < 1 || routers > Math.min(maxRouters, nodes + 1))) {
    throw new SimulationError(
      'options_invalid',
      `${routers} routers are not possible with ${nodes} nodes; a network has 1 to ${Math.min(maxRouters, nodes + 1)}, the border router included.`,
    );
  }
  const random = createRandom(options.seed, `otbr-network/${index}`);
  const seed = random.fork('radio').integer(0, 0x7fffffff);
  const plan = { networkIndex: index, borderRouterIds: [id], nodeCount: nodes };
  const mesh = new Mesh(
    routers === undefined ? plan : { ...plan, routerCount: routers },
    seed,
    random.fork('mesh'),
  );
  const [device] = mesh.borderRouters;
  if (device === undefined) throw new Error('a mesh without its border router');
  const observed = new ObservedMesh({ mesh, seed, clock });
  const formerAddresses = spoil(observed, faults, random.fork('faults'));
  const otbr = new FakeOtbr({
    observed,
    device,
    dialect: options.dialect,
    faults,
    formerAddresses,
    seed,
    clock,
    ...(options.port === undefined ? {} : { port: options.port }),
  });
  return {
    id,
    otbr,
    observed,
    groundTruth: () => mesh.groundTruth((one) => observed.isDead(one)),
    answering: () => mesh.devices.filter((one) => observed.hopsBetween(device, one) !== null),
  };
}

/** Kills routers and children in turn, never the leader, and makes ghosts. Returns the former addresses of some devices. */
function spoil(
  observed: ObservedMesh,
  faults: readonly OtbrFault[],
  random: SeededRandom,
): ReadonlyMap<string, MeshDevice> {
  const { mesh } = observed;
  const leader = mesh.leaderOf(mesh.devices[0] as MeshDevice);
  const routers = random.shuffle(mesh.nodes.filter((node) => node !== leader && mesh.routers.includes(node)));
  const children = random.shuffle(mesh.nodes.filter((node) => mesh.parentOf(node) !== null));
  const formerAddresses = new Map<string, MeshDevice>();
  for (const fault of faults) {
    if (fault.kind === 'dead') {
      for (let count = 0; count < fault.devices; count += 1) {
        const victim = (count % 2 === 0 ? routers.shift() : undefined) ?? children.shift() ?? routers.shift();
        if (victim !== undefined) observed.setDead(victim, true, silentBeforeStartMs);
      }
    }
    if (fault.kind === 'ghost') {
      for (let made = 0; made < fault.devices;) {
        const child = children.shift();
        if (child === undefined) break;
        if (observed.makeGhost(child)) made += 1;
      }
      for (const child of children.splice(0, fault.devices)) formerAddresses.set(random.hex(16), child);
    }
  }
  return formerAddresses;
}
