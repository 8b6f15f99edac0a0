/** A notification as people and programs read it: one title, one sentence, one flat JSON object. */
import type { AlertStepKind } from '../../protocol/alert.ts';
import { toWire } from '../../protocol/wire.ts';
import type { NotificationMessage } from '../alerts/alert-evaluator.ts';
import type { OutgoingNotification } from './notification-channel.ts';

const words: Partial<Readonly<Record<AlertStepKind, string>>> = {
  repeated: 'Still',
  escalated: 'Escalated',
  acknowledged: 'Acknowledged',
  snoozed: 'Snoozed',
  resolved: 'Resolved',
  cancelled: 'Cancelled',
};

/** The alert is over: receivers may put their alarm away. */
export const isOver = ({ state, transition }: NotificationMessage): boolean =>
  state === 'resolved' || transition === 'resolved' || transition === 'cancelled';

/** Names come from outside; none of them may make lines or move cursors. */
export const oneLine = (text: string): string => text.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();

/** `CRITICAL: smoke (hall)`, `Resolved: smoke (hall)`. */
export function titleOf(message: NotificationMessage): string {
  const { drill, rule, severity, subject, transition } = message;
  const severityWord = severity.toUpperCase();
  const word = isOver(message) ? (words[transition] ?? 'Resolved') : words[transition];
  const said = word === undefined ? severityWord : word === 'Still' ? `Still ${severityWord}` : word;
  return oneLine(`${drill ? 'Drill, ' : ''}${said}: ${rule} (${subject})`);
}

/** Several lines; times in UTC. */
export function textOf(message: NotificationMessage): string {
  const { alertId, drill, happenedAt, rule, severity, startedAt, state, subject, summary, value } = message;
  return [
    oneLine(summary),
    '',
    ...(drill ? ['This is a drill.'] : []),
    `Rule:     ${oneLine(rule)}`,
    `Severity: ${severity}`,
    `State:    ${state}`,
    `Subject:  ${oneLine(subject)}`,
    ...(value === null ? [] : [`Value:    ${oneLine(String(value))}`]),
    `Since:    ${new Date(startedAt).toISOString()}`,
    `Sent for: ${new Date(happenedAt).toISOString()}`,
    `Alert:    ${alertId}`,
    '',
  ].join('\n');
}

/** What webhooks, MQTT and push messages carry; `docs/notifications.md` describes it. */
export function jsonOf({ attempt, id, idempotencyKey, message }: OutgoingNotification): string {
  return JSON.stringify(toWire({ notificationId: id, idempotencyKey, attempt, ...message }));
}
