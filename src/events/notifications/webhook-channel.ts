/**
 * Webhook: one JSON object by POST, signed as Standard Webhooks has it (standardwebhooks.com), so that receivers can check it with
 * a library of their language:
 *
 *   webhook-id:        the idempotency key, the same in every attempt
 *   webhook-timestamp: Unix seconds of this attempt
 *   webhook-signature: v1,BASE64(HMAC-SHA256(key, `${id}.${timestamp}.${body}`))
 *
 * The key is the secret's UTF-8, or, of a secret `whsec_BASE64`, what is encoded there.
 */
import { createHmac } from 'node:crypto';
import type { Clock } from '../../clock.ts';
import type { ChannelConfig } from './channel-config.ts';
import { post } from './http-post.ts';
import type { NotificationChannel } from './notification-channel.ts';
import { jsonOf } from './notification-text.ts';
import { type Environment, readSecret } from './secret.ts';

export interface WebhookChannelOptions {
  readonly name: string;
  readonly config: Extract<ChannelConfig, { type: 'webhook' }>;
  readonly environment: Environment;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Throws ChannelError `channel_misconfigured`. */
export function createWebhookChannel({
  clock,
  config,
  environment,
  name,
}: WebhookChannelOptions): NotificationChannel {
  const key = config.secret === undefined ? null : keyOf(readSecret(config.secret, environment));
  const headers = Object.fromEntries(
    Object.entries(config.headers).map(([header, value]) => [
      header.toLowerCase(),
      readSecret(value, environment),
    ]),
  );
  return {
    name,
    kind: 'webhook',
    timeoutMs: config.timeout * 1_000,
    async send(notification, signal) {
      const body = jsonOf(notification);
      const id = notification.idempotencyKey;
      const timestamp = String(Math.floor(clock.nowMs() / 1_000));
      await post({
        url: config.url,
        headers: {
          ...headers,
          'content-type': 'application/json',
          'idempotency-key': headerText(id),
          'webhook-id': headerText(id),
          'webhook-timestamp': timestamp,
          ...(key === null
            ? {}
            : { 'webhook-signature': `v1,${signatureOf(key, `${headerText(id)}.${timestamp}.${body}`)}` }),
        },
        body,
        signal,
        nowMs: () => clock.nowMs(),
      });
      return { state: 'delivered' };
    },
    close: () => Promise.resolve(),
  };
}

/** The key ends in the channel's name, which may be in any script; headers are ASCII. */
const headerText = (text: string): string => encodeURI(text);

const signatureOf = (key: Buffer, text: string): string =>
  createHmac('sha256', key).update(text).digest('base64');

const prefix = 'whsec_';
const keyOf = (secret: string): Buffer =>
  secret.startsWith(prefix) ? Buffer.from(secret.slice(prefix.length), 'base64') : Buffer.from(secret);
