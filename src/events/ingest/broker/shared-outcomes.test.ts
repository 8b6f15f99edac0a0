import { describe, expect, it } from 'vitest';
import { settle } from '../../../../test/support/fake-clock.ts';
import { SharedOutcomes } from './shared-outcomes.ts';

describe('SharedOutcomes', () => {
  const make = () => {
    const told: [string, string | null][] = [];
    const outcomes = new SharedOutcomes<string>((waiting, error) => {
      told.push([waiting, error?.message ?? null]);
      // Something that arrives while outcomes are told.
      if (waiting === 'asks again') outcomes.add(Promise.resolve(), 'asked');
    });
    return { outcomes, told };
  };

  it('tells all that share a promise, in order, each once', async () => {
    const { outcomes, told } = make();
    const [first, second] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    outcomes.add(first.promise, 'a');
    outcomes.add(first.promise, 'b');
    outcomes.add(second.promise, 'c');
    // The same one again, with another between.
    outcomes.add(first.promise, 'd');
    second.reject(new Error('the disk is full'));
    await settle();
    expect(told).toEqual([['c', 'the disk is full']]);
    first.resolve(undefined);
    await settle();
    expect(told.slice(1)).toEqual([
      ['a', null],
      ['b', null],
      ['d', null],
    ]);
  });

  it('waits anew for a promise that was settled before', async () => {
    const { outcomes, told } = make();
    const settled = Promise.resolve();
    for (const name of ['a', 'asks again', 'b']) {
      outcomes.add(settled, name);
      await settle();
    }
    outcomes.add(settled, 'c');
    await settle();
    expect(told.map(([name]) => name)).toEqual(['a', 'asks again', 'asked', 'b', 'c']);
  });
});
