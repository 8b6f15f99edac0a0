import { describe, expect, it } from 'vitest';
import { startTestServer } from '../../../test/support/test-server.ts';

const json = async (answer: Response): Promise<Record<string, unknown>> =>
  (await answer.json()) as Record<string, unknown>;

const subscription = {
  endpoint: 'https://push.example.org/send/abc?secret',
  expirationTime: null,
  keys: { p256dh: `B${'x'.repeat(86)}`, auth: 'y'.repeat(22) },
};

describe('Web Push over REST', () => {
  it('gives the key to subscribe with', async () => {
    await using server = await startTestServer();
    expect(await json(await server.get('/api/web_push/key'))).toEqual({ public_key: 'BPublicKey' });
  });

  it('takes what a browser gave, and lists devices without their endpoints', async () => {
    await using server = await startTestServer();
    const made = await server.send('POST', '/api/web_push/subscriptions', { channel: 'phone', subscription });
    expect([made.status, await json(made)]).toEqual([201, { id: 'device-1' }]);
    expect(server.world.events.subscribed.get('device-1')).toEqual({
      channel: 'phone',
      endpoint: subscription.endpoint,
      ...subscription.keys,
    });
    expect(await json(await server.get('/api/web_push/subscriptions'))).toEqual({
      items: [
        {
          id: 'device-1',
          channel: 'phone',
          push_service: 'push.example.org',
          created_at: '1970-01-01T00:00:00.000Z',
        },
      ],
      next_cursor: null,
    });
    const everyChannel = await server.send('POST', '/api/web_push/subscriptions', { subscription });
    expect(everyChannel.status).toBe(201);
    expect(server.world.events.subscribed.get('device-2')?.channel).toBeNull();
  });

  it.each([
    [{ ...subscription, endpoint: 'nowhere' }],
    [{ ...subscription, keys: { ...subscription.keys, p256dh: 'short' } }],
    [{ ...subscription, keys: { ...subscription.keys, auth: '' } }],
    [{ endpoint: subscription.endpoint }],
  ])('refuses what no browser gives: %o', async (wrong) => {
    await using server = await startTestServer();
    const answer = await server.send('POST', '/api/web_push/subscriptions', { subscription: wrong });
    expect([answer.status, (await json(answer))['code']]).toEqual([400, 'invalid_request']);
    expect(server.world.events.subscribed.size).toBe(0);
  });

  it('removes a device', async () => {
    await using server = await startTestServer();
    await server.send('POST', '/api/web_push/subscriptions', { subscription });
    expect((await server.send('DELETE', '/api/web_push/subscriptions/device-1')).status).toBe(204);
    const again = await server.send('DELETE', '/api/web_push/subscriptions/device-1');
    expect([again.status, (await json(again))['code']]).toEqual([404, 'subscription_not_found']);
  });

  it('notes that a notification was seen', async () => {
    await using server = await startTestServer();
    expect((await server.send('POST', '/api/notifications/n-1/seen')).status).toBe(204);
    expect(server.world.events.seen).toEqual(['n-1']);
    const unknown = await server.send('POST', '/api/notifications/unknown/seen');
    expect([unknown.status, (await json(unknown))['code']]).toEqual([404, 'notification_not_found']);
  });
});
