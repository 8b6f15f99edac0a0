/** Batches for tests of the stores: what a worker would make of a few events, without its checks. */
import { noAlertChanges } from '../../src/events/alerts/alert-evaluator.ts';
import type {
  LatestChange,
  MinuteDelta,
  NewDeadLetter,
  SensorChange,
  StoreBatch,
} from '../../src/events/store/event-store.ts';
import { laneOfShard } from '../../src/events/stream/durable-stream.ts';
import { asShardName, asStreamPosition } from '../../src/protocol/ids.ts';
import type { SensorEvent } from '../../src/protocol/sensor-event.ts';
import { sampleTimeMs } from './event-samples.ts';

export const bulkShard = asShardName('bulk-0');
export const criticalShard = asShardName('critical-0');

export const emptyBatch = (fields: Partial<StoreBatch> = {}): StoreBatch => ({
  shard: bulkShard,
  epoch: 1,
  from: null,
  to: null,
  committedAt: sampleTimeMs,
  events: [],
  duplicates: 0,
  deadLetters: [],
  latest: [],
  minutes: [],
  sensors: [],
  descriptions: [],
  alerts: noAlertChanges,
  ...fields,
});

/** With the latest values, minutes and sensors that follow from the events; positions are numbers as text. */
export function batchOf(
  events: readonly SensorEvent[],
  fields: Partial<Omit<StoreBatch, 'from' | 'to'>> & { readonly from?: number; readonly to?: number } = {},
): StoreBatch {
  const { from, to, ...rest } = fields;
  return emptyBatch({
    events,
    latest: events.flatMap(latestOf),
    minutes: minutesOf(events),
    sensors: sensorsOf(events, laneOfShard(fields.shard ?? bulkShard)),
    ...rest,
    from: from === undefined ? null : asStreamPosition(String(from)),
    to: asStreamPosition(String(to ?? (from ?? 0) + 1)),
  });
}

export const latestOf = (event: SensorEvent): LatestChange[] =>
  event.readings.map((reading) => ({
    sensorId: event.sensorId,
    reading,
    ts: event.ts,
    receivedAt: event.receivedAt,
    eventId: event.eventId,
    onlyIfNewer: event.flags.includes('late') || event.flags.includes('replayed'),
  }));

function minutesOf(events: readonly SensorEvent[]): MinuteDelta[] {
  const deltas = new Map<string, MinuteDelta>();
  for (const { readings, sensorId, ts } of events) {
    for (const { type, value } of readings) {
      if (typeof value === 'string') continue;
      const number = Number(value);
      const minute = ts - (ts % 60_000);
      const place = JSON.stringify([sensorId, type, minute]);
      const known = deltas.get(place) ?? { min: number, max: number, sum: 0, count: 0 };
      deltas.set(place, {
        sensorId,
        type,
        minute,
        min: Math.min(known.min, number),
        max: Math.max(known.max, number),
        sum: known.sum + number,
        count: known.count + 1,
      });
    }
  }
  return [...deltas.values()];
}

function sensorsOf(events: readonly SensorEvent[], lane: SensorEvent['lane']): SensorChange[] {
  return [...Map.groupBy(events, ({ sensorId }) => sensorId)].map(([sensorId, own]) => ({
    sensorId,
    lane,
    events: own.length,
    qos0Events: own.filter(({ qos }) => qos === 0).length,
    lastReceivedAt: Math.max(...own.map(({ receivedAt }) => receivedAt)),
    lastSeq: own.at(-1)?.seq ?? null,
    bootId: own.at(-1)?.bootId ?? null,
    missedSeqs: 0,
    usualIntervalMs: null,
  }));
}

export const deadLetter = (fields: Partial<NewDeadLetter> = {}): NewDeadLetter => ({
  id: 'letter-1',
  reason: 'undecodable',
  detail: 'it is no JSON',
  sensorId: null,
  lane: 'bulk',
  topic: 'sensors/kitchen-1',
  receivedAt: sampleTimeMs,
  event: null,
  payload: null,
  ...fields,
});
