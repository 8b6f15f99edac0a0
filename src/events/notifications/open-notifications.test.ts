import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { type HttpReceiver, openHttpReceiver } from '../../../test/support/http-receiver.ts';
import { MemoryAlertStore } from '../../../test/support/memory-alert-store.ts';
import { queued, startMs } from '../../../test/support/notification-samples.ts';
import { alertView } from '../../../test/support/event-samples.ts';
import { defaultConfig } from '../../config.ts';
import { FactBus, type Facts } from '../../facts.ts';
import { type ChannelConfig, channelConfigSchema } from './channel-config.ts';
import { type OpenedNotifications, openNotifications } from './open-notifications.ts';

let clock: FakeClock;
let receiver: HttpReceiver;
let store: MemoryAlertStore;
let channels: Map<string, ChannelConfig>;
let changed: () => void;
let failure: string | null;
let said: string[];
let shown: Facts['alert:changed'][];
let opened: OpenedNotifications;

const webhook = (path: string, secret?: string): ChannelConfig =>
  channelConfigSchema.parse({ type: 'webhook', url: receiver.url + path, ...(secret && { secret }) });

beforeEach(async () => {
  clock = new FakeClock(startMs);
  receiver = await openHttpReceiver();
  store = new MemoryAlertStore();
  channels = new Map([['phone', webhook('/phone')]]);
  failure = null;
  said = [];
  shown = [];
  const facts = new FactBus({
    onListenerError: (_name, error) => {
      throw error;
    },
  });
  facts.on('alert:changed', (fact) => void shown.push(fact));
  opened = await openNotifications({
    config: defaultConfig().notifications,
    store: Object.assign(store, { alert: () => Promise.resolve(alertView()) }),
    rules: {
      get channels() {
        return channels;
      },
      onChanged: (listener) => {
        changed = listener;
        return () => undefined;
      },
    },
    publishHere: () => Promise.resolve(),
    environment: {},
    facts,
    clock,
    random: () => 0.5,
    newId: () => 'id-1',
    pipelineFailure: () => failure,
    log: {
      storeError: (error) => void said.push(String(error)),
      say: (level, sentence) => void said.push(`${level}: ${sentence}`),
    },
  });
  opened.start();
});
afterEach(async () => {
  await opened.close();
  await receiver[Symbol.asyncDispose]();
});

const sentTo = (path: string): unknown[] =>
  receiver.requests
    .filter((one) => one.path === path)
    .map(({ body }) => JSON.parse(body.toString()) as unknown);

describe('notifications, put together', () => {
  it('send what is in the outbox and show its alert again', async () => {
    store.add(queued('n1'));
    opened.wake();
    await expect.poll(() => store.row('n1').state).toBe('delivered');
    await nextTurn();
    expect(shown).toMatchObject([{ notificationsOnly: true }]);
  });

  it('use the channels of the file as it is now, and name one that cannot be used', async () => {
    channels = new Map([
      ['phone', webhook('/moved')],
      ['pager', webhook('/pager', 'env:ABSENT')],
    ]);
    changed();
    expect(said).toEqual([expect.stringMatching(/^error: channel pager: the environment has no ABSENT/)]);
    store.add(queued('n1'), queued('n2', { channel: 'pager' }));
    opened.wake();
    await expect.poll(() => store.row('n1').state).toBe('delivered');
    expect(sentTo('/moved')).toHaveLength(1);
    expect(store.row('n2')).toMatchObject({ state: 'failed' });
  });

  it('tell every channel that the hub stands still, and that it goes on', async () => {
    failure = 'the disk is full';
    store.failWith = new Error('the disk is full');
    await clock.advance(35_000);
    await expect.poll(() => sentTo('/phone').length).toBe(1);
    expect(sentTo('/phone')).toMatchObject([
      { rule: 'hub stalled', severity: 'critical', state: 'firing', subject_kind: 'hub' },
    ]);
    failure = null;
    await clock.advance(5_000);
    await expect.poll(() => sentTo('/phone').length).toBe(2);
    expect(sentTo('/phone')[1]).toMatchObject({ alert_id: 'hub-stalled', state: 'resolved' });
  });

  it('note that a message was seen, where there is one', async () => {
    store.add(queued('n1'));
    await opened.notifications.noteSeen('n1');
    expect(store.row('n1')).toMatchObject({ state: 'seen', seenAt: startMs });
    await expect(opened.notifications.noteSeen('other')).rejects.toMatchObject({
      code: 'notification_not_found',
    });
  });

  it('let nobody subscribe to a channel of another kind', async () => {
    const device = { endpoint: 'https://push.example.org/1', p256dh: 'x', auth: 'y' };
    await expect(opened.notifications.subscribe({ ...device, channel: 'phone' })).rejects.toMatchObject({
      code: 'channel_not_found',
    });
    await opened.notifications.subscribe({ ...device, channel: null });
    expect(opened.notifications.subscriptions()).toHaveLength(1);
  });
});
