import { expect, test } from 'vitest';
import { displayedMap } from './displayed-map.ts';
import { sortNodes } from './sort-nodes.ts';
import { nodeOf, topologyOf } from './test-support/topologies.ts';

const topology = topologyOf([
  nodeOf('lamp-10', { durationMs: 90 }),
  nodeOf('lamp-2', { durationMs: 40 }),
  nodeOf('plug', { state: 'silent', outcome: 'timed_out', durationMs: 5_000 }),
]);
const map = displayedMap({ latest: topology, settled: topology });
const ids = (...order: [Parameters<typeof sortNodes>[1]]) => sortNodes(map, ...order).map((node) => node.id);

test('sorts names as people count', () => {
  expect(ids({ key: 'name', descending: false })).toEqual(['lamp-2', 'lamp-10', 'plug']);
  expect(ids({ key: 'name', descending: true })).toEqual(['plug', 'lamp-10', 'lamp-2']);
});

test('puts what is silent first, then by name', () => {
  expect(ids({ key: 'state', descending: false })).toEqual(['plug', 'lamp-2', 'lamp-10']);
});

test('puts what has no value last in either direction', () => {
  expect(ids({ key: 'latency', descending: false })).toEqual(['lamp-2', 'lamp-10', 'plug']);
  expect(ids({ key: 'latency', descending: true })).toEqual(['lamp-10', 'lamp-2', 'plug']);
});
