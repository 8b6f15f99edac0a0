import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CoalescingWindow } from './coalescing-window.ts';

/** Its length after messages have come at a steady rate for two seconds. */
function lengthAt(messagesPerSecond: number, lagMs = 0): number {
  const window = new CoalescingWindow(25);
  const everyMs = 1_000 / messagesPerSecond;
  let nowMs = 0;
  for (; nowMs < 2_000; nowMs += everyMs) window.arrived(1, nowMs);
  return window.lengthMs(nowMs, lagMs);
}

describe('CoalescingWindow', () => {
  it('rule 2: is closed at a quiet rate, also where the event loop is a little late', () => {
    expect([lengthAt(2), lengthAt(20), lengthAt(2, 10)]).toEqual([0, 0, 0]);
  });

  it('rule 2: grows with the rate up to its limit', () => {
    const lengths = [60, 100, 150, 400, 10_000].map((rate) => lengthAt(rate));
    expect(lengths).toEqual(lengths.toSorted((one, other) => one - other));
    expect(lengths[0]).toBeGreaterThan(0);
    expect(lengths[1]).toBeLessThan(25);
    expect(lengths.slice(-2)).toEqual([25, 25]);
  });

  it('rule 2: grows with the lag of the event loop', () => {
    expect(lengthAt(60, 10)).toBeGreaterThan(lengthAt(60));
    expect(lengthAt(100, 50)).toBe(25);
  });

  it('is due at once after quiet, whatever came before', () => {
    const window = new CoalescingWindow(25);
    for (let nowMs = 0; nowMs < 1_000; nowMs += 1) window.arrived(1, nowMs);
    window.flushed(1_000);
    expect(window.waitMs(1_000, 0)).toBe(25);
    expect(window.waitMs(1_010, 0)).toBe(15);
    expect(window.waitMs(1_030, 0)).toBe(0);
  });

  it('never makes anybody wait longer than its limit', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            afterMs: fc.integer({ min: 0, max: 500 }),
            messages: fc.integer({ min: 1, max: 5_000 }),
          }),
        ),
        fc.integer({ min: 0, max: 1_000 }),
        (arrivals, lagMs) => {
          const window = new CoalescingWindow(25);
          let nowMs = 0;
          for (const { afterMs, messages } of arrivals) {
            nowMs += afterMs;
            window.arrived(messages, nowMs);
            const waitMs = window.waitMs(nowMs, lagMs);
            expect(waitMs).toBeGreaterThanOrEqual(0);
            expect(waitMs).toBeLessThanOrEqual(25);
            if (waitMs === 0) window.flushed(nowMs);
          }
        },
      ),
    );
  });
});
