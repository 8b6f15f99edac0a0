import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { MemoryAlertStore } from '../../../test/support/memory-alert-store.ts';
import { notificationMessage, queued, startMs } from '../../../test/support/notification-samples.ts';
import { ChannelError } from '../../errors.ts';
import { FactBus, type Facts } from '../../facts.ts';
import { asAlertId } from '../../protocol/ids.ts';
import type { Delivery, NotificationChannel, OutgoingNotification } from './notification-channel.ts';
import { NotificationDispatcher } from './notification-dispatcher.ts';

/** Keeps what it gets; a test says what becomes of it. */
class FakeChannel implements NotificationChannel {
  readonly name: string;
  readonly kind = 'webhook';
  readonly timeoutMs = 10_000;
  readonly got: OutgoingNotification[] = [];
  closed = 0;
  respond: (notification: OutgoingNotification, signal: AbortSignal) => Promise<Delivery> = () =>
    Promise.resolve({ state: 'delivered' });

  constructor(name = 'phone') {
    this.name = name;
  }

  get ids(): readonly string[] {
    return this.got.map(({ id }) => id);
  }

  send(notification: OutgoingNotification, signal: AbortSignal): Promise<Delivery> {
    this.got.push(notification);
    return this.respond(notification, signal);
  }

  close(): Promise<void> {
    this.closed += 1;
    return Promise.resolve();
  }
}

const down = (): Promise<Delivery> => Promise.reject(new ChannelError('channel_failed', 'it is down'));
const never = (): Promise<Delivery> => new Promise(() => undefined);

let clock: FakeClock;
let store: MemoryAlertStore;
let phone: FakeChannel;
let facts: FactBus;
let attempts: Facts['notification:attempted'][];
let updated: string[];
let storeErrors: unknown[];
let dispatcher: NotificationDispatcher;

function makeDispatcher(): NotificationDispatcher {
  return new NotificationDispatcher({
    store,
    facts,
    clock,
    random: () => 1,
    expireMs: 86_400_000,
    onUpdated: (alertId) => void updated.push(alertId),
    onStoreError: (error) => void storeErrors.push(error),
  });
}

beforeEach(() => {
  clock = new FakeClock(startMs);
  store = new MemoryAlertStore();
  phone = new FakeChannel();
  facts = new FactBus({
    onListenerError: (_name, error) => {
      throw error;
    },
  });
  attempts = [];
  facts.on('notification:attempted', (attempt) => void attempts.push(attempt));
  updated = [];
  storeErrors = [];
  dispatcher = makeDispatcher();
});

afterEach(async () => {
  const stopped = dispatcher.stop();
  await pass(5_000);
  await stopped;
});

/** Lets time pass, and everything that hangs on it happen. */
async function pass(ms = 0, stepMs = 250): Promise<void> {
  for (let passedMs = 0; ; passedMs += stepMs) {
    for (let turn = 0; turn < 4; turn += 1) {
      await clock.advance(0);
      await nextTurn();
    }
    if (passedMs >= ms) return;
    await clock.advance(Math.min(stepMs, ms - passedMs));
  }
}

async function start(channels: readonly FakeChannel[] = [phone]): Promise<void> {
  dispatcher.setChannels(new Map(channels.map((channel) => [channel.name, channel])));
  dispatcher.start();
  await pass();
}

describe('a notification that is due', () => {
  it('is sent at once with its key and recorded as delivered', async () => {
    await start();
    store.add(queued('n1'));
    dispatcher.wake();
    await pass();
    expect(phone.got).toMatchObject([{ id: 'n1', idempotencyKey: 'key of n1', attempt: 1 }]);
    expect(store.row('n1')).toMatchObject({
      state: 'delivered',
      attempts: 1,
      sentAt: startMs,
      deliveredAt: startMs,
      nextAttemptAt: null,
      error: null,
    });
    expect(updated).toEqual(['alert of n1']);
    expect(attempts).toEqual([
      { channel: 'phone', alertId: 'alert of n1', result: 'delivered', latencyMs: 0, error: null },
    ]);
  });

  it('is only sent where the channel cannot know more', async () => {
    phone.respond = () => Promise.resolve({ state: 'sent' });
    store.add(queued('n1'));
    await start();
    expect(store.row('n1')).toMatchObject({ state: 'sent', sentAt: startMs, deliveredAt: null });
  });

  it('goes out before any that is not critical', async () => {
    phone.respond = never;
    store.add(...['w1', 'w2', 'w3', 'w4', 'w5'].map((id) => queued(id)));
    store.add(queued('alarm', { severity: 'critical', createdAt: startMs + 1 }));
    await start();
    expect(phone.ids).toEqual(['alarm', 'w1', 'w2', 'w3']);
  });

  it('finds a place where a slow receiver holds all others, if it is critical', async () => {
    phone.respond = never;
    store.add(
      ...Array.from({ length: 300 }, (_, index) => queued(`w${index}`, { createdAt: startMs + index })),
    );
    await start();
    expect(phone.got).toHaveLength(4);
    store.add(queued('alarm', { severity: 'critical', createdAt: startMs + 1_000 }));
    dispatcher.wake();
    await pass();
    expect(phone.ids.at(-1)).toBe('alarm');
    expect(phone.got).toHaveLength(5);
  });

  it('does not wait for another channel that is slow and has much to send', async () => {
    const slow = new FakeChannel('slow');
    slow.respond = never;
    store.add(
      ...Array.from({ length: 1_000 }, (_, index) =>
        queued(`s${index}`, { channel: 'slow', severity: 'critical' }),
      ),
    );
    store.add(queued('n1', { createdAt: startMs + 5 }));
    await start([slow, phone]);
    expect(phone.ids).toEqual(['n1']);
    expect(slow.got).toHaveLength(8);
  });

  it('fails at once where its channel does not exist, and says so', async () => {
    store.add(queued('n1', { channel: 'fax' }));
    await start();
    expect(store.row('n1')).toMatchObject({
      state: 'failed',
      error: 'channel_not_found: channels: has no fax',
    });
    expect(updated).toEqual(['alert of n1']);
  });

  it('fails for good where the channel refuses it', async () => {
    phone.respond = () => Promise.reject(new ChannelError('channel_rejected', 'it is too long'));
    store.add(queued('n1'));
    await start();
    await pass(3_600_000, 60_000);
    expect(phone.got).toHaveLength(1);
    expect(store.row('n1')).toMatchObject({ state: 'failed', error: 'channel_rejected: it is too long' });
    expect(attempts.map(({ result }) => result)).toEqual(['rejected']);
  });

  it('is not sent twice where it was recorded while a look that began before was on its way', async () => {
    let release: () => void = () => undefined;
    const dueNow = store.dueNotifications.bind(store);
    let finish: (delivery: Delivery) => void = () => undefined;
    phone.respond = () => new Promise((resolve) => (finish = resolve));
    store.add(queued('n1'));
    await start();
    store.dueNotifications = async (nowMs, limit) => {
      const due = await dueNow(nowMs, limit);
      await new Promise<void>((resolve) => (release = resolve));
      return due;
    };
    dispatcher.wake();
    await pass();
    finish({ state: 'delivered' });
    await pass();
    expect(store.row('n1').state).toBe('delivered');
    store.dueNotifications = dueNow;
    release();
    await pass();
    expect(phone.got).toHaveLength(1);
  });

  it('of a backlog is put off and comes back little by little, not all again and again', async () => {
    phone.respond = never;
    store.add(
      ...Array.from({ length: 1_500 }, (_, index) => queued(`n${index}`, { createdAt: startMs + index })),
    );
    let written = 0;
    const write = store.updateNotifications.bind(store);
    store.updateNotifications = (updates) => {
      written += updates.length;
      return write(updates);
    };
    await start();
    written = 0;
    await pass(8_000, 500);
    expect(written / 8).toBeLessThan(300);
    phone.respond = () => Promise.resolve({ state: 'delivered' });
    await pass(90_000, 500);
    expect(new Set(phone.ids.slice(4)).size).toBe(1_500);
    expect([...store.rows.values()].every(({ state }) => state === 'delivered')).toBe(true);
  }, 30_000);

  it('is not sent twice while its first attempt lasts, however often there is a look', async () => {
    phone.respond = never;
    store.add(queued('n1'));
    await start();
    for (let look = 0; look < 5; look += 1) {
      dispatcher.wake();
      await pass(1_000);
    }
    expect(phone.got).toHaveLength(1);
  });
});

describe('a channel that fails', () => {
  it('is tried again after 1 s, 2 s, 4 s, with the same key', async () => {
    const at: number[] = [];
    phone.respond = () => {
      at.push(clock.nowMs() - startMs);
      return at.length < 3 ? down() : Promise.resolve({ state: 'delivered' });
    };
    store.add(queued('n1'));
    await start();
    await pass(5_000);
    expect(at).toEqual([0, 1_000, 3_000]);
    expect(phone.got.map(({ attempt, idempotencyKey }) => [attempt, idempotencyKey])).toEqual([
      [1, 'key of n1'],
      [2, 'key of n1'],
      [3, 'key of n1'],
    ]);
    expect(store.row('n1')).toMatchObject({ state: 'delivered', attempts: 3 });
  });

  it('shows the error and the next attempt meanwhile', async () => {
    phone.respond = down;
    store.add(queued('n1'));
    await start();
    expect(store.row('n1')).toMatchObject({
      state: 'pending',
      attempts: 1,
      error: 'it is down',
      nextAttemptAt: startMs + 1_000,
      sentAt: null,
    });
    expect(updated).toEqual(['alert of n1']);
  });

  it('down for an hour gets everything within a minute of its return, in the order of each alert, and few knocks before', async () => {
    phone.respond = down;
    const alertId = asAlertId('freezer');
    store.add(queued('fired', { alertId }));
    await start();
    await pass(600_000, 1_000);
    store.add(queued('resolved', { alertId, transition: 'resolved', createdAt: clock.nowMs() }));
    store.add(queued('alarm', { severity: 'critical', createdAt: clock.nowMs() }));
    dispatcher.wake();
    await pass(3_000_000, 1_000);
    expect(phone.got.length).toBeLessThan(100);
    const knocks = phone.got.length;
    phone.respond = () => Promise.resolve({ state: 'delivered' });
    await pass(60_000, 1_000);
    expect(store.row('alarm')).toMatchObject({ state: 'delivered' });
    await pass(240_000, 1_000);
    expect(store.row('fired')).toMatchObject({ state: 'delivered' });
    expect(store.row('resolved')).toMatchObject({ state: 'delivered' });
    const order = phone.ids.slice(knocks);
    expect(order.indexOf('fired')).toBeLessThan(order.indexOf('resolved'));
    expect(order).toHaveLength(3);
  }, 20_000);

  it('is not told the end of an alert before its beginning, which it did not take at first', async () => {
    const alertId = asAlertId('freezer');
    let fails = true;
    phone.respond = () => (fails ? down() : Promise.resolve({ state: 'delivered' }));
    store.add(queued('fired', { alertId }));
    await start();
    fails = false;
    store.add(queued('resolved', { alertId, transition: 'resolved', createdAt: startMs + 100 }));
    dispatcher.wake();
    await pass();
    expect(phone.ids).toEqual(['fired']);
    await pass(3_000);
    expect(phone.ids).toEqual(['fired', 'fired', 'resolved']);
  });

  it('opens a breaker after three failures: what is due then is put off without an attempt', async () => {
    const breaker: string[] = [];
    facts.on('circuit_breaker:changed', ({ name, state }) => void breaker.push(`${name} ${state}`));
    phone.respond = down;
    store.add(...['a', 'b', 'c'].map((id) => queued(id)));
    await start();
    expect(breaker).toEqual(['channel:phone open']);
    store.add(queued('d'));
    dispatcher.wake();
    await pass();
    expect(phone.ids).toEqual(['a', 'b', 'c']);
    expect(store.row('d')).toMatchObject({ state: 'pending', attempts: 0, error: 'it is down' });
    phone.respond = () => Promise.resolve({ state: 'delivered' });
    await pass(2_000);
    expect(breaker).toEqual(['channel:phone open', 'channel:phone half_open', 'channel:phone closed']);
    expect([...store.rows.values()].map(({ state }) => state)).toEqual(Array(4).fill('delivered'));
  });

  it('is left alone for as long as it asks, with other messages too', async () => {
    let calls = 0;
    phone.respond = () => {
      calls += 1;
      return calls === 1
        ? Promise.reject(new ChannelError('channel_failed', 'too many', { retryAfterMs: 30_000 }))
        : Promise.resolve({ state: 'delivered' });
    };
    store.add(queued('n1'));
    await start();
    store.add(queued('n2', { createdAt: startMs + 1 }));
    dispatcher.wake();
    await pass(29_000);
    expect(calls).toBe(1);
    await pass(2_000);
    expect(phone.ids).toEqual(['n1', 'n1', 'n2']);
  });

  it('that never answers is given up after its timeout, although it does not heed the signal', async () => {
    phone.respond = never;
    store.add(queued('n1'));
    await start();
    await pass(10_000);
    expect(store.row('n1')).toMatchObject({ attempts: 1, error: 'no confirmation within 10s' });
  });

  it('gives up what is too old, with the reason', async () => {
    phone.respond = down;
    store.add(queued('n1'));
    await start();
    await pass(86_400_000, 60_000);
    expect(store.row('n1')).toMatchObject({
      state: 'expired',
      error: 'not delivered within 1d; it is down',
    });
    expect(attempts.at(-1)).toMatchObject({ result: 'expired' });
  }, 30_000);

  it('does not hold up what another alert tells', async () => {
    phone.respond = ({ id }) => (id === 'bad' ? down() : Promise.resolve({ state: 'delivered' }));
    store.add(queued('bad'), queued('good', { createdAt: startMs + 1 }));
    await start();
    expect(store.row('good').state).toBe('delivered');
  });
});

describe('between sending and recording', () => {
  it('sends again after a crash, with the same key', async () => {
    store.add(queued('n1'));
    store.failWith = null;
    phone.respond = () => {
      // The process ends here: nothing that it knows gets into the store.
      store.updateNotifications = () => never() as Promise<never>;
      return Promise.resolve({ state: 'delivered' });
    };
    await start();
    expect(store.row('n1').state).toBe('pending');

    const after = new MemoryAlertStore();
    after.add(queued('n1'));
    store = after;
    dispatcher = makeDispatcher();
    phone.respond = () => Promise.resolve({ state: 'delivered' });
    await start();
    expect(phone.got.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['key of n1', 'key of n1']);
    expect(store.row('n1').state).toBe('delivered');
  });

  it('keeps what it cannot record until the store works again, and does not send it twice', async () => {
    phone.respond = () => {
      store.failWith = new Error('the disk is full');
      return Promise.resolve({ state: 'delivered' });
    };
    store.add(queued('n1'));
    await start();
    await pass(10_000);
    expect(storeErrors.length).toBeGreaterThan(0);
    store.failWith = null;
    await pass(2_000);
    expect(store.row('n1')).toMatchObject({ state: 'delivered', attempts: 1 });
    expect(phone.got).toHaveLength(1);
  });

  it('goes on when the store could not be read for a while', async () => {
    store.add(queued('n1'));
    store.failWith = new Error('locked');
    await start();
    store.failWith = null;
    await pass(2_000);
    expect(store.row('n1').state).toBe('delivered');
  });
});

describe('stopping', () => {
  it('waits for what is on its way and records it', async () => {
    phone.respond = () => new Promise((resolve) => clock.after(2_000, () => resolve({ state: 'delivered' })));
    store.add(queued('n1'));
    await start();
    const stopped = dispatcher.stop();
    await pass(2_000);
    await stopped;
    expect(store.row('n1').state).toBe('delivered');
    expect(phone.closed).toBe(1);
  });

  it('leaves what has no answer after 5 s pending, and tells the channel to give up', async () => {
    let aborted = false;
    phone.respond = (_notification, signal) => {
      signal.addEventListener('abort', () => (aborted = true));
      return never();
    };
    store.add(queued('n1'));
    await start();
    const stopped = dispatcher.stop();
    await pass(5_000);
    await stopped;
    expect(aborted).toBe(true);
    expect(store.row('n1')).toMatchObject({ state: 'pending', attempts: 0 });
  });

  it('leaves no timer behind', async () => {
    await start();
    await dispatcher.stop();
    expect(clock.pending).toBe(0);
  });
});

describe('channels that change', () => {
  it('go on as they are where they are the same, and end what is on its way where not', async () => {
    let finish: (delivery: Delivery) => void = () => undefined;
    phone.respond = () => new Promise((resolve) => (finish = resolve));
    store.add(queued('n1'));
    await start();
    const replacement = new FakeChannel();
    dispatcher.setChannels(new Map([['phone', replacement]]));
    store.add(queued('n2', { createdAt: startMs + 1 }));
    dispatcher.wake();
    await pass();
    expect(replacement.ids).toEqual(['n2']);
    expect(phone.closed).toBe(0);
    finish({ state: 'delivered' });
    await pass();
    expect(phone.closed).toBe(1);
    expect(store.row('n1').state).toBe('delivered');
    dispatcher.setChannels(new Map([['phone', replacement]]));
    await pass();
    expect(replacement.closed).toBe(0);
  });
});

describe('an announcement', () => {
  it('reaches every channel although the store fails, and tries three times', async () => {
    const siren = new FakeChannel('siren');
    let calls = 0;
    siren.respond = () => ((calls += 1) < 3 ? down() : Promise.resolve({ state: 'delivered' }));
    await start([phone, siren]);
    store.failWith = new Error('the store is what fails');
    const announced = dispatcher.announce(notificationMessage({ rule: 'hub stalled' }), 'a1');
    await pass(20_000);
    await announced;
    expect(phone.got).toMatchObject([{ id: 'a1', idempotencyKey: 'a1:phone' }]);
    expect(siren.got.map(({ idempotencyKey }) => idempotencyKey)).toEqual(Array(3).fill('a1:siren'));
  });
});

it('looks rarely while nothing is due', async () => {
  await start();
  const before = store.looks;
  await pass(600_000, 5_000);
  expect(store.looks - before).toBeLessThanOrEqual(11);
});
