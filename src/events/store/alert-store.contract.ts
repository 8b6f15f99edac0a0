/** What every `AlertStore` does; each adapter's test runs it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sampleTimeMs } from '../../../test/support/event-samples.ts';
import { bulkShard, criticalShard, emptyBatch } from '../../../test/support/store-batches.ts';
import type { Silence } from '../../protocol/alert.ts';
import { asAlertId, asStreamPosition, type ShardName } from '../../protocol/ids.ts';
import type { AlertChanges, AlertRow, NewNotification } from '../alerts/alert-evaluator.ts';
import { noAlertChanges } from '../alerts/alert-evaluator.ts';
import type { AlertQuery, AlertStore, NotificationUpdate } from './alert-store.ts';
import type { EventStore } from './event-store.ts';

interface AlertStoreUnderTest {
  readonly events: EventStore;
  readonly alerts: AlertStore;
  release(): Promise<void>;
}

const alertRow = (fields: Partial<Omit<AlertRow, 'id'>> & { readonly id?: string } = {}): AlertRow => ({
  shard: bulkShard,
  rule: 'freezer warm',
  severity: 'warning',
  state: 'firing',
  subjectKind: 'sensor',
  subject: 'freezer-1',
  summary: 'temperature is above -12 at freezer-1',
  value: -11.5,
  drill: false,
  silenced: false,
  startedAt: sampleTimeMs,
  updatedAt: sampleTimeMs,
  snoozedUntilAt: null,
  resolvedAt: null,
  acknowledgedBy: null,
  stages: {
    receivedAt: sampleTimeMs,
    durableAt: sampleTimeMs + 1,
    storedAt: null,
    firedAt: sampleTimeMs + 2,
    acknowledgedAt: null,
  },
  steps: [{ kind: 'fired', happenedAt: sampleTimeMs + 2, by: null, note: null }],
  ...fields,
  id: asAlertId(fields.id ?? 'alert-1'),
});

const notification = (fields: Partial<NewNotification> = {}): NewNotification => ({
  id: 'notification-1',
  alertId: asAlertId('alert-1'),
  channel: 'phone',
  transition: 'fired',
  idempotencyKey: 'alert-1 fired phone',
  severity: 'warning',
  createdAt: sampleTimeMs,
  message: {
    alertId: asAlertId('alert-1'),
    rule: 'freezer warm',
    severity: 'warning',
    state: 'firing',
    transition: 'fired',
    subjectKind: 'sensor',
    subject: 'freezer-1',
    summary: 'temperature is above -12 at freezer-1',
    value: -11.5,
    drill: false,
    startedAt: sampleTimeMs,
    happenedAt: sampleTimeMs,
  },
  ...fields,
});

const update = (fields: Partial<NotificationUpdate> = {}): NotificationUpdate => ({
  id: 'notification-1',
  state: 'sent',
  attempts: 1,
  nextAttemptAt: null,
  sentAt: sampleTimeMs + 10,
  deliveredAt: null,
  seenAt: null,
  error: null,
  ...fields,
});

export function testAlertStore(name: string, open: () => Promise<AlertStoreUnderTest>): void {
  describe(`${name} as AlertStore`, () => {
    let under: AlertStoreUnderTest;
    let store: AlertStore;
    let position: number;

    beforeEach(async () => {
      under = await open();
      store = under.alerts;
      position = 0;
    });

    afterEach(() => under.release());

    const commit = async (
      changes: Partial<AlertChanges>,
      committedAt = sampleTimeMs,
      shard: ShardName = bulkShard,
    ) => {
      const { epoch, position: from } = await under.events.takeShard(shard);
      position += 1;
      const to = asStreamPosition(String(position));
      await under.events.commit(
        emptyBatch({ shard, epoch, from, to, committedAt, alerts: { ...noAlertChanges, ...changes } }),
      );
    };
    const list = (query: Partial<AlertQuery> = {}) =>
      store.alerts({
        states: null,
        severity: null,
        rule: null,
        subject: null,
        limit: 100,
        cursor: null,
        ...query,
      });
    const listed = async (query: Partial<AlertQuery> = {}) => (await list(query)).items.map(({ id }) => id);

    it('gives an alert back with the time of the commit that fired it, and keeps that time', async () => {
      const pending = alertRow({
        state: 'pending',
        stages: { receivedAt: 1, durableAt: 2, storedAt: null, firedAt: null, acknowledgedAt: null },
        steps: [],
      });
      await commit({ alerts: [pending] });
      expect((await store.alert(pending.id))?.stages.storedAt).toBeNull();
      await commit({ alerts: [alertRow()] }, sampleTimeMs + 7);
      const { shard: _shard, ...row } = alertRow();
      const stages = { ...row.stages, storedAt: sampleTimeMs + 7, sentAt: null, deliveredAt: null };
      expect(await store.alert(row.id)).toEqual({ ...row, stages, notifications: [] });
      await commit(
        { alerts: [alertRow({ state: 'acknowledged', acknowledgedBy: 'Ann' })] },
        sampleTimeMs + 99,
      );
      expect(await store.alert(row.id)).toMatchObject({
        state: 'acknowledged',
        acknowledgedBy: 'Ann',
        stages: { storedAt: sampleTimeMs + 7 },
      });
      expect(await store.alert(asAlertId('none'))).toBeNull();
    });

    it('gives the owner of a shard its states and what is not resolved of its alerts', async () => {
      const state = { rule: 'r', subject: 'it’s "one"', state: '{"since":1}', dueAt: 5 };
      await commit({
        states: [state, { ...state, subject: 'two', dueAt: null }, { ...state, subject: 'three' }],
        alerts: [alertRow(), alertRow({ id: 'alert-2', state: 'resolved', resolvedAt: 9 })],
      });
      await commit(
        { states: [state], alerts: [alertRow({ id: 'alert-3', shard: criticalShard })] },
        1,
        criticalShard,
      );
      await commit({
        states: [{ ...state, state: 'changed' }],
        removedStates: [
          { rule: 'r', subject: 'three' },
          { rule: 'r', subject: 'never was' },
        ],
      });
      const { alerts, states } = await store.shardAlerts(bulkShard);
      expect(states.toSorted((one, other) => (one.subject < other.subject ? -1 : 1))).toEqual([
        { ...state, state: 'changed' },
        { ...state, subject: 'two', dueAt: null },
      ]);
      const stages = { ...alertRow().stages, storedAt: sampleTimeMs };
      expect(alerts).toEqual([{ ...alertRow(), stages }]);
      expect(await store.shardOfAlert(asAlertId('alert-3'))).toBe(criticalShard);
      expect(await store.shardOfAlert(asAlertId('none'))).toBeNull();
    });

    it('lists alerts newest first, page by page, by what is asked', async () => {
      const alerts = Array.from({ length: 6 }, (_, index) =>
        alertRow({
          id: `alert-${index}`,
          // Two start together.
          startedAt: sampleTimeMs + Math.floor(index / 2),
          rule: index < 3 ? 'one' : 'two',
          severity: index % 2 === 0 ? 'critical' : 'info',
          state: index === 5 ? 'resolved' : 'firing',
          resolvedAt: index === 5 ? 1 : null,
          subject: `subject-${index}`,
        }),
      );
      await commit({ alerts });
      const all = alerts.map(({ id }) => id).toReversed();
      expect(await listed()).toEqual(all);
      const pages: string[] = [];
      for (let cursor: string | null = null, more = true; more; more = cursor !== null) {
        const page = await list({ limit: 4, cursor });
        pages.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor;
      }
      expect(pages).toEqual(all);
      expect(await listed({ states: ['resolved', 'pending'] })).toEqual(['alert-5']);
      expect(await listed({ severity: 'critical', rule: 'two' })).toEqual(['alert-4']);
      expect(await listed({ subject: 'subject-3' })).toEqual(['alert-3']);
      await expect(list({ cursor: 'WzEsMV0' })).rejects.toMatchObject({ code: 'cursor_invalid' });
    });

    it('counts what is not resolved', async () => {
      await commit({
        alerts: [
          alertRow(),
          alertRow({ id: 'alert-2' }),
          alertRow({ id: 'alert-3', severity: 'critical', state: 'pending' }),
          alertRow({ id: 'alert-4', state: 'resolved', resolvedAt: 1 }),
        ],
      });
      expect(new Set(await store.activeCounts())).toEqual(
        new Set([
          { state: 'firing', severity: 'warning', alerts: 2 },
          { state: 'pending', severity: 'critical', alerts: 1 },
        ]),
      );
    });

    it('queues a notification with the batch that caused it, once, and gives critical ones out first', async () => {
      const late = notification({ id: 'late', createdAt: sampleTimeMs + 5 });
      const critical = notification({ id: 'critical', severity: 'critical', createdAt: sampleTimeMs + 9 });
      await commit({ alerts: [alertRow()], notifications: [late, notification(), critical] });
      await commit({ notifications: [notification()] });
      const due = await store.dueNotifications(sampleTimeMs, 10);
      expect(due.map(({ id }) => id)).toEqual(['critical', 'notification-1', 'late']);
      expect(due[1]).toEqual({
        ...notification(),
        state: 'pending',
        attempts: 0,
        nextAttemptAt: null,
        error: null,
      });
      expect(await store.dueNotifications(sampleTimeMs, 1)).toHaveLength(1);
    });

    it('gives a notification out again when its next attempt is due, and says when that is', async () => {
      expect(await store.nextNotificationAt()).toBeNull();
      await commit({ notifications: [notification()] });
      expect(await store.nextNotificationAt()).toBeLessThanOrEqual(sampleTimeMs);
      const nextAttemptAt = sampleTimeMs + 1_000;
      await store.updateNotifications([
        update({ state: 'pending', nextAttemptAt, sentAt: null, error: 'no answer' }),
        update({ id: 'never was' }),
      ]);
      expect(await store.nextNotificationAt()).toBe(nextAttemptAt);
      expect(await store.dueNotifications(nextAttemptAt - 1, 10)).toEqual([]);
      expect(await store.dueNotifications(nextAttemptAt, 10)).toMatchObject([{ attempts: 1, nextAttemptAt }]);
      await store.updateNotifications([update()]);
      expect(await store.nextNotificationAt()).toBeNull();
    });

    it('shows with an alert how its notifications fare, and when the first was sent and delivered', async () => {
      await commit({
        alerts: [alertRow()],
        notifications: [notification(), notification({ id: 'second', createdAt: sampleTimeMs + 1 })],
      });
      await store.updateNotifications([
        update({ id: 'second', state: 'delivered', sentAt: sampleTimeMs + 5, deliveredAt: sampleTimeMs + 9 }),
        update({ deliveredAt: sampleTimeMs + 20, state: 'delivered' }),
      ]);
      const alert = await store.alert(asAlertId('alert-1'));
      expect(alert?.stages).toMatchObject({ sentAt: sampleTimeMs + 5, deliveredAt: sampleTimeMs + 9 });
      expect(alert?.notifications).toEqual([
        {
          id: 'notification-1',
          channel: 'phone',
          transition: 'fired',
          state: 'delivered',
          createdAt: sampleTimeMs,
          sentAt: sampleTimeMs + 10,
          deliveredAt: sampleTimeMs + 20,
          seenAt: null,
          attempts: 1,
          nextAttemptAt: null,
          error: null,
        },
        expect.objectContaining({ id: 'second' }),
      ]);
      expect((await list()).items).toEqual([alert]);
    });

    it('notes once that a notification was seen, and keeps that whatever its channel says later', async () => {
      await commit({ alerts: [alertRow()], notifications: [notification()] });
      expect(await store.noteSeen('notification-1', 50)).toEqual({ alertId: 'alert-1' });
      expect(await store.noteSeen('notification-1', 60)).toEqual({ alertId: 'alert-1' });
      expect(await store.noteSeen('none', 60)).toBeNull();
      await store.updateNotifications([update({ state: 'pending', nextAttemptAt: 70 })]);
      const alert = await store.alert(asAlertId('alert-1'));
      expect(alert?.notifications).toMatchObject([{ state: 'seen', seenAt: 50, attempts: 1 }]);
      expect(await store.dueNotifications(100, 10)).toEqual([]);
    });

    it('keeps silences, and ends each once', async () => {
      const silence: Silence = {
        id: 'silence-1',
        rule: 'freezer *',
        subject: null,
        startsAt: 100,
        endsAt: 200,
        reason: 'defrosting',
        createdBy: 'Ann',
        createdAt: 90,
      };
      await store.putSilence(silence);
      await store.putSilence({ ...silence, id: 'silence-2', startsAt: 50, endsAt: 120 });
      const silences = async (nowMs: number, endedToo = false) =>
        (await store.silences({ endedToo, nowMs })).map(({ id }) => id);
      expect(await store.silences({ endedToo: false, nowMs: 150 })).toEqual([silence]);
      expect(await silences(150, true)).toEqual(['silence-2', 'silence-1']);
      expect(await store.endSilence('silence-1', 150)).toBe(true);
      expect(await store.endSilence('silence-1', 151)).toBe(false);
      expect(await store.endSilence('silence-2', 150)).toBe(false);
      expect(await store.endSilence('none', 150)).toBe(false);
      expect(await silences(150)).toEqual([]);
      await store.putSilence({ ...silence, endsAt: 300 });
      expect(await silences(150)).toEqual(['silence-1']);
    });

    it('keeps settings', async () => {
      expect(await store.readSetting('keys')).toBeNull();
      await store.writeSetting('keys', 'one');
      await store.writeSetting('keys', '{"two":"é"}');
      expect(await store.readSetting('keys')).toBe('{"two":"é"}');
      expect(await store.readSetting('other')).toBeNull();
    });

    it('lets alerts go a year after they were resolved, with their notifications, and no others', async () => {
      const resolved = { state: 'resolved' as const, resolvedAt: sampleTimeMs - 366 * 86_400_000 };
      await commit({
        alerts: [
          alertRow(resolved),
          alertRow({ ...resolved, id: 'alert-2', resolvedAt: sampleTimeMs - 364 * 86_400_000 }),
          alertRow({ id: 'alert-3', startedAt: 1 }),
        ],
        notifications: [notification()],
      });
      const bounds = {
        rawBeforeMs: 0,
        minutesBeforeMs: 0,
        hoursBeforeMs: 0,
        keysBeforeMs: 0,
        deadLettersBeforeMs: 0,
      };
      for (let steps = 0; await under.events.prune(bounds); steps++) expect(steps).toBeLessThan(100);
      expect(await listed()).toEqual(['alert-2', 'alert-3']);
      expect(await store.dueNotifications(sampleTimeMs, 10)).toEqual([]);
    });
  });
}
