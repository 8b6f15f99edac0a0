import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { MemoryAlertStore } from '../../../test/support/memory-alert-store.ts';
import { outgoing, startMs } from '../../../test/support/notification-samples.ts';
import { openPushService, type PushService } from '../../../test/support/push-service.ts';
import type { NotificationChannel } from './notification-channel.ts';
import { PushSubscriptions } from './push-subscriptions.ts';
import { createWebPushChannel } from './web-push-channel.ts';

const clock = new FakeClock(startMs);
const signal = new AbortController().signal;
let service: PushService;
let store: MemoryAlertStore;
let subscriptions: PushSubscriptions;
let phone: NotificationChannel;

async function loadSubscriptions(): Promise<PushSubscriptions> {
  const loaded = new PushSubscriptions({ store, clock, mayPushTo: () => true });
  await loaded.load();
  return loaded;
}

const channel = (name: string): NotificationChannel =>
  createWebPushChannel({
    name,
    config: { type: 'web_push', ttl: 600 },
    contact: 'mailto:me@example.org',
    subscriptions,
    clock,
  });

beforeEach(async () => {
  service = await openPushService();
  store = new MemoryAlertStore();
  subscriptions = await loadSubscriptions();
  phone = channel('phone');
});
afterEach(() => service[Symbol.asyncDispose]());

const subscribe = (name: string, forChannel: string | null = null): Promise<{ readonly id: string }> =>
  subscriptions.add({ ...service.subscribe(name), channel: forChannel });
const textsFor = (name: string): readonly string[] =>
  service.messages(name, subscriptions.keys.publicKey).map(({ text }) => text);

describe('Web Push', () => {
  it('is sent encrypted and signed, urgent and with a time to live, when the push service has it', async () => {
    await subscribe('pixel');
    expect(await phone.send(outgoing(), signal)).toEqual({ state: 'sent' });
    const [message] = service.messages('pixel', subscriptions.keys.publicKey);
    expect(message).toMatchObject({ subject: 'mailto:me@example.org', ttl: '600', urgency: 'high' });
    expect(JSON.parse(message?.text ?? '')).toMatchObject({
      title: 'CRITICAL: smoke (hall)',
      summary: 'hall: smoke is true',
      notification_id: 'notification-1',
      alert_id: 'alert-1',
    });
  });

  it('goes to the devices of its channel, and to those that take every channel', async () => {
    await subscribe('mine', 'phone');
    await subscribe('neighbours', 'neighbour');
    await subscribe('tablet');
    await phone.send(outgoing(), signal);
    await channel('neighbour').send(outgoing(), signal);
    expect([textsFor('mine').length, textsFor('neighbours').length, textsFor('tablet').length]).toEqual([
      1, 1, 2,
    ]);
  });

  it('forgets a device that has unsubscribed', async () => {
    await subscribe('gone');
    await subscribe('here');
    service.receiver.answer = (response, { path }) => {
      response.writeHead(path.endsWith('gone') ? 410 : 201);
      response.end();
    };
    expect(await phone.send(outgoing(), signal)).toEqual({ state: 'sent' });
    expect(subscriptions.list()).toHaveLength(1);
    expect((await loadSubscriptions()).list()).toEqual(subscriptions.list());
  });

  it('says so where nobody is left, or nobody has ever subscribed', async () => {
    await expect(phone.send(outgoing(), signal)).rejects.toMatchObject({ code: 'channel_misconfigured' });
    await subscribe('gone');
    service.receiver.answer = (response) => {
      response.writeHead(404);
      response.end();
    };
    await expect(phone.send(outgoing(), signal)).rejects.toMatchObject({ code: 'channel_misconfigured' });
  });

  it('tries again only the device whose push service failed', async () => {
    await subscribe('fast');
    await subscribe('slow');
    service.receiver.answer = (response, { path }) => {
      response.writeHead(path.endsWith('slow') ? 429 : 201, { 'retry-after': '7' });
      response.end();
    };
    await expect(phone.send(outgoing(), signal)).rejects.toMatchObject({
      code: 'channel_failed',
      retryAfterMs: 7_000,
      message: expect.stringContaining('1 of 2 devices have it') as string,
    });
    service.receiver.answer = (response) => {
      response.writeHead(201);
      response.end();
    };
    expect(await phone.send({ ...outgoing(), attempt: 2 }, signal)).toEqual({ state: 'sent' });
    expect([textsFor('fast').length, textsFor('slow').length]).toEqual([1, 2]);
  });

  it('fits into what push services take, however long the sentence', async () => {
    await subscribe('pixel');
    await phone.send(outgoing({ summary: 'ä'.repeat(20_000) }), signal);
    expect(textsFor('pixel')).toHaveLength(1);
  });

  it('does not fail for all because of one device whose keys are none', async () => {
    await subscriptions.add({ ...service.subscribe('odd'), p256dh: 'AAAA', channel: null });
    await subscribe('fine');
    expect(await phone.send(outgoing(), signal)).toEqual({ state: 'sent' });
    expect(textsFor('fine')).toHaveLength(1);
  });
});

describe('subscriptions', () => {
  it('keep their keys over a restart, since they are bound to them', async () => {
    await subscribe('pixel', 'phone');
    const after = await loadSubscriptions();
    expect(after.keys).toEqual(subscriptions.keys);
    expect(after.list()).toEqual(subscriptions.list());
  });

  it('of the same endpoint replace each other', async () => {
    const first = await subscribe('pixel');
    const second = await subscribe('pixel', 'phone');
    expect(second.id).toBe(first.id);
    expect(subscriptions.list()).toMatchObject([{ channel: 'phone' }]);
  });

  it('are not taken beyond a limit', async () => {
    const browser = service.subscribe('many');
    for (let device = 0; device < 200; device += 1)
      await subscriptions.add({ ...browser, endpoint: `${browser.endpoint}/${device}`, channel: null });
    await expect(subscribe('one more')).rejects.toMatchObject({ code: 'subscription_limit_exceeded' });
  });

  it('made at the same time are all kept', async () => {
    await Promise.all(['a', 'b', 'c'].map((name) => subscribe(name)));
    expect((await loadSubscriptions()).list()).toHaveLength(3);
  });

  it('are not lost by one that could not be stored', async () => {
    store.failWith = new Error('the disk is full');
    await expect(subscribe('a')).rejects.toThrow('the disk is full');
    store.failWith = null;
    await subscribe('b');
    expect(subscriptions.list()).toHaveLength(1);
  });

  it.each([
    'http://push.example.org/1',
    'https://127.0.0.1/1',
    'https://[::1]/1',
    'https://2130706433/1',
    'https://localhost/1',
    'https://printer.local/1',
    'https://push.example.org:8443/1',
    'https://me:secret@push.example.org/1',
    'no address',
  ])('to %s are refused', async (endpoint) => {
    const strict = new PushSubscriptions({ store, clock });
    await strict.load();
    await expect(strict.add({ ...service.subscribe('x'), endpoint, channel: null })).rejects.toMatchObject({
      code: 'subscription_invalid',
    });
  });

  it.each([
    'https://fcm.googleapis.com/fcm/send/abc',
    'https://updates.push.services.mozilla.com/wpush/v2/abc',
    'https://web.push.apple.com/abc',
  ])('to %s are taken', async (endpoint) => {
    const strict = new PushSubscriptions({ store, clock });
    await strict.load();
    await strict.add({ ...service.subscribe('x'), endpoint, channel: null });
    expect(strict.list()).toHaveLength(1);
  });
});
