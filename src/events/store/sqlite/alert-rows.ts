/** Alerts, notifications and silences as rows of `events.db`. */
import type { Selectable } from 'kysely';
import type {
  Alert,
  AlertStepKind,
  Notification,
  NotificationState,
  Severity,
} from '../../../protocol/alert.ts';
import { asAlertId } from '../../../protocol/ids.ts';
import type { AlertRow, NotificationMessage } from '../../alerts/alert-evaluator.ts';
import type { QueuedNotification } from '../alert-store.ts';
import type { AlertsTable, NotificationsTable } from '../schema.ts';

type StoredAlert = Pick<Selectable<AlertsTable>, 'row' | 'stored_at'>;
type StoredNotification = Selectable<NotificationsTable>;

export function alertRowOf({ row, stored_at }: StoredAlert): AlertRow {
  const alert = JSON.parse(row) as AlertRow;
  return { ...alert, stages: { ...alert.stages, storedAt: stored_at } };
}

export function alertViewOf(stored: StoredAlert, notifications: readonly StoredNotification[]): Alert {
  const { shard: _shard, ...alert } = alertRowOf(stored);
  return {
    ...alert,
    stages: {
      ...alert.stages,
      sentAt: earliest(notifications.map(({ sent_at }) => sent_at)),
      deliveredAt: earliest(notifications.map(({ delivered_at }) => delivered_at)),
    },
    steps: [...alert.steps],
    notifications: notifications.map(notificationOf),
  };
}

const earliest = (times: readonly (number | null)[]): number | null => {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
};

const notificationOf = (row: StoredNotification): Notification => ({
  id: row.id,
  channel: row.channel,
  transition: row.transition as AlertStepKind,
  state: row.state as NotificationState,
  createdAt: row.created_at,
  sentAt: row.sent_at,
  deliveredAt: row.delivered_at,
  seenAt: row.seen_at,
  attempts: row.attempts,
  nextAttemptAt: row.next_attempt_at,
  error: row.error,
});

export const queuedNotificationOf = (row: StoredNotification): QueuedNotification => ({
  id: row.id,
  alertId: asAlertId(row.alert_id),
  channel: row.channel,
  transition: row.transition as AlertStepKind,
  idempotencyKey: row.idempotency_key,
  severity: row.severity as Severity,
  createdAt: row.created_at,
  message: JSON.parse(row.message) as NotificationMessage,
  state: row.state as NotificationState,
  attempts: row.attempts,
  nextAttemptAt: row.next_attempt_at,
  error: row.error,
});
