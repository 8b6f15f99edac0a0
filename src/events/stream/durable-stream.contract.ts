/** What every `DurableStream` does; each adapter's test runs it. */
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sensorEvent } from '../../../test/support/event-samples.ts';
import { asSensorId, type ShardName, type StreamPosition } from '../../protocol/ids.ts';
import { eventFlags, ingestProtocols, type SensorEvent } from '../../protocol/sensor-event.ts';
import type { MeshFact } from '../mesh-fact.ts';
import { deliveryKey } from './delivery-key.ts';
import {
  type DurableStream,
  type NewStreamEntry,
  type ReadLimits,
  type ShardDepth,
  shardName,
  type StreamEntry,
  type StreamRecord,
} from './durable-stream.ts';

/** The shards of the streams under test. */
export const contractShardCounts = { critical: 1, bulk: 2 };

export interface DurableStreamUnderTest {
  readonly stream: DurableStream;
  /** Closes it and opens the same data again. */
  reopen(): Promise<DurableStream>;
  release(): Promise<void>;
}

const plenty: ReadLimits = { maxEntries: 10_000, maxBytes: 64 * 1_024 * 1_024 };
const alarms = shardName('critical', 0);
const first = shardName('bulk', 0);
const second = shardName('bulk', 1);

const entry = (eventId: string, shard: ShardName = first, key?: string): NewStreamEntry => ({
  shard,
  entry: { kind: 'event', event: sensorEvent({ eventId }) },
  ...(key === undefined ? {} : { deliveryKey: key }),
});

const idOf = ({ entry: { ...read } }: StreamRecord): string =>
  read.kind === 'event' ? read.event.eventId : read.kind;

// Half surrogate pairs and NUL too: sensors send what they like.
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 })
    .map((units) => String.fromCharCode(...units)),
);
// JSON has no negative zero; no sensor means one.
const anyNumber = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const anyTime = fc.integer({ min: 0, max: 4_102_444_800_000 });
const anySensor = anyText.map(asSensorId);

const anyEvent: fc.Arbitrary<SensorEvent> = fc.record({
  eventId: anyText,
  sensorId: anySensor,
  lane: fc.constantFrom('critical' as const, 'bulk' as const),
  readings: fc.array(
    fc.record({
      type: anyText,
      value: fc.oneof(anyNumber, fc.boolean(), anyText),
      unit: fc.option(anyText),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  ts: anyTime,
  sourceTs: fc.option(anyTime),
  receivedAt: anyTime,
  seq: fc.option(fc.integer()),
  bootId: fc.option(anyText),
  dedupKey: fc.option(anyText),
  flags: fc.uniqueArray(fc.constantFrom(...eventFlags)),
  protocol: fc.constantFrom(...ingestProtocols),
  qos: fc.constantFrom(0 as const, 1 as const, 2 as const, null),
  topic: fc.option(anyText),
});

const anyFact: fc.Arbitrary<MeshFact> = fc.oneof(
  fc.record({
    kind: fc.constant('border_router_link' as const),
    subject: anyText,
    happenedAt: anyTime,
    online: fc.boolean(),
  }),
  fc.record({
    kind: fc.constant('node_scan' as const),
    subject: anyText,
    happenedAt: anyTime,
    answered: fc.boolean(),
    batteryMillivolts: fc.option(fc.nat()),
  }),
  fc.record({
    kind: fc.constant('link_scan' as const),
    subject: anyText,
    happenedAt: anyTime,
    marginDb: fc.option(anyNumber),
    directionsDb: fc.tuple(fc.option(anyNumber), fc.option(anyNumber)),
    frameErrorRate: fc.option(anyNumber),
  }),
);

const anyEntry: fc.Arbitrary<StreamEntry> = fc.oneof(
  anyEvent.map((event) => ({ kind: 'event' as const, event })),
  fc
    .record({
      sensorId: fc.option(anySensor),
      topic: fc.option(anyText),
      payload: fc.uint8Array({ maxLength: 300 }),
      reason: anyText,
      receivedAt: anyTime,
      protocol: fc.constantFrom(...ingestProtocols),
    })
    .map((undecodable) => ({ kind: 'undecodable' as const, undecodable })),
  fc
    .record({ sensorId: anySensor, name: fc.option(anyText), units: fc.dictionary(anyText, anyText) })
    .map((description) => ({ kind: 'description' as const, description })),
  anyFact.map((fact) => ({ kind: 'fact' as const, fact })),
);

export function describeDurableStream(name: string, open: () => Promise<DurableStreamUnderTest>): void {
  describe(`${name} as DurableStream`, () => {
    let under: DurableStreamUnderTest;
    let stream: DurableStream;

    beforeEach(async () => {
      under = await open();
      stream = under.stream;
    });

    afterEach(() => under.release());

    const reopen = async (): Promise<void> => {
      stream = await under.reopen();
    };
    const read = (
      shard: ShardName = first,
      after: StreamPosition | null = null,
      limits: Partial<ReadLimits> = {},
    ) => stream.read(shard, after, { ...plenty, ...limits });
    const ids = async (...parameters: Parameters<typeof read>): Promise<string[]> =>
      (await read(...parameters)).map(idOf);
    const depth = (shard: ShardName = first): ShardDepth => {
      const found = stream.depths().find((one) => one.shard === shard);
      if (found === undefined) throw new Error(`no depth of ${shard}`);
      return found;
    };
    const positionOf = async (eventId: string, shard: ShardName = first): Promise<StreamPosition> => {
      const record = (await read(shard)).find((one) => idOf(one) === eventId);
      if (record === undefined) throw new Error(`no event ${eventId}`);
      return record.position;
    };
    const numbered = (from: number, to: number): string[] =>
      Array.from({ length: to - from + 1 }, (_, index) => String(from + index));

    it('has the shards of both lanes, the critical ones first', () => {
      expect(stream.shards).toEqual([alarms, first, second]);
      expect(stream.depths().map(({ shard }) => shard)).toEqual([alarms, first, second]);
    });

    it('is empty at first', async () => {
      expect(await ids()).toEqual([]);
      expect(depth()).toEqual({ shard: first, entries: 0, bytes: 0, oldestDurableAt: null, appended: 0 });
    });

    it('gives back what was appended, each shard its own, and again after it was closed', async () => {
      await stream.append([entry('1'), entry('a', second), entry('alarm', alarms)]);
      await stream.append([entry('2'), entry('b', second)]);
      const expectAll = async (): Promise<void> => {
        expect(await ids(first)).toEqual(['1', '2']);
        expect(await ids(second)).toEqual(['a', 'b']);
        expect(await ids(alarms)).toEqual(['alarm']);
      };
      await expectAll();
      await reopen();
      await expectAll();
    });

    it('keeps every kind of entry exactly as it was, whatever text and numbers it holds', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyEntry, { minLength: 1, maxLength: 8 }), async (entries) => {
          const after = (await read()).at(-1)?.position ?? null;
          await stream.append(entries.map((one) => ({ shard: first, entry: one })));
          const kept = (await read(first, after)).map((record) => record.entry);
          expect(kept).toEqual(entries);
        }),
        { numRuns: 40 },
      );
      const before = await read();
      await reopen();
      const again = await read();
      expect(again.map(({ entry: kept, position }) => ({ kept, position }))).toEqual(
        before.map(({ entry: kept, position }) => ({ kept, position })),
      );
    });

    it('keeps the order of the calls where many append at once', async () => {
      const all = numbered(1, 300);
      await Promise.all(all.map((id) => stream.append([entry(`${id}a`), entry(`${id}b`)])));
      const expected = all.flatMap((id) => [`${id}a`, `${id}b`]);
      expect(await ids()).toEqual(expected);
      await reopen();
      expect(await ids()).toEqual(expected);
    });

    it('orders positions as it orders entries, before and after it was closed', async () => {
      await stream.append([entry('1'), entry('2')]);
      await reopen();
      await stream.append([entry('3')]);
      const positions = (await read()).map(({ position }) => position);
      expect(positions).toHaveLength(3);
      for (const [index, position] of positions.entries()) {
        expect(stream.compare(position, position)).toBe(0);
        for (const later of positions.slice(index + 1)) {
          expect(stream.compare(position, later)).toBeLessThan(0);
          expect(stream.compare(later, position)).toBeGreaterThan(0);
        }
      }
    });

    it('reads on after a position', async () => {
      await stream.append(numbered(1, 5).map((id) => entry(id)));
      expect(await ids(first, await positionOf('3'))).toEqual(['4', '5']);
      expect(await ids(first, await positionOf('5'))).toEqual([]);
      await reopen();
      expect(await ids(first, await positionOf('3'))).toEqual(['4', '5']);
      await stream.append([entry('6')]);
      let seen: StreamPosition | null = null;
      const found: string[] = [];
      for (let records = await read(first, seen); records.length > 0; records = await read(first, seen)) {
        found.push(...records.map(idOf));
        seen = records.at(-1)?.position ?? null;
      }
      expect(found).toEqual(numbered(1, 6));
    });

    it('reads no more than was asked for, but always one', async () => {
      await stream.append(numbered(1, 20).map((id) => entry(id)));
      for (let round = 0; round < 2; round += 1) {
        expect(await ids(first, null, { maxEntries: 3 })).toEqual(['1', '2', '3']);
        const one = depth().bytes / 20;
        const some = await ids(first, null, { maxBytes: 5.5 * one });
        expect(some.length).toBeGreaterThanOrEqual(4);
        expect(some.length).toBeLessThanOrEqual(6);
        expect(await ids(first, null, { maxBytes: 1 })).toEqual(['1']);
        await reopen();
      }
    });

    it('counts what waits until it is committed', async () => {
      const before = Date.now();
      await stream.append(numbered(1, 4).map((id) => entry(id)));
      const full = depth();
      expect(full).toMatchObject({ entries: 4, appended: 4 });
      expect(full.oldestDurableAt).toBeGreaterThanOrEqual(before);
      expect(full.oldestDurableAt).toBeLessThanOrEqual(Date.now());
      stream.commit(first, await positionOf('3'));
      const less = depth();
      expect(less).toMatchObject({ entries: 1, appended: 4 });
      expect(less.bytes).toBeGreaterThan(0);
      expect(less.bytes).toBeLessThan(full.bytes);
      stream.commit(first, await positionOf('4'));
      expect(depth()).toEqual({ shard: first, entries: 0, bytes: 0, oldestDurableAt: null, appended: 4 });
      expect(depth(second)).toMatchObject({ entries: 0, appended: 0 });
    });

    it('counts ever appended what is to be stored, over restarts and though it is trimmed', async () => {
      const description = { sensorId: asSensorId('s'), name: null, units: {} };
      const fact: MeshFact = { kind: 'network_scan', subject: 'n', happenedAt: 1, partitions: 1 };
      const undecodable = {
        sensorId: null,
        topic: 't',
        payload: new Uint8Array([255]),
        reason: 'r',
        receivedAt: 1,
        protocol: 'mqtt' as const,
      };
      await stream.append([
        entry('1'),
        { shard: first, entry: { kind: 'description', description } },
        { shard: first, entry: { kind: 'fact', fact } },
        { shard: first, entry: { kind: 'undecodable', undecodable } },
      ]);
      expect(depth()).toMatchObject({ entries: 4, appended: 2 });
      const last = (await read()).at(-1)?.position;
      if (last !== undefined) stream.commit(first, last);
      await reopen();
      expect(depth()).toMatchObject({ entries: 0, appended: 2 });
      await stream.append([entry('2')]);
      await reopen();
      expect(depth()).toMatchObject({ entries: 1, appended: 3 });
    });

    it('loses nothing that is not committed, and takes a commit back for none', async () => {
      await stream.append(numbered(1, 5).map((id) => entry(id)));
      await stream.append([entry('a', second)]);
      const [one, three] = [await positionOf('1'), await positionOf('3')];
      stream.commit(first, three);
      stream.commit(first, one);
      expect(depth().entries).toBe(2);
      expect(await ids(first, three)).toEqual(['4', '5']);
      await reopen();
      expect(await ids(first, three)).toEqual(['4', '5']);
      expect(await ids(second)).toEqual(['a']);
      expect(depth().entries).toBe(2);
    });

    it('tells every listener once of each shard that an append reached, when it can be read', async () => {
      const told: { shard: ShardName; readable: Promise<string[]> }[] = [];
      const unsubscribe = stream.onAppended((shard) => told.push({ shard, readable: ids(shard) }));
      await stream.append([entry('1'), entry('2'), entry('a', second)]);
      const shards = (): ShardName[] => told.map(({ shard }) => shard);
      expect(shards()).toEqual([first, second]);
      expect(await Promise.all(told.map(({ readable }) => readable))).toEqual([['1', '2'], ['a']]);
      await stream.append([entry('3')]);
      expect(shards()).toEqual([first, second, first]);
      unsubscribe();
      await stream.append([entry('4')]);
      expect(told).toHaveLength(3);
    });

    it('appends a delivery once until it is forgotten, over restarts', async () => {
      const key = deliveryKey('client', 7);
      await stream.append([entry('1', first, key), entry('2', second, key)]);
      await stream.append([entry('again', first, key)]);
      await reopen();
      await stream.append([entry('and again', first, key)]);
      expect([await ids(first), await ids(second)]).toEqual([['1'], ['2']]);
      await stream.forgetDelivery(key);
      await reopen();
      await stream.append([entry('3', first, key)]);
      expect(await ids(first)).toEqual(['1', '3']);
    });

    it('keeps the order of appends and forgetting where they come together', async () => {
      const key = deliveryKey('client', 7);
      await Promise.all([
        stream.append([entry('1', first, key)]),
        stream.append([entry('again', first, key)]),
        stream.forgetDelivery(key),
        stream.append([entry('2', first, key)]),
        stream.append([entry('2 again', first, key), entry('other')]),
      ]);
      expect(await ids()).toEqual(['1', '2', 'other']);
      await reopen();
      await stream.append([entry('2 once more', first, key)]);
      expect(await ids()).toEqual(['1', '2', 'other']);
    });

    it('forgets every delivery of one client, and of no other that is called alike', async () => {
      const clients = ['a', 'a:1', '1:a', 'a\u0000', 'a%', 'A', 'ä', '', ':', '\ud800'];
      for (const client of clients)
        for (const packetId of [1, 11])
          await stream.append([entry(`${client}/${packetId}`, first, deliveryKey(client, packetId))]);
      const appendedAgain = async (): Promise<string[]> => {
        const after = (await read()).at(-1)?.position ?? null;
        for (const client of clients) {
          await stream.append([entry(client, first, deliveryKey(client, 1))]);
          await stream.append([entry(client, first, deliveryKey(client, 11))]);
        }
        return ids(first, after);
      };
      expect(await appendedAgain()).toEqual([]);
      for (const client of clients) {
        await stream.forgetDeliveriesOf(client);
        await reopen();
        expect(await appendedAgain()).toEqual([client, client]);
      }
    });

    it('finishes what was asked before the close and refuses what comes after it', async () => {
      const appends = Promise.all(numbered(1, 50).map((id) => stream.append([entry(id)])));
      const closed = stream;
      const closing = closed.close();
      const refused = { code: 'stream_closed' };
      await expect(closed.append([entry('late')])).rejects.toMatchObject(refused);
      await expect(closed.forgetDelivery(deliveryKey('c', 1))).rejects.toMatchObject(refused);
      await expect(closed.forgetDeliveriesOf('c')).rejects.toMatchObject(refused);
      await expect(closed.read(first, null, plenty)).rejects.toMatchObject(refused);
      await appends;
      await closing;
      await closed.close();
      await reopen();
      expect(await ids()).toEqual(numbered(1, 50));
    });
  });
}
