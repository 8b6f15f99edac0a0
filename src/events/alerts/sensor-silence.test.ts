import { beforeEach, describe, expect, it } from 'vitest';
import { AlertShard } from '../../../test/support/alert-shard.ts';

const minuteMs = 60_000;
const rules = `
alerts:
  - name: boiler silent
    when: {sensor: "boiler*", silent: 10min}
  - name: silent
    when: {sensor: "meter*", silent: {times_usual: 3}}
`;
const beat = (sensor = 'boiler') => ({ sensor, type: 'temperature', value: 50 });

describe('a sensor that is silent', () => {
  let shard: AlertShard;
  beforeEach(async () => {
    shard = await new AlertShard(rules).open();
  });

  const keepSending = async (sensor: string, everyMs: number, times: number): Promise<void> => {
    for (let time = 0; time < times; time += 1) {
      shard.receive(beat(sensor));
      await shard.pass(everyMs);
    }
  };

  it('is told of after its time, and again when it is back', async () => {
    await keepSending('boiler', 9 * minuteMs, 5);
    expect(shard.all).toEqual([]);
    const lastAt = shard.clock.nowMs() - 9 * minuteMs;
    await shard.pass(minuteMs);
    expect(shard.only).toMatchObject({
      state: 'firing',
      subject: 'boiler',
      startedAt: lastAt,
      summary: 'boiler has sent nothing for 10 min',
    });
    shard.receive(beat());
    expect(shard.only.state).toBe('resolved');
    expect(shard.told).toEqual(['fired phone', 'resolved phone']);
    await shard.pass(10 * minuteMs);
    expect(shard.all).toHaveLength(2);
  });

  it('writes no row for sensors that send as they should', async () => {
    await keepSending('boiler', minuteMs, 20);
    expect(shard.states.size).toBe(0);
  });

  it('is measured by its own usual time where the rule says so', async () => {
    shard.receive(beat('meter-1'));
    await shard.pass(60 * minuteMs);
    // Nothing is usual yet.
    expect(shard.all).toEqual([]);
    await keepSending('meter-1', 4 * minuteMs, 3);
    shard.usualInterval('meter-1', 4 * minuteMs);
    await shard.pass(8 * minuteMs - 1);
    expect(shard.all).toEqual([]);
    await shard.pass(minuteMs);
    expect(shard.only).toMatchObject({ rule: 'silent', state: 'firing' });
    expect(shard.only.summary).toBe(
      'meter-1 has sent nothing for 12 min, usually there is something every 4 min',
    );
  });

  it('is not taken for silent within half a minute, however often it usually sends', async () => {
    shard.receive(beat('meter-1'));
    shard.usualInterval('meter-1', 100);
    await shard.pass(2 * minuteMs);
    shard.receive(beat('meter-1'));
    expect(shard.only.state).toBe('resolved');
    await shard.pass(29_000);
    expect(shard.all).toHaveLength(1);
    await shard.pass(2_000);
    expect(shard.all).toHaveLength(2);
  });

  it('is not silent while its events wait in a backlog', async () => {
    shard.receive(beat());
    shard.drainedThroughMs = shard.clock.nowMs() + minuteMs;
    await shard.pass(30 * minuteMs);
    expect(shard.all).toEqual([]);
    shard.receive({ ...beat(), receivedAt: shard.clock.nowMs() - 25 * minuteMs });
    shard.drainedThroughMs = null;
    await shard.pass(2_000);
    expect(shard.only.state).toBe('firing');
  });

  it('is not silent where its event is in the very batch', async () => {
    shard.receive(beat());
    await shard.clock.advance(11 * minuteMs);
    shard.receive(beat());
    await shard.pass(9 * minuteMs);
    expect(shard.all).toEqual([]);
  });

  it('is watched after a restart without having sent anything since, and has its time again', async () => {
    shard.receive(beat());
    await shard.clock.advance(60 * minuteMs);
    await shard.open();
    await shard.pass(10 * minuteMs - 1);
    expect(shard.all).toEqual([]);
    await shard.pass(1);
    expect(shard.only.state).toBe('firing');
  });

  it('stays an alert across a restart, and ends when it is back', async () => {
    shard.receive(beat());
    await shard.pass(10 * minuteMs);
    await shard.open();
    await shard.pass(60 * minuteMs);
    expect(shard.only.state).toBe('firing');
    shard.receive(beat());
    expect(shard.only.state).toBe('resolved');
  });

  it('is back also where it sends in the other lane', async () => {
    shard.receive(beat());
    await shard.pass(10 * minuteMs);
    await shard.pass(minuteMs);
    shard.usualInterval('boiler', minuteMs);
    shard.heardElsewhere('boiler');
    await shard.pass(11_000);
    expect(shard.only.state).toBe('resolved');
  });

  it('is forgotten where it had gone long before the hub started', async () => {
    shard.receive(beat());
    await shard.clock.advance(30 * 24 * 60 * minuteMs);
    await shard.open();
    await shard.pass(60 * minuteMs);
    expect(shard.all).toEqual([]);
  });

  it('is watched by a rule that came later', async () => {
    shard.receive(beat('other'));
    shard.useRules('alerts: [{name: all, when: {sensor: "*", silent: 5min}}]');
    await shard.pass(5 * minuteMs);
    expect(shard.only).toMatchObject({ rule: 'all', subject: 'other' });
  });

  it('is not silent because the clock was set', async () => {
    for (const jumpMs of [86_400_000, -86_400_000]) {
      shard = await new AlertShard(rules).open();
      shard.receive(beat());
      await shard.pass(minuteMs);
      shard.clock.jumpWall(jumpMs);
      await shard.pass(2 * minuteMs);
      shard.receive(beat());
      await shard.pass(9 * minuteMs);
      expect(shard.all).toEqual([]);
      await shard.pass(2 * minuteMs);
      expect(shard.only.state).toBe('firing');
    }
  });

  it('is one of many in one transaction of bounded size', async () => {
    for (let sensor = 0; sensor < 500; sensor += 1) shard.receive(beat(`boiler-${sensor}`));
    await shard.clock.advance(10 * minuteMs);
    expect(shard.evaluate().alerts.length).toBeLessThanOrEqual(200);
    shard.run();
    expect(shard.all).toHaveLength(500);
  });
});
