import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { defaultConfig } from '../../config.ts';
import { StreamError } from '../../errors.ts';
import { FactBus, type Facts } from '../../facts.ts';
import type { DurableStream, NewStreamEntry } from '../stream/durable-stream.ts';
import { laneOfShard, shardOf } from '../stream/durable-stream.ts';
import type { DecodedEvent, Publish } from './event-intake.ts';
import { PublishDecoders } from './publish-decoders.ts';
import { StreamIntake } from './stream-intake.ts';

/** Holds appends until they are let go. */
class FakeStream implements Pick<DurableStream, 'append'> {
  readonly appends: (readonly NewStreamEntry[])[] = [];
  readonly #held: ReturnType<typeof Promise.withResolvers<undefined>>[] = [];
  holds = false;
  failure: Error | null = null;

  append(entries: readonly NewStreamEntry[]): Promise<void> {
    this.appends.push(entries);
    if (this.failure !== null) return Promise.reject(this.failure);
    if (!this.holds) return Promise.resolve();
    const held = Promise.withResolvers<undefined>();
    this.#held.push(held);
    return held.promise;
  }

  letGo(): void {
    this.#held.shift()?.resolve(undefined);
  }

  get entries(): readonly NewStreamEntry[] {
    return this.appends.flat();
  }
}

const shards = { critical: 4, bulk: 8 };
const events = defaultConfig().events;
const full = new StreamError('stream_full', 'the stream is full');

let clock: FakeClock;
let stream: FakeStream;
let intake: StreamIntake;
let told: { readonly name: keyof Facts; readonly fact: unknown }[];

beforeEach(() => {
  clock = new FakeClock();
  stream = new FakeStream();
  told = [];
  const facts = new FactBus({
    onListenerError: (_name, error) => {
      throw error;
    },
  });
  for (const name of ['events:received', 'events:durable', 'events:dropped'] as const)
    facts.on(name, (fact) => void told.push({ name, fact }));
  let made = 0;
  intake = new StreamIntake({
    stream,
    decoders: new PublishDecoders({ rules: events.decoders }),
    shards,
    facts,
    clock,
    acceptance: {
      criticalTypes: new Set(events.critical_types),
      maxClockSkewMs: events.max_clock_skew,
      maxAgeMs: events.max_age,
      newId: () => `made-${(made += 1)}`,
    },
  });
});

const publish = (topic: string, payload: string, fields: Partial<Publish> = {}): Promise<void> =>
  intake.takePublish({
    topic,
    payload: Buffer.from(payload),
    qos: 1,
    retain: false,
    deliveryKey: null,
    receivedAt: clock.nowMs(),
    ...fields,
  });
const decoded = (fields: Partial<DecodedEvent> = {}): DecodedEvent => ({
  sensorId: 'kitchen',
  readings: [{ type: 'temperature', value: 1, unit: null }],
  ts: null,
  seq: null,
  bootId: null,
  eventId: null,
  critical: false,
  ...fields,
});
const take = (...taken: DecodedEvent[]) =>
  intake.take(taken, { protocol: 'http', receivedAt: clock.nowMs() });
const factsOf = (name: keyof Facts) => told.filter((one) => one.name === name).map(({ fact }) => fact);
/** Whether a promise has settled once the turns that are under way have run. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe('StreamIntake', () => {
  it('appends what arrives in one turn together, in order, each in the shard of its sensor', async () => {
    const promises = [
      publish('sensors/a/temperature', '1'),
      publish('sensors/b/smoke', 'true'),
      take(decoded({ sensorId: 'a', seq: 2 }), decoded({ sensorId: 'c' })),
      publish('sensors/a/temperature', '3'),
    ];
    await Promise.all(promises);
    expect(stream.appends).toHaveLength(1);
    expect(
      stream.entries.map(({ entry, shard }) => [
        shard,
        entry.kind === 'event' && `${entry.event.sensorId} ${entry.event.readings[0]?.value}`,
      ]),
    ).toEqual([
      [shardOf('bulk', 'a', shards), 'a 1'],
      [shardOf('critical', 'b', shards), 'b true'],
      [shardOf('bulk', 'a', shards), 'a 1'],
      [shardOf('bulk', 'c', shards), 'c 1'],
      [shardOf('bulk', 'a', shards), 'a 3'],
    ]);
  });

  it('keeps the order of each sensor over many turns', async () => {
    const promises: Promise<unknown>[] = [];
    for (let seq = 0; seq < 300; seq += 1) {
      promises.push(publish(`sensors/s${seq % 7}/t`, JSON.stringify({ value: seq, seq })));
      if (seq % 3 === 0) promises.push(take(decoded({ sensorId: `s${seq % 7}`, seq })));
      if (seq % 11 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(promises);
    expect(stream.appends.length).toBeGreaterThan(10);
    const last = new Map<string, number>();
    for (const { entry } of stream.entries) {
      if (entry.kind !== 'event') throw new Error(`a ${entry.kind} was appended`);
      const { seq, sensorId } = entry.event;
      expect(seq).toBeGreaterThanOrEqual(last.get(sensorId) ?? 0);
      last.set(sensorId, seq ?? -1);
    }
    expect(stream.entries).toHaveLength(400);
  });

  it('resolves nothing before it is durable', async () => {
    stream.holds = true;
    const published = publish('sensors/a/t', '1');
    const unkept = publish('sensors/a/t', '1', { qos: 0 });
    const taken = take(decoded());
    expect(await Promise.all([published, unkept, taken].map(isSettled))).toEqual([false, false, false]);
    stream.letGo();
    await Promise.all([published, unkept]);
    expect(await taken).toEqual([{ eventId: 'made-3', sensorId: 'kitchen' }]);
  });

  it('acknowledges nothing that the stream refuses, and takes the next', async () => {
    stream.failure = full;
    await expect(Promise.all([publish('sensors/a/t', '1')])).rejects.toBe(full);
    await expect(take(decoded())).rejects.toBe(full);
    stream.failure = new Error('a bug');
    await expect(publish('sensors/a/t', '1')).rejects.toMatchObject({ code: 'stream_unavailable' });
    stream.failure = null;
    await publish('sensors/a/t', '2');
    expect(factsOf('events:durable')).toHaveLength(1);
  });

  it('drops and counts QoS 0 where the stream refuses, and throws nothing at it', async () => {
    stream.failure = full;
    const kept = publish('sensors/a/t', '1');
    await Promise.all([
      publish('sensors/a/t', '1', { qos: 0 }),
      publish('sensors/b/t', '1', { qos: 0 }),
      expect(kept).rejects.toBe(full),
    ]);
    expect(factsOf('events:dropped')).toEqual([{ reason: 'qos0_not_durable', events: 2, topic: null }]);
  });

  it('tells what arrived and what became durable once a turn', async () => {
    const receivedAt = clock.nowMs();
    stream.holds = true;
    const all = Promise.all([
      publish('sensors/a/t', '1'),
      publish('sensors/a/t', '2'),
      publish('sensors/a/t', '3', { qos: 0 }),
      publish('sensors/a/smoke', 'true', { qos: 2 }),
      publish('sensors/a/t', 'nonsense'),
      intake.take([decoded()], { protocol: 'http', receivedAt: receivedAt - 5 }),
    ]);
    expect(await isSettled(all)).toBe(false);
    await clock.advance(7);
    stream.letGo();
    await all;
    expect(factsOf('events:received')).toEqual([
      { lane: 'critical', protocol: 'mqtt', qos: 2, events: 1 },
      { lane: 'bulk', protocol: 'mqtt', qos: 0, events: 1 },
      { lane: 'bulk', protocol: 'mqtt', qos: 1, events: 3 },
      { lane: 'bulk', protocol: 'http', qos: null, events: 1 },
    ]);
    expect(factsOf('events:durable')).toEqual([
      { lane: 'critical', durationsMs: [7] },
      { lane: 'bulk', durationsMs: [7, 7, 7, 7, 12] },
    ]);
  });

  it('counts topics that nobody reads, and keeps nothing of them', async () => {
    await Promise.all([publish('cmnd/x/POWER', 'ON'), publish(`x/${'y'.repeat(60_000)}`, '1')]);
    await isSettled(Promise.resolve());
    expect(stream.appends).toEqual([]);
    expect(factsOf('events:dropped')).toEqual([
      { reason: 'unknown_topic', events: 2, topic: `x/${'y'.repeat(254)}` },
    ]);
    expect(factsOf('events:received')).toEqual([]);
  });

  it('makes what cannot be read, or is beyond a limit, a dead letter with its payload', async () => {
    await publish('sensors/a/t', '{"value":');
    await publish('sensors/a/t', '{"value":1,"seq":-1}');
    await publish('homeassistant/sensor/x/config', '{');
    await publish(`sensors/${'x'.repeat(129)}/t`, '1');
    expect(stream.entries.map(({ entry }) => entry)).toMatchObject([
      {
        kind: 'undecodable',
        undecodable: {
          sensorId: 'a',
          topic: 'sensors/a/t',
          payload: new Uint8Array(Buffer.from('{"value":')),
          reason: 'the payload is neither a number nor JSON',
          receivedAt: clock.nowMs(),
          protocol: 'mqtt',
        },
      },
      { undecodable: { sensorId: 'a', reason: expect.stringContaining('seq: -1') as string } },
      { undecodable: { sensorId: null, topic: 'homeassistant/sensor/x/config' } },
      { undecodable: { sensorId: null, reason: expect.stringContaining('sensor_id: ') as string } },
    ]);
    expect(stream.entries.map(({ shard }) => laneOfShard(shard))).toEqual(Array(4).fill('bulk'));
  });

  it('keeps 64 KiB of a payload, and a copy of its own', async () => {
    const payload = Buffer.alloc(100_000, 'x');
    await publish('sensors/a/t', '', { payload });
    payload.fill('y');
    const [entry] = stream.entries;
    if (entry?.entry.kind !== 'undecodable') throw new Error('it was decoded');
    expect(Buffer.from(entry.entry.undecodable.payload).toString()).toBe('x'.repeat(65_536));
  });

  it('gives every entry of a QoS 2 delivery its key, and none to others', async () => {
    const probes = '{"A":{"Temperature":1},"B":{"Temperature":2}}';
    await publish('tele/x/SENSOR', probes, { qos: 2, deliveryKey: 'client 7' });
    await publish('sensors/a/t', '1');
    expect(stream.entries.map(({ deliveryKey }) => deliveryKey)).toEqual(['client 7', 'client 7', undefined]);
  });

  it('appends descriptions beside events, and does not count them as such', async () => {
    const config = { stat_t: 'sensors/a/t', unit_of_meas: '°C', name: 'Attic' };
    await publish('homeassistant/sensor/x/config', JSON.stringify(config), { retain: true });
    expect(stream.entries).toEqual([
      {
        shard: shardOf('bulk', 'a', shards),
        entry: { kind: 'description', description: { sensorId: 'a', name: 'Attic', units: { t: '°C' } } },
      },
    ]);
    expect(factsOf('events:received')).toEqual([]);
  });

  it('appends nothing of several events of which one is wrong, and says which', async () => {
    await expect(take(decoded(), decoded({ seq: -1 }), decoded())).rejects.toMatchObject({
      code: 'event_invalid',
      message: `event 2 of 3, seq: -1 is no whole number from 0 to ${Number.MAX_SAFE_INTEGER}`,
    });
    await expect(take(decoded({ sensorId: '' }))).rejects.toMatchObject({
      message: expect.stringMatching(/^sensor_id: "" is none/) as string,
    });
    expect(await take()).toEqual([]);
    expect(stream.appends).toEqual([]);
  });
});
