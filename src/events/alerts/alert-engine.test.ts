import { beforeEach, describe, expect, it } from 'vitest';
import { AlertShard } from '../../../test/support/alert-shard.ts';
import { AlertError } from '../../errors.ts';
import { asAlertId } from '../../protocol/ids.ts';

const minuteMs = 60_000;
const smoke = (value: boolean, sensor = 'hall') => ({ sensor, type: 'smoke', value });
const rules = `
alerts:
  - name: smoke
    when: {type: smoke, equals: true}
    severity: critical
    notify: [phone, siren]
    repeat: 1m
    escalate: [{after: 3m, notify: [neighbour]}, {after: 5m, notify: [owner]}]
  - name: warm
    when: {type: temperature, above: 30}
    for: 5m
`;

describe('AlertEngine', () => {
  let shard: AlertShard;
  beforeEach(async () => {
    shard = await new AlertShard(rules, ['phone', 'siren', 'neighbour', 'owner']).open();
  });

  describe('an alert', () => {
    it('fires, tells its channels and shows when what made it fire passed each stage', () => {
      shard.receive(smoke(true));
      const nowMs = shard.clock.nowMs();
      expect(shard.only).toMatchObject({
        rule: 'smoke',
        severity: 'critical',
        state: 'firing',
        subjectKind: 'sensor',
        subject: 'hall',
        summary: 'hall: smoke is true',
        value: true,
        drill: false,
        stages: { receivedAt: nowMs, durableAt: nowMs, firedAt: nowMs, acknowledgedAt: null },
      });
      expect(shard.told).toEqual(['fired phone', 'fired siren']);
      expect(shard.notifications[0]).toMatchObject({
        alertId: shard.only.id,
        idempotencyKey: `${shard.only.id}:fired:0:phone`,
        severity: 'critical',
        message: { state: 'firing', transition: 'fired', subject: 'hall' },
      });
    });

    it('is one however often its condition is seen', () => {
      shard.receive(smoke(true), smoke(true));
      shard.receive(smoke(true));
      expect(shard.all).toHaveLength(1);
      expect(shard.told).toHaveLength(2);
    });

    it('ends when its condition does, and the next time is another one', () => {
      shard.receive(smoke(true));
      shard.receive(smoke(false));
      expect(shard.only).toMatchObject({ state: 'resolved', resolvedAt: shard.clock.nowMs() });
      expect(shard.told.slice(2)).toEqual(['resolved phone', 'resolved siren']);
      expect(shard.states.size).toBe(0);
      expect(shard.alerts.nextDueAt).toBeNull();
      shard.receive(smoke(true));
      expect(shard.all.map(({ state }) => state)).toEqual(['resolved', 'firing']);
    });

    it('keeps what came and went within one batch', () => {
      shard.receive(smoke(true), smoke(false), smoke(true));
      expect(shard.all.map(({ state }) => state)).toEqual(['resolved', 'firing']);
      expect(shard.told.map((told) => told.split(' ')[0])).toEqual(
        ['fired', 'resolved', 'fired'].flatMap((transition) => [transition, transition]),
      );
    });

    it('is repeated and escalates until somebody acknowledges it', async () => {
      shard.receive(smoke(true));
      await shard.pass(5 * minuteMs);
      expect(shard.told.slice(2)).toEqual([
        ...['repeated phone', 'repeated siren', 'repeated phone', 'repeated siren'],
        ...['repeated phone', 'repeated siren', 'escalated neighbour'],
        ...['repeated phone', 'repeated siren', 'repeated phone', 'repeated siren', 'escalated owner'],
      ]);
      shard.acknowledge(shard.only);
      const told = shard.told.length;
      await shard.pass(60 * minuteMs);
      expect(shard.told).toHaveLength(told);
      expect(shard.only).toMatchObject({ state: 'acknowledged', acknowledgedBy: 'Ada' });
      expect(shard.only.steps.at(-1)).toMatchObject({ kind: 'acknowledged', by: 'Ada' });
      shard.receive(smoke(false));
      // Whoever was told that it fires is told that it is over.
      expect(shard.told.slice(told)).toEqual([
        'resolved phone',
        'resolved siren',
        'resolved neighbour',
        'resolved owner',
      ]);
    });

    it('uses every idempotency key once', async () => {
      shard.receive(smoke(true));
      await shard.pass(30 * minuteMs);
      shard.receive(smoke(false));
      const keys = shard.notifications.map(({ idempotencyKey }) => idempotencyKey);
      expect(new Set(keys).size).toBe(keys.length);
    });

    it('keeps the number of its steps within bounds', async () => {
      shard.receive(smoke(true));
      await shard.pass(200 * minuteMs);
      expect(shard.only.steps.length).toBeLessThan(60);
      expect(shard.only.steps[0]?.kind).toBe('fired');
    });

    it('tells every channel where its rule names none', async () => {
      shard.receive({ sensor: 'a', type: 'temperature', value: 31 });
      await shard.pass(5 * minuteMs);
      expect(shard.told).toEqual(['fired phone', 'fired siren', 'fired neighbour', 'fired owner']);
    });

    it('is acknowledged once, and not once it is over', () => {
      shard.receive(smoke(true));
      const alert = shard.only;
      shard.acknowledge(alert, 'Ada');
      shard.acknowledge(alert, 'Grace');
      expect(shard.only.acknowledgedBy).toBe('Ada');
      shard.receive(smoke(false));
      expect(() => shard.acknowledge(alert)).toThrow(AlertError);
      expect(() => shard.acknowledge({ ...alert, id: asAlertId('none') })).toThrow(AlertError);
    });
  });

  describe('for', () => {
    const warm = (value: number) => ({ sensor: 'a', type: 'temperature', value });

    it('fires only what holds all the time', async () => {
      shard.receive(warm(31));
      await shard.pass(3 * minuteMs);
      shard.receive(warm(29));
      shard.receive(warm(31));
      await shard.pass(5 * minuteMs - 1);
      expect(shard.all.map(({ state }) => state)).toEqual(['resolved', 'pending']);
      await shard.pass(1);
      expect(shard.all.map(({ state }) => state)).toEqual(['resolved', 'firing']);
    });

    it('is counted across a restart', async () => {
      shard.receive(warm(31));
      await shard.pass(3 * minuteMs);
      await shard.open();
      await shard.pass(2 * minuteMs - 1);
      expect(shard.only.state).toBe('pending');
      await shard.pass(1);
      expect(shard.only.state).toBe('firing');
    });

    it('fires late where the hub was not running', async () => {
      shard.receive(warm(31));
      await shard.clock.advance(60 * minuteMs);
      await shard.open();
      shard.run();
      expect(shard.only.state).toBe('firing');
    });

    it('waits for the backlog, which may hold its end', async () => {
      shard.receive(warm(31));
      const receivedAt = shard.clock.nowMs() + 2 * minuteMs;
      shard.drainedThroughMs = receivedAt;
      await shard.pass(10 * minuteMs);
      expect(shard.only.state).toBe('pending');
      shard.drainedThroughMs = null;
      shard.receive({ ...warm(29), receivedAt });
      expect(shard.stepKinds).toEqual(['pending', 'cancelled']);
    });

    it('does not hold back, behind a backlog, what needs not wait for it', async () => {
      shard.drainedThroughMs = shard.clock.nowMs();
      for (let sensor = 0; sensor < 1_000; sensor += 1)
        shard.receive({ sensor: `a-${sensor}`, type: 'temperature', value: 31 });
      await shard.pass(5 * minuteMs);
      for (let sensor = 0; sensor < 100; sensor += 1) shard.receive(smoke(true, `hall-${sensor}`));
      await shard.pass(minuteMs + 5_000);
      expect(shard.told.filter((told) => told === 'repeated phone')).toHaveLength(100);
      expect(shard.all.filter(({ state }) => state === 'pending')).toHaveLength(1_000);
    });

    it('fires from the backlog what had fired without it', () => {
      const startMs = shard.clock.nowMs();
      shard.receive(
        { ...warm(31), receivedAt: startMs - 10 * minuteMs },
        { ...warm(29), receivedAt: startMs - 4 * minuteMs },
      );
      expect(shard.stepKinds).toEqual(['pending', 'fired', 'resolved']);
    });
  });

  it('goes on with repetitions, escalation and acknowledgement after a restart', async () => {
    shard.receive(smoke(true));
    await shard.pass(2 * minuteMs);
    await shard.open();
    const before = shard.told.length;
    await shard.pass(minuteMs);
    expect(shard.told.slice(before)).toEqual(['repeated phone', 'repeated siren', 'escalated neighbour']);
    shard.acknowledge(shard.only);
    await shard.open();
    const acknowledged = shard.told.length;
    await shard.pass(60 * minuteMs);
    expect(shard.told).toHaveLength(acknowledged);
    shard.receive(smoke(false));
    expect(shard.only.state).toBe('resolved');
  });

  it('goes on with an alert whose state is lost or of another version', async () => {
    shard.receive(smoke(true));
    for (const [key, row] of shard.states) shard.states.set(key, { ...row, state: '{"version":0}' });
    await shard.open();
    await shard.pass(minuteMs);
    expect(shard.told.slice(2, 4)).toEqual(['repeated phone', 'repeated siren']);
    shard.receive(smoke(false));
    expect(shard.only.state).toBe('resolved');
  });

  describe('a snooze', () => {
    const snooze = (forMs: number): void => {
      const untilMs = shard.clock.nowMs() + forMs;
      shard.command({ kind: 'snooze', alertId: shard.only.id, by: 'Ada', untilMs });
    };

    it('holds everything back until it is over, and then tells what was due', async () => {
      shard.receive(smoke(true));
      snooze(10 * minuteMs);
      const before = shard.told.length;
      await shard.pass(10 * minuteMs - 1);
      expect(shard.told).toHaveLength(before);
      expect(shard.only.snoozedUntilAt).toBe(shard.clock.nowMs() + 1);
      await shard.pass(1);
      expect(shard.told.slice(before)).toEqual([
        'repeated phone',
        'repeated siren',
        'escalated neighbour',
        'escalated owner',
      ]);
      expect(shard.only.snoozedUntilAt).toBeNull();
    });

    it('reminds of what somebody has acknowledged and not ended', async () => {
      shard.receive(smoke(true));
      shard.acknowledge(shard.only);
      snooze(minuteMs);
      await shard.pass(10 * minuteMs);
      expect(shard.told.slice(2)).toEqual(['repeated phone', 'repeated siren']);
      expect(shard.only.state).toBe('acknowledged');
    });

    it('survives a restart', async () => {
      shard.receive(smoke(true));
      snooze(10 * minuteMs);
      await shard.open();
      await shard.pass(9 * minuteMs);
      expect(shard.told).toHaveLength(2);
      await shard.pass(minuteMs);
      expect(shard.told.length).toBeGreaterThan(2);
    });
  });

  describe('a silence', () => {
    it('keeps an alert quiet, and lets it be heard when it ends', async () => {
      await shard.silence({ rule: 'sm*', subject: 'hall', forMs: 10 * minuteMs });
      shard.receive(smoke(true));
      expect(shard.only).toMatchObject({ state: 'firing', silenced: true });
      expect(shard.only.steps.at(-1)).toMatchObject({
        kind: 'silenced',
        by: 'Ada',
        note: 'works on the roof',
      });
      await shard.pass(10 * minuteMs - 1);
      expect(shard.told).toEqual([]);
      await shard.pass(1);
      expect(shard.told.slice(0, 2)).toEqual(['unsilenced phone', 'unsilenced siren']);
      expect(shard.told).toContain('escalated neighbour');
      expect(shard.only.silenced).toBe(false);
    });

    it('tells nobody of what began and ended within it', async () => {
      await shard.silence({ forMs: 10 * minuteMs });
      shard.receive(smoke(true));
      shard.receive(smoke(false));
      await shard.pass(20 * minuteMs);
      expect(shard.told).toEqual([]);
      expect(shard.only.state).toBe('resolved');
    });

    it('takes hold of an alert that fires already, and lets go where somebody ends it', async () => {
      shard.receive(smoke(true));
      const { id } = await shard.silence({ forMs: 60 * minuteMs });
      await shard.pass(10 * minuteMs);
      expect(shard.told).toHaveLength(2);
      expect(shard.only.silenced).toBe(true);
      await shard.silences.end(id);
      shard.run();
      expect(shard.told.slice(2, 4)).toEqual(['unsilenced phone', 'unsilenced siren']);
    });

    it('begins when its maintenance window does', async () => {
      shard.receive(smoke(true));
      await shard.silence({ startsAt: shard.clock.nowMs() + 2.5 * minuteMs, forMs: 60 * minuteMs });
      await shard.pass(10 * minuteMs);
      expect(shard.told.slice(2)).toEqual([
        'repeated phone',
        'repeated siren',
        'repeated phone',
        'repeated siren',
      ]);
      expect(shard.only.silenced).toBe(true);
    });

    it('is for the rules and subjects that it names', async () => {
      await shard.silence({ rule: 'warm', forMs: minuteMs });
      await shard.silence({ subject: 'cellar', forMs: minuteMs });
      shard.receive(smoke(true));
      expect(shard.only.silenced).toBe(false);
    });

    it('is in force after a restart', async () => {
      await shard.silence({ forMs: 10 * minuteMs });
      shard.receive(smoke(true));
      await shard.open();
      await shard.pass(9 * minuteMs);
      expect(shard.told).toEqual([]);
      await shard.pass(minuteMs);
      expect(shard.told.slice(0, 2)).toEqual(['unsilenced phone', 'unsilenced siren']);
    });
  });

  describe('rules that change', () => {
    it('end the alerts of a rule that has gone', () => {
      shard.receive(smoke(true));
      shard.useRules('alerts: [{name: other, when: {type: smoke, equals: true}}]');
      expect(shard.only).toMatchObject({ rule: 'smoke', state: 'resolved' });
      expect(shard.only.steps.at(-1)?.note).toBe('its rule has gone or has changed');
      expect(shard.states.size).toBe(0);
      shard.receive(smoke(true));
      expect(shard.all.map(({ rule }) => rule)).toEqual(['smoke', 'other']);
    });

    it('end them also where they changed while the hub was not running', async () => {
      shard.receive(smoke(true));
      const { rows, states } = shard;
      shard = new AlertShard('alerts: []');
      for (const row of rows.values()) shard.rows.set(row.id, row);
      for (const [key, row] of states) shard.states.set(key, row);
      await shard.open();
      shard.run();
      expect(shard.only.state).toBe('resolved');
      expect(shard.states.size).toBe(0);
    });

    it('leave the alerts of a rule as they are that is only told otherwise', async () => {
      shard.receive(smoke(true));
      const { id } = shard.only;
      shard.useRules('alerts: [{name: smoke, when: {type: smoke, equals: true}, repeat: 10m}]', ['phone']);
      await shard.pass(11 * minuteMs);
      expect(shard.only).toMatchObject({ id, state: 'firing' });
    });
  });

  describe('a clock that is set', () => {
    it('neither shortens nor lengthens what is measured from an instant', async () => {
      for (const jumpMs of [86_400_000, -86_400_000]) {
        shard = await new AlertShard(rules).open();
        shard.receive({ sensor: 'a', type: 'temperature', value: 31 });
        await shard.pass(4 * minuteMs);
        shard.clock.jumpWall(jumpMs);
        shard.commit(shard.evaluate());
        await shard.pass(minuteMs - 1);
        expect(shard.only.state).toBe('pending');
        await shard.pass(1);
        expect(shard.only.state).toBe('firing');
      }
    });

    it('repeats nothing twice when it is set back and forth', async () => {
      shard.receive(smoke(true));
      for (let round = 0; round < 10; round += 1) {
        shard.clock.jumpWall(round % 2 === 0 ? -3_600_000 : 3_600_000);
        shard.commit(shard.evaluate());
        shard.run();
      }
      expect(shard.told).toHaveLength(2);
      await shard.pass(minuteMs);
      expect(shard.told).toHaveLength(4);
    });
  });

  it('changes nothing by an evaluation that is not committed', async () => {
    const event = shard.event(smoke(true));
    shard.evaluate([event]);
    shard.evaluate([event]);
    expect(shard.alerts.nextDueAt).toBeNull();
    shard.take([event]);
    expect(shard.all).toHaveLength(1);
    await shard.clock.advance(minuteMs);
    const dueAt = shard.alerts.nextDueAt;
    const first = shard.evaluate();
    expect(shard.evaluate().notifications).toHaveLength(first.notifications.length);
    expect(shard.alerts.nextDueAt).toBe(dueAt);
  });

  it('notices again what an evaluation that was not committed had noticed', async () => {
    const other = () => shard.event({ sensor: 'b', type: 'smoke', value: true });
    shard.receive({ sensor: 'a', type: 'temperature', value: 31 });
    shard.receive(smoke(true));
    await shard.pass(minuteMs);
    shard.clock.jumpWall(86_400_000);
    shard.evaluate([other()]);
    await shard.pass(4 * minuteMs - 1);
    expect(shard.all[0]?.state).toBe('pending');
    await shard.pass(1);
    expect(shard.all[0]?.state).toBe('firing');

    const { id } = await shard.silence({ forMs: 60 * minuteMs });
    shard.evaluate([other()]);
    shard.run();
    expect(shard.all.map(({ silenced }) => silenced)).toEqual([true, true]);
    await shard.silences.end(id);

    shard.replaceRules('alerts: []');
    shard.evaluate([other()]);
    shard.run();
    expect(shard.all.map(({ state }) => state)).toEqual(['resolved', 'resolved']);
  });
});
