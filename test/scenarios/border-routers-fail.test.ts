/** Border routers that die, reboot, fall silent and come back while a scan runs. */
import { afterEach, describe, expect, it } from 'vitest';
import type { ScanWire } from '../../src/protocol/scan.ts';
import { createSimulation, type Simulation, type SimulationOptions } from '../../src/simulator/simulation.ts';
import { HubClient } from '../support/hub-client.ts';
import { type HubProcess, startHubProcess, until } from '../support/hub-process.ts';

describe('border routers that fail in mid-scan', () => {
  let hub: HubProcess;
  let client: HubClient;
  let simulation: Simulation;

  afterEach(async () => {
    await simulation.stop();
    await hub.stop();
  });

  async function setUp(options: Partial<SimulationOptions>): Promise<void> {
    hub = await startHubProcess();
    client = new HubClient(hub.url);
    simulation = await createSimulation({
      hubUrl: hub.url,
      borderRouters: 2,
      nodesPerBorderRouter: 6,
      sleepyPollMs: 0,
      ...options,
    });
    await simulation.start();
    await client.untilOnline(simulation.borderRouters.length);
  }

  /** Triggers a scan, waits until nodes are in flight, makes it happen, and returns the finished scan. */
  async function scanWhile(happens: () => void): Promise<ScanWire> {
    const { scan_id: id } = await client.trigger();
    await until(
      async () =>
        (await client.borderRouters()).every(({ in_flight: inFlight, online }) => !online || inFlight > 0),
      5_000,
    );
    happens();
    return client.finished(id);
  }

  const sumOf = (scan: ScanWire) => Object.values(scan.outcomes).reduce((sum, count) => sum + count, 0);

  it('moves the nodes of a killed one to the other on its prefix, and says so', async () => {
    await setUp({ rttMs: [600, 900], borderRoutersPerNetwork: 2 });
    const scan = await scanWhile(() => simulation.crashBorderRouter(0));
    expect(scan).toMatchObject({ state: 'completed', outcomes: { answered: 12, border_router_lost: 0 } });
    expect(scan.failovers).toBeGreaterThan(0);
    expect(scan.notes.join()).toMatch(/BR-001 was lost .* all moved/);
  });

  it('ends the nodes of a killed one at once where no other serves them, and the rest go on', async () => {
    await setUp({ rttMs: [600, 900], borderRoutersPerNetwork: 1 });
    const scan = await scanWhile(() => simulation.crashBorderRouter(0));
    expect(scan.outcomes).toMatchObject({ answered: 6, border_router_lost: 6 });
    expect(scan.duration_ms).toBeLessThan(5_000);
    expect(sumOf(scan)).toBe(12);
    const offline = (await client.borderRouters()).find(({ id }) => id === 'BR-001');
    expect(offline).toMatchObject({ online: false });
  });

  it('asks again on the new connection of one that reconnected before its old socket died', async () => {
    await setUp({ rttMs: [600, 900], borderRouters: 1 });
    const scan = await scanWhile(() => simulation.reconnectBorderRouter(0));
    expect(scan).toMatchObject({ state: 'completed', outcomes: { answered: 6 } });
    expect(scan.notes.join()).toMatch(/BR-001 reconnected/);
  });

  it('finds out within seconds that one has fallen silent with its socket open', async () => {
    await setUp({ rttMs: [600, 900], borderRoutersPerNetwork: 2 });
    const scan = await scanWhile(() => simulation.silenceBorderRouter(0));
    expect(scan.outcomes).toMatchObject({ answered: 12 });
    expect(scan.duration_ms).toBeLessThan(8_000);
  });

  it('ends as failed, with every node decided, when all have fallen silent', async () => {
    await setUp({ rttMs: [2_000, 3_000], borderRoutersPerNetwork: 1 });
    const scan = await scanWhile(() => {
      simulation.silenceBorderRouter(0);
      simulation.silenceBorderRouter(1);
    });
    expect(scan).toMatchObject({ state: 'failed', undecided: 0, outcomes: { border_router_lost: 12 } });
    expect(scan.duration_ms).toBeLessThan(6_000);
    const kept = await client.topology();
    expect(kept.nodes.filter(({ state }) => state === 'answered')).toEqual([]);
  });

  it('scans the mesh again after a reboot, as if nothing had been', async () => {
    await setUp({ borderRouters: 1, rttMs: [300, 600] });
    const broken = await scanWhile(() => simulation.crashBorderRouter(0, 300));
    expect(sumOf(broken)).toBe(6);
    await client.untilOnline(1);
    expect(await client.scanToEnd()).toMatchObject({ state: 'completed', outcomes: { answered: 6 } });
  });
});
