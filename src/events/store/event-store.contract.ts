/** What every `EventStore` does, but for history and retention (`event-history.contract.ts`); each adapter's test runs both. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleTimeMs, sensorEvent } from '../../../test/support/event-samples.ts';
import {
  batchOf,
  bulkShard,
  criticalShard,
  deadLetter,
  emptyBatch,
} from '../../../test/support/store-batches.ts';
import type { FakeClock } from '../../../test/support/fake-clock.ts';
import type { EventError } from '../../errors.ts';
import { asSensorId, asShardName, asStreamPosition } from '../../protocol/ids.ts';
import type { SensorEvent } from '../../protocol/sensor-event.ts';
import type { EventQuery, EventStore, HistoryQuery, StoreBatch } from './event-store.ts';

export interface EventStoreUnderTest {
  readonly store: EventStore;
  /** Begins at `sampleTimeMs`. */
  readonly clock: FakeClock;
  /** The same data through a new adapter, as after a restart. */
  reopen(): Promise<EventStore>;
  release(): Promise<void>;
}

const kitchen = asSensorId('kitchen-1');

/** One event `count` seconds after the first. */
const at = (count: number, fields: Parameters<typeof sensorEvent>[0] = {}): SensorEvent => {
  const time = sampleTimeMs + count * 1_000;
  return sensorEvent({ eventId: `event-${count}`, ts: time, receivedAt: time, ...fields });
};

const temperature = (value: number): SensorEvent['readings'] => [{ type: 'temperature', value, unit: '°C' }];

export function testEventStore(name: string, open: () => Promise<EventStoreUnderTest>): void {
  describe(`${name} as EventStore`, () => {
    let under: EventStoreUnderTest;
    let store: EventStore;

    beforeEach(async () => {
      under = await open();
      store = under.store;
    });

    afterEach(() => under.release());

    const find = (query: Partial<EventQuery> = {}) =>
      store.events({
        sensor: null,
        type: null,
        lane: null,
        fromMs: null,
        toMs: null,
        limit: 100,
        cursor: null,
        ...query,
      });
    const found = async (query: Partial<EventQuery> = {}) =>
      (await find(query)).items.map(({ event }) => event.eventId);
    const latest = async (id = kitchen) =>
      Object.fromEntries((await store.sensor(id))?.readings.map(({ type, value }) => [type, value]) ?? []);
    const history = (query: Partial<HistoryQuery>) =>
      store.history({
        sensor: kitchen,
        type: 'temperature',
        fromMs: sampleTimeMs,
        toMs: sampleTimeMs + 3_600_000,
        points: 1_000,
        ...query,
      });
    /** Takes the shard and commits batches one after the other. */
    const commitAll = async (...batches: readonly (readonly SensorEvent[])[]) => {
      const { epoch } = await store.takeShard(bulkShard);
      for (const [index, events] of batches.entries())
        await store.commit(batchOf(events, index === 0 ? { epoch } : { epoch, from: index }));
    };
    describe('ownership', () => {
      it('gives a new shard to its first owner with nothing stored', async () => {
        expect(await store.takeShard(bulkShard)).toEqual({ epoch: 1, position: null });
      });

      it('gives the next owner the next epoch and the position that the one before reached, over a restart too', async () => {
        await store.takeShard(bulkShard);
        await store.commit(batchOf([at(0)], { to: 7 }));
        expect(await store.takeShard(bulkShard)).toEqual({ epoch: 2, position: '7' });
        store = await under.reopen();
        expect(await store.takeShard(bulkShard)).toEqual({ epoch: 3, position: '7' });
        expect(await store.takeShard(criticalShard)).toEqual({ epoch: 1, position: null });
      });

      const everything = async () => ({
        events: (await find()).items,
        sensors: (await store.sensors({ limit: 10, cursor: null })).items,
        ledger: await store.ledger(),
        history: await history({ points: 2 }),
        letters: (
          await store.deadLetters({ sensor: null, reason: null, state: null, limit: 9, cursor: null })
        ).items,
      });
      const full = (fields: Partial<Parameters<typeof batchOf>[1]> = {}): StoreBatch =>
        batchOf([at(1, { dedupKey: 'k1' })], {
          deadLetters: [deadLetter()],
          descriptions: [{ sensorId: kitchen, name: 'Kitchen', units: {} }],
          duplicates: 3,
          ...fields,
        });

      it.each([
        ['an owner before', { epoch: 1, from: 1 }],
        ['an owner to come', { epoch: 3, from: 1 }],
        ['another position', { epoch: 2, from: 5 }],
        ['no position where there is one', { epoch: 2 }],
        ['a shard that nobody has taken', { epoch: 2, from: 1, shard: asShardName('bulk-9') }],
      ])('refuses a batch of %s, and changes nothing', async (_, fields) => {
        await commitAll([at(0)]);
        await store.takeShard(bulkShard);
        const before = await everything();
        await expect(store.commit(full(fields))).rejects.toMatchObject({ code: 'store_fenced' });
        expect(await everything()).toEqual(before);
        expect(await store.knownKeys([{ sensorId: kitchen, key: 'k1' }])).toEqual(new Set());
      });

      it('refuses a batch that is repeated, and changes nothing twice', async () => {
        await store.takeShard(bulkShard);
        await store.commit(full());
        const before = await everything();
        await expect(store.commit(full())).rejects.toMatchObject({ code: 'store_fenced' });
        expect(await everything()).toEqual(before);
      });

      it('takes batches that read nothing, such as timers, at the same position again and again', async () => {
        await commitAll([at(0)]);
        const timer = emptyBatch({ from: asStreamPosition('1'), to: asStreamPosition('1') });
        await store.commit(timer);
        await store.commit(timer);
        expect((await store.takeShard(bulkShard)).position).toBe('1');
      });

      it('keeps sensors that a refused batch would have brought out, and takes them with the next', async () => {
        await store.takeShard(bulkShard);
        const events = [at(1, { sensorId: 'new', readings: [{ type: 'new type', value: 1, unit: null }] })];
        await expect(store.commit(batchOf(events, { epoch: 9 }))).rejects.toMatchObject({
          code: 'store_fenced',
        });
        expect(await store.sensor(asSensorId('new'))).toBeNull();
        await store.commit(batchOf(events));
        store = await under.reopen();
        expect(await latest(asSensorId('new'))).toEqual({ 'new type': 1 });
      });
    });

    describe('events', () => {
      it('come back as they were, with the time of their commit', async () => {
        const event = at(1, {
          readings: [
            { type: 'temperature', value: 0.1 + 0.2, unit: '°C' },
            { type: 'open', value: false, unit: null },
            { type: 'mode', value: 'ünï "code" \u0000', unit: 'é' },
            { type: 'count', value: 2 ** 60, unit: null },
            { type: 'text', value: '17', unit: null },
          ],
          sourceTs: sampleTimeMs - 1,
          seq: 2 ** 40,
          bootId: 'b"1',
          dedupKey: 'k',
          flags: ['clock_skew', 'late'],
          qos: null,
          protocol: 'http',
          topic: null,
        });
        await store.takeShard(bulkShard);
        await store.commit(batchOf([event], { committedAt: sampleTimeMs + 5_000 }));
        expect(await find()).toEqual({
          items: [{ event, storedAt: sampleTimeMs + 5_000 }],
          nextCursor: null,
        });
        store = await under.reopen();
        expect((await find()).items[0]?.event).toEqual(event);
      });

      it('are listed newest arrival first, whatever the order of their commits', async () => {
        await commitAll([at(5), at(1)], [at(9), at(3)], [at(4)]);
        expect(await found()).toEqual(['event-9', 'event-5', 'event-4', 'event-3', 'event-1']);
        expect(await found({ sensor: 'kitchen-1' })).toEqual(await found());
        expect(await found({ type: 'temperature' })).toEqual(await found());
      });

      it('are found by sensor, type, lane and time of arrival', async () => {
        await store.takeShard(bulkShard);
        await store.takeShard(criticalShard);
        const smoke: SensorEvent['readings'] = [{ type: 'smoke', value: true, unit: null }];
        await store.commit(batchOf([at(1), at(2, { sensorId: 'hall' }), at(3)]));
        await store.commit(
          batchOf(
            [
              at(4, { lane: 'critical', readings: smoke }),
              at(5, { lane: 'critical', sensorId: 'hall', readings: smoke }),
            ],
            {
              shard: criticalShard,
            },
          ),
        );
        expect(await found({ sensor: 'hall' })).toEqual(['event-5', 'event-2']);
        expect(await found({ type: 'smoke' })).toEqual(['event-5', 'event-4']);
        expect(await found({ sensor: 'hall', type: 'temperature' })).toEqual(['event-2']);
        expect(await found({ lane: 'bulk' })).toEqual(['event-3', 'event-2', 'event-1']);
        expect(await found({ lane: 'critical', sensor: 'kitchen-1' })).toEqual(['event-4']);
        const span = { fromMs: sampleTimeMs + 2_000, toMs: sampleTimeMs + 4_000 };
        expect(await found(span)).toEqual(['event-3', 'event-2']);
        expect(await found({ ...span, sensor: 'kitchen-1' })).toEqual(['event-3']);
        expect(await found({ sensor: 'attic' })).toEqual([]);
        expect(await found({ type: '__proto__' })).toEqual([]);
      });

      it.each([{}, { sensor: 'kitchen-1' }, { type: 'temperature' }])(
        'are listed page by page without gap or repeat, also where several arrived together (%j)',
        async (query) => {
          const arrival = (count: number) => at(count, { receivedAt: sampleTimeMs + Math.floor(count / 3) });
          await commitAll(
            Array.from({ length: 10 }, (_, index) => arrival(index)),
            Array.from({ length: 10 }, (_, index) => arrival(index + 5 === 10 ? 99 : index + 10)),
          );
          const all = await found(query);
          const pages: string[] = [];
          let cursor: string | null = null;
          do {
            const page = await find({ ...query, limit: 3, cursor });
            expect(page.items.length).toBeLessThanOrEqual(3);
            pages.push(...page.items.map(({ event }) => event.eventId));
            cursor = page.nextCursor;
          } while (cursor !== null);
          expect(pages).toEqual(all);
          expect(new Set(pages).size).toBe(20);
        },
      );

      it.each(['', 'x', '%%%', 'bnVsbA', 'W10', 'WyJhIiwxXQ', 'eyJfX3Byb3RvX18iOjF9'])(
        'are not listed after the cursor %j, which no page ended with',
        async (cursor) => {
          const refused = expect.objectContaining({ code: 'cursor_invalid' }) as EventError;
          await expect(find({ cursor })).rejects.toEqual(refused);
          await expect(store.sensors({ limit: 1, cursor })).rejects.toEqual(refused);
          await expect(
            store.deadLetters({ sensor: null, reason: null, state: null, limit: 1, cursor }),
          ).rejects.toEqual(refused);
        },
      );
    });

    describe('deduplication', () => {
      it('knows the keys of stored events, each for its own sensor, and gives them back by identity', async () => {
        await commitAll([at(1, { dedupKey: 'k1' }), at(2, { dedupKey: 'k2', sensorId: 'hall' }), at(3)]);
        const asked = [
          { sensorId: kitchen, key: 'k1' },
          { sensorId: kitchen, key: 'k2' },
          { sensorId: asSensorId('hall'), key: 'k2' },
          { sensorId: asSensorId('hall'), key: 'k1' },
          { sensorId: asSensorId('attic'), key: 'k1' },
          { sensorId: kitchen, key: 'k1' },
        ];
        expect([...(await store.knownKeys(asked))]).toEqual([asked[0], asked[2], asked[5]]);
        expect((await store.knownKeys(asked)).has(asked[5] as never)).toBe(true);
        store = await under.reopen();
        expect((await store.knownKeys(asked)).size).toBe(3);
        expect(await store.knownKeys([])).toEqual(new Set());
      });

      it('tells thousands of similar keys apart', async () => {
        const key = (count: number) => `s:${count}:${sampleTimeMs + count}`;
        await commitAll(Array.from({ length: 3_000 }, (_, index) => at(index, { dedupKey: key(index * 2) })));
        const asked = Array.from({ length: 6_000 }, (_, index) => ({ sensorId: kitchen, key: key(index) }));
        const known = await store.knownKeys(asked);
        expect(asked.filter((each) => known.has(each)).map(({ key: text }) => text)).toEqual(
          Array.from({ length: 3_000 }, (_, index) => key(index * 2)),
        );
      });
    });

    describe('sensors', () => {
      it('add up what batches say of them, over both lanes', async () => {
        await store.takeShard(bulkShard);
        await store.takeShard(criticalShard);
        const change = {
          sensorId: kitchen,
          events: 2,
          qos0Events: 1,
          lastSeq: 17,
          bootId: 'b',
          missedSeqs: 3,
        };
        await store.commit(
          batchOf([at(1), at(2)], {
            sensors: [
              { ...change, lane: 'bulk', lastReceivedAt: sampleTimeMs + 2_000, usualIntervalMs: null },
            ],
          }),
        );
        await store.commit(
          batchOf([at(8, { lane: 'critical' })], {
            shard: criticalShard,
            sensors: [
              {
                ...change,
                lane: 'critical',
                lastReceivedAt: sampleTimeMs + 8_000,
                usualIntervalMs: 6.5,
                lastSeq: null,
              },
            ],
          }),
        );
        expect(await store.sensor(kitchen)).toMatchObject({
          id: kitchen,
          name: null,
          firstSeenAt: sampleTimeMs,
          lastSeenAt: sampleTimeMs + 8_000,
          events: 4,
          qos0Events: 2,
          missedSeqs: 6,
          usualIntervalMs: 6.5,
        });
        const progress = {
          lastSeq: 17,
          bootId: 'b',
          usualIntervalMs: null,
          lastReceivedAt: sampleTimeMs + 2_000,
        };
        const asked = [kitchen, asSensorId('attic')];
        expect(await store.sensorProgress('bulk', asked)).toEqual(new Map([[kitchen, progress]]));
        expect((await store.sensorProgress('critical', asked)).get(kitchen)?.lastSeq).toBeNull();
      });

      it('take names and units from their descriptions, and keep what a later one leaves out', async () => {
        await store.takeShard(bulkShard);
        const bare: SensorEvent['readings'] = [{ type: 'temperature', value: 1, unit: null }];
        await store.commit(
          batchOf([at(1, { readings: bare })], {
            descriptions: [
              { sensorId: kitchen, name: 'Kitchen', units: { temperature: '°F' } },
              { sensorId: kitchen, name: null, units: { __proto__: 'x', humidity: '%' } },
              { sensorId: asSensorId('hall'), name: 'Hall', units: {} },
            ],
          }),
        );
        const { items } = await store.sensors({ limit: 10, cursor: null });
        expect(items.map(({ id, name, readings }) => [id, name, readings.map(({ unit }) => unit)])).toEqual([
          ['hall', 'Hall', []],
          ['kitchen-1', 'Kitchen', ['°F']],
        ]);
      });

      it('are listed by id, page by page', async () => {
        await commitAll(['c', 'a', 'e', 'b', 'd'].map((id, index) => at(index, { sensorId: id })));
        const first = await store.sensors({ limit: 2, cursor: null });
        const second = await store.sensors({ limit: 3, cursor: first.nextCursor });
        expect([first, second].map(({ items }) => items.map(({ id }) => id))).toEqual([
          ['a', 'b'],
          ['c', 'd', 'e'],
        ]);
        expect(second.nextCursor).toBeNull();
        expect(await store.sensor(asSensorId('z'))).toBeNull();
      });
    });

    describe('latest values', () => {
      const late = (count: number, value: number) =>
        at(count, { flags: ['late'], readings: temperature(value) });
      const live = (count: number, value: number) => at(count, { readings: temperature(value) });

      it('follow the order of the stream, not the time of measurement', async () => {
        await commitAll([live(9, 1)], [live(5, 2)]);
        expect(await latest()).toEqual({ temperature: 2 });
      });

      it('are not replaced by late readings that were measured before them', async () => {
        await commitAll([live(5, 1)], [late(4, 2)]);
        expect(await latest()).toEqual({ temperature: 1 });
        await store.commit(batchOf([late(6, 3)], { from: 2 }));
        expect(await latest()).toEqual({ temperature: 3 });
      });

      it('come out of one batch as out of several', async () => {
        const events = [late(7, 1), live(5, 2), late(4, 3), late(6, 4), late(5, 5)];
        await commitAll(events);
        expect(await latest()).toEqual({ temperature: 4 });
        const { epoch } = await store.takeShard(criticalShard);
        for (const [index, event] of events.entries())
          await store.commit(
            batchOf([{ ...event, sensorId: asSensorId('hall') }], {
              shard: criticalShard,
              epoch,
              ...(index === 0 ? {} : { from: index }),
            }),
          );
        expect(await latest(asSensorId('hall'))).toEqual({ temperature: 4 });
      });

      it('of a sensor that sends the same type as a number, a truth and a text are the last of them', async () => {
        const of = (count: number, value: number | boolean | string) =>
          at(count, { readings: [{ type: 'state', value, unit: null }] });
        for (const [index, value] of [1, true, '1'].entries()) {
          if (index === 0) await commitAll([of(0, value)]);
          else await store.commit(batchOf([of(index, value)], { from: index }));
          expect(await latest()).toEqual({ state: value });
        }
      });
    });

    describe('dead letters', () => {
      it('are kept with their bytes or their event, and counted in the ledger of their lane', async () => {
        await store.takeShard(bulkShard);
        await store.takeShard(criticalShard);
        const undecodable = deadLetter({ payload: new Uint8Array([0, 255, 34]) });
        const outOfRange = deadLetter({
          id: 'letter-2',
          reason: 'out_of_range',
          sensorId: kitchen,
          lane: 'critical',
          event: at(1),
          receivedAt: sampleTimeMs + 1,
        });
        await store.commit(batchOf([at(0)], { deadLetters: [undecodable], duplicates: 2 }));
        await store.commit(batchOf([], { shard: criticalShard, deadLetters: [outOfRange] }));
        const letters = [outOfRange, undecodable].map((letter) => ({ ...letter, state: 'dead' }));
        const all = { sensor: null, reason: null, state: null, limit: 10, cursor: null };
        expect(await store.deadLetters(all)).toEqual({ items: letters, nextCursor: null });
        expect(await store.deadLetter('letter-1')).toEqual(letters[1]);
        expect(await store.deadLetter('letter-3')).toBeNull();
        expect((await store.deadLetters({ ...all, sensor: 'kitchen-1' })).items).toEqual([letters[0]]);
        expect((await store.deadLetters({ ...all, reason: 'undecodable' })).items).toEqual([letters[1]]);
        expect(await store.ledger()).toEqual([
          { lane: 'critical', stored: 0, duplicate: 0, dead: 1 },
          { lane: 'bulk', stored: 1, duplicate: 2, dead: 1 },
        ]);
      });

      it('are settled once', async () => {
        await store.takeShard(bulkShard);
        await store.commit(batchOf([], { deadLetters: [deadLetter()] }));
        expect(await store.settleDeadLetter('letter-1', 'replayed')).toBe(true);
        expect(await store.settleDeadLetter('letter-1', 'discarded')).toBe(false);
        expect(await store.settleDeadLetter('letter-9', 'discarded')).toBe(false);
        const dead = { sensor: null, reason: null, state: 'dead' as const, limit: 10, cursor: null };
        expect((await store.deadLetters(dead)).items).toEqual([]);
        expect(await store.deadLetter('letter-1')).toMatchObject({ state: 'replayed' });
      });

      it('are listed page by page', async () => {
        await store.takeShard(bulkShard);
        const deadLetters = Array.from({ length: 5 }, (_, index) => deadLetter({ id: `letter-${index}` }));
        await store.commit(batchOf([], { deadLetters }));
        const page = (cursor: string | null) =>
          store.deadLetters({ sensor: null, reason: null, state: null, limit: 3, cursor });
        const first = await page(null);
        const second = await page(first.nextCursor);
        expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(
          deadLetters.map(({ id }) => id).toReversed(),
        );
        expect(second.nextCursor).toBeNull();
      });
    });
  });
}
