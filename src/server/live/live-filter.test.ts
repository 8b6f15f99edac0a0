import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { liveEvent, topologyMessage } from '../../../test/support/live-feed-messages.ts';
import { LiveFilter } from './live-filter.ts';

const lets = (sensors: string[] | undefined, sensorId: string): boolean =>
  new LiveFilter({ topics: ['events'], sensors }).lets(liveEvent(sensorId));

describe('LiveFilter', () => {
  it('lets through the topics asked for and no others', () => {
    const filter = new LiveFilter({ topics: ['topology', 'alerts'] });
    expect([filter.lets(topologyMessage(1)), filter.lets(liveEvent('kitchen'))]).toEqual([true, false]);
  });

  it('applies patterns of sensors to events alone', () => {
    const filter = new LiveFilter({ topics: ['events', 'topology'], sensors: ['kitchen-*'] });
    expect([
      filter.lets(liveEvent('kitchen-1')),
      filter.lets(liveEvent('attic')),
      filter.lets(topologyMessage(1)),
    ]).toEqual([true, false, true]);
  });

  it.each<[string[] | undefined, string, boolean]>([
    [undefined, 'kitchen', true],
    [['*'], 'kitchen', true],
    [['kitchen'], 'kitchen', true],
    [['kitchen'], 'kitchen-1', false],
    [['kitchen-*'], 'kitchen-', true],
    [['*-smoke'], 'attic-smoke', true],
    [['*-smoke'], 'attic-smoke-2', false],
    [['a*b'], 'ab', true],
    [['a*b'], 'aXbXb', true],
    [['ab*ba'], 'aba', false],
    [['*a*a*'], 'banana', true],
    [['*a*a*a*a*'], 'banana', false],
    [['k.tchen'], 'kitchen', false],
    [['[k]itchen', '(', '+'], 'kitchen', false],
    [['attic', 'kit*'], 'kitchen', true],
    [['Kitchen'], 'kitchen', false],
  ])('with the patterns %j and the sensor %s: %s', (patterns, sensorId, expected) => {
    expect(lets(patterns, sensorId)).toBe(expected);
  });

  it('agrees with trying every way to fit a pattern', () => {
    const tryAll = (pattern: string, text: string): boolean => {
      if (pattern === '') return text === '';
      const rest = pattern.slice(1);
      if (pattern[0] !== '*') return text[0] === pattern[0] && tryAll(rest, text.slice(1));
      return Array.from({ length: text.length + 1 }, (_, skipped) => skipped).some((skipped) =>
        tryAll(rest, text.slice(skipped)),
      );
    };
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', 'b', '*'), minLength: 1, maxLength: 7 }),
        fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 }),
        (pattern, text) => {
          expect(lets([pattern], text)).toBe(tryAll(pattern, text));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('has one key for filters that let the same through', () => {
    const keys = [
      new LiveFilter({ topics: ['events', 'alerts'], sensors: ['b', 'a'] }),
      new LiveFilter({ topics: ['alerts', 'events', 'alerts'], sensors: ['a', 'b', 'a'] }),
    ].map(({ key }) => key);
    expect(keys[0]).toBe(keys[1]);
    expect(new LiveFilter({ topics: ['alerts'], sensors: ['a'] }).key).toBe(
      new LiveFilter({ topics: ['alerts'] }).key,
    );
    expect(new LiveFilter({ topics: ['events'], sensors: ['a*', '*'] }).key).toBe(
      new LiveFilter({ topics: ['events'] }).key,
    );
    expect(new LiveFilter({ topics: ['events'], sensors: ['a'] }).key).not.toBe(
      new LiveFilter({ topics: ['events'], sensors: ['b'] }).key,
    );
  });
});
