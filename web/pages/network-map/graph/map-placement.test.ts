import { describe, expect, test } from 'vitest';
import type { TopologyNode } from '../../../../src/protocol/topology.ts';
import { type DisplayedMap, displayedMap } from '../displayed-map.ts';
import { linkOf, nodeOf, topologyOf } from '../test-support/topologies.ts';
import { boxAround, distance, overlap, type Point } from './geometry.ts';
import { applyLayouts, layoutsNeeded, placeNodes, pointsOfRenamed } from './map-placement.ts';
import { layoutNetwork } from './network-layout.ts';
import { NodePositions } from './node-positions.ts';

const router = (id: string, changes: Partial<TopologyNode> = {}) =>
  nodeOf(id, { role: 'router', ...changes });

function mapOf(...[nodes, links, changes]: Parameters<typeof topologyOf>): DisplayedMap {
  const topology = topologyOf(nodes, links, changes);
  return displayedMap({ latest: topology, settled: null });
}

function mesh(network: string, routers: number, childrenEach: number) {
  const nodes = [];
  const links = [];
  for (let r = 0; r < routers; r += 1) {
    const id = `${network}-r${r}`;
    nodes.push(router(id, { network }));
    if (r > 0) links.push(linkOf(`${network}-r${r - 1}`, id));
    for (let c = 0; c < childrenEach; c += 1) {
      const child = `${network}-r${r}-c${c}`;
      nodes.push(nodeOf(child, { network, parentId: id }));
      links.push(linkOf(id, child, { kind: 'parent_child' }));
    }
  }
  return { nodes, links };
}

function stored(points: ReadonlyMap<string, Point>, map: DisplayedMap): NodePositions {
  const positions = new NodePositions(null);
  for (const node of map.nodes) {
    const point = points.get(node.id);
    if (point !== undefined) positions.set(node, point, false);
  }
  return positions;
}

const one = mesh('net-1', 4, 3);
const two = mesh('net-2', 3, 2);
const both = mapOf([...one.nodes, ...two.nodes], [...one.links, ...two.links]);

describe('placeNodes', () => {
  test('gives every node of unknown networks a place of its own, networks apart', () => {
    const placed = placeNodes(both, new Map(), new NodePositions(null), 1.5);
    expect(placed.size).toBe(both.nodes.length);
    const points = [...placed.values()];
    points.forEach((point, index) => {
      for (const other of points.slice(index + 1)) expect(distance(point, other)).toBeGreaterThan(20);
    });
    const boxes = ['net-1', 'net-2'].map((key) =>
      boxAround(
        both.nodes
          .filter((node) => node.network === key)
          .map((node) => placed.get(node.id) ?? { x: 0, y: 0 }),
        40,
      ),
    );
    const [first, second] = boxes;
    if (first == null || second == null) throw new Error('both networks have nodes');
    expect(overlap(first, second)).toBe(false);
  });

  test('puts known nodes where they stood', () => {
    const positions = new NodePositions(null);
    for (const [index, node] of both.nodes.entries()) positions.set(node, { x: index * 50, y: 7 }, false);
    const placed = placeNodes(both, new Map(), positions, 1.5);
    expect(placed.get(both.nodes[3]?.id ?? '')).toEqual({ x: 150, y: 7 });
  });

  test('moves nothing that stands already', () => {
    const placed = placeNodes(both, new Map(), new NodePositions(null), 1.5);
    expect(placeNodes(both, placed, stored(placed, both), 1.5).size).toBe(0);
  });

  test('puts a new node beside its parent', () => {
    const placed = placeNodes(both, new Map(), new NodePositions(null), 1.5);
    const more = mapOf(
      [...both.nodes, nodeOf('new', { parentId: 'net-1-r2' })],
      [...both.links, linkOf('net-1-r2', 'new', { kind: 'parent_child' })],
    );
    const added = placeNodes(more, placed, stored(placed, both), 1.5);
    expect([...added.keys()]).toEqual(['new']);
    const parent = placed.get('net-1-r2');
    const child = added.get('new');
    if (parent === undefined || child === undefined) throw new Error('both have places');
    expect(distance(parent, child)).toBeLessThan(150);
  });

  test('redraws a network that is scanned for the first time as more of it becomes known', () => {
    const waiting = (id: string) => nodeOf(id, { state: 'silent', outcome: null, role: null });
    const early = mapOf([waiting('a'), waiting('b')], [], { final: false });
    const first = placeNodes(early, new Map(), new NodePositions(null), 1.5);
    const later = mapOf([router('a'), nodeOf('b', { parentId: 'a' })], [linkOf('a', 'b')], { final: false });
    const second = placeNodes(later, first, new NodePositions(null), 1.5);
    expect([...second.keys()].sort()).toEqual(['a', 'b']);
  });
});

describe('pointsOfRenamed', () => {
  test('carries the place of a node over to the address it turned out to have', () => {
    const before = mapOf([nodeOf('name:lamp', { name: 'lamp' })], [], { final: false });
    const after = mapOf([nodeOf('4e3c91f5aa0821b7', { name: 'lamp' })], [], { final: false });
    const carried = pointsOfRenamed(before, after, new Map([['name:lamp', { x: 3, y: 4 }]]));
    expect(carried).toEqual(new Map([['4e3c91f5aa0821b7', { x: 3, y: 4 }]]));
  });
});

describe('layoutsNeeded and applyLayouts', () => {
  const points = placeNodes(both, new Map(), new NodePositions(null), 1.5);

  function layOut(map: DisplayedMap, at: ReadonlyMap<string, Point>, positions: NodePositions) {
    const layouts = layoutsNeeded(map, at, positions);
    const results = layouts.map((layout) => layoutNetwork(layout.request));
    return { layouts, moved: applyLayouts(map, at, layouts, results, 1.5) };
  }

  test('asks for no layout while a scan runs, nor for a map whose places are all settled', () => {
    const running = mapOf([...one.nodes], [...one.links], { final: false });
    expect(layoutsNeeded(running, points, new NodePositions(null))).toEqual([]);
    expect(layoutsNeeded(both, points, stored(points, both))).toEqual([]);
  });

  test('lays out new networks side by side', () => {
    const { layouts, moved } = layOut(both, points, new NodePositions(null));
    expect(layouts.map((layout) => layout.keepsPlace)).toEqual([false, false]);
    const at = (id: string): Point => moved.get(id) ?? points.get(id) ?? { x: 0, y: 0 };
    const [first, second] = ['net-1', 'net-2'].map((key) =>
      boxAround(
        both.nodes.filter((node) => node.network === key).map((node) => at(node.id)),
        40,
      ),
    );
    if (first == null || second == null) throw new Error('both networks have nodes');
    expect(overlap(first, second)).toBe(false);
  });

  test('moves only the new node of a settled network', () => {
    const { moved: settledPoints } = layOut(both, points, new NodePositions(null));
    // Layouts begin at random: with the other network far away none needs its place.
    const away = ([id, point]: readonly [string, Point]) =>
      [id, id.startsWith('net-2') ? { x: point.x + 5_000, y: point.y } : point] as const;
    const at = new Map([...points, ...settledPoints].map(away));
    const more = mapOf(
      [...both.nodes, nodeOf('new', { parentId: 'net-1-r2' })],
      [...both.links, linkOf('net-1-r2', 'new', { kind: 'parent_child' })],
    );
    const positions = stored(at, both);
    const all = new Map([...at, ...placeNodes(more, at, positions, 1.5)]);
    const { layouts, moved } = layOut(more, all, positions);
    expect(layouts.map((layout) => layout.network.key)).toEqual(['net-1']);
    expect([...moved.keys()].filter((id) => id !== 'new')).toEqual([]);
  });

  test('never moves a node that was set by hand', () => {
    const positions = new NodePositions(null);
    const pinned = both.nodeById.get('net-1-r0');
    if (pinned === undefined) throw new Error('the node is on the map');
    positions.set(pinned, { x: 1_000, y: 1_000 }, true);
    const at = new Map([...points, ['net-1-r0', { x: 1_000, y: 1_000 }] as const]);
    const { moved } = layOut(both, at, positions);
    expect(moved.has('net-1-r0')).toBe(false);
  });
});
