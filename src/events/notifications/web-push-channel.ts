/**
 * Web Push (RFC 8030, 8291, 8292) to every device that has subscribed to the channel. A push service answers 201 once it has the
 * message in its queue: that is `sent`. Only the service worker on the device knows more, and says so (`seen`).
 *
 * `web-push` encrypts and signs; the request is made here, so that it can be aborted.
 */
import webPush from 'web-push';
import type { Clock } from '../../clock.ts';
import { ChannelError } from '../../errors.ts';
import type { ChannelConfig } from './channel-config.ts';
import { postForAnswer } from './http-post.ts';
import type { NotificationChannel, OutgoingNotification } from './notification-channel.ts';
import { jsonOf, titleOf } from './notification-text.ts';
import { PartialDeliveries } from './partial-deliveries.ts';
import type { PushSubscription, PushSubscriptions } from './push-subscriptions.ts';

export interface WebPushChannelOptions {
  readonly name: string;
  readonly config: Extract<ChannelConfig, { type: 'web_push' }>;
  /** `mailto:` or `https:`; push services write there when they are in trouble. */
  readonly contact: string;
  readonly subscriptions: Pick<PushSubscriptions, 'keys' | 'of' | 'remove'>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

const timeoutMs = 15_000;
/** Push services take 4,096 bytes, encryption included (RFC 8291, 4). */
const longestSummary = 1_000;

/** `gone`: the device has unsubscribed. */
type Outcome = 'accepted' | 'gone' | ChannelError;

export function createWebPushChannel({
  clock,
  config,
  contact,
  name,
  subscriptions,
}: WebPushChannelOptions): NotificationChannel {
  const partial = new PartialDeliveries();

  const push = async (to: PushSubscription, payload: string, signal: AbortSignal): Promise<Outcome> => {
    const { publicKey, privateKey } = subscriptions.keys;
    const request = webPush.generateRequestDetails(
      { endpoint: to.endpoint, keys: { p256dh: to.p256dh, auth: to.auth } },
      payload,
      {
        TTL: config.ttl,
        // The screen of a sleeping phone is to light up; `normal` may wait until it is picked up.
        urgency: 'high',
        vapidDetails: { subject: contact, publicKey, privateKey },
      },
    );
    const answer = await postForAnswer({
      url: request.endpoint,
      headers: headersOf(request.headers),
      body: new Uint8Array(request.body),
      signal,
      nowMs: () => clock.nowMs(),
    });
    if (answer.error === null) return 'accepted';
    // RFC 8030, 7.3: the subscription has ended.
    return answer.status === 404 || answer.status === 410 ? 'gone' : answer.error;
  };

  const pushSafely = async (...parts: Parameters<typeof push>): Promise<Outcome> => {
    try {
      return await push(...parts);
    } catch (error) {
      if (error instanceof ChannelError) return error;
      // The keys of this subscription are none: it can never be encrypted to.
      return new ChannelError('channel_rejected', `a subscription cannot be used: ${String(error)}`, {
        cause: error,
      });
    }
  };

  return {
    name,
    kind: 'web_push',
    timeoutMs,
    async send(notification, signal) {
      const { idempotencyKey } = notification;
      const devices = subscriptions.of(name);
      if (devices.length === 0)
        throw new ChannelError('channel_misconfigured', `no device has subscribed to ${name}`);
      const rest = devices.filter(({ id }) => !partial.has(idempotencyKey, id));
      const payload = payloadOf(notification);
      const outcomes = await Promise.all(
        rest.map(async (device) => ({ device, outcome: await pushSafely(device, payload, signal) })),
      );
      for (const { device, outcome } of outcomes) {
        if (outcome === 'accepted') partial.add(idempotencyKey, device.id);
        else if (outcome === 'gone') await subscriptions.remove(device.id).catch(() => false);
      }
      const accepted = partial.count(idempotencyKey);
      const errors = outcomes.map(({ outcome }) => outcome).filter((outcome) => typeof outcome !== 'string');
      const failed = errors.filter(({ code }) => code === 'channel_failed');
      if (failed.length > 0)
        throw new ChannelError(
          'channel_failed',
          `${accepted} of ${devices.length} devices have it; ${failed[0]?.message ?? ''}`,
          {
            cause: failed[0],
            retryAfterMs: Math.max(...failed.map(({ retryAfterMs }) => retryAfterMs ?? 0)),
          },
        );
      partial.forget(idempotencyKey);
      if (accepted > 0) return { state: 'sent' };
      throw (
        errors[0] ?? new ChannelError('channel_misconfigured', `every device has unsubscribed from ${name}`)
      );
    },
    close: () => Promise.resolve(),
  };
}

/** What the service worker shows; `notification_id` is what it says it has seen. */
function payloadOf(notification: OutgoingNotification): string {
  const { message } = notification;
  const shortened = { ...message, summary: message.summary.slice(0, longestSummary) };
  const json = jsonOf({ ...notification, message: shortened });
  return JSON.stringify({ title: titleOf(message), ...(JSON.parse(json) as object) });
}

/** `fetch` counts the length itself, and takes text only. */
const headersOf = (headers: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.toLowerCase() !== 'content-length')
      .map(([name, value]) => [name, String(value)]),
  );
