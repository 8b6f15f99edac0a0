/**
 * Decides where nodes stand: from what was stored, beside their neighbours, or as a new network beside the others. It
 * knows which positions are settled (stored after a finished scan, or moved by hand) and asks for a layout of the rest.
 */
import type { DisplayedMap, ShownNode } from '../displayed-map.ts';
import { type Box, boxAround, distance, freeCorner, overlap, type Point } from './geometry.ts';
import type { LayoutRequest, LayoutResult } from './network-layout.ts';
import type { NodePositions } from './node-positions.ts';
import { besideNeighbours, seedNetwork } from './seed-layout.ts';

/** Space around a network's nodes that belongs to it, labels included. */
export const networkMargin = 70;
/** Map units that a node takes in an even layout; only to keep room for networks that are still appearing. */
const roomPerNode = 92;

export interface NetworkMembers {
  readonly key: string;
  readonly nodes: readonly ShownNode[];
}

export function membersByNetwork(map: DisplayedMap): NetworkMembers[] {
  const members = new Map<string, ShownNode[]>();
  for (const node of map.nodes) {
    const nodes = members.get(node.network) ?? [];
    members.set(node.network, nodes);
    nodes.push(node);
  }
  return [...members]
    .map(([key, nodes]) => ({ key, nodes }))
    .sort((a, b) => b.nodes.length - a.nodes.length || (a.key < b.key ? -1 : 1));
}

/** Positions for the nodes of `map` that `points` lacks. */
export function placeNewNodes(
  map: DisplayedMap,
  points: ReadonlyMap<string, Point>,
  stored: Pick<NodePositions, 'get'>,
  aspect: number,
): Map<string, Point> {
  const placed = new Map<string, Point>();
  const at = (id: string): Point | undefined => points.get(id) ?? placed.get(id);
  const networks = membersByNetwork(map);
  for (const { nodes } of networks)
    for (const node of nodes) {
      const position = points.has(node.id) ? null : stored.get(node);
      if (position !== null) placed.set(node.id, position);
    }

  const neighbours = neighbourIds(map);
  const newcomers: NetworkMembers[] = [];
  for (const network of networks) {
    const missing = network.nodes.filter((node) => at(node.id) === undefined);
    if (missing.length === network.nodes.length) {
      newcomers.push(network);
      continue;
    }
    const taken = network.nodes.map((node) => at(node.id)).filter((point) => point !== undefined);
    // Routers before their children: a child then finds its parent.
    for (const node of missing.toSorted(
      (a, b) => Number(a.parentId !== null) - Number(b.parentId !== null),
    )) {
      const parent = node.parentId === null ? undefined : at(node.parentId);
      const beside =
        parent === undefined
          ? (neighbours.get(node.id) ?? []).map(at).filter((point) => point !== undefined)
          : [parent];
      const point = besideNeighbours(beside, taken);
      placed.set(node.id, point);
      taken.push(point);
    }
  }

  const boxes = networks
    .filter((network) => !newcomers.includes(network))
    .map((network) => networkBox(network, at))
    .filter((box) => box !== null);
  for (const network of newcomers) {
    const seeded = seedNetwork(network.nodes);
    const expected = map.networks.find((other) => other.key === network.key)?.completeness.expectedNodes ?? 0;
    boxes.push(moveToFreeCorner(seeded, boxes, aspect, roomPerNode * Math.sqrt(expected)));
    for (const [id, point] of seeded) placed.set(id, point);
  }
  return placed;
}

/**
 * The points of nodes that have become better known since the last map: a name got its extended address. `points` is by
 * the ids of `before`.
 */
export function pointsOfRenamed(
  before: DisplayedMap,
  map: DisplayedMap,
  points: ReadonlyMap<string, Point>,
): Map<string, Point> {
  const byAlias = new Map<string, Point>();
  for (const node of before.nodes) {
    const point = points.get(node.id);
    if (point === undefined || map.nodeById.has(node.id)) continue;
    if (node.name !== null) byAlias.set(node.name, point);
    if (node.rloc16 !== null) byAlias.set(`${node.network}/${node.rloc16}`, point);
  }
  const carried = new Map<string, Point>();
  for (const node of map.nodes) {
    if (points.has(node.id)) continue;
    const point = byAlias.get(node.name ?? '') ?? byAlias.get(`${node.network}/${node.rloc16 ?? ''}`);
    if (point !== undefined) carried.set(node.id, point);
  }
  return carried;
}

export interface NetworkLayout {
  readonly network: NetworkMembers;
  readonly request: LayoutRequest;
  /** True where the network keeps its place; false where it is laid out anew and placed beside the others. */
  readonly keepsPlace: boolean;
}

/**
 * A layout for each network that has positions still to be settled. `arranged` are the keys of networks that a layout has
 * seen before: they are refined while the scan goes on, and started over once when all their links are known.
 */
export function layoutsNeeded(
  map: DisplayedMap,
  points: ReadonlyMap<string, Point>,
  stored: Pick<NodePositions, 'get'>,
  arranged: ReadonlySet<string>,
): NetworkLayout[] {
  const layouts: NetworkLayout[] = [];
  for (const network of membersByNetwork(map)) {
    const positions = network.nodes.map((node) => stored.get(node));
    const settled = positions.filter((position) => position !== null).length;
    if (settled === network.nodes.length) continue;
    // Too few old positions would bend the new picture around them: only those set by hand stay then.
    const mostlySettled = settled * 2 >= network.nodes.length;
    const hasPinned = positions.some((position) => position?.pinned === true);
    const nodes = network.nodes.map((node, index) => {
      const position = positions[index] ?? null;
      const point = points.get(node.id) ?? position ?? { x: 0, y: 0 };
      const fixed = position !== null && (position.pinned || mostlySettled);
      return { id: node.id, x: point.x, y: point.y, fixed };
    });
    layouts.push({
      network,
      request: { startOver: map.final || !arranged.has(network.key), nodes, edges: edgesOf(map, network) },
      // While a scan runs networks grow where they are; when it is over they are put side by side once.
      keepsPlace: mostlySettled || hasPinned || (!map.final && arranged.has(network.key)),
    });
  }
  return layouts;
}

/** New positions of the nodes that were laid out, networks kept apart. */
export function applyLayouts(
  map: DisplayedMap,
  points: ReadonlyMap<string, Point>,
  layouts: readonly NetworkLayout[],
  results: readonly LayoutResult[],
  aspect: number,
): Map<string, Point> {
  const moved = new Map<string, Point>();
  const at = (id: string): Point | undefined => moved.get(id) ?? points.get(id);
  const laidOut = new Set(layouts.map((layout) => layout.network.key));
  const boxes = membersByNetwork(map)
    .filter((network) => !laidOut.has(network.key))
    .map((network) => networkBox(network, at))
    .filter((box) => box !== null);

  // Those that keep their place first: the new ones find room around them.
  for (const keepsPlace of [true, false]) {
    layouts.forEach((layout, index) => {
      if (layout.keepsPlace !== keepsPlace) return;
      const network = new Map(
        (results[index] ?? []).map(([id, x, y]) => [id, { x, y }] satisfies [string, Point]),
      );
      const box = boxAround(network.values(), networkMargin);
      if (keepsPlace && box !== null && !boxes.some((other) => overlap(other, box))) boxes.push(box);
      else boxes.push(moveToFreeCorner(network, boxes, aspect, 0));
      for (const [id, point] of network) moved.set(id, point);
    });
  }
  for (const [id, point] of moved) {
    const before = points.get(id);
    if (before !== undefined && distance(before, point) < 1) moved.delete(id);
  }
  return moved;
}

/** Moves the points, in place, to where their box is free; returns that box. */
function moveToFreeCorner(
  points: Map<string, Point>,
  taken: readonly Box[],
  aspect: number,
  minSide: number,
): Box {
  const box = boxAround(points.values(), networkMargin) ?? { x1: 0, y1: 0, x2: 0, y2: 0 };
  const width = Math.max(box.x2 - box.x1, minSide);
  const height = Math.max(box.y2 - box.y1, minSide);
  const corner = freeCorner(taken, { width, height }, aspect);
  const dx = corner.x + (width - (box.x2 - box.x1)) / 2 - box.x1;
  const dy = corner.y + (height - (box.y2 - box.y1)) / 2 - box.y1;
  for (const [id, { x, y }] of points) points.set(id, { x: x + dx, y: y + dy });
  return { x1: corner.x, y1: corner.y, x2: corner.x + width, y2: corner.y + height };
}

function networkBox(network: NetworkMembers, at: (id: string) => Point | undefined): Box | null {
  return boxAround(
    network.nodes.map((node) => at(node.id)).filter((point) => point !== undefined),
    networkMargin,
  );
}

function neighbourIds(map: DisplayedMap): Map<string, string[]> {
  const neighbours = new Map<string, string[]>();
  const add = (from: string, to: string): void => {
    const known = neighbours.get(from);
    if (known === undefined) neighbours.set(from, [to]);
    else known.push(to);
  };
  for (const link of map.links) {
    add(link.a, link.b);
    add(link.b, link.a);
  }
  return neighbours;
}

/** Children stay close to their parent; weak router links may stretch. */
function edgesOf(map: DisplayedMap, network: NetworkMembers): LayoutRequest['edges'] {
  const members = new Set(network.nodes.map((node) => node.id));
  return map.links
    .filter((link) => members.has(link.a) && members.has(link.b))
    .map((link) => ({
      source: link.a,
      target: link.b,
      length: link.kind === 'parent_child' ? 62 : 110 + 25 * (3 - (link.lqi ?? 2)),
    }));
}
