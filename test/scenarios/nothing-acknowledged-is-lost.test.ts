/**
 * Publishers over MQTT and HTTP, a hub that is killed, stopped and out of room under their load: what was acknowledged is
 * stored, once, and in the order of each sensor.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, statfs, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { EventLoadReport } from '../support/event-load.ts';
import { type EventLoad, startEventLoad } from '../support/event-load-process.ts';
import { HubClient } from '../support/hub-client.ts';
import { freePort, type HubProcess, startHubProcess, until } from '../support/hub-process.ts';

interface EventPage {
  readonly items: readonly { readonly event_id: string; readonly sensor_id: string; readonly seq: number }[];
  readonly next_cursor: string | null;
}

interface LaneCounts {
  readonly received: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly dead: number;
  readonly in_stream: number;
  readonly balanced: boolean;
}

/** Kills of one test; more with TEST_KILLS. */
const kills = Number(process.env.TEST_KILLS ?? 3);

describe('what was acknowledged', () => {
  const releases: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const release of releases.splice(0).reverse()) await release();
  });

  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

  function startLoad(hub: { readonly url: string }, mqttPort: number, eventsPerSecond: number): EventLoad {
    const load = startEventLoad({
      url: hub.url,
      mqttPort,
      mqttClients: 4,
      httpClients: 2,
      sensorsPerClient: 5,
      eventsPerSecond,
    });
    releases.push(() => load.stop());
    return load;
  }

  /** Every stored event, oldest first. */
  async function storedEvents(client: HubClient): Promise<EventPage['items']> {
    const items: EventPage['items'][number][] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: EventPage = await client.get(`/api/events?limit=1000${query}`);
      items.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== null);
    return items.reverse();
  }

  async function drained(client: HubClient): Promise<readonly LaneCounts[]> {
    return until(
      async () => {
        const { lanes } = await client.get<{ lanes: readonly LaneCounts[] }>('/api/ledger');
        return lanes.every(({ in_stream }) => in_stream === 0) ? lanes : null;
      },
      60_000,
      'an empty stream',
    );
  }

  async function expectAllStoredOnceInOrder(client: HubClient, report: EventLoadReport): Promise<void> {
    const lanes = await drained(client);
    const bySensor = new Map<string, number[]>();
    for (const { seq, sensor_id: sensor } of await storedEvents(client)) {
      const known = bySensor.get(sensor);
      if (known === undefined) bySensor.set(sensor, [seq]);
      else known.push(seq);
    }
    for (const [sensor, count] of Object.entries(report.sensors))
      expect(bySensor.get(sensor), `events of ${sensor}`).toEqual(
        Array.from({ length: count }, (_, seq) => seq),
      );
    expect([...bySensor.keys()].sort()).toEqual(Object.keys(report.sensors).sort());
    expect(
      lanes.every(({ balanced }) => balanced),
      JSON.stringify(lanes),
    ).toBe(true);
    expect(lanes.reduce((sum, { stored }) => sum + stored, 0)).toBe(report.acknowledged);
    expect(lanes.reduce((sum, { dead }) => sum + dead, 0)).toBe(0);
  }

  it(
    `is stored, once and in order, though the hub is killed ${kills} times under load`,
    async () => {
      const mqttPort = await freePort();
      const dataDir = await mkdtemp(join(tmpdir(), 'threadhub-'));
      releases.push(() => rm(dataDir, { recursive: true, force: true }));
      const port = await freePort();
      const start = async (): Promise<HubProcess> => {
        const hub = await startHubProcess({ port, mqttPort, dataDir });
        releases.push(() => hub.stop({ keepData: true }));
        return hub;
      };
      let hub = await start();
      const load = startLoad(hub, mqttPort, 500);
      let before = 0;
      for (let kill = 0; kill < kills; kill += 1) {
        await pause(700 + Math.random() * 1_000);
        hub.signal('SIGKILL');
        await hub.exited;
        const { acknowledged } = await load.look();
        expect(acknowledged, 'events acknowledged since the last kill').toBeGreaterThan(before);
        before = acknowledged;
        hub = await start();
      }
      await pause(500);
      const report = await load.finish(60_000);
      expect(report.acknowledged).toBeGreaterThan(1_000 * kills);
      await expectAllStoredOnceInOrder(new HubClient(hub.url), report);
    },
    180_000 + kills * 20_000,
  );

  it('is stored, once and in order, across an orderly stop that takes less than 10 s', async () => {
    const mqttPort = await freePort();
    const dataDir = await mkdtemp(join(tmpdir(), 'threadhub-'));
    releases.push(() => rm(dataDir, { recursive: true, force: true }));
    const port = await freePort();
    const first = await startHubProcess({ port, mqttPort, dataDir });
    releases.push(() => first.stop({ keepData: true }));
    const load = startLoad(first, mqttPort, 500);
    await pause(1_500);
    const before = performance.now();
    first.signal('SIGTERM');
    expect(await first.exited).toBe(0);
    expect(performance.now() - before).toBeLessThan(10_000);
    const second = await startHubProcess({ port, mqttPort, dataDir });
    releases.push(() => second.stop({ keepData: true }));
    await pause(500);
    await expectAllStoredOnceInOrder(new HubClient(second.url), await load.finish(60_000));
  });

  // A disk of its own, without being root: a mount in a namespace of its own.
  const canMount =
    spawnSync('unshare', ['-rm', 'sh', '-c', `mount -t tmpfs -o size=1m tmpfs '${tmpdir()}'`]).status === 0;

  it.skipIf(!canMount)(
    'is all that is stored where the disk fills up: nothing more is acknowledged, and it goes on once there is room',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'threadhub-'));
      releases.push(() => rm(folder, { recursive: true, force: true }));
      const disk = join(folder, 'disk');
      await mkdir(disk);
      const mqttPort = await freePort();
      const hub = await startHubProcess({
        dataDir: disk,
        mqttPort,
        within: [
          'unshare',
          '-rm',
          'sh',
          '-c',
          `mount -t tmpfs -o size=64m tmpfs '${disk}' && exec "$0" "$@"`,
        ],
      });
      releases.push(() => hub.stop({ keepData: true }));
      // The hub's mounts as seen from outside.
      const seen = `/proc/${hub.pid}/root${disk}`;
      const ballast = join(seen, 'ballast');
      const load = startLoad(hub, mqttPort, 300);
      await pause(1_500);
      const { bavail, bsize } = await statfs(seen);
      await writeFile(ballast, Buffer.alloc(bavail * bsize)).catch((error: unknown) => {
        if ((error as { code?: string }).code !== 'ENOSPC') throw error;
      });
      // What the files have room for is still taken; then nothing is, and it is said.
      let probes = 0;
      const probe = (): Promise<Response> =>
        fetch(`${hub.url}/api/events`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: `{"sensor_id":"probe","type":"temperature","value":1,"seq":${probes},"event_id":"probe:${probes}"}`,
        });
      const refused = await until(
        async () => {
          const answer = await probe();
          if (answer.status === 202) probes += 1;
          return answer.status === 202 ? null : answer;
        },
        60_000,
        'an event that is refused',
      );
      expect(refused.status).toBe(503);
      expect(refused.headers.get('retry-after')).not.toBeNull();
      expect((await fetch(`${hub.url}/readyz`)).status).toBe(503);
      await pause(1_000);
      const full = await load.look();
      await pause(2_000);
      // Six clients would have had 3,600 acknowledged.
      expect((await load.look()).acknowledged - full.acknowledged).toBeLessThan(360);
      await unlink(ballast);
      await until(async () => (await fetch(`${hub.url}/readyz`)).ok, 60_000, 'a hub that is ready again');
      await pause(1_000);
      const { acknowledged, sensors } = await load.finish(60_000);
      await expectAllStoredOnceInOrder(new HubClient(hub.url), {
        acknowledged: acknowledged + probes,
        sensors: probes === 0 ? sensors : { ...sensors, probe: probes },
      });
    },
    240_000,
  );
});
