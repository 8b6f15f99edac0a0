import { expect, test } from 'vitest';
import { toNetworkMapSearch } from './network-map-search.ts';

test.each([
  [{}, {}],
  [
    { view: 'list', node: '4e3c91f5aa0821b7' },
    { view: 'list', node: '4e3c91f5aa0821b7' },
  ],
  [{ view: 'graph', node: '' }, {}],
  // The router reads digits as a number.
  [{ node: 1234 }, { node: '1234' }],
  [{ node: { a: 1 }, other: true }, {}],
])('takes %j from the address as %j', (search, expected) => {
  expect(toNetworkMapSearch(search)).toEqual(expected);
});
