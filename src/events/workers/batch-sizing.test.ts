import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchSizing } from './batch-sizing.ts';

const sizing = (): BatchSizing => new BatchSizing({ startEvents: 100, maxEvents: 500, targetMs: 20 });

describe('BatchSizing', () => {
  it('grows to the largest while full transactions are quick', () => {
    const sizes = sizing();
    for (let round = 0; round < 20; round += 1) sizes.measured(sizes.events, 5);
    expect(sizes.events).toBe(500);
  });

  it('stays as it is while there is not enough to fill one', () => {
    const sizes = sizing();
    for (let round = 0; round < 20; round += 1) sizes.measured(3, 1);
    expect(sizes.events).toBe(100);
  });

  it('settles below what takes longer than allowed', () => {
    const sizes = sizing();
    // 0.1 ms an event: 200 events take 20 ms.
    for (let round = 0; round < 50; round += 1) sizes.measured(sizes.events, sizes.events * 0.1);
    expect(sizes.events * 0.1).toBeLessThanOrEqual(25);
    expect(sizes.events).toBeGreaterThan(90);
  });

  it('takes no more than half away for one slow sync', () => {
    const sizes = sizing();
    sizes.measured(2, 3_000);
    expect(sizes.events).toBe(50);
  });

  it('stays within its bounds whatever it is told', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(2_000), fc.double({ min: 0, max: 1e6, noNaN: true }))),
        (measures) => {
          const sizes = sizing();
          for (const [events, tookMs] of measures) {
            sizes.measured(events, tookMs);
            expect(sizes.events).toBeGreaterThanOrEqual(10);
            expect(sizes.events).toBeLessThanOrEqual(500);
            expect(Number.isInteger(sizes.events)).toBe(true);
          }
        },
      ),
    );
  });
});
