import { afterEach, describe, expect, it } from 'vitest';
import {
  EventPipeline,
  type EventPipelineOptions,
  pipelineLeaseMs,
} from '../../../test/support/event-pipeline.ts';
import { AlertError, StoreError } from '../../errors.ts';
import { asAlertId, asShardName, type ShardName } from '../../protocol/ids.ts';
import type { SensorEvent } from '../../protocol/sensor-event.ts';
import type { AlertChanges } from '../alerts/alert-evaluator.ts';
import type { StoreBatch } from '../store/event-store.ts';
import { shardOf } from '../stream/durable-stream.ts';

const pipelines: EventPipeline[] = [];
async function started(options: EventPipelineOptions = {}): Promise<EventPipeline> {
  const pipeline = new EventPipeline(options);
  pipelines.push(pipeline);
  await pipeline.workers.start();
  return pipeline;
}

afterEach(async () => {
  for (const pipeline of pipelines.splice(0)) await pipeline.stop();
});

const ids = (events: readonly SensorEvent[]): string[] => events.map(({ eventId }) => eventId);
const storeIsDown = (): never => {
  throw new StoreError('store_failed', 'the disk does not answer');
};

/** Twenty sensors, so many events of each, in turn. */
const manyEvents = (
  pipeline: EventPipeline,
  rounds: number,
  fields: Partial<SensorEvent> = {},
): SensorEvent[] =>
  Array.from({ length: rounds * 20 }, (_, index) => {
    const { sensorId: _sensorId, ...rest } = fields;
    return pipeline.event(`sensor-${index % 20}`, rest);
  });

function expectEachOnceInOrder(pipeline: EventPipeline, events: readonly SensorEvent[]): void {
  expect([...pipeline.storedIds()].sort()).toEqual(ids(events).sort());
  for (const sensor of new Set(events.map(({ sensorId }) => sensorId)))
    expect(pipeline.storedIds(sensor)).toEqual(ids(events.filter(({ sensorId }) => sensorId === sensor)));
}

describe('EventWorkers', () => {
  it.each([1, 2, 3, 8])('keeps the order of each sensor with %i workers', async (workers) => {
    const pipeline = await started({ workers, maxBatchEvents: 10 });
    const events = manyEvents(pipeline, 20);
    for (let index = 0; index < events.length; index += 7) {
      await pipeline.append(...events.slice(index, index + 7));
      if (index % 3 === 0) await pipeline.pass(10);
    }
    await pipeline.drained();
    expectEachOnceInOrder(pipeline, events);
    expect(pipeline.faults).toEqual([]);
  });

  it('tells the latest values and the live feed of each event once it is stored, in order', async () => {
    const pipeline = await started();
    let storedBefore = true;
    const events = [1, 2, 3].map((value) =>
      pipeline.event('kitchen', { readings: [{ type: 'temperature', value, unit: '°C' }] }),
    );
    pipeline.facts.on('events:live', () => (storedBefore &&= pipeline.store.stored.length === 3));
    await pipeline.append(...events);
    await pipeline.drained();
    expect(storedBefore).toBe(true);
    expect(
      pipeline.live.map((message) => (message.type === 'event' ? message.event_id : message.type)),
    ).toEqual(ids(events));
    expect(pipeline.applied.flatMap(({ latest }) => latest).map(({ reading }) => reading.value)).toEqual([3]);
  });

  it('spreads the shards of each lane evenly over its own workers', async () => {
    const pipeline = new EventPipeline({ counts: { critical: 2, bulk: 7 }, workers: 3 });
    pipelines.push(pipeline);
    const byWorker = new Map<string, ShardName[]>();
    pipeline.facts.on('shard:taken', ({ shard, worker }) =>
      byWorker.set(worker, [...(byWorker.get(worker) ?? []), asShardName(shard)]),
    );
    await pipeline.workers.start();
    await pipeline.until(() => [...byWorker.values()].flat().length === 9);
    const counts = [...byWorker].map(([worker, shards]) => `${worker.replace(/\d+/, 'N')} ${shards.length}`);
    expect(counts.sort()).toEqual([
      'bulk-worker-N 2',
      'bulk-worker-N 2',
      'bulk-worker-N 3',
      'critical-worker-N 1',
      'critical-worker-N 1',
    ]);
  });

  it('stores a second delivery once, in one batch or in two, and counts it', async () => {
    const pipeline = await started();
    const first = pipeline.event('kitchen', { dedupKey: 'seq 1' });
    const again = { ...first, eventId: 'again' };
    await pipeline.append(first, again);
    await pipeline.drained();
    await pipeline.append({ ...first, eventId: 'later' });
    await pipeline.append(pipeline.event('hall', { dedupKey: 'seq 1' }));
    await pipeline.drained();
    expect(pipeline.storedIds('kitchen')).toEqual([first.eventId]);
    expect(pipeline.storedIds('hall')).toHaveLength(1);
    expect(await pipeline.store.ledger()).toContainEqual({ lane: 'bulk', stored: 2, duplicate: 2, dead: 0 });
  });

  it('stores events without a key as often as they come', async () => {
    const pipeline = await started();
    const event = pipeline.event('kitchen');
    await pipeline.append(event, event);
    await pipeline.drained();
    expect(pipeline.storedIds('kitchen')).toHaveLength(2);
  });

  it('makes dead letters of readings out of range and of undecodable payloads, and stores the rest', async () => {
    const pipeline = await started({ typeRules: { temperature: { min: -20, max: 60, unit: '°C' } } });
    const reading = (value: number) => ({ readings: [{ type: 'temperature', value, unit: '°C' }] });
    const good = [pipeline.event('kitchen', reading(21)), pipeline.event('kitchen', reading(60))];
    await pipeline.append(
      good[0] as SensorEvent,
      pipeline.event('kitchen', reading(61)),
      good[1] as SensorEvent,
    );
    await pipeline.stream.append([
      {
        shard: shardOf('bulk', 'kitchen', pipeline.counts),
        entry: {
          kind: 'undecodable',
          undecodable: {
            sensorId: null,
            topic: 'sensors/kitchen',
            payload: Buffer.from('{'),
            reason: 'no JSON',
            receivedAt: 5,
            protocol: 'mqtt',
          },
        },
      },
    ]);
    await pipeline.drained();
    expect(pipeline.storedIds('kitchen')).toEqual(ids(good));
    expect([...pipeline.store.letters.values()]).toMatchObject([
      { reason: 'out_of_range', sensorId: 'kitchen', event: { readings: [{ value: 61 }] } },
      { reason: 'undecodable', detail: 'no JSON', event: null, payload: Buffer.from('{') },
    ]);
    expect(await pipeline.store.ledger()).toContainEqual({ lane: 'bulk', stored: 2, duplicate: 0, dead: 2 });
  });
});

describe('a worker that fails', () => {
  it('loses its shards to another within the lease where it hangs in a commit, and nothing is lost or twice', async () => {
    const pipeline = await started({ workers: 2 });
    let frozen: (() => void) | null = null;
    pipeline.store.before = (operation) =>
      operation === 'commit' && frozen === null ? new Promise<void>((wake) => (frozen = wake)) : undefined;
    const lost: number[] = [];
    pipeline.facts.on('shard:lost', () => lost.push(pipeline.clock.monotonicMs()));
    const events = manyEvents(pipeline, 3);
    await pipeline.append(...events);
    const before = pipeline.clock.monotonicMs();
    await pipeline.drained();
    expect(pipeline.clock.monotonicMs() - before).toBeLessThanOrEqual(pipelineLeaseMs + 100);
    expect(lost.length).toBeGreaterThan(0);
    expectEachOnceInOrder(pipeline, events);
    // The frozen owner wakes: its commit is refused, and changes nothing.
    const seen = { live: pipeline.live.length, stored: pipeline.store.stored.length };
    (frozen as (() => void) | null)?.();
    await pipeline.pass(100);
    expect({ live: pipeline.live.length, stored: pipeline.store.stored.length }).toEqual(seen);
    expect(pipeline.live).toHaveLength(events.length);
  });

  it('tells of a batch that its frozen owner had committed, once', async () => {
    const pipeline = await started({ workers: 2 });
    let answer: (() => void) | null = null;
    pipeline.store.afterCommit = () =>
      answer === null ? new Promise<void>((resolve) => (answer = resolve)) : undefined;
    const events = manyEvents(pipeline, 2);
    await pipeline.append(...events);
    await pipeline.drained();
    expectEachOnceInOrder(pipeline, events);
    expect(pipeline.live).toHaveLength(events.length);
    (answer as (() => void) | null)?.();
    await pipeline.pass(100);
    expect(pipeline.live).toHaveLength(events.length);
  });

  it('gives up a shard that another owner has taken, and takes it again', async () => {
    const pipeline = await started();
    await pipeline.append(pipeline.event('kitchen'));
    await pipeline.drained();
    await pipeline.store.takeShard(shardOf('bulk', 'kitchen', pipeline.counts));
    const next = pipeline.event('kitchen');
    await pipeline.append(next);
    await pipeline.drained();
    expect(pipeline.storedIds('kitchen').at(-1)).toBe(next.eventId);
    expect(pipeline.storedIds('kitchen')).toHaveLength(2);
  });

  it('says that it is stalled when nothing moves for half a minute, and only then', async () => {
    const pipeline = await started();
    await pipeline.pass(40_000);
    expect(pipeline.workers.isStalled()).toBe(false);
    pipeline.store.before = storeIsDown;
    await pipeline.append(pipeline.event('kitchen'));
    await pipeline.pass(20_000);
    expect(pipeline.workers.isStalled()).toBe(false);
    await pipeline.pass(20_000);
    expect(pipeline.workers.isStalled()).toBe(true);
    pipeline.store.before = () => undefined;
    await pipeline.drained();
    await pipeline.pass(2_000);
    expect(pipeline.workers.isStalled()).toBe(false);
  });
});

describe('a bad event', () => {
  const poison = (value: string) => (batch: StoreBatch | null) =>
    batch?.events.some(({ readings }) => readings[0]?.value === value) === true;
  const text = (value: string) => ({ readings: [{ type: 'note', value, unit: null }] });

  it('among 500 becomes a dead letter; the others are stored in order', async () => {
    const pipeline = await started({ maxBatchEvents: 500, counts: { critical: 1, bulk: 1 } });
    const isPoison = poison('poison');
    pipeline.store.before = (operation, batch) => {
      if (operation === 'commit' && isPoison(batch)) throw new StoreError('store_rejected', 'malformed JSON');
    };
    const events = manyEvents(pipeline, 25);
    const bad = pipeline.event('sensor-3', text('poison'));
    await pipeline.append(...events.slice(0, 250), bad, ...events.slice(250));
    await pipeline.drained();
    expectEachOnceInOrder(pipeline, events);
    expect([...pipeline.store.letters.values()]).toMatchObject([
      { reason: 'store_rejected', detail: 'malformed JSON', event: { eventId: bad.eventId }, state: 'dead' },
    ]);
    // 500 events are halved nine times at most.
    expect(pipeline.store.batches.length).toBeLessThan(40);
    expect(pipeline.faults).toHaveLength(1);
  });

  it('that the store does not take even as a dead letter is kept as bytes', async () => {
    const pipeline = await started();
    const isPoison = poison('poison');
    pipeline.store.before = (operation, batch) => {
      if (operation !== 'commit') return;
      if (isPoison(batch) || batch?.deadLetters.some(({ event }) => event !== null) === true)
        throw new StoreError('store_rejected', 'malformed JSON');
    };
    const bad = pipeline.event('kitchen', text('poison'));
    const good = pipeline.event('kitchen');
    await pipeline.append(bad, good);
    await pipeline.drained();
    expect(pipeline.storedIds()).toEqual([good.eventId]);
    const [letter] = pipeline.store.letters.values();
    expect(JSON.parse(Buffer.from(letter?.payload ?? []).toString())).toMatchObject({ eventId: bad.eventId });
  });

  it('that makes an unknown error gets five attempts within two seconds, then is a dead letter', async () => {
    const pipeline = await started();
    const isPoison = poison('poison');
    let attempts = 0;
    pipeline.store.before = (operation, batch) => {
      if (operation !== 'commit' || !isPoison(batch)) return;
      attempts += 1;
      throw new TypeError('cannot read properties of undefined');
    };
    const before = pipeline.clock.monotonicMs();
    await pipeline.append(pipeline.event('kitchen', text('poison')), pipeline.event('kitchen', text('good')));
    await pipeline.drained();
    expect([...pipeline.store.letters.values()]).toMatchObject([{ reason: 'attempts_exhausted' }]);
    expect(pipeline.storedIds()).toHaveLength(1);
    // Five together, five alone.
    expect(attempts).toBe(10);
    expect(pipeline.clock.monotonicMs() - before).toBeLessThan(4_000);
  });

  it('does not lose its place to later ones while an error goes away by itself', async () => {
    const pipeline = await started();
    let failures = 3;
    pipeline.store.before = (operation) => {
      if (operation === 'commit' && failures > 0) {
        failures -= 1;
        throw new TypeError('strange');
      }
    };
    const events = manyEvents(pipeline, 2);
    await pipeline.append(...events);
    await pipeline.drained();
    expectEachOnceInOrder(pipeline, events);
    expect(pipeline.store.letters.size).toBe(0);
  });

  it('that the alert rules fail at becomes a dead letter, loudly; the shard goes on', async () => {
    const pipeline = await started();
    pipeline.alerts.evaluate = ({ events }) => {
      if (events.some(({ event }) => event.readings[0]?.value === 'poison')) throw new TypeError('rule');
      return { states: [], removedStates: [], alerts: [], notifications: [] };
    };
    const good = pipeline.event('kitchen', text('good'));
    await pipeline.append(pipeline.event('kitchen', text('poison')), good);
    await pipeline.drained();
    expect(pipeline.storedIds()).toEqual([good.eventId]);
    expect([...pipeline.store.letters.values()]).toMatchObject([
      { reason: 'attempts_exhausted', detail: 'rule' },
    ]);
    expect(pipeline.faults.join()).toContain('dead letter');
  });

  it('is not to blame where the alert rules fail at everything: it is stored unjudged, loudly', async () => {
    const pipeline = await started();
    pipeline.alerts.evaluate = () => {
      throw new TypeError('broken engine');
    };
    const events = manyEvents(pipeline, 2);
    await pipeline.append(...events);
    await pipeline.drained();
    expectEachOnceInOrder(pipeline, events);
    expect(pipeline.faults.join()).toContain('WITHOUT');
  });
});

describe('a store that is down', () => {
  it('opens the breaker, costs no attempts, and everything is stored once it is back', async () => {
    const pipeline = await started();
    const states: string[] = [];
    pipeline.facts.on('circuit_breaker:changed', ({ state }) => states.push(state));
    let asked = 0;
    pipeline.store.before = () => {
      asked += 1;
      storeIsDown();
    };
    const events = manyEvents(pipeline, 10);
    await pipeline.append(...events);
    await pipeline.pass(60_000);
    expect(pipeline.store.stored).toEqual([]);
    // One question at a time, with growing pauses.
    expect(asked).toBeLessThan(15);
    pipeline.store.before = () => undefined;
    await pipeline.drained();
    expectEachOnceInOrder(pipeline, events);
    expect(pipeline.store.letters.size).toBe(0);
    expect(states.at(0)).toBe('open');
    expect(states.at(-1)).toBe('closed');
  });

  it('that fails after it has committed stores and shows nothing twice', async () => {
    const pipeline = await started();
    let failures = 5;
    pipeline.store.afterCommit = () => {
      failures -= 1;
      if (failures >= 0) storeIsDown();
    };
    const events = manyEvents(pipeline, 10);
    await pipeline.append(...events);
    await pipeline.drained();
    expectEachOnceInOrder(pipeline, events);
    expect(pipeline.live.length).toBe(events.length);
  });
});

describe('the critical lane', () => {
  it('is stored while a bulk commit hangs and bulk events wait', async () => {
    const pipeline = await started({ workers: 3 });
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    pipeline.store.before = (operation, batch) =>
      operation === 'commit' && batch?.shard.startsWith('bulk') === true ? held : undefined;
    await pipeline.append(...manyEvents(pipeline, 10));
    await pipeline.pass(100);
    expect(pipeline.store.stored).toEqual([]);
    const alarm = pipeline.event('smoke-1', { lane: 'critical' });
    await pipeline.append(alarm);
    await pipeline.pass(10);
    expect(pipeline.storedIds()).toEqual([alarm.eventId]);
    release();
    await pipeline.drained();
  });
});

describe('a critical worker that hangs', () => {
  it('does not keep the bulk lane waiting', async () => {
    const pipeline = await started();
    let hangs = true;
    pipeline.store.before = (operation, batch) => {
      if (operation !== 'commit' || batch?.shard.startsWith('critical') !== true || !hangs) return;
      hangs = false;
      return new Promise(() => undefined);
    };
    await pipeline.append(pipeline.event('smoke-1', { lane: 'critical' }));
    await pipeline.pass(10);
    const events = manyEvents(pipeline, 2);
    await pipeline.append(...events);
    await pipeline.pass(100);
    expect(pipeline.store.stored).toHaveLength(events.length);
    await pipeline.drained();
    expect(pipeline.store.stored).toHaveLength(events.length + 1);
  });
});

describe('commands and timers', () => {
  const changes = (rule: string): AlertChanges => ({
    states: [{ rule, subject: 's', state: '{}', dueAt: null }],
    removedStates: [],
    alerts: [],
    notifications: [],
  });
  const acknowledge = {
    kind: 'acknowledge',
    alertId: asAlertId('a'),
    by: 'me',
    note: null,
  } as const;

  it('stores what a command changes before the events that wait', async () => {
    const pipeline = new EventPipeline({ maxBatchEvents: 10, counts: { critical: 1, bulk: 1 }, workers: 1 });
    pipelines.push(pipeline);
    pipeline.alerts.command = () => changes('command');
    await pipeline.append(...manyEvents(pipeline, 10));
    await pipeline.workers.start();
    await pipeline.until(() => pipeline.store.batches.length >= 2);
    const stored = pipeline.store.stored.length;
    await pipeline.workers.command(asShardName('bulk-0'), acknowledge);
    const place = pipeline.store.batches.findIndex(({ alerts }) => alerts.states[0]?.rule === 'command');
    const before = pipeline.store.batches.slice(0, place).flatMap(({ events }) => events);
    expect(before.length - stored).toBeLessThanOrEqual(20);
    expect(pipeline.store.batches[place]).toMatchObject({
      events: [],
      from: pipeline.store.batches[place]?.to,
    });
    expect(pipeline.alerts.applied.map(({ states }) => states[0]?.rule)).toContain('command');
    await pipeline.drained();
  });

  it('tells whoever commands what is wrong with the command, or that nobody had time for it', async () => {
    const pipeline = await started();
    pipeline.alerts.command = () => {
      throw new AlertError('alert_not_active', 'it is resolved');
    };
    await pipeline.until(() => pipeline.alerts.opened.length === 6);
    await expect(pipeline.workers.command(asShardName('critical-0'), acknowledge)).rejects.toMatchObject({
      code: 'alert_not_active',
    });
    pipeline.store.before = () => new Promise(() => undefined);
    await pipeline.append(...manyEvents(pipeline, 1, { lane: 'critical' }));
    await pipeline.pass(10);
    const refused = expect(
      pipeline.workers.command(asShardName('critical-0'), acknowledge),
    ).rejects.toMatchObject({ code: 'shard_unavailable' });
    await pipeline.pass(5_100);
    await refused;
    pipeline.store.before = () => undefined;
  });

  it('evaluates when a timer is due, as of now where nothing waits', async () => {
    const pipeline = await started({ counts: { critical: 1, bulk: 1 } });
    await pipeline.pass(100);
    const dueAt = pipeline.clock.nowMs() + 3_000;
    pipeline.alerts.evaluate = ({ nowMs }) => {
      if (nowMs < dueAt) return changes('early');
      pipeline.alerts.nextDueAt = null;
      return changes('due');
    };
    pipeline.alerts.nextDueAt = dueAt;
    await pipeline.append(pipeline.event('kitchen'));
    await pipeline.drained();
    await pipeline.until(() => pipeline.store.batches.some(({ alerts }) => alerts.states[0]?.rule === 'due'));
    expect(pipeline.clock.nowMs() - dueAt).toBeLessThanOrEqual(20);
    const last = pipeline.alerts.inputs.at(-1);
    expect(last?.drainedThroughMs).toBe(last?.nowMs);
  });

  it('does not take a backlog for silence', async () => {
    const pipeline = new EventPipeline({ maxBatchEvents: 10, counts: { critical: 1, bulk: 1 } });
    pipelines.push(pipeline);
    const first = pipeline.clock.nowMs();
    await pipeline.append(...manyEvents(pipeline, 1));
    await pipeline.pass(60_000);
    await pipeline.append(...manyEvents(pipeline, 1));
    await pipeline.workers.start();
    await pipeline.drained();
    expect(pipeline.alerts.inputs[0]).toMatchObject({ nowMs: first + 60_000, drainedThroughMs: first });
  });

  it('does not ask in a loop about a timer that stays due', async () => {
    const pipeline = await started({ counts: { critical: 1, bulk: 1 } });
    await pipeline.pass(100);
    pipeline.alerts.nextDueAt = pipeline.clock.nowMs();
    await pipeline.append(pipeline.event('kitchen'));
    await pipeline.drained();
    const before = pipeline.alerts.inputs.length;
    await pipeline.pass(10_000);
    expect(pipeline.alerts.inputs.length - before).toBeLessThan(30);
  });
});

describe('the stop of the workers', () => {
  it('finishes the batch on its way and leaves the rest in the stream', async () => {
    const pipeline = await started({ maxBatchEvents: 10, counts: { critical: 1, bulk: 1 }, workers: 1 });
    let release: () => void = () => undefined;
    pipeline.store.before = (operation) =>
      operation === 'commit' ? new Promise<void>((resolve) => (release = resolve)) : undefined;
    const events = manyEvents(pipeline, 10);
    await pipeline.append(...events);
    await pipeline.pass(50);
    const stopping = pipeline.stop();
    await pipeline.pass(50);
    release();
    await stopping;
    expect(pipeline.store.stored).toHaveLength(10);
    expect(pipeline.live).toHaveLength(10);
    const next = new EventPipeline({
      store: pipeline.store,
      stream: pipeline.stream,
      clock: pipeline.clock,
      counts: pipeline.counts,
    });
    pipelines.push(next);
    pipeline.store.before = () => undefined;
    await next.workers.start();
    await next.drained();
    expectEachOnceInOrder(next, events);
  });

  it('does not wait for ever for a worker that hangs', async () => {
    const pipeline = await started();
    pipeline.store.before = (operation) =>
      operation === 'commit' ? new Promise(() => undefined) : undefined;
    await pipeline.append(pipeline.event('kitchen'));
    await pipeline.pass(50);
    const before = pipeline.clock.monotonicMs();
    await pipeline.stop();
    expect(pipeline.clock.monotonicMs() - before).toBeLessThan(5_200);
  });
});
