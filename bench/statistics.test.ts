import { describe, expect, it } from 'vitest';
import { growthExponent, median, percentile } from './statistics.ts';

describe('the median', () => {
  it('is the middle one of an odd number of values, whatever their order', () => {
    expect(median([30, 10, 20])).toBe(20);
  });

  it('is the mean of the middle two of an even number', () => {
    expect(median([4, 1, 3, 100])).toBe(3.5);
  });

  it('of nothing is an error, not a number', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe('a percentile', () => {
  it('is the value that this share of all do not exceed', () => {
    const values = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentile(values, 0.99)).toBe(99);
    expect(percentile(values, 1)).toBe(100);
  });
});

describe('the growth exponent', () => {
  const points = (cost: (work: number) => number) =>
    [10, 50, 100, 1_000].map((work) => ({ work, cost: cost(work) }));

  it('is 1 for a cost in proportion and 2 for a quadratic one', () => {
    expect(growthExponent(points((work) => 3 * work))).toBeCloseTo(1, 6);
    expect(growthExponent(points((work) => work ** 2 / 7))).toBeCloseTo(2, 6);
  });

  it('is 0 for a cost that does not grow', () => {
    expect(growthExponent(points(() => 5))).toBeCloseTo(0, 6);
  });

  it('is unknown where the points do not tell', () => {
    expect(growthExponent([{ work: 10, cost: 1 }])).toBeNull();
    expect(growthExponent(points((work) => work - 10))).toBeNull();
  });
});
