import { expect, test } from 'vitest';
import { distance } from './geometry.ts';
import { type LayoutNode, layoutNetwork } from './network-layout.ts';

const star = {
  nodes: Array.from({ length: 8 }, (_, index): LayoutNode => ({
    id: `n${index}`,
    x: index,
    y: 0,
    fixed: false,
  })),
  edges: Array.from({ length: 7 }, (_, index) => ({ source: 'n0', target: `n${index + 1}`, length: 60 })),
};

test('gives each node of a new network its own place', () => {
  const result = layoutNetwork(star);
  expect(result.map(([id]) => id).sort()).toEqual(star.nodes.map((node) => node.id));
  for (const [id, x, y] of result)
    for (const [otherId, otherX, otherY] of result)
      if (id < otherId) expect(distance({ x, y }, { x: otherX, y: otherY })).toBeGreaterThan(20);
});

test('leaves fixed nodes where they are and finds the new one a place near its neighbour', () => {
  const placed = new Map(layoutNetwork(star).map(([id, x, y]) => [id, { x, y }]));
  const nodes = star.nodes.map(({ id }) => ({ id, ...(placed.get(id) ?? { x: 0, y: 0 }), fixed: true }));
  const result = layoutNetwork({
    nodes: [...nodes, { id: 'new', x: 0, y: 0, fixed: false }],
    edges: [...star.edges, { source: 'n1', target: 'new', length: 60 }],
  });
  const after = new Map(result.map(([id, x, y]) => [id, { x, y }]));
  for (const node of nodes)
    expect(distance(after.get(node.id) ?? { x: NaN, y: NaN }, node)).toBeLessThan(0.5);
  expect(distance(after.get('new') ?? { x: NaN, y: NaN }, after.get('n1') ?? { x: 0, y: 0 })).toBeLessThan(
    400,
  );
});

test('returns a network of one node', () => {
  const result = layoutNetwork({ nodes: [{ id: 'a', x: 5, y: 6, fixed: false }], edges: [] });
  expect(result).toHaveLength(1);
});
