import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AlertShard, bookOf, viewOf } from '../../../test/support/alert-shard.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { AlertError, StreamError } from '../../errors.ts';
import type { Alert } from '../../protocol/alert.ts';
import type { SensorEvent } from '../../protocol/sensor-event.ts';
import type { NewStreamEntry } from '../stream/durable-stream.ts';
import { drillEvent } from './drill-event.ts';
import { Drills } from './drills.ts';

const minuteMs = 60_000;
const rules = `
alerts:
  - {name: smoke, when: {type: smoke, equals: true}, severity: critical, repeat: 1m, escalate: [{after: 2m, notify: [neighbour]}]}
  - {name: hot, when: {sensor: "oven-*", type: temperature, above: 90}, severity: critical, for: 5m}
  - {name: offline, when: {border_router: "*", offline: 1m}, severity: critical}
  - {name: jump, when: {type: t, changes_by: {by: 1, within: 1m}}}
  - {name: at night, when: {type: motion, equals: true, during: "22:00-06:00", timezone: UTC}}
`;

describe('a drill in the engine', () => {
  let shard: AlertShard;
  beforeEach(async () => {
    shard = await new AlertShard(rules).open();
  });
  const drill = (name: string, eventId = 'drill-1'): SensorEvent => {
    const rule = bookOf(rules).get(name);
    if (rule === null) throw new Error(`no rule ${name}`);
    return drillEvent({ rule, eventId, nowMs: shard.clock.nowMs() });
  };

  it.each(['smoke', 'hot', 'offline', 'jump', 'at night'])('fires the rule %s at once, marked', (name) => {
    shard.take([drill(name)]);
    expect(shard.only).toMatchObject({ id: 'drill-1', rule: name, state: 'firing', drill: true });
    expect(shard.only.summary).toMatch(/^Drill, no real alarm: /);
    expect(shard.notifications[0]?.message.drill).toBe(true);
  });

  it('fires no other rule', async () => {
    shard.useRules(
      'alerts: [{name: smoke, when: {type: smoke, equals: true}}, {name: any smoke, when: {type: smoke, equals: true}}, {name: silent, when: {sensor: "*", silent: 1m}}]',
    );
    shard.take([drill('smoke')]);
    await shard.pass(3 * minuteMs);
    expect(shard.only.rule).toBe('smoke');
  });

  it('ends by itself, without repetition or escalation', async () => {
    shard.take([drill('smoke')]);
    await shard.pass(10 * minuteMs);
    expect(shard.only.state).toBe('resolved');
    expect(shard.told).toEqual(['fired phone', 'resolved phone']);
    expect(shard.states.size).toBe(0);
  });

  it('is acknowledged as a real one is, and ends all the same', async () => {
    shard.take([drill('smoke')]);
    shard.acknowledge(shard.only);
    expect(shard.only).toMatchObject({ state: 'acknowledged', acknowledgedBy: 'Ada' });
    await shard.pass(10 * minuteMs);
    expect(shard.only.state).toBe('resolved');
  });

  it('leaves a real alarm alone, and is left alone by it', () => {
    shard.receive({ sensor: 'drill', type: 'smoke', value: true });
    shard.take([drill('smoke')]);
    shard.receive({ sensor: 'drill', type: 'smoke', value: false });
    expect(shard.all.map(({ drill: isDrill, state }) => [isDrill, state])).toEqual([
      [false, 'resolved'],
      [true, 'firing'],
    ]);
  });

  it('fires once though its event comes twice', () => {
    shard.take([drill('smoke')]);
    shard.take([drill('smoke')]);
    expect(shard.told).toEqual(['fired phone']);
  });

  it('ends after a restart', async () => {
    shard.take([drill('smoke')]);
    await shard.open();
    await shard.pass(5 * minuteMs);
    expect(shard.only.state).toBe('resolved');
  });
});

describe('Drills', () => {
  const clock = { current: new FakeClock() };
  let settings: Map<string, string>;
  let appended: NewStreamEntry[];
  let alerts: Map<string, Alert>;
  let failure: Error | null;
  let drills: Drills;
  const errors: unknown[] = [];

  const create = (intervalMs: number): Drills => {
    let ids = 0;
    return new Drills({
      store: {
        alert: (id) => Promise.resolve(alerts.get(id) ?? null),
        readSetting: (name) => Promise.resolve(settings.get(name) ?? null),
        writeSetting: (name, value) => Promise.resolve(void settings.set(name, value)),
      },
      stream: {
        append: (entries) => {
          if (failure !== null) return Promise.reject(failure);
          appended.push(...entries);
          return Promise.resolve();
        },
      },
      counts: { critical: 4, bulk: 8 },
      book: () => bookOf(rules),
      clock: clock.current,
      newId: () => `${clock.current.monotonicMs()}-${(ids += 1)}`,
      intervalMs,
      onError: (error) => void errors.push(error),
    });
  };

  beforeEach(async () => {
    clock.current = new FakeClock();
    settings = new Map();
    appended = [];
    alerts = new Map();
    failure = null;
    errors.length = 0;
    drills = create(0);
    await drills.start();
  });

  afterEach(() => drills.close());

  it('puts a marked event of each critical rule into the critical lane', async () => {
    const { rules: drilled } = await drills.run(null);
    expect(drilled).toEqual(['smoke', 'hot', 'offline']);
    expect(appended).toHaveLength(3);
    for (const { entry, shard } of appended) {
      expect(shard).toMatch(/^critical-/);
      expect(entry).toMatchObject({
        kind: 'event',
        event: { flags: ['drill'], lane: 'critical', protocol: 'internal' },
      });
    }
  });

  it('drills one rule, critical or not, and no rule that there is not', async () => {
    expect((await drills.run('jump')).rules).toEqual(['jump']);
    await expect(drills.run('none')).rejects.toThrow(AlertError);
  });

  it('says so where the stream does not take it', async () => {
    failure = new StreamError('stream_full', 'it is full');
    await expect(drills.run(null)).rejects.toThrow(StreamError);
  });

  it('reports its alerts with the time of each stage once they are there, also after a restart', async () => {
    const { drillId } = await drills.run('smoke');
    expect(await drills.report(drillId)).toEqual([]);
    const shard = await new AlertShard(rules).open();
    const entry = appended[0]?.entry;
    if (entry?.kind !== 'event') throw new Error('no event');
    shard.take([entry.event]);
    const delivered = { ...shard.only.stages, storedAt: 3, sentAt: 5, deliveredAt: 7 };
    alerts.set(shard.only.id, viewOf(shard.only, { stages: delivered }));
    await drills.close();
    drills = create(0);
    await drills.start();
    const [alert] = await drills.report(drillId);
    expect(alert).toMatchObject({
      rule: 'smoke',
      drill: true,
      stages: { storedAt: 3, sentAt: 5, deliveredAt: 7 },
    });
    await expect(drills.report('other')).rejects.toThrow(AlertError);
  });

  it('runs one so often, counted across restarts', async () => {
    await drills.close();
    drills = create(7 * 86_400_000);
    await drills.start();
    await clock.current.advance(7 * 86_400_000 - 1);
    expect(appended).toEqual([]);
    await clock.current.advance(1);
    expect(appended).toHaveLength(3);
    await clock.current.advance(6 * 86_400_000);
    await drills.close();
    drills = create(7 * 86_400_000);
    await drills.start();
    await clock.current.advance(86_400_000 - 1);
    expect(appended).toHaveLength(3);
    await clock.current.advance(2);
    expect(appended).toHaveLength(6);
  });

  it('tries a scheduled one again while the stream is away', async () => {
    await drills.close();
    drills = create(3_600_000);
    await drills.start();
    failure = new StreamError('stream_unavailable', 'the disk is gone');
    await clock.current.advance(3_600_000);
    expect(errors).toHaveLength(1);
    failure = null;
    await clock.current.advance(minuteMs);
    expect(appended).toHaveLength(3);
  });

  it('remembers no more than it shows', async () => {
    for (let count = 0; count < 70; count += 1) await drills.run('jump');
    expect((JSON.parse(settings.get('drills') ?? '[]') as unknown[]).length).toBeLessThanOrEqual(50);
  });
});
