import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { sensorEvent } from '../../../../test/support/event-samples.ts';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { CommitGate } from '../../../../test/support/gated-sqlite-worker.ts';
import { SqliteStream, type SqliteStreamOptions } from '../../../../test/support/sqlite-stream.ts';
import type { FactName, Facts } from '../../../facts.ts';
import type { ShardName, StreamPosition } from '../../../protocol/ids.ts';
import { deliveryKey } from '../delivery-key.ts';
import { contractShardCounts as counts, describeDurableStream } from '../durable-stream.contract.ts';
import { type NewStreamEntry, shardName, type StreamRecord } from '../durable-stream.ts';

describeDurableStream('SqliteDurableStream', () => SqliteStream.open({ counts }));

describeDurableStream('SqliteDurableStream that remembers next to nothing', () =>
  SqliteStream.open({ counts, recent: { maxEntries: 3, maxBytes: 100_000 } }),
);

const alarms = shardName('critical', 0);
const first = shardName('bulk', 0);
const second = shardName('bulk', 1);

const entry = (eventId: string, shard: ShardName = first): NewStreamEntry => ({
  shard,
  entry: { kind: 'event', event: sensorEvent({ eventId }) },
});

const blob = (bytes: number): NewStreamEntry => ({
  shard: first,
  entry: {
    kind: 'undecodable',
    undecodable: {
      sensorId: null,
      topic: null,
      payload: new Uint8Array(bytes),
      reason: 'large',
      receivedAt: 1,
      protocol: 'mqtt',
    },
  },
});

const idOf = ({ entry: { ...read } }: StreamRecord): string =>
  read.kind === 'event' ? read.event.eventId : read.kind;

describe('SqliteDurableStream', () => {
  let under: SqliteStream;

  afterEach(() => under.release());

  const open = async (options: Partial<SqliteStreamOptions> = {}): Promise<void> => {
    under = await SqliteStream.open({ counts, ...options });
  };
  const plenty = { maxEntries: 1_000_000, maxBytes: 2 ** 40 };
  const read = (shard = first, after: StreamPosition | null = null, maxEntries = plenty.maxEntries) =>
    under.stream.read(shard, after, { ...plenty, maxEntries });
  const ids = async (shard = first, after: StreamPosition | null = null): Promise<string[]> =>
    (await read(shard, after)).map(idOf);
  const commitAll = async (shard = first): Promise<void> => {
    const last = (await read(shard)).at(-1);
    if (last !== undefined) under.stream.commit(shard, last.position);
  };
  const depth = (shard = first) => under.stream.depths().find((one) => one.shard === shard);
  const count = async (sql: string): Promise<number> =>
    Number(Object.values((await under.query(sql))[0] ?? {})[0]);
  const chunks = (): Promise<number> => count('select count(*) from chunks');
  const writes = () => under.requests.filter(({ transaction }) => transaction);
  const nextFact = <Name extends FactName>(name: Name): Promise<Facts[Name]> =>
    new Promise((resolve) => under.facts.on(name, resolve));
  const numbered = (from: number, to: number): string[] =>
    Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

  describe('group commit', () => {
    it('lets the event loop turn while the disk hangs, and writes what came meanwhile in one transaction', async () => {
      const gate = new CommitGate();
      await open({ startWorker: gate.startWorker });
      const before = writes().length;
      gate.shut();
      const durable: string[] = [];
      const append = (id: string) => under.stream.append([entry(id)]).then(() => durable.push(id));
      const appends = [append('0')];
      await nextTurn();
      for (const id of numbered(1, 100)) {
        appends.push(append(id));
        await nextTurn();
      }
      expect(durable).toEqual([]);
      expect(await ids()).toEqual([]);
      expect(writes().length - before).toBe(1);
      gate.open();
      await Promise.all(appends);
      expect(durable).toEqual(numbered(0, 100));
      expect(await ids()).toEqual(numbered(0, 100));
      expect(writes().length - before).toBe(2);
    });

    it('writes a lone append at once, and the appends of one turn together', async () => {
      // A clock that stands still: nothing may wait for it.
      await open({ clock: new FakeClock() });
      const before = writes().length;
      await under.stream.append([entry('1')]);
      expect(writes().length - before).toBe(1);
      await Promise.all([under.stream.append([entry('2')]), under.stream.append([entry('3', second)])]);
      expect(writes().length - before).toBe(2);
    });

    it('gathers for two milliseconds under load, but not where an alarm is among it', async () => {
      const clock = new FakeClock();
      await open({ clock });
      await under.stream.append(numbered(1, 10).map((id) => entry(id)));
      const gathered = [under.stream.append([entry('11')])];
      await nextTurn();
      gathered.push(under.stream.append([entry('12')]));
      await nextTurn();
      await nextTurn();
      const before = writes().length;
      await clock.advance(2);
      await Promise.all(gathered);
      expect(writes().length - before).toBe(1);
      await under.stream.append(numbered(13, 20).map((id) => entry(id)));
      await Promise.all([under.stream.append([entry('21')]), under.stream.append([entry('alarm', alarms)])]);
      expect(await ids(alarms)).toEqual(['alarm']);
      expect(await ids()).toEqual(numbered(1, 21));
    });

    it('divides what is too much for one transaction, in order', async () => {
      await open();
      const before = writes().length;
      await Promise.all(
        numbered(1, 50).map((group) =>
          under.stream.append(numbered(1, 100).map((id) => entry(`${group}/${id}`))),
        ),
      );
      expect(writes().length - before).toBe(3);
      expect(await ids()).toEqual(
        numbered(1, 50).flatMap((group) => numbered(1, 100).map((id) => `${group}/${id}`)),
      );
    });

    it('tells a shard once of appends that became durable together', async () => {
      await open();
      const told: ShardName[] = [];
      under.stream.onAppended((shard) => told.push(shard));
      await Promise.all(['1', '2', '3'].map((id) => under.stream.append([entry(id)])));
      expect(told).toEqual([first]);
    });
  });

  describe('reading', () => {
    it('reads nothing from the file for a worker that keeps up', async () => {
      await open();
      let seen: StreamPosition | null = null;
      const before = under.requests.length;
      for (const id of numbered(1, 20)) {
        await under.stream.append([entry(id)]);
        const records = await read(first, seen);
        expect(records.map(idOf)).toEqual([id]);
        seen = records.at(-1)?.position ?? null;
        if (seen !== null) under.stream.commit(first, seen);
      }
      expect(under.requests.length - before).toBe(20);
    });

    it('reads a backlog of 100,000 in small steps, and remembers only the newest of it', async () => {
      await open();
      for (let start = 0; start < 100_000; start += 2_000)
        await under.stream.append(numbered(start, start + 1_999).map((id) => entry(id)));
      const drain = async (): Promise<{ found: string[]; reads: number; sizes: number[] }> => {
        const found: string[] = [];
        const sizes: number[] = [];
        const before = under.requests.length;
        let seen: StreamPosition | null = null;
        for (;;) {
          const records = await read(first, seen, 1_000);
          if (records.length === 0) break;
          found.push(...records.map(idOf));
          sizes.push(records.length);
          seen = records.at(-1)?.position ?? null;
        }
        return { found, sizes, reads: under.requests.length - before };
      };
      const all = numbered(0, 99_999);
      const remembered = await drain();
      expect(remembered.found).toEqual(all);
      // 80,000 of them from the file, two requests for each thousand; 20,000 from memory.
      expect(remembered.reads).toBeGreaterThanOrEqual(160);
      expect(remembered.reads).toBeLessThan(175);
      await under.reopen();
      expect(depth()?.entries).toBe(100_000);
      const reopened = await drain();
      expect(reopened.found).toEqual(all);
      expect(reopened.sizes).toEqual(Array.from({ length: 100 }, () => 1_000));
      expect(reopened.reads).toBeLessThan(205);
    });

    it('hands a record that the disk has damaged on as undecodable, and goes on behind it', async () => {
      await open();
      await under.stream.append(['1', '2', '3'].map((id) => entry(id)));
      await under.query(`update chunks set body = replace(body, '["e","2"', '["e",2"')`);
      await under.reopen();
      const records = await read();
      expect(records.map(idOf)).toEqual(['1', 'undecodable', '3']);
      expect(records[1]?.entry).toMatchObject({ undecodable: { protocol: 'internal' } });
    });
  });

  describe('trimming', () => {
    it('deletes what is committed within a second or so, in small steps, and nothing else', async () => {
      const clock = new FakeClock();
      await open({ clock });
      for (const id of numbered(1, 100)) await under.stream.append([entry(id)]);
      await under.stream.append([entry('a', second)]);
      const last = (await read()).at(-2);
      if (last !== undefined) under.stream.commit(first, last.position);
      expect(await chunks()).toBe(101);
      const before = writes().length;
      await clock.advance(1_000);
      while (writes().length - before < 4) await nextTurn();
      expect(await chunks()).toBe(2);
      await nextTurn();
      expect(writes().length - before).toBe(4);
      expect(await ids()).toEqual(['100']);
      expect(await ids(second)).toEqual(['a']);
      await under.reopen();
      expect(await ids()).toEqual(['100']);
      expect(depth()).toMatchObject({ entries: 1, appended: 100 });
    });

    it('trims beside appends where much is committed, without a transaction of its own', async () => {
      await open({ clock: new FakeClock() });
      await under.stream.append(numbered(1, 1_000).map((id) => entry(id)));
      await commitAll();
      expect(await chunks()).toBe(4);
      const before = writes().length;
      await under.stream.append([entry('alarm', alarms)]);
      expect(await chunks()).toBe(1);
      expect(writes().length - before).toBe(1);
    });

    it('reuses the room of what it deleted', async () => {
      await open();
      const sizes: number[] = [];
      for (let round = 0; round < 12; round += 1) {
        await under.stream.append(numbered(1, 2_000).map((id) => entry(id)));
        await commitAll();
        await under.stream.append([entry('alarm', alarms)]);
        await commitAll(alarms);
        sizes.push(await count('pragma page_count'));
      }
      expect(Math.max(...sizes)).toBeLessThanOrEqual((sizes[2] ?? 0) * 1.2);
    });

    it('gives the room of a backlog that is over back to the disk', async () => {
      const clock = new FakeClock();
      await open({ clock });
      for (let round = 0; round < 10; round += 1) await under.stream.append([blob(2_000_000)]);
      const full = await count('pragma page_count');
      await commitAll();
      for (let round = 0; round < 4; round += 1) {
        await clock.advance(1_000);
        // What the timer began has been answered once this is.
        await under.query('select 1');
        await nextTurn();
      }
      expect(await count('pragma page_count')).toBeLessThan(full / 50);
      await under.stream.append([entry('1')]);
      expect(await ids()).toEqual(['1']);
    });
  });

  describe('limits', () => {
    it('refuses bulk where too much waits, still takes an alarm, and goes on once there is room', async () => {
      await open({ maxBytes: 32_000 });
      const refused = { code: 'stream_full' };
      let taken = 0;
      const fill = async (shard: ShardName): Promise<void> => {
        for (;;) {
          await under.stream.append([entry(String(taken), shard)]);
          taken += 1;
        }
      };
      await expect(fill(first)).rejects.toMatchObject(refused);
      const bulk = taken;
      expect(bulk).toBeGreaterThan(100);
      await expect(under.stream.append([entry('x', alarms), entry('y')])).rejects.toMatchObject(refused);
      await expect(fill(alarms)).rejects.toMatchObject(refused);
      expect(taken - bulk).toBeGreaterThan(3);
      expect(await ids()).toHaveLength(bulk);
      const middle = (await read())[bulk / 2];
      if (middle !== undefined) under.stream.commit(first, middle.position);
      await under.stream.append([entry('at last')]);
      expect((await ids()).at(-1)).toBe('at last');
    });

    it('refuses more than memory should hold while the disk hangs', async () => {
      const gate = new CommitGate();
      await open({ startWorker: gate.startWorker });
      gate.shut();
      const appends = [under.stream.append([entry('1')])];
      await nextTurn();
      const large = [blob(8_000_000)];
      for (let round = 0; round < 6; round += 1) appends.push(under.stream.append(large));
      await expect(under.stream.append(large)).rejects.toMatchObject({ code: 'stream_unavailable' });
      gate.open();
      await Promise.all(appends);
      await under.stream.append(large);
      expect(await ids()).toHaveLength(8);
    });
  });

  describe('a disk that fails', () => {
    const outages = (): { unavailable: Facts['stream:unavailable'][]; available: number } => {
      const seen = { unavailable: [] as Facts['stream:unavailable'][], available: 0 };
      under.facts.on('stream:unavailable', (fact) => seen.unavailable.push(fact));
      under.facts.on('stream:available', () => (seen.available += 1));
      return seen;
    };
    const refused = { code: 'stream_unavailable' };

    it('refuses appends while it is full, says so once, and goes on by itself when there is room', async () => {
      const clock = new FakeClock();
      await open({ clock });
      const seen = outages();
      await under.stream.append([entry('1')]);
      await under.query(`pragma max_page_count = ${(await count('pragma page_count')) + 4}`);
      const key = deliveryKey('client', 1);
      const two = [{ ...blob(100_000), deliveryKey: key }, entry('2')];
      await expect(under.stream.append(two)).rejects.toMatchObject(refused);
      await expect(under.stream.append([blob(100_000)])).rejects.toThrow('no room left');
      expect(await ids()).toEqual(['1']);
      expect(seen).toMatchObject({ unavailable: [{ code: 'store_full' }], available: 0 });
      await clock.advance(100);
      await under.query('select 1');
      expect(seen.available).toBe(0);
      await under.query('pragma max_page_count = 1000000');
      const available = nextFact('stream:available');
      await clock.advance(5_000);
      expect((await available).afterMs).toBe(5_100);
      // The delivery was not appended, so it is not known either.
      await under.stream.append(two);
      expect(await ids()).toEqual(['1', 'undecodable', '2']);
      expect(seen).toMatchObject({ unavailable: [{}], available: 1 });
      await under.reopen();
      expect(await ids()).toEqual(['1', 'undecodable', '2']);
    });

    it('refuses what went in one transaction together, and tries the next', async () => {
      await open({ clock: new FakeClock() });
      const seen = outages();
      await under.query('pragma query_only = 1');
      const together = ['1', '2', '3'].map((id) => under.stream.append([entry(id)]));
      const results = await Promise.allSettled([
        ...together,
        under.stream.forgetDelivery(deliveryKey('unknown', 1)),
      ]);
      expect(results.map(({ status }) => status)).toEqual(Array.from({ length: 4 }, () => 'rejected'));
      await under.query('pragma query_only = 0');
      await under.stream.append([entry('4')]);
      expect(await ids()).toEqual(['4']);
      expect(seen).toMatchObject({ unavailable: [{}], available: 1 });
    });

    it('goes on reading while nothing can be written', async () => {
      await open({ clock: new FakeClock(), recent: { maxEntries: 1, maxBytes: 1 } });
      await under.stream.append([entry('1'), entry('2')]);
      await under.query('pragma query_only = 1');
      await expect(under.stream.append([entry('3')])).rejects.toMatchObject(refused);
      expect(await ids()).toEqual(['1', '2']);
      await under.query('pragma query_only = 0');
    });

    it('waits for another program that holds the file for a moment', async () => {
      await open();
      const other = new DatabaseSync(join(under.path, 'stream.db'));
      other.exec('begin immediate');
      const append = under.stream.append([entry('1')]);
      await nextTurn();
      await nextTurn();
      other.exec('rollback');
      await append;
      other.close();
      expect(await ids()).toEqual(['1']);
    });

    it('refuses appends while another program holds the file for long, and goes on when it lets go', async () => {
      const clock = new FakeClock();
      await open({ clock });
      await under.query('pragma busy_timeout = 0');
      const other = new DatabaseSync(join(under.path, 'stream.db'));
      other.exec('begin immediate');
      const unavailable = nextFact('stream:unavailable');
      await expect(under.stream.append([entry('1')])).rejects.toMatchObject(refused);
      expect((await unavailable).code).toBe('store_locked');
      other.close();
      const available = nextFact('stream:available');
      await clock.advance(100);
      await available;
      await under.stream.append([entry('2')]);
      expect(await ids()).toEqual(['2']);
    });

    it('refuses everything once its thread has died', async () => {
      const clock = new FakeClock();
      const gate = new CommitGate();
      const workers: ReturnType<CommitGate['startWorker']>[] = [];
      await open({
        clock,
        startWorker: (data) => {
          const worker = gate.startWorker(data);
          workers.push(worker);
          return worker;
        },
      });
      gate.shut();
      const append = under.stream.append([entry('1')]);
      const refusal = expect(append).rejects.toMatchObject(refused);
      await nextTurn();
      await workers[0]?.terminate();
      await refusal;
      await expect(under.stream.append([entry('2')])).rejects.toThrow('has died');
    });
  });

  describe('opening', () => {
    it('gives new entries later positions though the file was deleted', async () => {
      const clock = new FakeClock();
      await open({ clock });
      await under.stream.append(numbered(1, 10).map((id) => entry(id)));
      const stored = (await read()).at(-1)?.position ?? null;
      await under.stream.close();
      for (const suffix of ['', '-wal', '-shm'])
        await rm(join(under.path, `stream.db${suffix}`), { force: true });
      await clock.advance(1);
      await under.reopen();
      await under.stream.append([entry('new')]);
      expect(await ids(first, stored)).toEqual(['new']);
    });

    it('counts entries on both sides of a restart', async () => {
      const clock = new FakeClock();
      await open({ clock });
      for (const round of ['a', 'b', 'c']) {
        await under.stream.append(['1', '2', '3'].map((id) => entry(round + id)));
        await clock.advance(10);
        await under.reopen();
      }
      expect(depth()?.entries).toBe(9);
      const records = await read();
      for (const [index, { position }] of records.entries()) {
        under.stream.commit(first, position);
        expect(depth()?.entries).toBe(8 - index);
      }
    });

    it('keeps the shards that have entries where there are fewer now, until they are stored', async () => {
      const clock = new FakeClock();
      await open({ clock });
      await under.stream.append([entry('1'), entry('a', second)]);
      const fewer = { ...counts, bulk: 1 };
      await under.reopen(fewer);
      expect(under.stream.shards).toEqual([alarms, first, second]);
      expect(await ids(second)).toEqual(['a']);
      await commitAll(second);
      await clock.advance(1_000);
      expect(await chunks()).toBe(1);
      await under.reopen(fewer);
      expect(under.stream.shards).toEqual([alarms, first]);
    });

    it('refuses a file of a newer version, and one that is none', async () => {
      await open();
      await under.query('pragma user_version = 99');
      await expect(under.reopen()).rejects.toMatchObject({ code: 'store_failed' });
      await rm(join(under.path, 'stream.db'));
      await writeFile(
        join(under.path, 'stream.db'),
        'something else entirely, long enough to be read'.repeat(100),
      );
      await expect(under.reopen()).rejects.toMatchObject({ code: 'store_corrupt' });
    });

    it('refuses a shard that is not there, and a position that is none', async () => {
      await open();
      await expect(under.stream.append([entry('1', shardName('bulk', 9))])).rejects.toThrow('bulk-9');
      await expect(read(first, 'x' as StreamPosition)).rejects.toThrow('not a position');
      expect(await ids()).toEqual([]);
    });
  });
});
