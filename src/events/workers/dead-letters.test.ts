import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventPipeline } from '../../../test/support/event-pipeline.ts';
import { StoreError, StreamError } from '../../errors.ts';
import type { SensorEvent } from '../../protocol/sensor-event.ts';
import type { DecodedEvent } from '../ingest/event-intake.ts';
import type { DeadLetter } from '../store/event-store.ts';
import { shardOf } from '../stream/durable-stream.ts';
import { DeadLetters } from './dead-letters.ts';

const reading = (value: number) => ({ readings: [{ type: 'temperature', value, unit: '°C' }] });
const mended = (value: number): DecodedEvent => ({
  sensorId: 'kitchen',
  ...reading(value),
  ts: null,
  seq: null,
  bootId: null,
  eventId: null,
  critical: false,
});

describe('DeadLetters', () => {
  let pipeline: EventPipeline;
  let deadLetters: DeadLetters;
  const letters = (): DeadLetter[] => [...pipeline.store.letters.values()];

  beforeEach(async () => {
    const typeRules = { temperature: { max: 60, unit: '°C' } };
    pipeline = new EventPipeline({ typeRules });
    await pipeline.workers.start();
    deadLetters = new DeadLetters({
      store: pipeline.store,
      stream: pipeline.stream,
      shards: pipeline.counts,
      acceptance: {
        criticalTypes: new Set(),
        maxClockSkewMs: 1,
        maxAgeMs: 1_000_000_000,
        newId: () => 'new',
      },
      clock: pipeline.clock,
    });
  });

  afterEach(() => pipeline.stop());

  async function killed(...events: readonly SensorEvent[]): Promise<DeadLetter[]> {
    await pipeline.append(...events);
    await pipeline.drained();
    return letters();
  }

  it('replays a mended event at the tail, marked, and never over a newer value', async () => {
    const bad = pipeline.event('kitchen', { ...reading(210), seq: 7 });
    const [letter] = await killed(bad);
    await pipeline.pass(5_000);
    await pipeline.append(pipeline.event('kitchen', reading(20)));
    await deadLetters.replay(letter?.id ?? '', mended(21));
    await pipeline.drained();
    const stored = pipeline.store.stored.at(-1);
    expect(stored).toMatchObject({
      eventId: bad.eventId,
      seq: 7,
      ts: bad.ts,
      flags: ['replayed'],
      ...reading(21),
    });
    expect(pipeline.applied.at(-1)?.latest).toMatchObject([{ onlyIfNewer: true, ts: bad.ts }]);
    expect(letters()).toMatchObject([{ state: 'replayed' }]);
  });

  it('makes another dead letter of one that is as bad as before, and the ledger counts both', async () => {
    const [letter] = await killed(pipeline.event('kitchen', reading(210)));
    await deadLetters.replay(letter?.id ?? '', null);
    await pipeline.drained();
    expect(letters().map(({ state }) => state)).toEqual(['replayed', 'dead']);
    expect(await pipeline.store.ledger()).toContainEqual({ lane: 'bulk', stored: 0, duplicate: 0, dead: 2 });
  });

  it('stores a replay once, though its letter could not be settled at first', async () => {
    const [letter] = await killed(pipeline.event('kitchen', reading(210)));
    const id = letter?.id ?? '';
    const settle = pipeline.store.settleDeadLetter.bind(pipeline.store);
    pipeline.store.settleDeadLetter = () => Promise.reject(new StoreError('store_failed', 'down'));
    await expect(deadLetters.replay(id, mended(21))).rejects.toMatchObject({ code: 'store_failed' });
    pipeline.store.settleDeadLetter = settle;
    await deadLetters.replay(id, mended(21));
    await pipeline.drained();
    expect(pipeline.store.stored).toHaveLength(1);
    expect(await pipeline.store.ledger()).toContainEqual({ lane: 'bulk', stored: 1, duplicate: 1, dead: 1 });
  });

  it('leaves a letter dead where the stream does not take it', async () => {
    const [letter] = await killed(pipeline.event('kitchen', reading(210)));
    pipeline.stream.failWith = new StreamError('stream_full', 'no room');
    await expect(deadLetters.replay(letter?.id ?? '', mended(21))).rejects.toMatchObject({
      code: 'stream_full',
    });
    expect(letters()).toMatchObject([{ state: 'dead' }]);
  });

  it('replays all of a sensor in the order of its letters', async () => {
    const bad = [201, 202, 203, 204, 205].map((value) => pipeline.event('kitchen', reading(value)));
    await killed(...bad, pipeline.event('hall', reading(300)));
    expect(await deadLetters.replaySensor('kitchen')).toBe(5);
    const replayed = pipeline.stream.appends.at(-1)?.map(({ entry }) => entry);
    expect(replayed).toMatchObject(bad.map(({ eventId }) => ({ event: { eventId } })));
    await pipeline.drained();
    expect(letters().filter(({ state }) => state === 'replayed')).toHaveLength(5);
  });

  it('says why a letter cannot be replayed', async () => {
    const [letter] = await killed(pipeline.event('kitchen', reading(210)));
    const id = letter?.id ?? '';
    await expect(deadLetters.replay('none', null)).rejects.toMatchObject({ code: 'dead_letter_not_found' });
    await expect(deadLetters.replay(id, { ...mended(21), readings: [] })).rejects.toMatchObject({
      code: 'event_invalid',
    });
    await deadLetters.discard(id);
    await expect(deadLetters.replay(id, mended(21))).rejects.toMatchObject({
      code: 'dead_letter_not_replayable',
    });
    await expect(deadLetters.discard('none')).rejects.toMatchObject({ code: 'dead_letter_not_found' });
    await deadLetters.discard(id);
    expect(letters()).toMatchObject([{ state: 'discarded' }]);
  });

  it('replays bytes that never were an event only as the event that they should be', async () => {
    await pipeline.stream.append([
      {
        shard: shardOf('bulk', 'kitchen', pipeline.counts),
        entry: {
          kind: 'undecodable',
          undecodable: {
            sensorId: null,
            topic: 'sensors/kitchen',
            payload: Buffer.from('21 degrees'),
            reason: 'no number',
            receivedAt: pipeline.clock.nowMs(),
            protocol: 'mqtt',
          },
        },
      },
    ]);
    await pipeline.drained();
    const [letter] = letters();
    const id = letter?.id ?? '';
    await expect(deadLetters.replay(id, null)).rejects.toMatchObject({ code: 'dead_letter_not_replayable' });
    await deadLetters.replay(id, mended(21));
    await pipeline.drained();
    expect(pipeline.store.stored).toMatchObject([
      { ...reading(21), ts: letter?.receivedAt, topic: 'sensors/kitchen' },
    ]);
  });
});
