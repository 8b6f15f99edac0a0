/**
 * Articulation nodes and bridges of an undirected graph, in time linear in nodes and edges (Tarjan's low points, without
 * recursion: a chain of 10,000 nodes must not exhaust the stack). Knows nothing of meshes.
 *
 * A depth-first search numbers the nodes in order of discovery, so a subtree is a range of numbers. `low` of a node is
 * the smallest number that its subtree reaches with one edge back. Where a child's `low` is not above its parent, the
 * child's subtree hangs on the parent alone; where it is the child's own number, it hangs on that one edge.
 */

export interface Edge {
  /** Index of a node, from 0. */
  readonly a: number;
  readonly b: number;
}

/** A range of `CutPoints.order`: from, to (exclusive). */
export interface OrderRange {
  readonly from: number;
  readonly to: number;
}

export interface CutNode {
  readonly node: number;
  /** Its own place in `CutPoints.order`. */
  readonly position: number;
  /** Each of these falls off without the node. */
  readonly subtrees: readonly OrderRange[];
  /** The connected component it is in. */
  readonly component: OrderRange;
}

export interface CutEdge {
  /** Index of the edge. */
  readonly edge: number;
  /** What lies beyond it, seen from the root of the search. */
  readonly subtree: OrderRange;
  readonly component: OrderRange;
}

export interface CutPoints {
  /** Nodes in order of discovery. */
  readonly order: readonly number[];
  /** Only nodes whose removal separates others. */
  readonly nodes: readonly CutNode[];
  readonly edges: readonly CutEdge[];
  readonly components: readonly OrderRange[];
}

export function findCutPoints(nodeCount: number, edges: readonly Edge[]): CutPoints {
  const { firstOf, edgeAt, targetAt } = adjacency(nodeCount, edges);
  const number = new Int32Array(nodeCount).fill(-1);
  const low = new Int32Array(nodeCount);
  const next = Int32Array.from(firstOf.subarray(0, nodeCount));
  const viaEdge = new Int32Array(nodeCount).fill(-1);
  const parent = new Int32Array(nodeCount).fill(-1);
  const order: number[] = [];
  const cutNodes: CutNode[] = [];
  const cutEdges: CutEdge[] = [];
  const components: OrderRange[] = [];

  for (let root = 0; root < nodeCount; root += 1) {
    if (at(number, root) !== -1) continue;
    const start = order.length;
    const subtrees = new Map<number, OrderRange[]>();
    const bridges: { edge: number; subtree: OrderRange }[] = [];
    let node = root;
    number[node] = low[node] = order.push(node) - 1;
    for (;;) {
      const slot = at(next, node);
      if (slot < at(firstOf, node + 1)) {
        next[node] = slot + 1;
        const target = at(targetAt, slot);
        if (at(edgeAt, slot) === at(viaEdge, node)) continue;
        if (at(number, target) !== -1) {
          low[node] = Math.min(at(low, node), at(number, target));
          continue;
        }
        parent[target] = node;
        viaEdge[target] = at(edgeAt, slot);
        number[target] = low[target] = order.push(target) - 1;
        node = target;
        continue;
      }
      const above = at(parent, node);
      if (above === -1) break;
      const subtree = { from: at(number, node), to: order.length };
      if (at(low, node) >= at(number, above)) {
        const known = subtrees.get(above);
        if (known === undefined) subtrees.set(above, [subtree]);
        else known.push(subtree);
      }
      if (at(low, node) === at(number, node)) bridges.push({ edge: at(viaEdge, node), subtree });
      low[above] = Math.min(at(low, above), at(low, node));
      node = above;
    }
    const component = { from: start, to: order.length };
    components.push(component);
    for (const [cut, ranges] of subtrees)
      if (cut !== root || ranges.length > 1)
        cutNodes.push({ node: cut, position: at(number, cut), subtrees: ranges, component });
    for (const bridge of bridges) cutEdges.push({ ...bridge, component });
  }
  return { order, nodes: cutNodes, edges: cutEdges, components };
}

/** The edges of node n are at `firstOf[n]` to `firstOf[n + 1]`. */
function adjacency(
  nodeCount: number,
  edges: readonly Edge[],
): { firstOf: Int32Array; edgeAt: Int32Array; targetAt: Int32Array } {
  const firstOf = new Int32Array(nodeCount + 1);
  for (const { a, b } of edges) {
    firstOf[a + 1] = at(firstOf, a + 1) + 1;
    firstOf[b + 1] = at(firstOf, b + 1) + 1;
  }
  for (let index = 0; index < nodeCount; index += 1)
    firstOf[index + 1] = at(firstOf, index + 1) + at(firstOf, index);
  const fill = Int32Array.from(firstOf);
  const edgeAt = new Int32Array(edges.length * 2);
  const targetAt = new Int32Array(edges.length * 2);
  edges.forEach(({ a, b }, edge) => {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const slot = at(fill, from);
      fill[from] = slot + 1;
      edgeAt[slot] = edge;
      targetAt[slot] = to;
    }
  });
  return { firstOf, edgeAt, targetAt };
}

function at(array: Int32Array, index: number): number {
  return array[index] ?? 0;
}
