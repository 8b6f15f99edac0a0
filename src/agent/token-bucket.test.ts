import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { TokenBucket } from './token-bucket.ts';

describe('a token bucket', () => {
  it('gives its burst at once, then one token every 100 ms', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket({ clock, tokensPerSecond: 10, burst: 3 });
    expect([bucket.take(), bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, true, false]);
    expect(bucket.waitMs).toBeCloseTo(100);
    await clock.advance(99);
    expect(bucket.take()).toBe(false);
    await clock.advance(1);
    expect(bucket.take()).toBe(true);
    expect(bucket.take()).toBe(false);
  });

  it('fills no further than its burst, and loses nothing to a late timer', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket({ clock, tokensPerSecond: 10, burst: 2 });
    await clock.advance(60_000);
    expect([bucket.take(), bucket.take(), bucket.take()]).toEqual([true, true, false]);
    await clock.advance(150);
    expect(bucket.take()).toBe(true);
    await clock.advance(50);
    expect(bucket.take()).toBe(true);
  });

  it('never gives more than its burst and its rate allow', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 60 }), async (pauses) => {
        const clock = new FakeClock();
        const bucket = new TokenBucket({ clock, tokensPerSecond: 10, burst: 5 });
        let taken = 0;
        for (const pauseMs of pauses) {
          await clock.advance(pauseMs);
          while (bucket.take()) taken += 1;
          expect(taken).toBeLessThanOrEqual(5 + clock.monotonicMs() / 100 + 0.01);
          expect(bucket.waitMs).toBeGreaterThan(0);
        }
      }),
    );
  });
});
