import { expect, test } from 'vitest';
import { displayedMap } from '../displayed-map.ts';
import { linkOf, networkOf, nodeOf, topologyOf } from '../test-support/topologies.ts';
import { mapChanges, mapElements, noElements, qualityClass } from './map-elements.ts';

function elementsOf(...[nodes, links, changes]: Parameters<typeof topologyOf>) {
  const topology = topologyOf(nodes, links, changes);
  return mapElements(displayedMap({ latest: topology, settled: topology }));
}

test('draws a frame for each network that has nodes, and none for one without', () => {
  const { frames, nodes } = elementsOf([nodeOf('a'), nodeOf('b', { network: 'net-2' })], [], {
    networks: [networkOf('net-1'), networkOf('net-2', { split: true }), networkOf('net-3')],
  });
  expect([...frames.values()].map((frame) => [frame.label, frame.classes])).toEqual([
    ['net-1::/64', 'network'],
    ['net-2::/64  (split)', 'network split'],
  ]);
  expect(nodes.get('b')?.frame).toBe('network net-2');
});

test('tells role, state and marks of a node apart by classes', () => {
  const { nodes } = elementsOf([
    nodeOf('a', { role: 'leader', kind: 'border_router' }),
    nodeOf('b', { role: 'sleepy_child', state: 'silent', outcome: 'timed_out', stale: true }),
    nodeOf('c', { role: null, state: 'inferred', outcome: null }),
  ]);
  expect(nodes.get('a')?.classes).toBe('node router answered border-router leader');
  expect(nodes.get('b')?.classes).toBe('node sleepy silent from-earlier');
  expect(nodes.get('c')?.classes).toBe('node child inferred');
});

test('says silence in words as well', () => {
  const { nodes } = elementsOf([nodeOf('a', { state: 'silent', outcome: 'refused' })]);
  expect(nodes.get('a')?.label).toBe('a\nsilent');
});

test('points the arrow of a one-way link to the end that hears', () => {
  const evidence = {
    reporterId: 'b',
    source: 'neighbor_table',
    state: 'live',
    reportedAt: 1_000,
    ageMs: 0,
    rssi: -70,
    linkMargin: null,
    lqi: 2,
    frameErrorRate: null,
    messageErrorRate: null,
  } as const;
  const { edges } = elementsOf(
    [nodeOf('a'), nodeOf('b')],
    [linkOf('a', 'b', { oneWay: true, bHearsA: [evidence], lqi: 2, state: 'stale' })],
  );
  expect(edges.get('a|b')).toEqual({
    id: 'a|b',
    source: 'a',
    target: 'b',
    classes: 'link router-router stale quality-2 one-way',
  });
});

test('leaves out a link whose end is not on the map', () => {
  expect(elementsOf([nodeOf('a')], [linkOf('a', 'b')]).edges.size).toBe(0);
});

test.each([
  [null, 'quality-unknown'],
  [0, 'quality-1'],
  [1, 'quality-1'],
  [3, 'quality-3'],
])('draws link quality %s as %s', (lqi, name) => {
  expect(qualityClass(lqi)).toBe(name);
});

test('finds nothing to change between equal maps', () => {
  const build = () => elementsOf([nodeOf('a'), nodeOf('b')], [linkOf('a', 'b')]);
  const changes = mapChanges(build(), build());
  for (const { added, changed, removedIds } of [changes.frames, changes.nodes, changes.edges])
    expect([...added, ...changed, ...removedIds]).toEqual([]);
});

test('names exactly what came, went and changed', () => {
  const before = elementsOf([nodeOf('a'), nodeOf('b'), nodeOf('c')], [linkOf('a', 'b'), linkOf('b', 'c')]);
  const after = elementsOf(
    [nodeOf('a'), nodeOf('b', { state: 'silent', outcome: 'timed_out' }), nodeOf('d')],
    [linkOf('a', 'b', { lqi: 1 })],
  );
  const { nodes, edges, frames } = mapChanges(before, after);
  expect(nodes.added.map((node) => node.id)).toEqual(['d']);
  expect(nodes.changed.map((node) => node.id)).toEqual(['b']);
  expect(nodes.removedIds).toEqual(['c']);
  expect(edges.changed.map((edge) => edge.id)).toEqual(['a|b']);
  expect(edges.removedIds).toEqual(['b|c']);
  expect(frames.changed).toEqual([]);
});

test('adds everything to an empty map', () => {
  const { nodes, frames } = mapChanges(noElements, elementsOf([nodeOf('a'), nodeOf('b')]));
  expect(nodes.added).toHaveLength(2);
  expect(frames.added).toHaveLength(1);
});

test('writes the last digits alone of an address that stands for a name', () => {
  const latest = topologyOf([
    nodeOf('4e3c91f5aa0821b7', { name: '4e3c91f5aa0821b7', extAddr: '4e3c91f5aa0821b7' }),
    nodeOf('5e3c91f5aa0821b7', { name: 'lamp', extAddr: '5e3c91f5aa0821b7' }),
  ]);
  const { nodes } = mapElements(displayedMap({ latest, settled: latest }));
  expect([...nodes.values()].map((node) => node.label)).toEqual(['…0821b7', 'lamp']);
});
