import { describe, expect, it } from 'vitest';
import { createRandom, noise } from './random.ts';

const draw = (seed: number, label = ''): number[] => {
  const random = createRandom(seed, label);
  return Array.from({ length: 20 }, () => random.next());
};

describe('a seeded random', () => {
  it('repeats itself for the same seed and label, and for no other', () => {
    expect(draw(42)).toEqual(draw(42));
    expect(draw(42)).not.toEqual(draw(43));
    expect(draw(42, 'a')).not.toEqual(draw(42, 'b'));
    expect(draw(1)).not.toEqual(draw(1 + 2 ** 32));
  });

  it('gives the numbers it gave when this test was written, so that old seeds keep their meshes', () => {
    const random = createRandom(1, 'pinned');
    expect([random.integer(0, 999), random.integer(0, 999), random.integer(0, 999)]).toEqual([162, 156, 607]);
    expect(random.hex(16)).toBe('f20cf52c8b442324');
  });

  it('forks by label, whatever was drawn before', () => {
    const fresh = createRandom(7).fork('part');
    const used = createRandom(7);
    used.next();
    expect(used.fork('part').next()).toBe(fresh.next());
  });

  it('spreads evenly over its range', () => {
    const random = createRandom(3);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let drawn = 0; drawn < 10_000; drawn += 1) {
      const slot = random.integer(0, 9);
      counts[slot] = (counts[slot] ?? 0) + 1;
    }
    for (const count of counts) expect(count).toBeGreaterThan(850);
  });

  it('shuffles a copy that holds the same items', () => {
    const items = [1, 2, 3, 4, 5, 6, 7, 8];
    const shuffled = createRandom(5).shuffle(items);
    expect(shuffled).not.toEqual(items);
    expect(shuffled.toSorted()).toEqual(items);
  });

  it('says so when there is nothing to pick from', () => {
    expect(() => createRandom(1).pick([])).toThrow(RangeError);
  });
});

describe('noise', () => {
  it('depends on nothing but its arguments and stays within -1 and 1', () => {
    const values = Array.from({ length: 1_000 }, (_, index) => noise(9, index, index + 1, 3));
    expect(values).toEqual(Array.from({ length: 1_000 }, (_, index) => noise(9, index, index + 1, 3)));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-1);
    expect(Math.max(...values)).toBeLessThanOrEqual(1);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.06);
  });
});
