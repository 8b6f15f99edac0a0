/** Plain values for tests of the edges. */
import type { BorderRouter } from '../../src/protocol/border-router.ts';
import { countOutcomes } from '../../src/protocol/outcome.ts';
import type { Scan, ScanNode } from '../../src/protocol/scan.ts';
import type { Topology } from '../../src/protocol/topology.ts';

export const sampleTimeMs = Date.UTC(2026, 0, 2, 3, 4, 5);

export function borderRouterView(fields: Partial<BorderRouter> = {}): BorderRouter {
  return {
    id: 'BR-001',
    online: true,
    networkPrefix: 'fd78:8e78:3bfe:1::/64',
    encoding: 'json',
    remoteAddress: '127.0.0.1',
    connectedAt: sampleTimeMs,
    disconnectedAt: null,
    disconnectReason: null,
    lastHeartbeatAt: null,
    status: null,
    firmware: null,
    nodesCount: null,
    uptime: null,
    queueSize: null,
    coapInFlight: null,
    coapRetriesTotal: null,
    heapFree: null,
    rssi: null,
    partitionId: null,
    extAddr: null,
    rloc16: null,
    role: null,
    network: null,
    collection: null,
    outboxMessages: 0,
    outboxBytes: 0,
    inFlight: 0,
    replacements: 0,
    flapping: false,
    protocolErrors: 0,
    answered: 0,
    failed: 0,
    successRate: null,
    latencyMs: null,
    ...fields,
  };
}

/** A reading of a whole mesh that reached everybody. */
export function meshReadingView(
  fields: Partial<NonNullable<BorderRouter['collection']>> = {},
): NonNullable<BorderRouter['collection']> {
  return {
    source: 'otbr-rest',
    dialect: 'json-api',
    address: null,
    endedAt: null,
    durationMs: 570,
    radioRequests: 27,
    radioBudget: 128,
    devices: 13,
    expectedRouters: 9,
    answeredRouters: 9,
    complete: true,
    problemCode: null,
    problem: null,
    ...fields,
  };
}

export function scanNode(fields: Partial<ScanNode> = {}): ScanNode {
  return {
    name: 'd4E',
    ipv6: 'fd78:8e78:3bfe:1:5339:695e:8f14:acf6',
    extAddr: null,
    brId: 'BR-001',
    outcome: 'answered',
    late: false,
    attempts: 1,
    durationMs: 80,
    decidedAt: sampleTimeMs,
    error: null,
    networkInfo: { role: 'router', rloc16: '0xa000', someKey: { innerKey: 1 } },
    ...fields,
  };
}

export function finishedScan(fields: Partial<Scan> = {}): Scan {
  const nodes = fields.nodes ?? [
    scanNode(),
    scanNode({
      name: 'd5F',
      ipv6: 'fd78:8e78:3bfe:1::5',
      outcome: 'timed_out',
      networkInfo: null,
      error: 'no answer',
    }),
  ];
  return {
    id: 'scan-1',
    state: 'partial',
    trigger: 'rest',
    startedAt: sampleTimeMs,
    finishedAt: sampleTimeMs + 5_000,
    durationMs: 5_000,
    expected: nodes.length,
    undecided: nodes.filter(({ outcome }) => outcome === null).length,
    outcomes: countOutcomes(nodes.map(({ outcome }) => outcome)),
    late: 0,
    failovers: 0,
    borderRouters: ['BR-001'],
    slowest: [{ name: 'd4E', durationMs: 80 }],
    notes: [],
    rateLimited: null,
    nodes,
    ...fields,
  };
}

export function emptyTopology(fields: Partial<Topology> = {}): Topology {
  return {
    scanId: null,
    madeAt: sampleTimeMs,
    final: true,
    outcomes: countOutcomes([]),
    networks: [],
    nodes: [],
    links: [],
    weakPoints: [],
    orphanIds: [],
    ...fields,
  };
}

/** A router with a child, the link between them measured at one end, and a silent router that tables name. */
export function sampleTopology(): Topology {
  const node: Topology['nodes'][number] = {
    id: '5339695e8f14acf6',
    name: 'd4E',
    kind: 'node',
    state: 'answered',
    outcome: 'answered',
    late: false,
    network: 'fd78:8e78:3bfe:1::/64',
    partitionId: 1234,
    role: 'leader',
    rloc16: '0xa000',
    extAddr: '5339695e8f14acf6',
    ipv6: 'fd78:8e78:3bfe:1:5339:695e:8f14:acf6',
    brId: 'BR-001',
    parentId: null,
    namedBy: [],
    durationMs: 80,
    lastSeenAt: sampleTimeMs,
    stale: false,
    counters: { parent_changes: 2 },
    batteryMillivolts: 3_010,
    error: null,
  };
  const child: Topology['nodes'][number] = {
    ...node,
    id: '76c2',
    name: null,
    state: 'inferred',
    outcome: null,
    role: 'child',
    rloc16: '0xa001',
    extAddr: null,
    ipv6: null,
    brId: null,
    parentId: node.id,
    namedBy: [node.id],
    durationMs: null,
    lastSeenAt: null,
    counters: {},
    batteryMillivolts: null,
  };
  return emptyTopology({
    scanId: 'scan-1',
    outcomes: countOutcomes(['answered', 'timed_out']),
    nodes: [node, child],
    links: [
      {
        id: `${node.id}|${child.id}`,
        a: node.id,
        b: child.id,
        kind: 'parent_child',
        state: 'live',
        aHearsB: [
          {
            reporterId: node.id,
            source: 'child_table',
            state: 'live',
            reportedAt: sampleTimeMs,
            ageMs: 0,
            rssi: -60,
            linkMargin: 40,
            lqi: 3,
            frameErrorRate: null,
            messageErrorRate: 0.1,
          },
        ],
        bHearsA: [],
        linkMargin: 40,
        lqi: 3,
        oneWay: false,
        asymmetric: false,
      },
    ],
    networks: [
      {
        key: node.network,
        extPanId: null,
        prefixes: [node.network],
        brIds: ['BR-001'],
        partitions: [{ partitionId: 1234, leaderId: node.id, nodeIds: [node.id, child.id], stale: false }],
        split: false,
        completeness: {
          complete: false,
          proved: true,
          expectedRouters: 2,
          answeredRouters: 1,
          expectedNodes: 3,
          answeredNodes: 1,
          missingRouters: [
            {
              id: `${node.network}/0x8400`,
              name: null,
              rloc16: '0x8400',
              outcome: null,
              namedBy: [node.id],
              lastSeenAt: null,
            },
          ],
          statement: '1 of 2 routers answered; 0x8400 silent, never seen',
        },
      },
    ],
    weakPoints: [
      {
        kind: 'weak_link',
        severity: 'warning',
        nodeId: null,
        linkId: `${node.id}|${child.id}`,
        cutOff: [],
        statement: 'weak',
      },
    ],
  });
}
