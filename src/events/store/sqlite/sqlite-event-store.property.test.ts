/** Whatever batches come, refused and repeated ones among them, the store holds what a naive model in memory does. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sampleTimeMs, sensorEvent } from '../../../../test/support/event-samples.ts';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { batchOf, bulkShard, criticalShard, latestOf } from '../../../../test/support/store-batches.ts';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import { asSensorId, type ShardName } from '../../../protocol/ids.ts';
import type { SensorEvent } from '../../../protocol/sensor-event.ts';
import type { EventStore, HistoryPoint } from '../event-store.ts';
import { openEventStores } from './open-event-stores.ts';

const minuteMs = 60_000;
const hourMs = 3_600_000;
const spanMs = 5 * hourMs;
const sensors = ['a', 'b', 'ç'];
const types = ['temperature', 'open', 'mode'];

const value = fc.oneof(
  // Eighths: sums are exact.
  fc.integer({ min: -800, max: 800 }).map((eighths) => eighths / 8),
  fc.boolean(),
  fc.string({ maxLength: 5 }),
);

const event = fc
  .record({
    sensorId: fc.constantFrom(...sensors),
    readings: fc.uniqueArray(
      fc.record({ type: fc.constantFrom(...types), value, unit: fc.constantFrom(null, '°C', 'Ω"') }),
      { selector: ({ type }) => type, minLength: 1, maxLength: 3 },
    ),
    tsMs: fc.integer({ min: 0, max: spanMs - 1 }),
    receivedMs: fc.integer({ min: 0, max: spanMs - 1 }),
    seq: fc.option(fc.nat()),
    bootId: fc.option(fc.string({ maxLength: 4 })),
    dedupKey: fc.option(fc.string({ maxLength: 3 })),
    flags: fc.constantFrom<SensorEvent['flags']>([], ['late'], ['replayed'], ['clock_skew']),
    qos: fc.constantFrom(0 as const, 1 as const),
  })
  .map(({ receivedMs, tsMs, ...fields }) =>
    sensorEvent({ ...fields, ts: sampleTimeMs + tsMs, receivedAt: sampleTimeMs + receivedMs }),
  );

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      critical: fc.boolean(),
      events: fc.array(event, { maxLength: 12 }),
      duplicates: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('repeat' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('takeover' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('settle' as const), hours: fc.integer({ min: 0, max: 7 }) }),
  },
);

/** What the store should hold, the plain way. */
class Model {
  readonly stored: SensorEvent[] = [];
  readonly latest = new Map<string, { readonly value: unknown; readonly ts: number }>();
  readonly ledger = { critical: [0, 0], bulk: [0, 0] };

  apply(events: readonly SensorEvent[], lane: 'critical' | 'bulk', duplicates: number): void {
    this.stored.push(...events);
    this.ledger[lane][1] = (this.ledger[lane][1] ?? 0) + duplicates;
    for (const { lane: own } of events) this.ledger[own][0] = (this.ledger[own][0] ?? 0) + 1;
    for (const { onlyIfNewer, reading, sensorId, ts } of events.flatMap(latestOf)) {
      const place = `${sensorId} ${reading.type}`;
      const known = this.latest.get(place);
      if (known === undefined || !onlyIfNewer || ts >= known.ts)
        this.latest.set(place, { value: reading.value, ts });
    }
  }

  rollup(sensor: string, type: string, stepMs: number): HistoryPoint[] {
    const numbers = this.stored
      .filter(({ sensorId }) => sensorId === sensor)
      .flatMap(({ readings, ts }) => readings.map((reading) => ({ ...reading, ts })))
      .filter((reading) => reading.type === type && typeof reading.value !== 'string')
      .map((reading) => ({ start: reading.ts - (reading.ts % stepMs), number: Number(reading.value) }));
    const buckets = Map.groupBy(numbers, ({ start }) => start);
    return [...buckets]
      .sort(([one], [other]) => one - other)
      .map(([ts, inside]) => {
        const values = inside.map(({ number }) => number);
        return {
          ts,
          min: Math.min(...values),
          max: Math.max(...values),
          mean: values.reduce((sum, each) => sum + each, 0) / values.length,
          count: values.length,
          value: null,
        };
      });
  }
}

async function settle(store: EventStore): Promise<void> {
  const bounds = {
    rawBeforeMs: 0,
    minutesBeforeMs: 0,
    hoursBeforeMs: 0,
    keysBeforeMs: 0,
    deadLettersBeforeMs: 0,
  };
  while (await store.prune(bounds));
}

async function compare(store: EventStore, model: Model): Promise<void> {
  const all = { sensor: null, type: null, lane: null, fromMs: null, toMs: null, limit: 10_000, cursor: null };
  const order = (one: SensorEvent, other: SensorEvent) => (one.eventId < other.eventId ? -1 : 1);
  const listed = (await store.events(all)).items.map((item) => item.event);
  expect(listed.map(({ receivedAt }) => receivedAt)).toEqual(
    model.stored.map(({ receivedAt }) => receivedAt).sort((one, other) => other - one),
  );
  expect(listed.sort(order)).toEqual(model.stored.toSorted(order));
  for (const [lane, [stored, duplicate]] of Object.entries(model.ledger)) {
    const row = (await store.ledger()).find((each) => each.lane === lane);
    expect(row ?? { stored: 0, duplicate: 0 }).toMatchObject({ stored, duplicate });
  }
  for (const sensor of sensors.map(asSensorId)) {
    const view = await store.sensor(sensor);
    const own = model.stored.filter(({ sensorId }) => sensorId === sensor);
    expect(view?.events ?? 0).toBe(own.length);
    const keys = own.flatMap(({ dedupKey }) =>
      dedupKey === null ? [] : [{ sensorId: sensor, key: dedupKey }],
    );
    expect((await store.knownKeys(keys)).size).toBe(keys.length);
    for (const type of types) {
      const latest = view?.readings.find((reading) => reading.type === type);
      const expected = model.latest.get(`${sensor} ${type}`);
      expect(latest?.value).toEqual(expected?.value);
      expect(latest?.ts).toEqual(expected?.ts);
      // Where the last value is a text, there is no rollup to ask for.
      if (typeof expected?.value === 'string') continue;
      const query = { sensor, type, fromMs: sampleTimeMs, toMs: sampleTimeMs + spanMs };
      const minutes = await store.history({ ...query, points: spanMs / minuteMs + 1 });
      expect(minutes.points).toEqual(model.rollup(sensor, type, minuteMs));
      const hours = await store.history({ ...query, points: spanMs / hourMs + 1 });
      expect(hours.points).toEqual(model.rollup(sensor, type, hourMs));
    }
  }
}

describe('SqliteEventStore', () => {
  it('holds what its batches say, whatever they are and however often they come', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const folder = await temporaryFolder();
        const clock = new FakeClock(sampleTimeMs);
        const stores = await openEventStores({ dataDir: folder.path, clock, onCrash: () => undefined });
        const store = stores.events;
        const model = new Model();
        const owned = new Map<ShardName, { epoch: number; position: number }>();
        for (const shard of [bulkShard, criticalShard])
          owned.set(shard, { epoch: (await store.takeShard(shard)).epoch, position: 0 });
        let last: Parameters<EventStore['commit']>[0] | null = null;
        try {
          for (const each of steps) {
            if (each.kind === 'commit') {
              const lane = each.critical ? 'critical' : 'bulk';
              const shard = each.critical ? criticalShard : bulkShard;
              const { epoch, position } = owned.get(shard) ?? { epoch: 0, position: 0 };
              const events = each.events.map(
                (plain, index) => ({ ...plain, lane, eventId: `${shard} ${position} ${index}` }) as const,
              );
              last = batchOf(events, {
                shard,
                epoch,
                duplicates: each.duplicates,
                ...(position === 0 ? {} : { from: position }),
                to: position + 1,
              });
              await store.commit(last);
              model.apply(events, lane, each.duplicates);
              owned.set(shard, { epoch, position: position + 1 });
            } else if (each.kind === 'repeat' && last !== null) {
              await expect(store.commit(last)).rejects.toMatchObject({ code: 'store_fenced' });
            } else if (each.kind === 'takeover') {
              const { position } = owned.get(bulkShard) ?? { position: 0 };
              const taken = await store.takeShard(bulkShard);
              expect(taken.position ?? '0').toBe(String(position));
              owned.set(bulkShard, { epoch: taken.epoch, position });
            } else if (each.kind === 'settle') {
              await clock.advance(each.hours * hourMs);
              await settle(store);
            }
          }
          await compare(store, model);
          await clock.advance(10 * hourMs);
          await settle(store);
          await compare(store, model);
        } finally {
          await stores.close();
          await folder.remove();
        }
      }),
      { numRuns: 15 },
    );
  }, 60_000);
});
