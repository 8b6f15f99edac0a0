/** Small topologies for tests. */
import type {
  Topology,
  TopologyLink,
  TopologyNetwork,
  TopologyNode,
} from '../../../../src/protocol/topology.ts';

export function nodeOf(id: string, changes: Partial<TopologyNode> = {}): TopologyNode {
  return {
    id,
    name: id,
    kind: 'node',
    state: 'answered',
    outcome: 'answered',
    late: false,
    network: 'net-1',
    partitionId: 1,
    role: 'child',
    rloc16: null,
    extAddr: null,
    ipv6: null,
    brId: null,
    parentId: null,
    namedBy: [],
    durationMs: 80,
    lastSeenAt: 1_000,
    stale: false,
    counters: {},
    batteryMillivolts: null,
    error: null,
    ...changes,
  };
}

/** `a` must sort before `b`. */
export function linkOf(a: string, b: string, changes: Partial<TopologyLink> = {}): TopologyLink {
  return {
    id: `${a}|${b}`,
    a,
    b,
    kind: 'router_router',
    state: 'live',
    aHearsB: [],
    bHearsA: [],
    linkMargin: 30,
    lqi: 3,
    oneWay: false,
    asymmetric: false,
    ...changes,
  };
}

export function networkOf(key: string, changes: Partial<TopologyNetwork> = {}): TopologyNetwork {
  return {
    key,
    extPanId: null,
    prefixes: [`${key}::/64`],
    brIds: [],
    partitions: [],
    split: false,
    completeness: {
      complete: true,
      proved: true,
      expectedRouters: 1,
      answeredRouters: 1,
      expectedNodes: 1,
      answeredNodes: 1,
      missingRouters: [],
      statement: '',
    },
    ...changes,
  };
}

export function topologyOf(
  nodes: readonly TopologyNode[],
  links: readonly TopologyLink[] = [],
  changes: Partial<Topology> = {},
): Topology {
  const keys = [...new Set(nodes.map((node) => node.network))];
  return {
    scanId: 'scan-1',
    madeAt: 1_000,
    final: true,
    outcomes: {
      answered: 0,
      timed_out: 0,
      refused: 0,
      malformed: 0,
      unreachable: 0,
      border_router_lost: 0,
      cancelled: 0,
    },
    networks: keys.map((key) => networkOf(key)),
    nodes: [...nodes],
    links: [...links],
    weakPoints: [],
    orphanIds: [],
    ...changes,
  };
}
