import { describe, expect, it } from 'vitest';
import { RecentMap } from './recent-map.ts';

describe('RecentMap', () => {
  it('never holds more than it may, and keeps what is used', () => {
    const map = new RecentMap<number, string | null>(10);
    map.set(-1, null);
    for (let key = 0; key < 1_000; key += 1) {
      map.set(key, 'x');
      expect(map.get(-1)).toBeNull();
      expect(map.size).toBeLessThanOrEqual(10);
    }
    expect(map.get(999)).toBe('x');
    expect(map.get(0)).toBeUndefined();
  });

  it('forgets what is deleted, wherever it is', () => {
    const map = new RecentMap<string, number>(4);
    map.set('old', 1);
    map.set('b', 2);
    map.set('new', 3);
    map.delete('old');
    map.delete('new');
    expect([map.get('old'), map.get('new'), map.get('b')]).toEqual([undefined, undefined, 2]);
  });

  it('has the last value of a key', () => {
    const map = new RecentMap<string, number>(4);
    for (const value of [1, 2, 3]) map.set('a', value);
    expect(map.get('a')).toBe(3);
    expect(map.size).toBe(1);
  });
});
