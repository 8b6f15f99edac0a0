import { beforeEach, describe, expect, it } from 'vitest';
import { AlertShard, bookOf, viewOf } from '../../../test/support/alert-shard.ts';
import { AlertError } from '../../errors.ts';
import { asAlertId, asShardName } from '../../protocol/ids.ts';
import { Alerts } from './alerts.ts';

const rules = 'alerts: [{name: smoke, when: {type: smoke, equals: true}, severity: critical}]';

describe('Alerts', () => {
  let shard: AlertShard;
  let alerts: Alerts;

  beforeEach(async () => {
    shard = await new AlertShard(rules).open();
    const rowOf = (id: string) => shard.rows.get(id) ?? null;
    alerts = new Alerts({
      store: {
        alerts: () => Promise.resolve({ items: shard.all.map((row) => viewOf(row)), nextCursor: null }),
        alert: (id) => {
          const row = rowOf(id);
          return Promise.resolve(row === null ? null : viewOf(row));
        },
        shardOfAlert: (id) => Promise.resolve(rowOf(id)?.shard ?? null),
      },
      command: (name, command) => {
        if (name !== asShardName('bulk-0'))
          return Promise.reject(new AlertError('shard_unavailable', 'nobody owns it'));
        shard.command(command);
        return Promise.resolve();
      },
      silences: shard.silences,
      rules: { book: bookOf(rules), problems: ['f:1:1: no'], source: 'f' },
      drills: {
        run: () => Promise.resolve({ drillId: 'd', rules: ['smoke'] }),
        report: () => Promise.resolve([]),
      },
    });
    shard.receive({ sensor: 'hall', type: 'smoke', value: true });
  });

  it('acknowledges through the owner of the shard, and answers with the alert as it is then', async () => {
    const acknowledged = await alerts.acknowledge(shard.only.id, { by: 'Ada', note: 'it was the toast' });
    expect(acknowledged).toMatchObject({ state: 'acknowledged', acknowledgedBy: 'Ada' });
    expect(acknowledged.steps.at(-1)).toMatchObject({
      kind: 'acknowledged',
      by: 'Ada',
      note: 'it was the toast',
    });
  });

  it('snoozes until the time that it was given', async () => {
    const untilMs = shard.clock.nowMs() + 60_000;
    expect(await alerts.snooze(shard.only.id, { by: 'Ada', untilMs })).toMatchObject({
      snoozedUntilAt: untilMs,
    });
  });

  it('says where there is no such alert, or nothing to acknowledge any more', async () => {
    const code = (promise: Promise<unknown>) =>
      promise.catch((error: unknown) => (error instanceof AlertError ? error.code : error));
    const nobody = { by: 'Ada', note: null };
    expect(await code(alerts.get(asAlertId('none')))).toBe('alert_not_found');
    expect(await code(alerts.acknowledge(asAlertId('none'), nobody))).toBe('alert_not_found');
    shard.receive({ sensor: 'hall', type: 'smoke', value: false });
    expect(await code(alerts.acknowledge(shard.only.id, nobody))).toBe('alert_not_active');
    expect(await code(alerts.endSilence('none'))).toBe('silence_not_found');
  });

  it('makes silences and ends them', async () => {
    const nowMs = shard.clock.nowMs();
    const silence = await alerts.createSilence({
      ...{ rule: 'smoke', subject: null, reason: 'painting', createdBy: 'Ada' },
      ...{ startsAt: nowMs, endsAt: nowMs + 60_000 },
    });
    expect(silence).toMatchObject({ rule: 'smoke', createdAt: nowMs });
    expect(await alerts.silences({ endedToo: false })).toEqual([silence]);
    shard.run();
    expect(shard.only.silenced).toBe(true);
    await alerts.endSilence(silence.id);
    shard.run();
    expect(shard.only.silenced).toBe(false);
  });

  it('shows the rules in the words of their file', () => {
    expect(alerts.rules()).toEqual({
      source: 'f',
      problems: ['f:1:1: no'],
      rules: [
        {
          name: 'smoke',
          enabled: true,
          severity: 'critical',
          when: { sensor: '*', type: 'smoke', equals: true },
        },
      ],
    });
  });
});
