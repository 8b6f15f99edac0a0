/** Nodes whose answers are wrong in every way that CoAP and JSON allow: each ends in its outcome, the rest of the scan is whole. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ScanWire } from '../../src/protocol/scan.ts';
import { createSimulation, type NodeFault, type Simulation } from '../../src/simulator/simulation.ts';
import { HubClient } from '../support/hub-client.ts';
import { type HubProcess, startHubProcess } from '../support/hub-process.ts';

const faults: readonly [NodeFault, string][] = [
  [{ kind: 'dead' }, 'timed_out'],
  [{ kind: 'slow', byMs: 1_200 }, 'answered'],
  [{ kind: 'late', afterMs: 2_000 }, 'answered'],
  [{ kind: 'malformed', how: 'broken_json' }, 'malformed'],
  [{ kind: 'malformed', how: 'empty' }, 'malformed'],
  [{ kind: 'malformed', how: 'not_found' }, 'refused'],
  [{ kind: 'malformed', how: 'reset' }, 'refused'],
  [{ kind: 'malformed', how: 'huge' }, 'malformed'],
  [{ kind: 'malformed', how: 'wrong_fields' }, 'malformed'],
];

describe('nodes that misbehave', () => {
  let hub: HubProcess;
  let simulation: Simulation;
  let scan: ScanWire;
  const faultyNames = new Map<string, string>();

  beforeAll(async () => {
    hub = await startHubProcess();
    const client = new HubClient(hub.url);
    simulation = await createSimulation({
      hubUrl: hub.url,
      borderRouters: 1,
      nodesPerBorderRouter: 14,
      rttMs: [5, 20],
      sleepyPollMs: 0,
    });
    await simulation.start();
    await client.untilOnline(1);
    faults.forEach(([fault], index) => {
      const name = simulation.nodes[index]?.name ?? '';
      simulation.setFault(name, fault);
      faultyNames.set(name, JSON.stringify(fault));
    });
    scan = await client.scanToEnd();
  });

  afterAll(async () => {
    await simulation.stop();
    await hub.stop();
  });

  it.each(faults)('%j ends as %s', (fault, outcome) => {
    const name = [...faultyNames].find(([, text]) => text === JSON.stringify(fault))?.[0];
    const node = scan.nodes.find((candidate) => candidate.name === name);
    expect(node?.outcome).toBe(outcome);
    if (outcome !== 'answered') expect(node?.error?.length).toBeGreaterThan(3);
  });

  it('leaves the other nodes untouched', () => {
    const others = scan.nodes.filter(({ name }) => !faultyNames.has(name));
    expect(others.map(({ outcome }) => outcome)).toEqual(others.map(() => 'answered'));
  });
});
