import { describe, expect, it } from 'vitest';
import { sampleTimeMs, sensorEvent } from '../../../test/support/event-samples.ts';
import { asSensorId, asStreamPosition } from '../../protocol/ids.ts';
import type { SensorEvent } from '../../protocol/sensor-event.ts';
import type { StreamEntry, StreamRecord } from '../stream/durable-stream.ts';
import { type BatchInput, keysOf, prepareBatch, type PreparedBatch } from './prepare-batch.ts';

const recordsOf = (entries: readonly StreamEntry[]): StreamRecord[] =>
  entries.map((entry, index) => ({ position: asStreamPosition(String(index + 1)), entry, durableAt: 1 }));

function prepared(entries: readonly StreamEntry[], input: Partial<BatchInput> = {}): PreparedBatch {
  const records = recordsOf(entries);
  let ids = 0;
  return prepareBatch({
    lane: 'bulk',
    records,
    keys: keysOf(records),
    knownKeys: new Set(),
    trackOf: () => undefined,
    typeRules: new Map(),
    newId: () => `id-${(ids += 1)}`,
    condemned: null,
    ...input,
  });
}

type Fields = Partial<Omit<SensorEvent, 'sensorId'>> & { readonly sensorId?: string };
const events = (...fields: readonly Fields[]): StreamEntry[] =>
  fields.map((each) => ({ kind: 'event', event: sensorEvent(each) }));
const temperature = (value: number) => ({ readings: [{ type: 'temperature', value, unit: '°C' }] });

describe('prepareBatch', () => {
  it('keeps of each sensor and type the latest in stream order, whatever its own clock says', () => {
    const { latest } = prepared(
      events(
        { ...temperature(1), ts: 2_000 },
        { ...temperature(2), ts: 1_000 },
        { sensorId: 'hall', ...temperature(3) },
      ),
    );
    expect(latest.map(({ reading, sensorId }) => `${sensorId} ${String(reading.value)}`)).toEqual([
      'kitchen-1 2',
      'hall 3',
    ]);
    expect(latest.every(({ onlyIfNewer }) => !onlyIfNewer)).toBe(true);
  });

  it('lets late and replayed events replace only what is older', () => {
    const { latest } = prepared(
      events(
        { ...temperature(1), ts: 2_000 },
        { ...temperature(2), ts: 1_000, flags: ['replayed'] },
        { sensorId: 'hall', ...temperature(3), ts: 5, flags: ['late'] },
      ),
    );
    expect(latest).toMatchObject([
      { reading: { value: 1 }, onlyIfNewer: false },
      { reading: { value: 3 }, onlyIfNewer: true },
    ]);
  });

  it('adds numbers and booleans up by the minute in which they were measured', () => {
    const at = (ts: number, value: number | boolean | string) => ({
      ts,
      readings: [{ type: 'door', value, unit: null }],
    });
    const { minutes } = prepared(
      events(
        at(60_000, 2),
        at(60_500, 6),
        at(119_999, true),
        at(120_000, false),
        at(61_000, 4),
        at(60_000, 'open'),
      ),
    );
    expect(minutes).toEqual([
      { sensorId: 'kitchen-1', type: 'door', minute: 60_000, min: 1, max: 6, sum: 13, count: 4 },
      { sensorId: 'kitchen-1', type: 'door', minute: 120_000, min: 0, max: 0, sum: 0, count: 1 },
    ]);
  });

  it('counts what it stores of each sensor', () => {
    const { sensors } = prepared(
      events(
        { seq: 1, qos: 0, receivedAt: 10 },
        { seq: 4, qos: 1, receivedAt: 30 },
        { sensorId: 'hall', seq: 9, receivedAt: 20 },
      ),
    );
    expect(sensors).toMatchObject([
      { sensorId: 'kitchen-1', events: 2, qos0Events: 1, missedSeqs: 2, lastSeq: 4, lastReceivedAt: 30 },
      { sensorId: 'hall', events: 1, qos0Events: 0, missedSeqs: 0, lastSeq: 9, lastReceivedAt: 20 },
    ]);
  });

  it('goes on from what was known of a sensor before', () => {
    const known = { lastSeq: 3, bootId: null, lastReceivedAt: 10, usualIntervalMs: 50, firstGapMs: null };
    const { sensors, tracks } = prepared(events({ seq: 5, receivedAt: 60 }), { trackOf: () => known });
    expect(sensors).toMatchObject([{ missedSeqs: 1, usualIntervalMs: 50 }]);
    expect(tracks).toMatchObject([{ lastSeq: 5, lastReceivedAt: 60 }]);
    expect(known.lastSeq).toBe(3);
  });

  it('leaves out what is stored already, and the second of two in the same batch', () => {
    const entries = events(
      { eventId: 'known', dedupKey: 'a' },
      { eventId: 'new', dedupKey: 'b' },
      { eventId: 'again', dedupKey: 'b' },
      { eventId: 'other sensor', sensorId: 'hall', dedupKey: 'b' },
    );
    const keys = keysOf(recordsOf(entries));
    const result = prepared(entries, {
      keys,
      knownKeys: new Set(keys.slice(0, 1).filter((key) => key !== null)),
    });
    expect(result.events.map(({ eventId }) => eventId)).toEqual(['new', 'other sensor']);
    expect(result.duplicates).toBe(2);
  });

  it('does not take an event for the second delivery of one that became a dead letter', () => {
    const {
      deadLetters,
      duplicates,
      events: stored,
    } = prepared(events({ ...temperature(99), dedupKey: 'a' }, { ...temperature(20), dedupKey: 'a' }), {
      typeRules: new Map([['temperature', { max: 60 }]]),
    });
    expect([deadLetters.length, duplicates, stored.length]).toEqual([1, 0, 1]);
  });

  it('shows what a drill says to the rules alone, not as a measured value', () => {
    const drill = prepared(events({ flags: ['drill'] }));
    expect(drill.events).toHaveLength(1);
    expect(drill.evaluated).toHaveLength(1);
    expect([...drill.latest, ...drill.minutes]).toEqual([]);
  });

  it('hands facts and descriptions on, and skips those that are condemned', () => {
    const entries: StreamEntry[] = [
      { kind: 'description', description: { sensorId: asSensorId('hall'), name: 'Hall', units: {} } },
      {
        kind: 'fact',
        fact: { kind: 'border_router_link', subject: 'BR-1', happenedAt: sampleTimeMs, online: false },
      },
    ];
    expect(prepared(entries)).toMatchObject({
      descriptions: [{ name: 'Hall' }],
      facts: [{ subject: 'BR-1' }],
      skipped: 0,
    });
    const condemned = { reason: 'attempts_exhausted', detail: 'x', asBytes: false } as const;
    expect(prepared(entries, { condemned })).toMatchObject({
      descriptions: [],
      facts: [],
      deadLetters: [],
      skipped: 2,
    });
  });
});
