/**
 * One network of a simulation at work: its mesh, a CoAP server for every node, its border routers, and the radio between
 * them. What happens when is told by `simulation.ts`.
 */
import type { AgentFact } from '../agent/agent-options.ts';
import type { Clock } from '../clock.ts';
import type { GroundTruthNetwork } from './ground-truth.ts';
import { Mesh } from './mesh.ts';
import type { MeshDevice } from './mesh-device.ts';
import { networkInfoOf } from './node-answer.ts';
import type { NodeFault } from './node-fault.ts';
import type { RadioPeer } from './radio-transport.ts';
import type { SeededRandom } from './random.ts';
import type { SimulationSettings } from './simulation-options.ts';
import { VirtualBorderRouter } from './virtual-border-router.ts';
import { VirtualNode } from './virtual-node.ts';

export interface SimulatedNetworkOptions {
  readonly networkIndex: number;
  readonly borderRouterIds: readonly string[];
  readonly nodeCount: number;
  readonly settings: SimulationSettings;
  readonly clock: Clock;
  /** Of this network alone. */
  readonly random: SeededRandom;
  readonly onFact: (borderRouterId: string, fact: AgentFact) => void;
}

interface NodeAtWork {
  readonly device: MeshDevice;
  readonly virtual: VirtualNode;
  readonly port: number;
}

/** A node that is dead from the start was so for a while: its neighbours have not forgotten it yet. */
const silentBeforeStartSeconds = 60;

export class SimulatedNetwork {
  readonly mesh: Mesh;
  readonly #options: SimulatedNetworkOptions;
  readonly #seed: number;
  readonly #nodes = new Map<string, NodeAtWork>();
  readonly #byAddress = new Map<string, MeshDevice>();
  readonly #borderRouters: VirtualBorderRouter[] = [];
  /** When a node fell silent, monotonic ms. */
  readonly #silentSinceMs = new Map<MeshDevice, number>();

  constructor(options: SimulatedNetworkOptions) {
    const { networkIndex, borderRouterIds, nodeCount, random } = options;
    this.#options = options;
    this.#seed = random.fork('radio').integer(0, 0x7fffffff);
    this.mesh = new Mesh({ networkIndex, borderRouterIds, nodeCount }, this.#seed, random.fork('mesh'));
  }

  get borderRouters(): readonly VirtualBorderRouter[] {
    return this.#borderRouters;
  }

  /** UDP port of a node's CoAP server on ::1. */
  portOf(device: MeshDevice): number {
    return this.#node(device.name).port;
  }

  has(nodeName: string): boolean {
    return this.#nodes.has(nodeName);
  }

  /** Opens the nodes' sockets and makes the border routers, without connecting them. */
  async open(): Promise<void> {
    const nodes = await Promise.all(
      this.mesh.nodes.map(async (device): Promise<NodeAtWork> => {
        const virtual = this.#createNode(device);
        return { device, virtual, port: await virtual.open() };
      }),
    );
    for (const node of nodes) {
      this.#nodes.set(node.device.name, node);
      this.#byAddress.set(node.device.ipv6, node.device);
    }
    const peers = nodes.map((node) => this.#peerOf(node));
    const { settings, clock, random, onFact } = this.#options;
    for (const device of this.mesh.borderRouters) {
      this.#borderRouters.push(
        new VirtualBorderRouter({
          device,
          mesh: this.mesh,
          hubUrl: settings.webSocketUrl,
          token: settings.tokenOf(device.name) ?? null,
          encoding: settings.encoding,
          clock,
          random: random.fork(`agent/${device.name}`),
          peers,
          reaches: (peer) => this.#reaches(device, peer),
          limits: settings.agentLimits,
          onFact: (fact) => onFact(device.name, fact),
        }),
      );
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#borderRouters.map((borderRouter) => borderRouter.stop()));
    for (const { virtual } of this.#nodes.values()) virtual.close();
  }

  device(nodeName: string): MeshDevice {
    return this.#node(nodeName).device;
  }

  setFault(nodeName: string, fault: NodeFault | null, beforeStart = false): void {
    const { device, virtual } = this.#node(nodeName);
    virtual.setFault(fault);
    if (fault?.kind !== 'dead') {
      this.#silentSinceMs.delete(device);
    } else if (!this.#silentSinceMs.has(device)) {
      const nowMs = this.#options.clock.monotonicMs();
      this.#silentSinceMs.set(device, nowMs - (beforeStart ? silentBeforeStartSeconds * 1_000 : 0));
    }
  }

  groundTruth(): GroundTruthNetwork {
    return this.mesh.groundTruth((device) => this.#silentSinceMs.has(device));
  }

  #createNode(device: MeshDevice): VirtualNode {
    const { settings, clock, random } = this.#options;
    const nodeRandom = random.fork(`node/${device.name}`);
    let answers = 0;
    return new VirtualNode({
      clock,
      random: nodeRandom,
      encoding: settings.encoding,
      wholeAnswerBytes: settings.wholeAnswerBytes,
      blockBytes: settings.blockBytes,
      pollDelayMs: () => (device.deviceKind === 'sleepy' ? nodeRandom.between(0, settings.sleepyPollMs) : 0),
      networkInfo: () =>
        networkInfoOf(this.mesh, device, {
          seed: this.#seed,
          answerNumber: (answers += 1),
          fadeDb: settings.fadeDb,
          silentForSeconds: (other) => this.#silentForSeconds(other),
        }),
    });
  }

  #peerOf({ device, port }: NodeAtWork): RadioPeer {
    const { settings, random } = this.#options;
    const [least, most] = settings.rttMs;
    // Each node has its own air, so that its round trips do not depend on the order in which others are asked.
    const air = random.fork(`air/${device.name}`);
    return {
      ipv6: device.ipv6,
      port,
      listensWhenIdle: device.deviceKind !== 'sleepy',
      isLost: () => settings.loss > 0 && air.chance(settings.loss),
      roundTripMs: () => air.between(least, most),
    };
  }

  /** Within one partition by radio; into the other one over the backbone, where a border router is alive there. */
  #reaches(borderRouter: MeshDevice, peer: RadioPeer): boolean {
    const node = this.#byAddress.get(peer.ipv6);
    if (node === undefined) return false;
    if (this.mesh.inOnePartition(borderRouter, node)) return true;
    return (
      this.#options.settings.backbone &&
      this.#borderRouters.some((other) => other.running && this.mesh.inOnePartition(other.device, node))
    );
  }

  #silentForSeconds(device: MeshDevice): number | null {
    const sinceMs = this.#silentSinceMs.get(device);
    return sinceMs === undefined ? null : Math.round((this.#options.clock.monotonicMs() - sinceMs) / 1_000);
  }

  #node(name: string): NodeAtWork {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new RangeError(`there is no simulated node ${JSON.stringify(name)}`);
    return node;
  }
}
