import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { FakeSocket } from '../../test/support/fake-socket.ts';
import { FrameOutbox } from './frame-outbox.ts';
import { OutboxBudget } from './outbox-budget.ts';
import { silentOutboxObserver } from './outbox-observer.ts';

function setUp(bounds: { maxMessages?: number; maxBytes?: number; budgetBytes?: number } = {}) {
  const clock = new FakeClock();
  const socket = new FakeSocket();
  const budget = new OutboxBudget(bounds.budgetBytes ?? 1_000_000);
  const outbox = new FrameOutbox({
    socket,
    kind: 'border_router',
    maxMessages: bounds.maxMessages ?? 4,
    maxBytes: bounds.maxBytes ?? 1_000,
    budget,
    clock,
    observer: silentOutboxObserver,
  });
  return { clock, socket, budget, outbox };
}

describe('FrameOutbox', () => {
  it('sends at once what comes when it is idle, one message a frame', () => {
    const { outbox, socket } = setUp();
    expect(outbox.send('{"a":1}')).toBe('queued');
    expect(outbox.send('{"b":2}')).toBe('queued');
    expect(socket.sent).toEqual(['{"a":1}', '{"b":2}']);
    expect(outbox.messages).toBe(0);
  });

  it('is full by count, takes nothing then, and wakes its callers when the socket has caught up', async () => {
    const { outbox, socket } = setUp({ maxMessages: 2 });
    socket.stuck = true;
    expect([outbox.send('1'), outbox.send('2'), outbox.send('3')]).toEqual(['queued', 'queued', 'full']);
    let woken = 0;
    void outbox.whenWritable().then(() => (woken += 1));
    await settle();
    expect(woken).toBe(0);
    socket.unstick();
    await settle();
    expect(woken).toBe(1);
    expect(socket.sent).toEqual(['1', '2']);
    expect(outbox.send('3')).toBe('queued');
  });

  it('is full by bytes, and counts them as UTF-8', () => {
    const { outbox, socket } = setUp({ maxBytes: 10 });
    socket.stuck = true;
    expect(outbox.send('é'.repeat(4))).toBe('queued');
    expect(outbox.bytes).toBe(8);
    expect(outbox.send('abc')).toBe('full');
    expect(outbox.send('ab')).toBe('queued');
  });

  it('keeps to the budget of the whole process and gives back what it used', () => {
    const { budget, outbox, socket } = setUp({ budgetBytes: 5 });
    socket.stuck = true;
    expect([outbox.send('abcd'), outbox.send('ef')]).toEqual(['queued', 'full']);
    socket.unstick();
    expect(budget.usedBytes).toBe(0);
    expect(outbox.send('ef')).toBe('queued');
  });

  it('does not call itself writable before the frame that it refused fits', async () => {
    const { outbox, socket } = setUp({ maxBytes: 10 });
    socket.stuck = true;
    outbox.send('12345678');
    expect(outbox.send('abc')).toBe('full');
    let woken = 0;
    void outbox.whenWritable().then(() => (woken += 1));
    await settle();
    expect([outbox.writable, woken]).toEqual([false, 0]);
    socket.unstick();
    await settle();
    expect([outbox.writable, woken]).toEqual([true, 1]);
  });

  it('waits for the budget of the process where that refused it, in turn with others', async () => {
    const { budget, clock, outbox, socket } = setUp({ budgetBytes: 8 });
    const other = new FrameOutbox({
      socket: new FakeSocket(),
      kind: 'border_router',
      maxMessages: 4,
      maxBytes: 1_000,
      budget,
      clock,
      observer: silentOutboxObserver,
    });
    socket.stuck = true;
    outbox.send('12345678');
    expect(other.send('abcdef')).toBe('full');
    let woken = 0;
    void other.whenWritable().then(() => (woken += 1));
    await settle();
    expect(woken).toBe(0);
    socket.unstick();
    await settle();
    expect(woken).toBe(1);
    expect(other.send('abcdef')).toBe('queued');
  });

  it('says for how long the socket has taken nothing', async () => {
    const { clock, outbox, socket } = setUp();
    await clock.advance(5_000);
    expect(outbox.stalledForMs).toBe(0);
    socket.stuck = true;
    outbox.send('1');
    await clock.advance(2_000);
    outbox.send('2');
    expect(outbox.stalledForMs).toBe(2_000);
    socket.confirmOne();
    expect(outbox.stalledForMs).toBe(0);
    await clock.advance(1_000);
    expect(outbox.stalledForMs).toBe(1_000);
    socket.unstick();
    expect(outbox.stalledForMs).toBe(0);
  });

  it('flushes what is queued before the close frame', async () => {
    const { outbox, socket } = setUp();
    socket.stuck = true;
    outbox.send('last words');
    const closed = outbox.close(1001, 'hub stopping');
    expect(outbox.send('too late')).toBe('closed');
    expect(socket.closedWith).toBeNull();
    socket.unstick();
    await closed;
    expect(socket.closedWith).toEqual({ code: 1001, reason: 'hub stopping' });
    expect(socket.terminated).toBe(false);
  });

  it('terminates a socket that does not take the flush in time', async () => {
    const { budget, clock, outbox, socket } = setUp();
    socket.stuck = true;
    outbox.send('nobody reads this');
    const closed = outbox.close(1001, 'hub stopping');
    await clock.advance(2_000);
    await closed;
    expect(socket.terminated).toBe(true);
    expect(socket.closedWith).toBeNull();
    expect(budget.usedBytes).toBe(0);
  });

  it('wakes waiting callers when the socket goes, so that none waits for ever', async () => {
    const { outbox, socket } = setUp({ maxMessages: 1 });
    socket.stuck = true;
    outbox.send('1');
    const waited = outbox.whenWritable();
    outbox.socketClosed();
    await waited;
    expect(outbox.send('2')).toBe('closed');
  });

  it('stays within its bounds and keeps the order, whatever the socket does', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(fc.string({ maxLength: 30 }), fc.constant({ stuck: true }), fc.constant({ stuck: false })),
          {
            maxLength: 100,
          },
        ),
        (steps) => {
          const { budget, outbox, socket } = setUp({ maxMessages: 5, maxBytes: 60 });
          const accepted: string[] = [];
          for (const step of steps) {
            if (typeof step === 'string') {
              const result = outbox.send(step);
              if (result === 'queued') accepted.push(step);
              // A refusal that still says writable would make its caller try again for ever.
              else expect([result, outbox.writable]).toEqual(['full', false]);
            } else if (step.stuck) socket.stuck = true;
            else socket.unstick();
            expect(outbox.messages).toBeLessThanOrEqual(5);
            expect(outbox.bytes).toBeLessThanOrEqual(60);
            expect(budget.usedBytes).toBe(outbox.bytes);
          }
          socket.unstick();
          expect(socket.sent).toEqual(accepted);
          expect(outbox.messages).toBe(0);
        },
      ),
    );
  });
});
