/**
 * First positions, in an instant and without chance: a network that nobody has seen yet gets its routers on a ring with
 * their children fanned out behind them; a node that is new to a known network appears beside its neighbours. The force
 * layout (`network-layout.ts`) refines both.
 */
import { distance, type Point } from './geometry.ts';

export interface SeedNode {
  readonly id: string;
  readonly parentId: string | null;
}

/** Room that one node and its label take on a ring. */
const spacing = 64;
const fanRadius = 78;

/** Positions of a whole network around (0, 0). Nodes without a known parent stand on the ring. */
export function seedNetwork(nodes: readonly SeedNode[]): Map<string, Point> {
  const members = new Set(nodes.map((node) => node.id));
  const childrenOf = new Map<string, string[]>();
  const ring: string[] = [];
  for (const node of nodes) {
    if (node.parentId !== null && node.parentId !== node.id && members.has(node.parentId)) {
      const siblings = childrenOf.get(node.parentId) ?? [];
      childrenOf.set(node.parentId, siblings);
      siblings.push(node.id);
    } else ring.push(node.id);
  }
  const room = ring.map((id) => Math.max(1, Math.ceil((childrenOf.get(id)?.length ?? 0) / 2)));
  const slots = room.reduce((sum, slot) => sum + slot, 0);
  const radius = ring.length === 1 ? 0 : Math.max(spacing, (slots * spacing) / (2 * Math.PI));

  const points = new Map<string, Point>();
  let slot = 0;
  ring.forEach((id, index) => {
    const width = room[index] ?? 1;
    const angle = ((slot + width / 2) / slots) * 2 * Math.PI - Math.PI / 2;
    slot += width;
    const center = { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
    points.set(id, center);
    const spread = ring.length === 1 ? 2 * Math.PI : Math.PI;
    fan(childrenOf.get(id) ?? [], center, angle, spread, points);
  });
  // A parent cycle of damaged tables leaves nodes that hang on no ring.
  const left = nodes.filter((node) => !points.has(node.id));
  left.forEach((node, index) =>
    points.set(node.id, { x: radius + 3 * spacing, y: (index - left.length / 2) * spacing }),
  );
  return points;
}

/** Half circles of children around their parent, the nearest first. */
function fan(
  ids: readonly string[],
  center: Point,
  direction: number,
  spread: number,
  points: Map<string, Point>,
): void {
  let placed = 0;
  for (let row = 1; placed < ids.length; row += 1) {
    const radius = fanRadius * row;
    const fits = Math.max(1, Math.floor((spread * radius) / spacing));
    const inRow = ids.slice(placed, placed + fits);
    inRow.forEach((id, index) => {
      const angle = direction + ((index + 0.5) / inRow.length - 0.5) * spread;
      points.set(id, { x: center.x + radius * Math.cos(angle), y: center.y + radius * Math.sin(angle) });
    });
    placed += inRow.length;
  }
}

/** A place beside `neighbours` with the most air to what is already there. */
export function besideNeighbours(neighbours: readonly Point[], taken: readonly Point[]): Point {
  const center =
    neighbours.length === 0
      ? rightOf(taken)
      : {
          x: neighbours.reduce((sum, point) => sum + point.x, 0) / neighbours.length,
          y: neighbours.reduce((sum, point) => sum + point.y, 0) / neighbours.length,
        };
  let best = { point: center, air: -1 };
  for (const radius of [spacing, 2 * spacing]) {
    for (let step = 0; step < 12; step += 1) {
      const angle = (step / 12) * 2 * Math.PI;
      const point = { x: center.x + radius * Math.cos(angle), y: center.y + radius * Math.sin(angle) };
      let air = 2 * spacing;
      for (const other of taken) air = Math.min(air, distance(point, other));
      if (air > best.air) best = { point, air };
    }
    if (best.air >= 0.8 * spacing) break;
  }
  return best.point;
}

function rightOf(taken: readonly Point[]): Point {
  if (taken.length === 0) return { x: 0, y: 0 };
  const middle = taken.reduce((sum, point) => sum + point.y, 0) / taken.length;
  return { x: Math.max(...taken.map((point) => point.x)) + spacing, y: middle };
}
