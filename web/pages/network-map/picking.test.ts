import { expect, test } from 'vitest';
import type { RouteHop, RouteTrace } from '../../../src/protocol/route-trace.ts';
import { hypothesisHighlight, linkHighlight, pickedIds, routeHighlight } from './picking.ts';
import { displayedMap } from './displayed-map.ts';
import { linkOf, nodeOf, topologyOf } from './test-support/topologies.ts';

const hop = (fromId: string, toId: string): RouteHop => ({
  ...{ fromId, toId, fromLabel: fromId, toLabel: toId, linkCost: 1, alsoPossible: [] },
  evidence: 'derived',
});

const trace = (fields: Partial<RouteTrace>): RouteTrace => ({
  ...{ scanId: 'scan-1', madeAt: 1_000, fromId: 'd', toId: 'a', complete: true, totalCost: 2 },
  ...{ hops: [hop('d', 'b'), hop('b', 'a')], problems: [], statement: 'd to a in 2 hops' },
  ...fields,
});

const latest = topologyOf(
  ['a', 'b', 'c', 'd'].map((id) => nodeOf(id)),
  [linkOf('a', 'b'), linkOf('a', 'd'), linkOf('b', 'd'), linkOf('b', 'c')],
);
const map = displayedMap({ latest, settled: latest });

test('a route puts its hops in focus, and of the links between them those that it takes', () => {
  const highlight = routeHighlight(trace({}), map);
  expect(highlight).toMatchObject({ title: 'Route from d to a', nodeIds: ['d', 'b', 'a'] });
  expect([...(highlight.linkIds ?? [])].sort()).toEqual(['a|b', 'b|d']);
  expect(pickedIds(map, null, highlight, null)).toEqual(new Set(['d', 'b', 'a']));
});

test('a route that is not known to the end shows both ends all the same', () => {
  const highlight = routeHighlight(trace({ complete: false, hops: [hop('d', 'b')], toId: 'c' }), map);
  expect(highlight).toMatchObject({
    title: 'Route from d to c, not known to the end',
    nodeIds: ['d', 'b', 'c'],
    linkIds: ['b|d'],
  });
  expect(routeHighlight(trace({ hops: [], toId: 'gone', complete: false }), map).title).toContain('to gone');
});

test('a guess puts both addresses in focus', () => {
  const guess = { kind: 'same_device', confidence: 'likely', because: [], statement: 'maybe' } as const;
  const highlight = hypothesisHighlight({ ...guess, because: [], oldId: 'a', newId: 'c' });
  expect(highlight).toMatchObject({ title: 'maybe', nodeIds: ['a', 'c'] });
});

test('a link puts its ends in focus and none of the other links, and is nothing once it is gone', () => {
  expect(linkHighlight('a|b', map)).toMatchObject({
    ...{ title: 'Link between a and b', nodeIds: ['a', 'b'], linkIds: ['a|b'], linkId: 'a|b' },
  });
  expect(linkHighlight('a|c', map)).toBeNull();
});
