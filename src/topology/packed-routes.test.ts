import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { packRoutes, routesOf } from './packed-routes.ts';

const known = (max: number): fc.Arbitrary<number | null> => fc.option(fc.integer({ min: 0, max }));
const tables = fc.uniqueArray(
  fc.record({
    routerId: fc.integer({ min: 0, max: 62 }),
    cost: known(16),
    nextHop: known(62),
    linkQualityIn: known(3),
    linkQualityOut: known(3),
  }),
  { selector: ({ routerId }) => routerId, maxLength: 63 },
);

describe('a packed route table', () => {
  it('is one short text', () => {
    const entry = { routerId: 40, cost: 1, nextHop: 28, linkQualityIn: 3, linkQualityOut: 2 };
    const bare = { routerId: 0, cost: 0, nextHop: null, linkQualityIn: 0, linkQualityOut: null };
    expect(packRoutes([entry, bare])).toBe('40,1,28,3,2 0,0,,0,');
  });

  it('is read as it was', () => {
    fc.assert(
      fc.property(tables, (routes) => {
        expect([...(routesOf({ routes: packRoutes(routes) })?.values() ?? [])]).toEqual(routes);
      }),
    );
  });

  it('of a stored file may hold anything: what is no entry is left out, and the first of each router counts', () => {
    const routes = '5,1,,3,3 99,1,,3,3 -1,1 1.5,1 x,1 5,9 , __proto__ 6 7,NaN,Infinity';
    const unknown = { cost: null, nextHop: null, linkQualityIn: null, linkQualityOut: null };
    expect([...(routesOf({ routes })?.values() ?? [])]).toEqual([
      { routerId: 5, cost: 1, nextHop: null, linkQualityIn: 3, linkQualityOut: 3 },
      { ...unknown, routerId: 6 },
      { ...unknown, routerId: 7 },
    ]);
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const routerId of routesOf({ routes: text })?.keys() ?? [])
          expect(routerId >= 0 && routerId <= 62).toBe(true);
      }),
    );
    expect(routesOf({})).toBeNull();
    expect(routesOf({ routes: [[5, 1, null, 3, 3]] as never })).toBeNull();
  });
});
