/**
 * Prometheus Alertmanager: `POST /api/v2/alerts`. An alert there is its labels; the same labels with an `endsAt` that has
 * passed resolve it. Alertmanager takes an alert that is not posted again for resolved after some minutes, so what still
 * fires gets an `endsAt` far away: the hub tells of its end itself.
 */
import type { Clock } from '../../clock.ts';
import type { NotificationMessage } from '../alerts/alert-evaluator.ts';
import type { ChannelConfig } from './channel-config.ts';
import { basicAuthorization, post } from './http-post.ts';
import type { NotificationChannel } from './notification-channel.ts';
import { isOver, titleOf } from './notification-text.ts';
import { type Environment, readSecret } from './secret.ts';

export interface AlertmanagerChannelOptions {
  readonly name: string;
  readonly config: Extract<ChannelConfig, { type: 'alertmanager' }>;
  readonly environment: Environment;
  readonly clock: Pick<Clock, 'nowMs'>;
}

const farAwayMs = 365 * 86_400_000;

/** Throws ChannelError `channel_misconfigured`. */
export function createAlertmanagerChannel({
  clock,
  config,
  environment,
  name,
}: AlertmanagerChannelOptions): NotificationChannel {
  const authorization =
    config.username === undefined
      ? null
      : basicAuthorization({
          user: readSecret(config.username, environment),
          password: readSecret(config.password ?? '', environment),
        });
  const url = `${config.url.replace(/\/+$/, '')}/api/v2/alerts`;
  return {
    name,
    kind: 'alertmanager',
    timeoutMs: config.timeout * 1_000,
    async send({ message }, signal) {
      await post({
        url,
        headers: {
          'content-type': 'application/json',
          ...(authorization === null ? {} : { authorization }),
        },
        body: JSON.stringify([alertOf(message)]),
        signal,
        nowMs: () => clock.nowMs(),
      });
      return { state: 'delivered' };
    },
    close: () => Promise.resolve(),
  };
}

/** Labels must be the same at the end as at the start: nothing that changes on the way is one. */
function alertOf(message: NotificationMessage): Readonly<Record<string, unknown>> {
  const { alertId, drill, happenedAt, rule, severity, startedAt, state, subject, subjectKind, value } =
    message;
  return {
    labels: {
      alertname: rule,
      severity,
      subject,
      subject_kind: subjectKind,
      source: 'threadhub',
      ...(drill ? { drill: 'true' } : {}),
    },
    annotations: {
      summary: message.summary,
      description: titleOf(message),
      state,
      alert_id: alertId,
      ...(value === null ? {} : { value: String(value) }),
    },
    startsAt: new Date(startedAt).toISOString(),
    endsAt: new Date(
      isOver(message) ? Math.max(happenedAt, startedAt) : happenedAt + farAwayMs,
    ).toISOString(),
  };
}
