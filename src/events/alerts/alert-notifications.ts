/** Rows of the outbox for what an alert tells on its way: one for each channel, each with its own idempotency key. */
import type { AlertRow, NewNotification } from './alert-evaluator.ts';
import type { Telling } from './alert-lifecycle.ts';
import type { AlertRule } from './alert-rule.ts';

export interface NotificationsOf {
  readonly row: AlertRow;
  readonly telling: Telling;
  /** Null where the rule has gone meanwhile: then every channel hears of the end. */
  readonly rule: Pick<AlertRule, 'notify' | 'escalate'> | null;
  readonly channels: readonly string[];
  readonly newId: () => string;
  readonly nowMs: number;
}

export function notificationsOf(parts: NotificationsOf): readonly NewNotification[] {
  const { newId, nowMs, row, telling } = parts;
  return channelsOf(parts).map((channel) => ({
    id: newId(),
    alertId: row.id,
    channel,
    transition: telling.transition,
    idempotencyKey: `${row.id}:${telling.transition}:${telling.count}:${channel}`,
    severity: row.severity,
    createdAt: nowMs,
    message: {
      alertId: row.id,
      rule: row.rule,
      severity: row.severity,
      state: row.state,
      transition: telling.transition,
      subjectKind: row.subjectKind,
      subject: row.subject,
      summary: row.summary,
      value: row.value,
      drill: row.drill,
      startedAt: row.startedAt,
      happenedAt: nowMs,
    },
  }));
}

function channelsOf({ channels, rule, telling }: NotificationsOf): readonly string[] {
  const own = telling.channels ?? rule?.notify ?? channels;
  const reached = rule?.escalate.slice(0, telling.steps).flatMap(({ notify }) => notify) ?? [];
  return [...new Set([...own, ...reached])];
}
