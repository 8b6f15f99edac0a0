import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.ts';

function pauses(random: number, count: number): number[] {
  const backoff = new Backoff({ minMs: 500, maxMs: 30_000, random: () => random });
  return Array.from({ length: count }, () => backoff.nextMs());
}

describe('the pause before another attempt', () => {
  it('doubles from 0.5 s and stays at 30 s at most', () => {
    expect(pauses(0, 8)).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    expect(pauses(0.999_999, 8).every((ms) => ms <= 30_000)).toBe(true);
    expect(pauses(0.999_999, 8).at(-1)).toBeGreaterThan(29_000);
  });

  it('is spread over the upper half', () => {
    expect(pauses(0.5, 3)).toEqual([750, 1_500, 3_000]);
  });

  it('is short again after a reset, and long once trying soon cannot help', () => {
    const backoff = new Backoff({ minMs: 500, maxMs: 30_000, random: () => 0 });
    backoff.exhaust();
    expect(backoff.nextMs()).toBe(15_000);
    backoff.reset();
    expect(backoff.nextMs()).toBe(500);
  });
});
