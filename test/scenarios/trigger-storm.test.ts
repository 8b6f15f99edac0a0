/** A thousand triggers at once: one scan, nobody refused. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSimulation, type Simulation } from '../../src/simulator/simulation.ts';
import { HubClient } from '../support/hub-client.ts';
import { type HubProcess, startHubProcess } from '../support/hub-process.ts';

describe('a trigger storm', () => {
  let hub: HubProcess;
  let client: HubClient;
  let simulation: Simulation;

  beforeAll(async () => {
    hub = await startHubProcess();
    client = new HubClient(hub.url);
    simulation = await createSimulation({
      hubUrl: hub.url,
      borderRouters: 2,
      nodesPerBorderRouter: 10,
      dead: 1,
    });
    await simulation.start();
    await client.untilOnline(2);
    // One node that no border router serves: it is decided at once, and must not break the storm into many scans.
    await client.importNodes({ elsewhere: 'fd99::1' });
  });

  afterAll(async () => {
    await simulation.stop();
    await hub.stop();
  });

  it('is one scan', async () => {
    const triggered = await Promise.all(Array.from({ length: 1_000 }, () => client.trigger()));
    expect(new Set(triggered.map(({ scan_id: id }) => id)).size).toBe(1);
    expect(triggered.filter(({ joined }) => !joined)).toHaveLength(1);
    const scan = await client.finished(triggered[0]?.scan_id ?? '');
    expect(scan.outcomes).toMatchObject({ answered: 19, timed_out: 1, unreachable: 1 });
    expect((await client.scans()).items).toHaveLength(1);
  });
});
