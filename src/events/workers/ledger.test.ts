import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventPipeline } from '../../../test/support/event-pipeline.ts';
import { sensorView } from '../../../test/support/event-samples.ts';
import type { SensorView } from '../store/event-store.ts';
import { Ledger } from './ledger.ts';

describe('Ledger', () => {
  let pipeline: EventPipeline;
  let ledger: Ledger;
  let sensors: SensorView[];

  beforeEach(() => {
    pipeline = new EventPipeline();
    sensors = [];
    ledger = new Ledger({
      stream: pipeline.stream,
      store: pipeline.store,
      latestValues: { list: () => ({ items: sensors, nextCursor: null }) },
      facts: pipeline.facts,
    });
  });

  afterEach(async () => {
    ledger.close();
    await pipeline.stop();
  });

  const bulk = async () => (await ledger.view()).lanes.find(({ lane }) => lane === 'bulk');

  it('balances while events wait, and when all are stored', async () => {
    await pipeline.append(
      pipeline.event('a'),
      pipeline.event('b', { dedupKey: 'k' }),
      pipeline.event('b', { dedupKey: 'k' }),
    );
    expect(await bulk()).toEqual({
      lane: 'bulk',
      received: 3,
      stored: 0,
      duplicate: 0,
      dead: 0,
      inStream: 3,
      balanced: true,
    });
    await pipeline.workers.start();
    await pipeline.drained();
    expect(await bulk()).toMatchObject({ received: 3, stored: 2, duplicate: 1, inStream: 0, balanced: true });
  });

  it('does not balance where an event has gone missing between the stream and the store', async () => {
    await pipeline.append(pipeline.event('a'), pipeline.event('a'));
    const { shard } = pipeline.stream.depths().find(({ entries }) => entries > 0) ?? {};
    const records = await pipeline.stream.read(shard ?? ('' as never), null, {
      maxEntries: 9,
      maxBytes: 9_999,
    });
    pipeline.stream.commit(shard ?? ('' as never), records[1]?.position ?? ('' as never));
    expect(await bulk()).toMatchObject({ received: 2, stored: 0, balanced: false });
  });

  it('does not balance where more is stored than was received', async () => {
    await pipeline.append(pipeline.event('a'));
    await pipeline.workers.start();
    await pipeline.drained();
    pipeline.store.ledger = () => Promise.resolve([{ lane: 'bulk', stored: 2, duplicate: 0, dead: 0 }]);
    expect(await bulk()).toMatchObject({ balanced: false });
  });

  it('shows what was shed on purpose, and the sensors whose numbers have gaps, the most first', async () => {
    pipeline.facts.emit('events:dropped', { reason: 'qos0_not_durable', events: 3, topic: null });
    pipeline.facts.emit('events:dropped', { reason: 'qos0_not_durable', events: 2, topic: null });
    sensors = [
      sensorView({ id: 'a', missedSeqs: 1 }),
      sensorView({ id: 'b' }),
      sensorView({ id: 'c', missedSeqs: 7 }),
    ];
    expect(await ledger.view()).toMatchObject({
      dropped: [{ reason: 'qos0_not_durable', events: 5 }],
      gaps: [
        { sensorId: 'c', missed: 7 },
        { sensorId: 'a', missed: 1 },
      ],
    });
  });
});
