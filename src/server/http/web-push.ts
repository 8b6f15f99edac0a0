/** Web Push: what a browser needs to subscribe, who has, and the service worker's word that a message was seen. */
import { z } from 'zod';
import { toWire } from '../../protocol/wire.ts';
import type { SensorEvents } from '../ports.ts';
import { type App, describeRoute, listOf, tags } from './route-schema.ts';

interface Dependencies {
  readonly events: Pick<SensorEvents, 'notifications'>;
}

const time = z.iso.datetime().describe('ISO 8601, UTC');

const pushKeySchema = z
  .object({ public_key: z.string().describe('`applicationServerKey` of `pushManager.subscribe`, base64url') })
  .meta({ id: 'WebPushKey' });

const deviceSchema = z
  .object({
    id: z.string(),
    channel: z.string().nullable().describe('Null: every channel of type web_push'),
    push_service: z.string().describe('Where its messages go through'),
    created_at: time,
  })
  .meta({ id: 'PushDevice' });

/** A point on P-256, uncompressed: 65 bytes. */
const pointPattern = /^B[A-Za-z0-9_-]{86}=?$/;
/** 16 bytes. */
const authPattern = /^[A-Za-z0-9_-]{22}={0,2}$/;

const subscriptionSchema = z
  .strictObject({
    channel: z
      .string()
      .min(1)
      .max(64)
      .nullable()
      .default(null)
      .describe(
        'The one channel whose messages this device takes; null: those of every channel of type web_push',
      ),
    subscription: z
      .object({
        endpoint: z.url().max(2_048),
        keys: z.object({
          p256dh: z.string().regex(pointPattern, 'is not the key that a browser gives'),
          auth: z.string().regex(authPattern, 'is not the secret that a browser gives'),
        }),
      })
      .describe('What `pushManager.subscribe` gave, as JSON'),
  })
  .meta({ id: 'PushSubscriptionRequest' });

const idParameter = z.strictObject({ id: z.string().min(1).max(100).describe('Its id') });

export function addWebPushRoutes(app: App, { events: { notifications } }: Dependencies): void {
  app.get(
    '/api/web_push/key',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'getWebPushKey',
        summary: 'The key to subscribe with',
        description: 'Made at the first start of the hub and kept; subscriptions are bound to it.',
        answers: { 200: { description: 'The public half', body: pushKeySchema } },
      }),
    },
    (_request, reply) => reply.send(toWire({ publicKey: notifications.publicKey })),
  );

  app.get(
    '/api/web_push/subscriptions',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'listPushSubscriptions',
        summary: 'List the devices that have subscribed',
        description: 'Without their endpoints: whoever has one can disturb the device.',
        answers: { 200: { description: 'All of them', body: listOf(deviceSchema) } },
      }),
    },
    (_request, reply) => {
      const items = notifications.subscriptions().map(({ channel, createdAt, endpoint, id }) => ({
        id,
        channel,
        pushService: new URL(endpoint).host,
        createdAt,
      }));
      return reply.send(toWire({ items, nextCursor: null }));
    },
  );

  app.post(
    '/api/web_push/subscriptions',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'subscribeToWebPush',
        summary: 'Subscribe a device',
        description:
          'The same endpoint again replaces its subscription. A device that has unsubscribed is forgotten.',
        body: subscriptionSchema,
        answers: {
          201: {
            description: 'Subscribed',
            body: z.object({ id: z.string() }).meta({ id: 'PushSubscribed' }),
          },
        },
        problems: [
          'channel_not_found',
          'subscription_invalid',
          'subscription_limit_exceeded',
          'store_failed',
        ],
      }),
    },
    async (request, reply) => {
      const { channel, subscription } = request.body;
      const { endpoint, keys } = subscription;
      const { id } = await notifications.subscribe({
        channel,
        endpoint,
        p256dh: keys.p256dh,
        auth: keys.auth,
      });
      return reply.code(201).send({ id });
    },
  );

  app.delete(
    '/api/web_push/subscriptions/:id',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'unsubscribeFromWebPush',
        summary: 'Remove a device',
        description: 'It hears of no alert any more.',
        params: idParameter,
        answers: { 204: { description: 'Removed', body: null } },
        problems: ['subscription_not_found', 'store_failed'],
      }),
    },
    async (request, reply) => {
      await notifications.unsubscribe(request.params.id);
      return reply.code(204).send();
    },
  );

  app.post(
    '/api/notifications/:id/seen',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'noteNotificationSeen',
        summary: 'Say that a notification was seen',
        description:
          'The service worker of a device does, with the `notification_id` of the message. The first time counts.',
        params: idParameter,
        answers: { 204: { description: 'Noted', body: null } },
        problems: ['notification_not_found', 'store_failed'],
      }),
    },
    async (request, reply) => {
      await notifications.noteSeen(request.params.id);
      return reply.code(204).send();
    },
  );
}
