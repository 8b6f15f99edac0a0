import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChildProgram } from '../../../../test/support/child-program.ts';
import { sampleTimeMs, sensorEvent } from '../../../../test/support/event-samples.ts';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { batchOf, bulkShard, criticalShard } from '../../../../test/support/store-batches.ts';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import { SqliteThread } from '../../../database/sqlite-thread.ts';
import { asSensorId } from '../../../protocol/ids.ts';
import { type EventStores, openEventStores } from './open-event-stores.ts';

describe('events.db', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  /** The one that writes is the first. */
  let threads: SqliteThread[];
  let stores: EventStores | null;

  beforeEach(async () => {
    folder = await temporaryFolder();
    threads = [];
    stores = null;
  });

  afterEach(async () => {
    await stores?.close();
    await folder.remove();
  });

  const open = async (): Promise<EventStores> => {
    stores = await openEventStores({
      dataDir: folder.path,
      clock: new FakeClock(sampleTimeMs),
      onCrash: () => undefined,
      openThread: async (options) => {
        const thread = await SqliteThread.open(options);
        threads.push(thread);
        return thread;
      },
    });
    return stores;
  };
  const pragma = async (text: string): Promise<number> => {
    const statements = [{ sql: `pragma ${text}`, parameters: [] }];
    const [result] = (await threads[0]?.execute({ statements, transaction: false })) ?? [];
    return Number(Object.values(result?.rows[0] ?? {})[0]);
  };
  const many = (name: string, count: number) =>
    Array.from({ length: count }, (_, index) =>
      sensorEvent({
        eventId: `${name} ${index}`,
        dedupKey: `${name} ${index}`,
        sensorId: `${name} ${index % 100}`,
      }),
    );
  const all = { sensor: null, type: null, lane: null, fromMs: null, toMs: null, limit: 5_000, cursor: null };

  it('says that the disk is full, keeps nothing of the batch, and takes it when there is room', async () => {
    const { events } = await open();
    await events.takeShard(bulkShard);
    await events.commit(batchOf(many('before', 10)));
    await pragma(`max_page_count = ${(await pragma('page_count')) + 5}`);
    const batch = batchOf(many('full', 1_000), { from: 1 });
    await expect(events.commit(batch)).rejects.toMatchObject({ code: 'store_full' });
    expect((await events.events(all)).items).toHaveLength(10);
    expect(await events.sensor(asSensorId('full 1'))).toBeNull();
    expect(await events.ledger()).toEqual([{ lane: 'bulk', stored: 10, duplicate: 0, dead: 0 }]);
    await pragma('max_page_count = 1000000');
    await events.commit(batch);
    expect((await events.events(all)).items).toHaveLength(1_010);
    expect(await events.sensor(asSensorId('full 1'))).toMatchObject({ events: 10 });
  });

  it('answers questions and takes critical batches while bulk batches wait', async () => {
    const { events } = await open();
    await events.takeShard(bulkShard);
    await events.takeShard(criticalShard);
    const order: string[] = [];
    const note = (name: string) => () => void order.push(name);
    const bulk = [0, 1, 2, 3].map((from) =>
      events
        .commit(batchOf(many(`bulk ${from}`, 500), from === 0 ? {} : { from }))
        .then(note(`bulk ${from}`)),
    );
    const alarm = [sensorEvent({ eventId: 'alarm', lane: 'critical' })];
    const critical = events.commit(batchOf(alarm, { shard: criticalShard })).then(note('critical'));
    await Promise.all([...bulk, critical]);
    expect(order.indexOf('critical')).toBeLessThanOrEqual(1);
    expect(order.filter((name) => name !== 'critical')).toEqual(['bulk 0', 'bulk 1', 'bulk 2', 'bulk 3']);
  });

  it('holds whole batches only after its process was killed in the middle of one, and goes on after them', async () => {
    const program = fileURLToPath(new URL('../../../../test/support/commit-batches.ts', import.meta.url));
    let before = 0;
    for (const waitMs of [0, 37, 121]) {
      const child = new ChildProgram(program, [folder.path]);
      try {
        await child.firstLine();
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      } finally {
        await child.kill();
      }
      const { events } = await open();
      const batches = Number((await events.takeShard(bulkShard)).position);
      expect(batches).toBeGreaterThan(before);
      expect(await events.ledger()).toEqual([
        { lane: 'bulk', stored: batches * 200, duplicate: batches, dead: batches },
      ]);
      const last = await events.events({ ...all, limit: 200 });
      expect(last.items).toHaveLength(200);
      const sensors = await events.sensors({ limit: 100, cursor: null });
      expect(sensors.items.map((sensor) => sensor.events)).toEqual(
        Array.from({ length: 50 }, () => batches * 4),
      );
      const { points } = await events.history({
        sensor: asSensorId('sensor-7'),
        type: 'temperature',
        fromMs: sampleTimeMs - 3_600_000,
        toMs: sampleTimeMs + 3_600_000,
        points: 1,
      });
      expect(points.map(({ count }) => count)).toEqual([batches * 4]);
      const keys = Array.from({ length: batches + 1 }, (_, from) => ({
        sensorId: asSensorId('sensor-7'),
        key: `key ${from} 57`,
      }));
      expect((await events.knownKeys(keys)).size).toBe(batches);
      before = batches;
      await stores?.close();
    }
  });

  it('finishes what was asked before it closes, and refuses what comes after', async () => {
    const { alerts, events } = await open();
    await events.takeShard(bulkShard);
    const commits = [0, 1, 2].map((from) =>
      events.commit(batchOf(many(`${from}`, 50), from === 0 ? {} : { from })),
    );
    const setting = alerts.writeSetting('name', 'value');
    await stores?.close();
    await Promise.all([...commits, setting]);
    await expect(events.ledger()).rejects.toMatchObject({ code: 'store_closed' });
    await expect(alerts.writeSetting('a', 'b')).rejects.toMatchObject({ code: 'store_closed' });
    expect(await (await open()).events.ledger()).toMatchObject([{ stored: 150 }]);
  });

  it('is refused where it is no database', async () => {
    await writeFile(join(folder.path, 'events.db'), 'x'.repeat(10_000));
    await expect(open()).rejects.toMatchObject({ code: 'store_corrupt' });
  });
});
