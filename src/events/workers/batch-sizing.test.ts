import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchSizing } from './batch-sizing.ts';

const sizing = (): BatchSizing => new BatchSizing({ startEvents: 100, maxEvents: 500, targetMs: 15 });

/** A backlog: every transaction is full. `noise` is in turn added to the times. */
function fill(sizes: BatchSizing, rounds: number, tookMs: (events: number) => number): void {
  for (let round = 0; round < rounds; round += 1) sizes.measured(sizes.events, tookMs(sizes.events));
}

describe('BatchSizing', () => {
  it('grows to the largest while events cost little', () => {
    const sizes = sizing();
    fill(sizes, 20, (events) => 2 + events * 0.01);
    expect(sizes.events).toBe(500);
  });

  it('grows all the same where the sync of the disk alone takes long', () => {
    const sizes = sizing();
    fill(sizes, 20, (events) => 60 + events * 0.01);
    expect(sizes.events).toBe(500);
  });

  it('stays as it is while there is not enough to fill one', () => {
    const sizes = sizing();
    for (let round = 0; round < 50; round += 1) sizes.measured(1 + (round % 5), 1);
    expect(sizes.events).toBe(100);
  });

  it('settles where events that cost much take what they may', () => {
    const sizes = sizing();
    const seen: number[] = [];
    for (let round = 0; round < 300; round += 1) {
      fill(sizes, 1, (events) => 5 + events * 0.1);
      if (round >= 100) seen.push(sizes.events);
    }
    // 0.1 ms an event: 150 of them take 15 ms.
    const mean = seen.reduce((sum, events) => sum + events, 0) / seen.length;
    expect(mean).toBeGreaterThan(110);
    expect(mean).toBeLessThan(210);
    expect(Math.max(...seen)).toBeLessThan(300);
  });

  it('shrinks when events begin to cost more, and grows again', () => {
    const sizes = sizing();
    fill(sizes, 20, (events) => 2 + events * 0.01);
    fill(sizes, 100, (events) => 2 + events * 0.2);
    expect(sizes.events).toBeLessThan(150);
    fill(sizes, 100, (events) => 2 + events * 0.01);
    expect(sizes.events).toBe(500);
  });

  it('takes no more than a fifth away for one stumble', () => {
    const sizes = sizing();
    fill(sizes, 20, (events) => 2 + events * 0.01);
    sizes.measured(500, 3_000);
    expect(sizes.events).toBe(400);
  });

  it('stays within its bounds whatever it is told', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.array(fc.tuple(fc.nat(2_000), fc.double({ min: 0, max: 1e6, noNaN: true }))),
        (maxEvents, measures) => {
          const sizes = new BatchSizing({ startEvents: 100, maxEvents, targetMs: 15 });
          for (const [events, tookMs] of measures) {
            sizes.measured(events, tookMs);
            expect(sizes.events).toBeGreaterThanOrEqual(Math.min(50, maxEvents));
            expect(sizes.events).toBeLessThanOrEqual(maxEvents);
            expect(Number.isInteger(sizes.events)).toBe(true);
          }
        },
      ),
    );
  });
});
