/** Whether a scan's result is right: compared with what the simulated mesh is. A fast wrong answer is no result. */
import type { ScanNodeResultEvent, ScanWire } from '../src/protocol/scan.ts';
import type { TopologyWire } from '../src/protocol/topology.ts';
import type { MeshNode } from './loads/simulated-mesh.ts';

export interface ScanToCheck {
  readonly scan: ScanWire;
  readonly topology: TopologyWire;
  /** What a browser was told of single nodes. */
  readonly results: readonly ScanNodeResultEvent[];
  readonly truth: readonly MeshNode[];
  /** By node name; null is a dead one. */
  readonly roundTrips: ReadonlyMap<string, number | null>;
}

/** A sentence for each thing that is wrong. */
export function checkScan({ results, roundTrips, scan, topology, truth }: ScanToCheck): string[] {
  const problems: string[] = [];
  const expect = (what: string, seen: unknown, wanted: unknown): void => {
    if (seen !== wanted) problems.push(`${what} is ${String(seen)}, not ${String(wanted)}`);
  };
  const wantedOutcome = (name: string): string => (roundTrips.get(name) === null ? 'timed_out' : 'answered');
  const dead = truth.filter(({ name }) => roundTrips.get(name) === null).length;

  expect('the state of the scan', scan.state, 'completed');
  const counts: Partial<Record<string, number>> = scan.outcomes;
  const wanted: Partial<Record<string, number>> = { answered: truth.length - dead, timed_out: dead };
  for (const outcome of new Set([...Object.keys(counts), ...Object.keys(wanted)]))
    expect(`the number of ${outcome}`, counts[outcome] ?? 0, wanted[outcome] ?? 0);

  expect('the number of nodes in the scan', scan.nodes.length, truth.length);
  for (const node of scan.nodes) {
    expect(`the outcome of ${node.name}`, node.outcome, wantedOutcome(node.name));
    expect(`the number of times that ${node.name} was asked`, node.attempts, 1);
  }

  expect('the number of scan_node_result events', results.length, truth.length);
  const told = new Map(results.map(({ name, outcome }) => [name, outcome]));
  for (const { name } of truth)
    expect(`the outcome of ${name} that a browser was told`, told.get(name), wantedOutcome(name));

  problems.push(...checkTopology(topology, scan, truth, roundTrips));
  return problems;
}

function checkTopology(
  topology: TopologyWire,
  scan: ScanWire,
  truth: readonly MeshNode[],
  roundTrips: ReadonlyMap<string, number | null>,
): string[] {
  if (topology.scan_id !== scan.id || !topology.final)
    return ['the topology is not the final one of the scan'];
  const problems: string[] = [];
  const nodes = topology.nodes.filter(({ kind }) => kind === 'node');
  if (nodes.length !== truth.length)
    problems.push(`the topology has ${nodes.length} nodes, not ${truth.length}`);
  const byAddress = new Map(nodes.map((node) => [node.ext_addr, node]));
  for (const { extAddress, name, parent, rloc16, role } of truth) {
    const node = byAddress.get(extAddress) ?? nodes.find((candidate) => candidate.name === name);
    const state = roundTrips.get(name) === null ? 'silent' : 'answered';
    if (node?.state !== state) {
      problems.push(`${name} is ${node?.state ?? 'absent'} in the topology, not ${state}`);
      continue;
    }
    if (state === 'silent') continue;
    if (node.role !== role || node.rloc16 !== rloc16 || node.parent_id !== parent)
      problems.push(
        `${name} is ${String(node.role)} ${String(node.rloc16)} under ${String(node.parent_id)} in the topology, ` +
          `not ${role} ${rloc16} under ${String(parent)}`,
      );
  }
  return problems;
}
