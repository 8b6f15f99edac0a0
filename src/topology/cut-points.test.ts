import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Edge, findCutPoints } from './cut-points.ts';

/** Connected components of what is left, by brute force. */
function componentsWithout(
  count: number,
  edges: readonly Edge[],
  without: { node?: number; edge?: number },
): number {
  const label = Array.from({ length: count }, (_, index) => index);
  for (let changed = true; changed;) {
    changed = false;
    edges.forEach(({ a, b }, index) => {
      if (index === without.edge || a === without.node || b === without.node) return;
      const low = Math.min(label[a] ?? 0, label[b] ?? 0);
      if (label[a] !== low || label[b] !== low) changed = true;
      label[a] = low;
      label[b] = low;
    });
  }
  return new Set(label.filter((_, index) => index !== without.node)).size;
}

const graph = fc.integer({ min: 1, max: 9 }).chain((count) =>
  fc.record({
    count: fc.constant(count),
    edges: fc
      .array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 14 })
      .map((pairs) => pairs.filter(([a, b]) => a !== b).map(([a, b]): Edge => ({ a, b }))),
  }),
);

describe('cut points', () => {
  it('are exactly the nodes and edges whose removal separates others', () => {
    fc.assert(
      fc.property(graph, ({ count, edges }) => {
        const whole = componentsWithout(count, edges, {});
        const cuts = findCutPoints(count, edges);
        const isolated = (node: number): boolean => !edges.some(({ a, b }) => a === node || b === node);
        const expectedNodes = Array.from({ length: count }, (_, node) => node).filter(
          (node) => !isolated(node) && componentsWithout(count, edges, { node }) > whole,
        );
        const expectedEdges = edges.flatMap((_, edge) =>
          componentsWithout(count, edges, { edge }) > whole ? [edge] : [],
        );
        expect(cuts.nodes.map((cut) => cut.node).sort((a, b) => a - b)).toEqual(expectedNodes);
        expect(cuts.edges.map((cut) => cut.edge).sort((a, b) => a - b)).toEqual(expectedEdges);
        expect(cuts.components).toHaveLength(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('name what falls off without the node', () => {
    // 0 – 1 – 2, and 1 – 3 – 4 – 1
    const cuts = findCutPoints(5, [
      { a: 0, b: 1 },
      { a: 1, b: 2 },
      { a: 1, b: 3 },
      { a: 3, b: 4 },
      { a: 4, b: 1 },
    ]);
    const [cut] = cuts.nodes;
    expect(cut?.node).toBe(1);
    const pieces = cut?.subtrees.map(({ from, to }) => [...cuts.order.slice(from, to)].sort());
    expect(pieces).toEqual(expect.arrayContaining([[2], [3, 4]]));
    expect(cuts.edges.map((bridge) => bridge.edge)).toEqual(expect.arrayContaining([0, 1]));
  });

  it('are found in a chain of 100,000 nodes without exhausting the stack', () => {
    const edges = Array.from({ length: 99_999 }, (_, index): Edge => ({ a: index, b: index + 1 }));
    expect(findCutPoints(100_000, edges).nodes).toHaveLength(99_998);
  });
});
