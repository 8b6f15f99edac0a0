/** What every `EventStore` does with time: histories, rollups, retention; each adapter's test runs it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleTimeMs, sensorEvent } from '../../../test/support/event-samples.ts';
import { batchOf, bulkShard, deadLetter } from '../../../test/support/store-batches.ts';
import { asSensorId } from '../../protocol/ids.ts';
import type { SensorEvent } from '../../protocol/sensor-event.ts';
import type { EventStoreUnderTest } from './event-store.contract.ts';
import type { EventQuery, EventStore, HistoryQuery, RetentionBounds } from './event-store.ts';

const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const kitchen = asSensorId('kitchen-1');

/** One event `count` seconds after the first. */
const at = (count: number, fields: Parameters<typeof sensorEvent>[0] = {}): SensorEvent => {
  const time = sampleTimeMs + count * 1_000;
  return sensorEvent({ eventId: `event-${count}`, ts: time, receivedAt: time, ...fields });
};

const temperature = (value: number): SensorEvent['readings'] => [{ type: 'temperature', value, unit: '°C' }];

export function testEventHistory(name: string, open: () => Promise<EventStoreUnderTest>): void {
  describe(`${name} as EventStore of times past`, () => {
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
    const history = (query: Partial<HistoryQuery>) =>
      store.history({
        sensor: kitchen,
        type: 'temperature',
        fromMs: sampleTimeMs,
        toMs: sampleTimeMs + hourMs,
        points: 1_000,
        ...query,
      });
    /** Takes the shard and commits batches one after the other. */
    const commitAll = async (...batches: readonly (readonly SensorEvent[])[]) => {
      const { epoch } = await store.takeShard(bulkShard);
      for (const [index, events] of batches.entries())
        await store.commit(batchOf(events, index === 0 ? { epoch } : { epoch, from: index }));
    };
    const keepAll: RetentionBounds = {
      rawBeforeMs: 0,
      minutesBeforeMs: 0,
      hoursBeforeMs: 0,
      keysBeforeMs: 0,
      deadLettersBeforeMs: 0,
    };
    const pruneAll = async (bounds: Partial<RetentionBounds> = {}) => {
      for (let steps = 0; await store.prune({ ...keepAll, ...bounds }); steps++)
        expect(steps).toBeLessThan(1_000);
    };

    describe('history', () => {
      it('of a span with few readings is the readings themselves', async () => {
        await commitAll(
          [at(20, { readings: temperature(2) }), at(10, { readings: temperature(1.5) })],
          [at(3_600)],
        );
        const point = (count: number, value: number) => ({
          ts: sampleTimeMs + count * 1_000,
          min: value,
          max: value,
          mean: value,
          count: 1,
          value: null,
        });
        expect(await history({})).toEqual({
          resolution: 'raw',
          stepMs: 0,
          points: [point(10, 1.5), point(20, 2)],
        });
      });

      it('gives truths and texts as they were', async () => {
        const of = (count: number, value: boolean | string) =>
          at(count, { readings: [{ type: 'state', value, unit: null }] });
        await commitAll([of(1, true), of(2, 'off'), of(3, false)]);
        const { points } = await history({ type: 'state' });
        expect(points).toMatchObject([
          { value: true, mean: 1 },
          { value: 'off', mean: null, min: null, max: null },
          { value: false, mean: 0 },
        ]);
      });

      it('joins readings that are too many to as many points as fit, aligned and without empty ones', async () => {
        const events = Array.from({ length: 600 }, (_, index) =>
          at(index * 2, { readings: temperature(index) }),
        );
        await commitAll(events.filter((_, index) => index < 200 || index >= 400));
        const { points, resolution, stepMs } = await history({ toMs: sampleTimeMs + 1_200_000, points: 100 });
        expect(resolution).toBe('raw');
        expect(stepMs).toBe(13_000);
        expect(points.length).toBeLessThanOrEqual(100);
        expect(points.every(({ ts }) => ts % stepMs === 0)).toBe(true);
        expect(points.reduce((sum, { count }) => sum + count, 0)).toBe(400);
        const gap = points.filter(({ ts }) => ts >= sampleTimeMs + 400_000 && ts < sampleTimeMs + 787_000);
        expect(gap).toEqual([]);
        for (const { count, max, mean, min } of points) {
          expect(max).toBe((min ?? NaN) + count - 1);
          expect(mean).toBe(((min ?? NaN) + (max ?? NaN)) / 2);
        }
      });

      it('of long spans comes from minutes, then from hours, before and after these are settled', async () => {
        const hours = 30;
        const events = Array.from({ length: hours * 60 }, (_, index) =>
          at(index * 60 + (index % 60), { readings: temperature(index % 7) }),
        );
        await commitAll(events.slice(0, 900), events.slice(900));
        const minutes = { toMs: sampleTimeMs + dayMs, points: 700 };
        const byHour = { fromMs: sampleTimeMs - 30 * dayMs, toMs: sampleTimeMs + 30 * dayMs, points: 800 };
        const before = [await history(minutes), await history(byHour)];
        expect(before.map(({ resolution, stepMs }) => [resolution, stepMs])).toEqual([
          ['minute', 3 * minuteMs],
          ['hour', 2 * hourMs],
        ]);
        expect(before.map(({ points }) => points.reduce((sum, { count }) => sum + count, 0))).toEqual([
          24 * 60,
          hours * 60,
        ]);
        expect(before[0]?.points.every(({ count }) => count === 3)).toBe(true);
        for (const hour of [1, 5, 12, 40]) {
          await under.clock.advance(hour * hourMs);
          await pruneAll();
          expect([await history(minutes), await history(byHour)]).toEqual(before);
        }
        store = await under.reopen();
        expect([await history(minutes), await history(byHour)]).toEqual(before);
      });

      it('adds late readings to minutes that were settled', async () => {
        await commitAll([at(0, { readings: temperature(1) })]);
        await under.clock.advance(3 * hourMs);
        await pruneAll();
        await store.commit(batchOf([at(30, { readings: temperature(3), flags: ['late'] })], { from: 1 }));
        const points = [{ ts: sampleTimeMs, min: 1, max: 3, mean: 2, count: 2, value: null }];
        const lone = { toMs: sampleTimeMs + hourMs, points: 1 };
        expect(await history(lone)).toEqual({ resolution: 'hour', stepMs: hourMs, points });
        await pruneAll();
        expect(await history(lone)).toEqual({ resolution: 'hour', stepMs: hourMs, points });
        expect((await history({ toMs: sampleTimeMs + 10 * minuteMs, points: 2 })).points).toEqual(points);
      });

      it('has no points for what it does not know, and for a span without width', async () => {
        await commitAll([at(0)]);
        for (const query of [{ sensor: asSensorId('attic') }, { type: 'smoke' }, { toMs: sampleTimeMs }])
          expect((await history(query)).points).toEqual([]);
      });

      it.each([1, 2, 3, 7, 1_000, 10_000])(
        'has at most the %i points that were asked for',
        async (points) => {
          await commitAll(Array.from({ length: 3_000 }, (_, index) => at(index)));
          for (const widthMs of [1, 999, minuteMs, hourMs, dayMs, 400 * dayMs]) {
            const span = { fromMs: sampleTimeMs + 500, toMs: sampleTimeMs + 500 + widthMs, points };
            expect((await history(span)).points.length).toBeLessThanOrEqual(points);
          }
        },
      );
    });

    describe('retention', () => {
      it('lets events go by their arrival, keeps their rollups, and goes on to minutes where raw readings are gone', async () => {
        const events = Array.from({ length: 1_200 }, (_, index) =>
          at(index, { readings: temperature(index) }),
        );
        await commitAll(events);
        await under.clock.advance(2 * dayMs);
        const cut = 900;
        await pruneAll({ rawBeforeMs: sampleTimeMs + cut * 1_000 });
        expect((await find({ limit: 2_000 })).items).toHaveLength(events.length - cut);
        expect((await find({ limit: 2_000, sensor: 'kitchen-1' })).items).toHaveLength(events.length - cut);
        const old = await history({});
        expect(old.resolution).toBe('minute');
        expect(old.points.map(({ count }) => count)).toEqual(Array.from({ length: 20 }, () => 60));
        const recent = await history({ fromMs: sampleTimeMs + cut * 1_000, points: 400 });
        expect(recent).toMatchObject({ resolution: 'raw', stepMs: 0 });
        expect(recent.points).toHaveLength(events.length - cut);
        expect((await store.sensor(kitchen))?.events).toBe(events.length);
      });

      it('goes in steps that are small', async () => {
        await commitAll(Array.from({ length: 1_300 }, (_, index) => at(index)));
        let steps = 0;
        let left = 1_300;
        while (await store.prune({ ...keepAll, rawBeforeMs: sampleTimeMs + dayMs })) {
          const now = (await find({ limit: 2_000 })).items.length;
          expect(left - now).toBeLessThanOrEqual(500);
          left = now;
          steps += 1;
        }
        expect(left).toBe(0);
        expect(steps).toBeGreaterThanOrEqual(3);
      });

      it('forgets thousands of keys and keeps as many', async () => {
        const events = Array.from({ length: 3_000 }, (_, index) => at(index, { dedupKey: `key ${index}` }));
        await commitAll(events.slice(0, 1_500), events.slice(1_500));
        await under.clock.advance(dayMs);
        await pruneAll({ keysBeforeMs: sampleTimeMs + 1_400_000 });
        const keys = events.map(({ dedupKey }) => ({ sensorId: kitchen, key: dedupKey ?? '' }));
        const known = await store.knownKeys(keys);
        expect(keys.findIndex((key) => known.has(key))).toBe(1_400);
        expect(known.size).toBe(1_600);
      });

      it('forgets keys, minutes, hours and dead letters, each by its own bound', async () => {
        const older = at(0, { dedupKey: 'old' });
        const newer = at(2 * 24 * 3_600, { dedupKey: 'new', eventId: 'newer' });
        const letters = [deadLetter(), deadLetter({ id: 'letter-2', receivedAt: newer.receivedAt })];
        await store.takeShard(bulkShard);
        await store.commit(batchOf([older, newer], { deadLetters: letters }));
        await under.clock.advance(3 * dayMs);
        const cut = sampleTimeMs + dayMs;
        const counts = async (query: Partial<HistoryQuery>) =>
          (await history({ toMs: sampleTimeMs + 3 * dayMs, ...query })).points.map(({ count }) => count);
        const known = async () =>
          (await store.knownKeys(['old', 'new'].map((key) => ({ sensorId: kitchen, key })))).size;
        await pruneAll();
        expect(await known()).toBe(2);
        await pruneAll({ keysBeforeMs: cut });
        expect(await known()).toBe(1);
        expect(await counts({ points: 200 })).toEqual([1, 1]);
        await pruneAll({ minutesBeforeMs: cut });
        expect(await counts({ points: 200, fromMs: cut })).toEqual([1]);
        expect(await counts({ points: 200 })).toEqual([1, 1]);
        await pruneAll({ hoursBeforeMs: cut, deadLettersBeforeMs: cut });
        expect(await counts({ points: 2 })).toEqual([1]);
        expect(await store.deadLetter('letter-1')).toBeNull();
        expect(await store.deadLetter('letter-2')).not.toBeNull();
        expect(await found()).toHaveLength(2);
      });
    });
  });
}
