/**
 * A simulated fleet: networks of virtual nodes and border routers, built from options, connected to a hub.
 */
import { systemClock } from '../clock.ts';
import type { AgentStatus } from '../agent/agent-options.ts';
import type { GroundTruth } from './ground-truth.ts';
import { malformations, type NodeFault } from './node-fault.ts';
import { registerNodes } from './node-registration.ts';
import { createRandom, type SeededRandom } from './random.ts';
import { SimulatedNetwork } from './simulated-network.ts';
import { settingsOf, type SimulationOptions, type SimulationSettings } from './simulation-options.ts';

export type { NodeFault } from './node-fault.ts';
export type { SimulationOptions } from './simulation-options.ts';

interface SimulatedNode {
  readonly name: string;
  /** The address that it is registered and asked by. */
  readonly ipv6: string;
  readonly extAddress: string;
  readonly networkIndex: number;
  /** UDP port on ::1 where its CoAP server listens. */
  readonly port: number;
}

interface SimulatedBorderRouter {
  readonly id: string;
  readonly networkIndex: number;
  /** `fd…::/64` */
  readonly networkPrefix: string;
  readonly extAddress: string;
  /** Its agent's state and counters now. */
  status(): AgentStatus;
}

export interface Simulation {
  readonly nodes: readonly SimulatedNode[];
  readonly borderRouters: readonly SimulatedBorderRouter[];
  /** `adresses.json`: every node's name and IPv6 address. */
  nodeFile(): Record<string, { ipv6: string; ext_addr: string }>;
  groundTruth(): GroundTruth;
  /**
   * Registers the nodes with the hub and connects the border routers; planned events count from here. Resolves when all
   * are connected, or after 10 s with some that still try. Throws `SimulationError` where the hub does not take the nodes.
   */
  start(): Promise<void>;
  /** Disconnects and closes everything; a second call does nothing. */
  stop(): Promise<void>;

  setDead(nodeName: string, dead: boolean): void;
  /** Null: healthy again. */
  setFault(nodeName: string, fault: NodeFault | null): void;
  /** Moves a child to another parent: the best one in range that is not its own. False where there is none. */
  reparent(nodeName: string): boolean;
  /** Gives a node another RLOC16; a router's children follow it. */
  moveRloc16(nodeName: string): void;
  /** About a quarter of the children change parent and one router changes its RLOC16. */
  reroll(networkIndex: number): void;
  /** Falls apart into two partitions, each with its own leader. False where there are fewer than two routers. */
  splitPartition(networkIndex: number): boolean;
  healPartition(networkIndex: number): void;

  /** The connection ends without a word; nothing is answered until a reboot. */
  crashBorderRouter(index: number, rebootAfterMs?: number): void;
  rebootBorderRouter(index: number): void;
  /** Stops answering, pings included, while its TCP connection stays open. */
  silenceBorderRouter(index: number): void;
  /** Opens a new connection while the old one, silent, is still open. */
  reconnectBorderRouter(index: number): void;
}

/** How long `start()` waits for connections; border routers go on trying after that. */
const connectWithinMs = 10_000;

/** Opens the nodes' sockets; nothing is sent before `start()`. Throws `SimulationError` `options_invalid`. */
export async function createSimulation(options: SimulationOptions): Promise<Simulation> {
  const settings = settingsOf(options);
  const clock = options.clock ?? systemClock;
  const random = createRandom(settings.seed, 'simulation');
  /** Called at whatever happens to a border router. */
  const watchers = new Set<() => void>();
  const networks = planNetworks(settings).map(
    (borderRouterIds, networkIndex) =>
      new SimulatedNetwork({
        networkIndex,
        borderRouterIds,
        nodeCount: borderRouterIds.length * settings.nodesPerBorderRouter,
        settings,
        clock,
        random: random.fork(`network/${networkIndex}`),
        onFact: (borderRouterId, fact) => {
          settings.onFact(borderRouterId, fact);
          for (const look of watchers) look();
        },
      }),
  );
  await Promise.all(networks.map((network) => network.open()));
  setFaults(networks, settings, random.fork('faults'));

  const virtuals = networks.flatMap((network) => network.borderRouters);
  const network = (index: number): SimulatedNetwork => at(networks, index, 'network');
  const networkOf = (nodeName: string): SimulatedNetwork => {
    const found = networks.find((candidate) => candidate.has(nodeName));
    if (found === undefined) throw new RangeError(`there is no simulated node ${JSON.stringify(nodeName)}`);
    return found;
  };
  const borderRouter = (index: number) => at(virtuals, index, 'border router');

  /** Cancel functions of planned events. */
  const planned = new Set<() => void>();
  let state: 'created' | 'started' | 'stopped' = 'created';
  const plan = (atMs: number, happen: () => void): void => {
    const cancel = clock.after(atMs, () => {
      planned.delete(cancel);
      happen();
    });
    planned.add(cancel);
  };
  const drift = (): void => {
    for (const each of networks) each.mesh.drift();
    plan(settings.driftEveryMs, drift);
  };

  const allConnected = (): Promise<void> =>
    new Promise((resolve) => {
      const finish = (): void => {
        watchers.delete(look);
        cancel();
        resolve();
      };
      const look = (): void => {
        if (state === 'stopped' || virtuals.every((virtual) => virtual.status().state === 'connected'))
          finish();
      };
      const cancel = clock.after(connectWithinMs, finish);
      watchers.add(look);
      look();
    });

  const simulation: Simulation = {
    nodes: networks.flatMap((each, networkIndex) =>
      each.mesh.nodes.map((device) => ({
        name: device.name,
        ipv6: device.ipv6,
        extAddress: device.extAddress,
        networkIndex,
        port: each.portOf(device),
      })),
    ),
    borderRouters: networks.flatMap((each, networkIndex) =>
      each.borderRouters.map((virtual) => ({
        id: virtual.id,
        networkIndex,
        networkPrefix: each.mesh.prefix,
        extAddress: virtual.device.extAddress,
        status: () => virtual.status(),
      })),
    ),
    nodeFile: () =>
      Object.fromEntries(
        simulation.nodes.map(({ extAddress, ipv6, name }) => [name, { ipv6, ext_addr: extAddress }]),
      ),
    groundTruth: () => ({ networks: networks.map((each) => each.groundTruth()) }),

    async start() {
      if (state !== 'created') throw new Error(`this simulation is ${state}`);
      state = 'started';
      const { register, httpUrl, apiToken, crash, partitionSplit, driftEveryMs } = settings;
      if (register) await registerNodes({ httpUrl, apiToken, nodeFile: simulation.nodeFile(), clock });
      for (const virtual of virtuals) virtual.start();
      await allConnected();
      for (const { borderRouterIndex, atMs, rebootAfterMs } of crash) {
        plan(atMs, () => borderRouter(borderRouterIndex).crash(rebootAfterMs));
      }
      if (partitionSplit !== null) {
        const { networkIndex = 0, atMs, healAfterMs } = partitionSplit;
        plan(atMs, () => network(networkIndex).mesh.split());
        if (healAfterMs !== undefined) plan(atMs + healAfterMs, () => network(networkIndex).mesh.heal());
      }
      if (driftEveryMs > 0) plan(driftEveryMs, drift);
    },
    async stop() {
      if (state === 'stopped') return;
      state = 'stopped';
      for (const cancel of planned) cancel();
      planned.clear();
      for (const look of watchers) look();
      await Promise.all(networks.map((each) => each.close()));
    },

    setDead: (nodeName, dead) => networkOf(nodeName).setFault(nodeName, dead ? { kind: 'dead' } : null),
    setFault: (nodeName, fault) => networkOf(nodeName).setFault(nodeName, fault),
    reparent(nodeName) {
      const { mesh } = networkOf(nodeName);
      return mesh.reparent(networkOf(nodeName).device(nodeName));
    },
    moveRloc16(nodeName) {
      networkOf(nodeName).mesh.moveRloc16(networkOf(nodeName).device(nodeName));
    },
    reroll: (networkIndex) => network(networkIndex).mesh.reroll(),
    splitPartition: (networkIndex) => network(networkIndex).mesh.split(),
    healPartition: (networkIndex) => network(networkIndex).mesh.heal(),

    crashBorderRouter: (index, rebootAfterMs) => borderRouter(index).crash(rebootAfterMs),
    rebootBorderRouter: (index) => borderRouter(index).reboot(),
    silenceBorderRouter: (index) => borderRouter(index).silence(),
    reconnectBorderRouter: (index) => borderRouter(index).reconnect(),
  };
  return simulation;
}

/** The ids of each network's border routers: `BR-001`, `BR-002`, … in order. */
function planNetworks(settings: SimulationSettings): string[][] {
  const { borderRouters, borderRoutersPerNetwork, idPrefix } = settings;
  const networks: string[][] = [];
  for (let index = 0; index < borderRouters; index += 1) {
    if (index % borderRoutersPerNetwork === 0) networks.push([]);
    networks.at(-1)?.push(`${idPrefix}${String(index + 1).padStart(3, '0')}`);
  }
  return networks;
}

/** Spreads the faults over all nodes; leaders stay healthy as long as there are others. */
function setFaults(
  networks: readonly SimulatedNetwork[],
  settings: SimulationSettings,
  random: SeededRandom,
): void {
  const all = networks.flatMap((network) => network.mesh.nodes.map((device) => ({ network, device })));
  const isLeader = ({ network, device }: (typeof all)[number]): boolean =>
    network.mesh.leaderOf(device) === device;
  const order = [...random.shuffle(all.filter((one) => !isLeader(one))), ...all.filter(isLeader)];
  const next = (fault: NodeFault): void => {
    const victim = order.shift();
    victim?.network.setFault(victim.device.name, fault, true);
  };
  for (let count = 0; count < settings.dead; count += 1) next({ kind: 'dead' });
  for (let count = 0; count < settings.slow; count += 1) {
    next({ kind: 'slow', byMs: random.integer(1_200, 3_000) });
  }
  for (let count = 0; count < settings.malformed; count += 1) {
    next({ kind: 'malformed', how: malformations[count % malformations.length] ?? 'broken_json' });
  }
  for (let count = 0; count < settings.late; count += 1) {
    next({ kind: 'late', afterMs: settings.lateAfterMs });
  }
}

function at<Item>(items: readonly Item[], index: number, what: string): Item {
  const item = items[index];
  if (item === undefined) {
    throw new RangeError(`there is no simulated ${what} ${index}; they run from 0 to ${items.length - 1}`);
  }
  return item;
}
