/** Scans as the orchestrator hands them to the store. */
import { countOutcomes } from '../../src/protocol/outcome.ts';
import type { Scan, ScanNode } from '../../src/protocol/scan.ts';
import { emptyTopology, finishedScan, sampleTimeMs, scanNode } from './samples.ts';
import type { Topology } from '../../src/protocol/topology.ts';

/** A scan `minute` minutes after the sample time, in which each node took 10 ms and was decided after a second. */
export function scanAt(
  minute: number,
  nodes: Readonly<Record<string, ScanNode['outcome']>> = { d4E: 'answered' },
  fields: Partial<Scan> = {},
): Scan {
  const startedAt = sampleTimeMs + minute * 60_000;
  return finishedScan({
    id: `scan-${minute}`,
    state: 'completed',
    startedAt,
    finishedAt: startedAt + 2_000,
    durationMs: 2_000,
    nodes: Object.entries(nodes).map(([name, outcome]) =>
      scanNode({
        name,
        outcome,
        durationMs: outcome === null ? null : 10,
        decidedAt: outcome === null ? null : startedAt + 1_000,
        networkInfo:
          outcome === 'answered' ? { role: 'router', rloc16: '0xa000', odd_Key: { innerKey: 1 } } : null,
      }),
    ),
    ...fields,
  });
}

/** A scan in which nothing is decided yet. */
export function runningScan(id: string, minute = 0): Scan {
  const nodes = { a: null, b: null };
  return scanAt(minute, nodes, {
    id,
    state: 'running',
    finishedAt: null,
    undecided: 2,
    outcomes: countOutcomes([]),
    slowest: [],
  });
}

export const topologyOf = (scan: Scan): Topology =>
  emptyTopology({ scanId: scan.id, madeAt: scan.startedAt });
