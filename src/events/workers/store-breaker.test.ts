import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { StoreError } from '../../errors.ts';
import { FactBus } from '../../facts.ts';
import { isStoreDown, StoreBreaker } from './store-breaker.ts';

const down = (): Promise<never> => Promise.reject(new StoreError('store_failed', 'the disk does not answer'));
const works = (): Promise<string> => Promise.resolve('done');

describe('StoreBreaker', () => {
  let clock: FakeClock;
  let states: string[];
  let breaker: StoreBreaker;

  beforeEach(() => {
    clock = new FakeClock();
    states = [];
    const facts = new FactBus({ onListenerError: () => undefined });
    facts.on('circuit_breaker:changed', ({ state }) => states.push(state));
    breaker = new StoreBreaker({ clock, random: () => 0.5, facts, onChanged: () => undefined });
  });

  it('asks nothing of a store that failed until its pause is over, then closes with the first call that works', async () => {
    await expect(breaker.run(down)).rejects.toMatchObject({ code: 'store_failed' });
    let asked = 0;
    await expect(breaker.run(() => Promise.resolve((asked += 1)))).rejects.toSatisfy(isStoreDown);
    expect(asked).toBe(0);
    expect(breaker.waitMs()).toBe(75);
    await clock.advance(75);
    expect(breaker.waitMs()).toBe(0);
    expect(await breaker.run(works)).toBe('done');
    expect(breaker.waitMs()).toBe(0);
    expect(states).toEqual(['open', 'half_open', 'closed']);
  });

  it('doubles its pauses up to 30 s while the store stays down', async () => {
    const pauses: number[] = [];
    for (let failure = 0; failure < 12; failure += 1) {
      await expect(breaker.run(down)).rejects.toBeInstanceOf(StoreError);
      pauses.push(breaker.waitMs());
      await clock.advance(breaker.waitMs());
    }
    expect(pauses.slice(0, 4)).toEqual([75, 150, 300, 600]);
    expect(pauses.at(-1)).toBe(22_500);
  });

  it('does not begin with short pauses again because a question was answered', async () => {
    for (let round = 0; round < 3; round += 1) {
      await expect(breaker.run(down)).rejects.toBeInstanceOf(StoreError);
      await clock.advance(breaker.waitMs());
      await breaker.run(works);
    }
    await expect(breaker.run(down)).rejects.toBeInstanceOf(StoreError);
    expect(breaker.waitMs()).toBe(600);
    await clock.advance(600);
    await breaker.run(works);
    breaker.committed();
    await expect(breaker.run(down)).rejects.toBeInstanceOf(StoreError);
    expect(breaker.waitMs()).toBe(75);
  });

  it('lets one call alone try whether the store is back', async () => {
    await expect(breaker.run(down)).rejects.toBeInstanceOf(StoreError);
    await clock.advance(75);
    let fail: (error: Error) => void = () => undefined;
    const trying = breaker.run(() => new Promise((_, reject) => (fail = reject)));
    expect(breaker.waitMs()).toBeGreaterThan(0);
    await expect(breaker.run(works)).rejects.toSatisfy(isStoreDown);
    fail(new StoreError('store_failed', 'still down'));
    await expect(trying).rejects.toMatchObject({ message: 'still down' });
    expect(breaker.waitMs()).toBe(150);
  });

  it('gives up a try that the store never answers, after ten seconds', async () => {
    await expect(breaker.run(down)).rejects.toBeInstanceOf(StoreError);
    await clock.advance(75);
    const trying = expect(breaker.run(() => new Promise(() => undefined))).rejects.toMatchObject({
      code: 'store_failed',
    });
    await clock.advance(10_000);
    await trying;
    expect(breaker.waitMs()).toBe(150);
    await clock.advance(150);
    expect(await breaker.run(works)).toBe('done');
    expect(clock.pending).toBe(0);
  });

  it('stays closed for data that is refused, a lost shard and our own bugs', async () => {
    for (const error of [
      new StoreError('store_rejected', 'malformed JSON'),
      new StoreError('store_fenced', 'another owner'),
      new TypeError('a bug'),
    ]) {
      await expect(breaker.run(() => Promise.reject(error))).rejects.toBe(error);
      expect(breaker.waitMs()).toBe(0);
    }
    expect(states).toEqual([]);
  });
});
