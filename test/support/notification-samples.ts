/** Notifications to send, and signals to send them with. */
import type { NotificationMessage } from '../../src/events/alerts/alert-evaluator.ts';
import type { OutgoingNotification } from '../../src/events/notifications/notification-channel.ts';
import type { QueuedNotification } from '../../src/events/store/alert-store.ts';
import { asAlertId } from '../../src/protocol/ids.ts';

export const startMs = Date.UTC(2026, 0, 1);

export function notificationMessage(fields: Partial<NotificationMessage> = {}): NotificationMessage {
  return {
    alertId: asAlertId('alert-1'),
    rule: 'smoke',
    severity: 'critical',
    state: 'firing',
    transition: 'fired',
    subjectKind: 'sensor',
    subject: 'hall',
    summary: 'hall: smoke is true',
    value: true,
    drill: false,
    startedAt: startMs,
    happenedAt: startMs + 1_000,
    ...fields,
  };
}

export function outgoing(fields: Partial<NotificationMessage> = {}): OutgoingNotification {
  return {
    id: 'notification-1',
    idempotencyKey: 'alert-1:fired:0:phone',
    attempt: 1,
    message: notificationMessage(fields),
  };
}

export function queued(
  id: string,
  fields: Partial<Omit<QueuedNotification, 'id' | 'message'>> = {},
): QueuedNotification {
  const alertId = fields.alertId ?? asAlertId(`alert of ${id}`);
  const severity = fields.severity ?? 'warning';
  return {
    id,
    alertId,
    channel: 'phone',
    transition: 'fired',
    idempotencyKey: `key of ${id}`,
    severity,
    createdAt: startMs,
    message: notificationMessage({ alertId, severity }),
    state: 'pending',
    attempts: 0,
    nextAttemptAt: null,
    error: null,
    ...fields,
  };
}
