/**
 * Where the nodes of one network go in a drawing: the backbone by the lengths of its paths, strong links shorter than
 * weak ones; children on an arc over their parent; parts without a link to each other side by side, the largest first;
 * nodes without any link in rows at the end.
 */
import type { TopologyLink, TopologyNode } from '../../protocol/topology.ts';
import { compareText } from '../text-order.ts';
import { layOut, type Point, type Spring } from './stress-layout.ts';

export interface PlacedNode extends Point {
  readonly node: TopologyNode;
  /** Of a child: the direction from its parent, radians; null for the backbone. */
  readonly angle: number | null;
}

export interface NetworkLayout {
  readonly nodes: readonly PlacedNode[];
  readonly width: number;
  readonly height: number;
}

interface Cluster {
  readonly node: TopologyNode;
  readonly children: readonly TopologyNode[];
  /** Distance of the children. */
  readonly fan: number;
  /** Space around the node that no other cluster enters. */
  readonly radius: number;
}

const childPitch = 14;
const childLabelSpace = 86;
/** The arc over a node on which its children sit; its own label is below. */
const fanAngle = (205 / 360) * 2 * Math.PI;
const bareRadius = 46;
const gap = 36;
const lonelyCell = { width: 132, height: 64 };

export function layOutNetwork(
  nodes: readonly TopologyNode[],
  links: readonly TopologyLink[],
  minWidth: number,
): NetworkLayout {
  const clusters = makeClusters(nodes);
  const parts = connectedParts(clusters, links);
  const linked = parts.filter((part) => part.length > 1 || (part[0]?.children.length ?? 0) > 0);
  const lonely = parts.filter((part) => part.length === 1 && part[0]?.children.length === 0).flat();

  const blocks = linked.map((part) => drawPart(part, links));
  const width = Math.max(minWidth, ...blocks.map((block) => block.width));
  const placed: PlacedNode[] = [];
  let row = { x: 0, y: 0, height: 0 };
  for (const block of blocks) {
    if (row.x > 0 && row.x + block.width > width) row = { x: 0, y: row.y + row.height + gap, height: 0 };
    // A part that has the row to itself stands in its middle.
    const left = blocks.length === 1 ? (width - block.width) / 2 : row.x;
    for (const item of block.nodes) placed.push({ ...item, x: item.x + left, y: item.y + row.y });
    row = { x: row.x + block.width + gap, y: row.y, height: Math.max(row.height, block.height) };
  }
  const top = blocks.length === 0 ? 0 : row.y + row.height + gap;
  const perRow = Math.max(1, Math.floor(width / lonelyCell.width));
  lonely.forEach(({ node }, index) => {
    placed.push({
      node,
      angle: null,
      x: ((index % perRow) + 0.5) * lonelyCell.width,
      y: top + (Math.floor(index / perRow) + 0.4) * lonelyCell.height,
    });
  });
  const height = top + Math.ceil(lonely.length / perRow) * lonelyCell.height;
  return { nodes: placed, width, height: lonely.length === 0 ? Math.max(0, top - gap) : height };
}

function makeClusters(nodes: readonly TopologyNode[]): Cluster[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parentOf = ({ parentId }: TopologyNode): TopologyNode | null => {
    const parent = parentId === null ? undefined : byId.get(parentId);
    // A parent that has a parent itself cannot carry children: both stand in the backbone.
    return parent === undefined || (parent.parentId !== null && byId.has(parent.parentId)) ? null : parent;
  };
  const children = new Map<string, TopologyNode[]>();
  const backbone: TopologyNode[] = [];
  for (const node of nodes) {
    const parent = parentOf(node);
    const siblings = parent === null ? undefined : children.get(parent.id);
    if (parent === null) backbone.push(node);
    else if (siblings === undefined) children.set(parent.id, [node]);
    else siblings.push(node);
  }
  return backbone.map((node) => {
    const own = (children.get(node.id) ?? []).sort(
      (a, b) => compareText(a.rloc16 ?? '~', b.rloc16 ?? '~') || compareText(a.id, b.id),
    );
    const fan = own.length === 0 ? 0 : Math.max(48, (own.length * childPitch) / fanAngle);
    return { node, children: own, fan, radius: own.length === 0 ? bareRadius : fan + childLabelSpace };
  });
}

/** Largest first. */
function connectedParts(clusters: readonly Cluster[], links: readonly TopologyLink[]): Cluster[][] {
  const root = new Map<string, string>(clusters.map(({ node }) => [node.id, node.id]));
  const find = (id: string): string => {
    let top = id;
    for (let above = root.get(top); above !== undefined && above !== top; above = root.get(top)) top = above;
    root.set(id, top);
    return top;
  };
  for (const { a, b } of links) if (root.has(a) && root.has(b)) root.set(find(a), find(b));
  const parts = Map.groupBy(clusters, ({ node }) => find(node.id));
  return [...parts.values()].sort(
    (a, b) => b.length - a.length || compareText(a[0]?.node.id ?? '', b[0]?.node.id ?? ''),
  );
}

function drawPart(clusters: readonly Cluster[], links: readonly TopologyLink[]): NetworkLayout {
  const index = new Map(clusters.map(({ node }, position) => [node.id, position]));
  const springs = links.flatMap((link): Spring[] => {
    const a = index.get(link.a);
    const b = index.get(link.b);
    if (a === undefined || b === undefined) return [];
    const room = (clusters[a]?.radius ?? 0) + (clusters[b]?.radius ?? 0);
    return [{ a, b, length: (room * 0.8 + gap) * stretch(link) }];
  });
  const points = layOut(
    clusters.map((cluster) => cluster.radius),
    springs,
  );
  const directions: number[][] = clusters.map(() => []);
  for (const { a, b } of springs) {
    directions[a]?.push(direction(points[a], points[b]));
    directions[b]?.push(direction(points[b], points[a]));
  }
  const placed = clusters.flatMap((cluster, position): PlacedNode[] => {
    const { x, y } = points[position] ?? { x: 0, y: 0 };
    const angles = fanOf(cluster.children.length, directions[position] ?? []);
    return [
      { node: cluster.node, x, y, angle: null },
      ...cluster.children.map((node, child): PlacedNode => {
        const angle = angles[child] ?? -Math.PI / 2;
        return { node, angle, x: x + cluster.fan * Math.cos(angle), y: y + cluster.fan * Math.sin(angle) };
      }),
    ];
  });
  return movedToOrigin(placed);
}

function direction(from: Point | undefined, to: Point | undefined): number {
  return Math.atan2((to?.y ?? 0) - (from?.y ?? 0), (to?.x ?? 0) - (from?.x ?? 0));
}

/** Directions of so many children: on the arc over their parent, turned to where the fewest links leave it. */
function fanOf(count: number, links: readonly number[]): number[] {
  const spread = Math.min(fanAngle, (count - 1) * 0.55);
  const room = (fanAngle - spread) / 2;
  let best = { center: -Math.PI / 2, cost: Infinity };
  for (let step = 0; step <= 16; step += 1) {
    // From the middle outwards, so that of equals the upright one is taken.
    const offset = (Math.ceil(step / 2) / 8) * room * (step % 2 === 0 ? 1 : -1);
    const center = -Math.PI / 2 + offset;
    let cost = Math.abs(offset) * 0.05;
    for (const link of links) {
      const turn = Math.abs(Math.atan2(Math.sin(link - center), Math.cos(link - center)));
      cost += Math.max(0, 1 - Math.max(0, turn - spread / 2) / 0.45);
    }
    if (cost < best.cost - 1e-9) best = { center, cost };
  }
  return Array.from(
    { length: count },
    (_, child) => best.center + (count === 1 ? 0 : (child / (count - 1) - 0.5) * spread),
  );
}

/** A weak link is drawn longer than a strong one. */
function stretch({ linkMargin, lqi, state }: TopologyLink): number {
  if (state === 'stale') return 1.3;
  const margin = linkMargin ?? (lqi === null ? 20 : lqi * 10);
  return 1.35 - Math.min(40, Math.max(0, margin)) * 0.014;
}

/** With room for the labels: beside and above children, below the rest. */
function movedToOrigin(nodes: readonly PlacedNode[]): NetworkLayout {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y, angle } of nodes) {
    const [reachX, reachY] =
      angle === null
        ? [56, 20]
        : [
            10 + childLabelSpace * Math.abs(Math.cos(angle)),
            10 + childLabelSpace * Math.max(0, -Math.sin(angle)),
          ];
    left = Math.min(left, x - reachX);
    right = Math.max(right, x + reachX);
    top = Math.min(top, y - reachY);
    bottom = Math.max(
      bottom,
      y + (angle === null ? 46 : 12 + childLabelSpace * Math.max(0, Math.sin(angle))),
    );
  }
  return {
    nodes: nodes.map((item) => ({ ...item, x: item.x - left, y: item.y - top })),
    width: right - left,
    height: bottom - top,
  };
}
