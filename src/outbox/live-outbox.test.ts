import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { FakeLiveSocket } from '../../test/support/fake-live-socket.ts';
import { feedMessage, feedMessages } from '../../test/support/live-messages.ts';
import { LiveOutbox } from './live-outbox.ts';
import { OutboxBudget } from './outbox-budget.ts';
import { silentOutboxObserver } from './outbox-observer.ts';
import type { OutboxMessage } from './outbox-message.ts';
import { SharedBatch } from './shared-batch.ts';

interface Bounds {
  maxMessages?: number;
  maxBytes?: number;
  maxUnacknowledgedBytes?: number;
  budgetBytes?: number;
}

function setUp(bounds: Bounds = {}) {
  const clock = new FakeClock();
  const socket = new FakeLiveSocket();
  const budget = new OutboxBudget(bounds.budgetBytes ?? 10_000_000);
  let dropped = 0;
  const outbox = new LiveOutbox({
    socket,
    kind: 'live',
    maxMessages: bounds.maxMessages ?? 512,
    maxBytes: bounds.maxBytes ?? 1_048_576,
    maxUnacknowledgedBytes: bounds.maxUnacknowledgedBytes ?? 2_097_152,
    budget,
    clock,
    observer: { ...silentOutboxObserver, dropped: (_kind, messages) => (dropped += messages) },
  });
  /** The socket takes no more, and what is sent from now on waits. */
  const block = (): void => {
    socket.stuck = true;
    outbox.send(feedMessage(0, { padding: 64 * 1_024 }));
  };
  return { budget, clock, outbox, socket, block, dropped: () => dropped };
}

const share = (messages: readonly OutboxMessage[], budget: OutboxBudget): SharedBatch =>
  new SharedBatch(messages, { budget, clock: new FakeClock(), observer: silentOutboxObserver });
const isGap = (message: Record<string, unknown>): boolean => message['type'] === 'gap';
const numbers = (socket: FakeLiveSocket): unknown[] =>
  socket.messages.map((message) =>
    isGap(message) ? `gap of ${String(message['dropped'])}` : message['number'],
  );

describe('LiveOutbox', () => {
  it('rule 1: never blocks and never throws for a slow or broken socket, and says what happened', async () => {
    const { block, outbox, socket } = setUp({ maxMessages: 4 });
    outbox.conflates = true;
    block();
    expect(outbox.send(feedMessage(1, { key: 'kitchen' }))).toBe('queued');
    expect(outbox.send(feedMessage(2, { key: 'kitchen' }))).toBe('replaced');
    expect(outbox.send(feedMessage(3))).toBe('queued');
    expect(outbox.send(feedMessage(4))).toBe('dropped');
    let woken = 0;
    void outbox.whenWritable().then(() => (woken += 1));
    await settle();
    expect(woken).toBe(0);
    socket.unstick();
    await settle();
    expect(woken).toBe(1);
    socket.failure = new Error('broken');
    expect(outbox.send(feedMessage(5))).toBe('queued');
    outbox.socketClosed();
    expect(outbox.send(feedMessage(6))).toBe('closed');
    await outbox.whenWritable();
  });

  it('rule 3: is bounded by count, by bytes and by the budget of the process, and gives back what it used', () => {
    const byCount = setUp({ maxMessages: 100 });
    byCount.block();
    expect(
      feedMessages(1, 200)
        .map((message) => byCount.outbox.send(message))
        .filter((result) => result === 'queued'),
    ).toHaveLength(68);
    expect(byCount.outbox.waiting).toBe(68);

    const byBytes = setUp({ maxBytes: 70_000 });
    byBytes.block();
    expect(byBytes.outbox.send(feedMessage(1, { padding: 4_000 }))).toBe('queued');
    expect(byBytes.outbox.send(feedMessage(2, { padding: 4_000 }))).toBe('dropped');

    const byBudget = setUp({ budgetBytes: 70_000 });
    byBudget.block();
    expect(byBudget.outbox.send(feedMessage(1, { padding: 4_000 }))).toBe('queued');
    expect(byBudget.outbox.send(feedMessage(2, { padding: 4_000 }))).toBe('dropped');
    byBudget.socket.unstick();
    expect(byBudget.budget.usedBytes).toBe(0);
  });

  it('rule 4: keeps 32 places for control messages', () => {
    const { block, outbox, socket } = setUp();
    block();
    for (const message of feedMessages(1, 600)) outbox.send(message);
    expect(outbox.waiting).toBe(480);
    for (const message of feedMessages(601, 32, { control: true }))
      expect(outbox.send(message)).toBe('queued');
    expect(outbox.waiting).toBe(512);
    socket.unstick();
    expect(numbers(socket).slice(1)).toEqual([
      ...Array.from({ length: 480 }, (_, index) => index + 1),
      'gap of 120',
      ...Array.from({ length: 32 }, (_, index) => index + 601),
    ]);
  });

  it('rule 4: evicts the newest ordered message for a control message where those places are taken', () => {
    const { block, outbox, socket, dropped } = setUp({ maxMessages: 6 });
    block();
    for (const message of feedMessages(1, 3)) outbox.send(message);
    for (const message of feedMessages(4, 5, { control: true })) expect(outbox.send(message)).toBe('queued');
    expect([outbox.waiting, dropped()]).toEqual([6, 2]);
    socket.unstick();
    expect(numbers(socket).slice(1)).toEqual([1, 'gap of 2', 4, 5, 6, 7, 8]);
  });

  it('rule 4: closes with 4008 only when nothing is left that could be evicted', async () => {
    const { block, budget, clock, outbox, socket } = setUp({ maxMessages: 6 });
    block();
    outbox.send(feedMessage(1));
    for (const message of feedMessages(2, 6, { control: true })) expect(outbox.send(message)).toBe('queued');
    expect(socket.closedWith).toBeNull();
    expect(outbox.send(feedMessage(8, { control: true }))).toBe('closed');
    expect(socket.closedWith?.code).toBe(4008);
    expect([budget.usedBytes, outbox.open]).toEqual([0, false]);
    await clock.advance(5_000);
    expect(socket.terminated).toBe(true);
  });

  it('rule 4: replaces a sensor’s value in place and says the position from which nothing is missed', () => {
    const { block, outbox, socket } = setUp();
    outbox.conflates = true;
    block();
    outbox.send(feedMessage(1, { key: 'kitchen' }));
    outbox.send(feedMessage(2, { key: 'attic' }));
    outbox.send(feedMessage(3));
    expect(outbox.send(feedMessage(40, { key: 'kitchen' }))).toBe('replaced');
    expect(outbox.send(feedMessage(50, { key: 'kitchen', padding: 10 }))).toBe('replaced');
    socket.unstick();
    expect(socket.messages.slice(1)).toEqual([
      { type: 'event', number: 50, padding: 'xxxxxxxxxx', position: 'feed-1' },
      { type: 'event', number: 2, position: 'feed-2' },
      { type: 'event', number: 3, position: 'feed-3' },
    ]);
    expect(outbox.send(feedMessage(51, { key: 'kitchen' }))).toBe('queued');
  });

  it('rule 4: replaces nothing for a client that wants every message', () => {
    const { block, outbox, socket } = setUp();
    block();
    for (const message of feedMessages(1, 3, { key: 'kitchen' })) expect(outbox.send(message)).toBe('queued');
    socket.unstick();
    expect(numbers(socket).slice(1)).toEqual([1, 2, 3]);
  });

  it('does not lose an alarm of a client that reads to those that fill the budget', () => {
    const { outbox, socket } = setUp({ budgetBytes: 10 });
    expect(outbox.send(feedMessage(1))).toBe('dropped');
    expect(outbox.send(feedMessage(2, { control: true }))).toBe('queued');
    expect(numbers(socket)).toEqual(['gap of 1', 2]);
  });

  it('rule 5: says where a gap begins and ends and how many are missing, before the next message', () => {
    const { block, outbox, socket } = setUp({ maxMessages: 4 });
    block();
    for (const message of feedMessages(1, 7)) outbox.send(message);
    socket.unstick();
    expect(outbox.caughtUp).toBe(false);
    outbox.send(feedMessage(8));
    expect(socket.messages.slice(-2)).toEqual([
      { type: 'gap', from: 'feed-2', to: 'feed-7', dropped: 5, reason: 'slow_consumer' },
      { type: 'event', number: 8, position: 'feed-8' },
    ]);
    expect(outbox.caughtUp).toBe(true);
  });

  it('rule 6: holds back what a client leaves unacknowledged, whatever the kernel takes, until it acknowledges', () => {
    const { outbox, socket } = setUp({ maxUnacknowledgedBytes: 1_000 });
    outbox.send(feedMessage(1));
    expect(outbox.acknowledge(1)).toBe(true);
    for (const message of feedMessages(2, 5, { padding: 400 })) outbox.send(message);
    expect(numbers(socket)).toEqual([1, 2, 3, 4]);
    expect([outbox.waiting, outbox.caughtUp]).toEqual([2, false]);
    expect(outbox.acknowledge(4)).toBe(true);
    expect(numbers(socket)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(outbox.acknowledge(5)).toBe(true);
    expect(outbox.caughtUp).toBe(true);
  });

  it('rule 6: takes acknowledgements again and late, and none of a frame that was never sent', () => {
    const { outbox } = setUp();
    expect(outbox.acknowledge(1)).toBe(false);
    for (const message of feedMessages(1, 3)) outbox.send(message);
    expect([1, 3, 2, 3].map((frame) => outbox.acknowledge(frame))).toEqual([true, true, true, true]);
    expect(outbox.acknowledge(4)).toBe(false);
  });

  it('rule 6: goes by what the socket has not taken where a client never acknowledges', () => {
    const { outbox, socket } = setUp({ maxUnacknowledgedBytes: 1_000 });
    for (const message of feedMessages(1, 20, { padding: 400 })) outbox.send(message);
    expect(socket.lines).toHaveLength(20);
    socket.stuck = true;
    for (const message of feedMessages(21, 400, { padding: 400 })) outbox.send(message);
    expect(socket.lines.length).toBeLessThan(20 + (64 * 1_024) / 400 + 1);
    expect(outbox.waiting).toBeGreaterThan(200);
  });

  it('rule 7: hands on the very bytes of a batch that others get, and counts them once in the budget', () => {
    const budget = new OutboxBudget(1_000_000);
    const outboxes = [1, 2, 3].map(() => {
      const socket = new FakeLiveSocket();
      socket.stuck = true;
      const outbox = new LiveOutbox({
        socket,
        kind: 'live',
        maxMessages: 512,
        maxBytes: 10_000,
        maxUnacknowledgedBytes: 10_000,
        budget,
        clock: new FakeClock(),
        observer: silentOutboxObserver,
      });
      return { outbox, socket };
    });
    const batch = share(feedMessages(1, 5), budget);
    expect(outboxes.map(({ outbox }) => outbox.sendShared(batch))).toEqual([true, true, true]);
    expect(new Set(outboxes.flatMap(({ socket }) => socket.frames)).size).toBe(1);
    expect(outboxes[0]?.socket.lines).toHaveLength(5);
    expect(budget.usedBytes).toBe(batch.bytes);
    outboxes[0]?.socket.unstick();
    outboxes[1]?.outbox.terminate();
    expect(budget.usedBytes).toBe(batch.bytes);
    outboxes[2]?.socket.unstick();
    expect(budget.usedBytes).toBe(0);
  });

  it('takes no shared batch while it is behind, and the next one when it has caught up', () => {
    const { block, budget, outbox, socket } = setUp();
    block();
    const batch = share(feedMessages(1, 2), budget);
    expect(outbox.sendShared(batch)).toBe(false);
    outbox.sendAll(batch.messages);
    socket.unstick();
    expect(outbox.sendShared(share(feedMessages(3, 2), budget))).toBe(true);
    expect(numbers(socket)).toEqual([0, 1, 2, 3, 4]);
  });

  it('flushes what waits before the close frame, acknowledged or not', async () => {
    const { outbox, socket } = setUp({ maxUnacknowledgedBytes: 100 });
    outbox.send(feedMessage(1));
    outbox.acknowledge(1);
    for (const message of feedMessages(2, 30)) outbox.send(message);
    expect(outbox.waiting).toBeGreaterThan(0);
    await outbox.close(1001, 'hub stopping');
    expect(socket.lines).toHaveLength(31);
    expect(socket.closedWith?.code).toBe(1001);
  });

  it('terminates a client that does not take the flush within 2 s', async () => {
    const { block, budget, clock, outbox, socket } = setUp();
    block();
    outbox.send(feedMessage(1));
    const closed = outbox.close(1001, 'hub stopping');
    await clock.advance(2_000);
    await closed;
    expect([socket.terminated, socket.closedWith, budget.usedBytes]).toEqual([true, null, 0]);
  });

  type Step =
    | {
        readonly do: 'send';
        readonly control: boolean;
        readonly key: string | undefined;
        readonly padding: number;
      }
    | { readonly do: 'stick' | 'unstick' | 'confirm' | 'acknowledge' };
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 30,
      arbitrary: fc.record({
        do: fc.constant('send' as const),
        control: fc.boolean(),
        key: fc.option(fc.constantFrom('kitchen', 'attic'), { nil: undefined }),
        padding: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 20_000, max: 40_000 })),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom<Step>(
        { do: 'stick' },
        { do: 'unstick' },
        { do: 'confirm' },
        { do: 'acknowledge' },
      ),
    },
  );

  it('rules 3 to 5: whatever the socket does, stays in its bounds, loses no control message, and accounts for every other', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(step, { maxLength: 150, size: 'max' }), (conflates, steps) => {
        const maxBytes = 250_000;
        const { budget, outbox, socket } = setUp({
          maxMessages: 12,
          maxBytes,
          maxUnacknowledgedBytes: 60_000,
        });
        outbox.conflates = conflates;
        let number = 0;
        let replaced = 0;
        const control: number[] = [];
        for (const next of steps) {
          if (next.do === 'send') {
            number += 1;
            const { key } = next;
            const result = outbox.send(
              feedMessage(number, {
                control: next.control,
                padding: next.padding,
                ...(key === undefined ? {} : { key }),
              }),
            );
            if (result === 'replaced') replaced += 1;
            if (result === 'closed') {
              // Only where nothing could make room.
              expect([next.control, socket.closedWith?.code, budget.usedBytes]).toEqual([true, 4008, 0]);
              return;
            }
            if (next.control) control.push(number);
          } else if (next.do === 'stick') socket.stuck = true;
          else if (next.do === 'unstick') socket.unstick();
          else if (next.do === 'confirm') socket.confirmOne();
          else if (outbox.sentFrames > 0) outbox.acknowledge(outbox.sentFrames);
          expect(outbox.waiting).toBeLessThanOrEqual(12);
          expect(outbox.bytes).toBeLessThanOrEqual(maxBytes);
          expect(budget.usedBytes).toBe(outbox.bytes);
        }
        socket.unstick();
        while (outbox.waiting > 0) outbox.acknowledge(outbox.sentFrames);
        number += 1;
        outbox.send(feedMessage(number, { control: true }));
        control.push(number);
        while (outbox.waiting > 0) outbox.acknowledge(outbox.sentFrames);

        const messages = socket.messages.filter((message) => !isGap(message));
        const missing = socket.messages.filter(isGap).reduce((sum, { dropped }) => sum + Number(dropped), 0);
        expect(messages.length + missing + replaced).toBe(number);
        const received = messages.map((message) => Number(message['number']));
        expect(control.filter((one) => !received.includes(one))).toEqual([]);
        expect([outbox.bytes, outbox.messages, budget.usedBytes]).toEqual([0, 0, 0]);
        // Resuming from any message's position misses nothing of what comes after it.
        const positions = messages.map(({ position }) => Number(String(position).slice(5)));
        expect(positions).toEqual(positions.toSorted((one, other) => one - other));
        let before: unknown = null;
        for (const message of socket.messages) {
          if (isGap(message)) expect(message['from']).toBe(before);
          else before = message['position'];
        }
      }),
      { numRuns: 300 },
    );
  });
});
