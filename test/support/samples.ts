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
