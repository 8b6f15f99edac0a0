/**
 * First positions, in an instant and without chance: routers stand on a ring with their children fanned out behind them,
 * and what has no place in the mesh yet waits in rows below. The same nodes give the same picture, so a network that is
 * being scanned for the first time settles step by step. A node that is new to a known network appears beside its
 * neighbours. The force layout (`network-layout.ts`) refines both.
 */
import { distance, type Point } from './geometry.ts';

export interface SeedNode {
  readonly id: string;
  readonly parentId: string | null;
  readonly isRouter: boolean;
}

/** Room that one node and its label take. */
const spacing = 64;
/** More on the ring: links cross it. */
const ringSpacing = 96;
const fanRadius = 78;

/** Positions of a whole network around (0, 0). */
export function seedNetwork(nodes: readonly SeedNode[]): Map<string, Point> {
  const members = new Set(nodes.map((node) => node.id));
  const childrenOf = new Map<string, string[]>();
  for (const { id, parentId } of nodes) {
    if (parentId === null || parentId === id || !members.has(parentId)) continue;
    const siblings = childrenOf.get(parentId);
    if (siblings === undefined) childrenOf.set(parentId, [id]);
    else siblings.push(id);
  }
  const ring = nodes.filter((node) => node.isRouter || childrenOf.has(node.id)).map((node) => node.id);
  const points = placeRing(ring, childrenOf);
  placeRows(
    nodes.filter((node) => !points.has(node.id)).map((node) => node.id),
    points,
  );
  return points;
}

function placeRing(
  ring: readonly string[],
  childrenOf: ReadonlyMap<string, readonly string[]>,
): Map<string, Point> {
  const room = ring.map((id) => Math.max(1, Math.ceil((childrenOf.get(id)?.length ?? 0) / 2)));
  const slots = room.reduce((sum, width) => sum + width, 0);
  const radius = ring.length === 1 ? 0 : Math.max(spacing, (slots * ringSpacing) / (2 * Math.PI));
  const onRing = new Set(ring);
  const points = new Map<string, Point>();
  let slot = 0;
  ring.forEach((id, index) => {
    const width = room[index] ?? 1;
    const angle = ((slot + width / 2) / slots) * 2 * Math.PI - Math.PI / 2;
    slot += width;
    const center = { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
    points.set(id, center);
    const children = (childrenOf.get(id) ?? []).filter((child) => !onRing.has(child));
    placeFan(
      children,
      { center, direction: angle, spread: ring.length === 1 ? 2 * Math.PI : Math.PI },
      points,
    );
  });
  return points;
}

/** Arcs of children around their parent, the nearest first. */
function placeFan(
  ids: readonly string[],
  { center, direction, spread }: { center: Point; direction: number; spread: number },
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

/** Rows below everything placed so far. */
function placeRows(ids: readonly string[], points: Map<string, Point>): void {
  const bottom = points.size === 0 ? -spacing : Math.max(...[...points.values()].map((point) => point.y));
  const columns = Math.max(1, Math.ceil(Math.sqrt(ids.length * 1.6)));
  ids.forEach((id, index) => {
    const column = index % columns;
    const row = Math.floor(index / columns);
    points.set(id, { x: (column - (columns - 1) / 2) * spacing, y: bottom + (row + 1.2) * spacing });
  });
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
