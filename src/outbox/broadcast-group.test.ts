import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { FakeLiveSocket } from '../../test/support/fake-live-socket.ts';
import { feedMessage, feedMessages } from '../../test/support/live-messages.ts';
import { BroadcastGroup } from './broadcast-group.ts';
import { FlushSchedule } from './flush-schedule.ts';
import { LiveOutbox } from './live-outbox.ts';
import { OutboxBudget } from './outbox-budget.ts';
import type { OutboxMessage } from './outbox-message.ts';
import { type OutboxObserver, silentOutboxObserver } from './outbox-observer.ts';

function setUp({ coalesceMs = 25 } = {}) {
  const clock = new FakeClock();
  const budget = new OutboxBudget(64 * 1_024 * 1_024);
  const schedule = new FlushSchedule({ clock, defer: (callback) => void clock.after(0, callback) });
  const batchSizes: number[] = [];
  let dropped = 0;
  const observer: OutboxObserver = {
    ...silentOutboxObserver,
    flushed: (_kind, messages) => void batchSizes.push(messages),
    dropped: (_kind, messages) => (dropped += messages),
  };
  const group = new BroadcastGroup({ schedule, budget, clock, observer, coalesceMs });
  const join = (target = group) => {
    const socket = new FakeLiveSocket();
    const outbox = new LiveOutbox({
      socket,
      kind: 'live',
      maxMessages: 512,
      maxBytes: 1_048_576,
      maxUnacknowledgedBytes: 2_097_152,
      budget,
      clock,
      observer,
    });
    target.add(outbox);
    return { outbox, socket };
  };
  const publish = (...messages: OutboxMessage[]): void => group.publish(messages, clock.monotonicMs());
  return { batchSizes, budget, clock, group, join, publish, schedule, dropped: () => dropped };
}

const numbersOf = (socket: FakeLiveSocket): unknown[] => socket.messages.map(({ number }) => number);
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('BroadcastGroup', () => {
  it('rule 2: sends what comes after quiet in the same turn of the event loop', async () => {
    const { clock, join, publish } = setUp();
    const { socket } = join();
    publish(feedMessage(1));
    await clock.advance(0);
    expect(socket.batches).toHaveLength(1);
    await clock.advance(500);
    publish(feedMessage(2));
    await clock.advance(0);
    expect(numbersOf(socket)).toEqual([1, 2]);
  });

  it('rule 2: never adds to the latency of a connection with twenty messages a second', async () => {
    const { clock, join, publish } = setUp();
    const { socket } = join();
    for (const number of range(1, 100)) {
      publish(feedMessage(number));
      await clock.advance(0);
      expect(socket.lines).toHaveLength(number);
      await clock.advance(50);
    }
  });

  it('rule 2: gathers messages under load, for 25 ms and no longer', async () => {
    const { clock, join, publish } = setUp();
    const { socket } = join();
    for (const number of range(1, 1_000)) {
      publish(feedMessage(number));
      await clock.advance(2.5);
      // 25 ms of 400 a second are ten messages.
      expect(number - socket.lines.length).toBeLessThanOrEqual(11);
    }
    const sizes = socket.batches.slice(-20).map(({ length }) => length);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(9);
    await clock.advance(25);
    expect(numbersOf(socket)).toEqual(range(1, 1_000));
  });

  it('sends an urgent message at once, with what waits before it', async () => {
    const { clock, join, publish } = setUp();
    const { socket } = join();
    for (const number of range(1, 200)) publish(feedMessage(number));
    await clock.advance(0);
    publish(feedMessage(201));
    await clock.advance(5);
    expect(socket.lines).toHaveLength(200);
    publish(feedMessage(202, { control: true }));
    await clock.advance(0);
    expect(numbersOf(socket).slice(-2)).toEqual([201, 202]);
  });

  it('rule 7: makes one frame for all members, and one text of a message for all of them', async () => {
    const { clock, join, publish } = setUp();
    const sockets = range(1, 50).map(() => join().socket);
    let texts = 0;
    const message: OutboxMessage = {
      ...feedMessage(1),
      get line() {
        texts += 1;
        return '{"position":"feed-1"}';
      },
    };
    publish(message, feedMessage(2));
    await clock.advance(0);
    expect(new Set(sockets.flatMap(({ frames }) => frames)).size).toBe(1);
    expect(texts).toBe(1);
  });

  it('rule 8: needs one timer, however many groups wait', async () => {
    const { clock, join, schedule } = setUp();
    const budget = new OutboxBudget(1_000_000);
    const groups = range(1, 20).map(
      () => new BroadcastGroup({ schedule, budget, clock, observer: silentOutboxObserver, coalesceMs: 25 }),
    );
    const sockets = groups.map((group) => join(group).socket);
    for (const group of groups) group.publish(feedMessages(1, 200), clock.monotonicMs());
    await clock.advance(0);
    for (const group of groups) group.publish([feedMessage(201)], clock.monotonicMs());
    expect(clock.pending).toBe(1);
    await clock.advance(25);
    expect(sockets.map(({ lines }) => lines.length)).toEqual(range(1, 20).map(() => 201));
    expect(clock.pending).toBe(0);
  });

  it('lets a paused member cost the others nothing, and tells it what it missed', async () => {
    const { clock, join, publish } = setUp();
    const paused = join();
    const { socket } = join();
    paused.socket.stuck = true;
    for (let number = 1; number <= 5_000; number += 10) {
      publish(...feedMessages(number, 10, { padding: 200 }));
      await clock.advance(10);
    }
    await clock.advance(25);
    expect(numbersOf(socket)).toEqual(range(1, 5_000));
    expect(paused.outbox.bytes).toBeLessThanOrEqual(1_048_576);
    paused.socket.unstick();
    publish(feedMessage(5_001));
    await clock.advance(25);
    const got = paused.socket.messages;
    const missing = got.reduce((sum, { dropped }) => sum + Number(dropped ?? 0), 0);
    expect(missing).toBeGreaterThan(3_000);
    expect(got.filter(({ type }) => type === 'event').length + missing).toBe(5_001);
    publish(feedMessage(5_002));
    await clock.advance(25);
    expect(paused.socket.frames.at(-1)).toBe(socket.frames.at(-1));
  });

  it('loses nothing of a burst of thousands to a member that keeps up', async () => {
    const { clock, dropped, join, publish } = setUp();
    const { socket } = join();
    publish(...feedMessages(1, 20_000));
    await clock.advance(0);
    expect(numbersOf(socket)).toEqual(range(1, 20_000));
    expect(dropped()).toBe(0);
  });

  it('gives a member that joins what is published from then on, and one that leaves nothing more', async () => {
    const { clock, group, join, publish } = setUp();
    const first = join();
    for (const number of range(1, 100)) publish(feedMessage(number));
    await clock.advance(0);
    publish(feedMessage(101));
    const second = join();
    publish(feedMessage(102), feedMessage(103));
    await clock.advance(25);
    expect(numbersOf(first.socket)).toEqual(range(1, 103));
    expect(numbersOf(second.socket)).toEqual([102, 103]);
    group.remove(first.outbox);
    publish(feedMessage(104));
    await clock.advance(25);
    expect([first.socket.lines.length, second.socket.lines.length]).toEqual([103, 3]);
  });

  it('rule 2: the reference load, 1,000 messages in 10 s as 50 bursts of 20, is sent whole in batches of more than 5', async () => {
    const { batchSizes, clock, dropped, join, publish } = setUp();
    const { socket } = join();
    let number = 0;
    for (let burst = 0; burst < 50; burst += 1) {
      // The messages of a burst come in one turn, as a client's own burst does.
      for (let message = 0; message < 20; message += 1) publish(feedMessage((number += 1)));
      await clock.advance(200);
    }
    expect(numbersOf(socket)).toEqual(range(1, 1_000));
    expect(dropped()).toBe(0);
    const sorted = batchSizes.toSorted((one, other) => one - other);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeGreaterThan(5);
  });

  it('gives each member each message once and in order, whoever joins and whatever is published when', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.integer({ min: 1, max: 700 }),
            fc.constant('join' as const),
            fc.record({ waitMs: fc.integer({ min: 0, max: 60 }) }),
          ),
          {
            maxLength: 40,
          },
        ),
        async (steps) => {
          const { clock, join, publish } = setUp();
          const members: { readonly socket: FakeLiveSocket; readonly from: number }[] = [
            { ...join(), from: 1 },
          ];
          let number = 0;
          for (const step of steps) {
            if (step === 'join') members.push({ ...join(), from: number + 1 });
            else if (typeof step === 'number') {
              publish(...feedMessages(number + 1, step));
              number += step;
            } else await clock.advance(step.waitMs);
          }
          await clock.advance(100);
          for (const { from, socket } of members) expect(numbersOf(socket)).toEqual(range(from, number));
        },
      ),
      { numRuns: 40 },
    );
  });
});
