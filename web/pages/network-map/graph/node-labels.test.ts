import { expect, test } from 'vitest';
import { displayedMap } from '../displayed-map.ts';
import { nodeOf, topologyOf } from '../test-support/topologies.ts';
import { mapElements } from './map-elements.ts';
import { labelledNodes } from './node-labels.ts';

const topology = topologyOf([
  nodeOf('gateway', { role: 'router', kind: 'border_router' }),
  nodeOf('router', { role: 'router' }),
  nodeOf('child'),
  nodeOf('other'),
]);
const elements = mapElements(displayedMap({ latest: topology, settled: topology }));
const points = new Map(
  ['gateway', 'router', 'child', 'other'].map((id, index) => [id, { x: index * 300, y: 0 }]),
);
const nothing = { selectedId: null, pickedIds: null };

test('writes all names where there is room for them', () => {
  expect(labelledNodes(elements, points, 1, nothing).size).toBe(4);
});

test('leaves out children, then everything, as the map gets smaller than its text', () => {
  expect([...labelledNodes(elements, points, 0.35, nothing)].sort()).toEqual(['gateway', 'router']);
  expect(labelledNodes(elements, points, 0.1, nothing).size).toBe(0);
});

test('writes what is in focus at any zoom, and nothing else', () => {
  const focus = { selectedId: 'child', pickedIds: new Set(['child', 'gateway']) };
  expect([...labelledNodes(elements, points, 0.3, focus)].sort()).toEqual(['child', 'gateway']);
});

test('of names that collide, writes the selected one', () => {
  const close = new Map([...points.keys()].map((id) => [id, { x: 0, y: 0 }]));
  const focus = { selectedId: 'child', pickedIds: new Set(['child', 'gateway']) };
  expect([...labelledNodes(elements, close, 1, focus)]).toEqual(['child']);
});

test('of names that collide, writes that of a silent node rather than of a border router', () => {
  const latest = topologyOf([
    nodeOf('gateway', { role: 'router', kind: 'border_router' }),
    nodeOf('dead', { state: 'silent', outcome: 'timed_out' }),
  ]);
  const close = new Map(['gateway', 'dead'].map((id) => [id, { x: 0, y: 0 }]));
  const map = mapElements(displayedMap({ latest, settled: latest }));
  expect([...labelledNodes(map, close, 1, nothing)]).toEqual(['dead']);
});
