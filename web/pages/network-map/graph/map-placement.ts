/**
 * Decides where nodes stand. Settled are the positions that were stored when a scan had finished, or set by hand; they do
 * not move. A network without any is drawn by `seed-layout.ts` while it is being scanned, and laid out once the scan is
 * over; a node that is new to a settled network is laid out around the others.
 */
import { type DisplayedMap, labelOf, type ShownNode } from '../displayed-map.ts';
import {
  type Box,
  boxAround,
  distance,
  freeCorner,
  overlap,
  packInRows,
  type Point,
  type Size,
} from './geometry.ts';
import type { LayoutRequest, LayoutResult } from './network-layout.ts';
import type { NodePositions } from './node-positions.ts';
import { besideNeighbours, seedNetwork } from './seed-layout.ts';

/** Space around a network's nodes that belongs to it: the frame, its label, and air to the next one. */
export const networkMargin = 94;
/** Map units that a node takes in an even layout; only to keep room for networks that are still appearing. */
const roomPerNode = 92;

type Settled = Pick<NodePositions, 'get'>;

export interface NetworkMembers {
  readonly key: string;
  readonly nodes: readonly ShownNode[];
}

/** The largest network first. */
export function membersByNetwork(map: DisplayedMap): NetworkMembers[] {
  const members = new Map<string, ShownNode[]>();
  for (const node of map.nodes) {
    const nodes = members.get(node.network);
    if (nodes === undefined) members.set(node.network, [node]);
    else nodes.push(node);
  }
  return [...members]
    .map(([key, nodes]) => ({ key, nodes }))
    .sort((a, b) => b.nodes.length - a.nodes.length || (a.key < b.key ? -1 : 1));
}

/**
 * Positions for the nodes that `points` lacks, and new ones for all nodes of networks that are being scanned for the first
 * time: their picture follows what is known.
 */
export function placeNodes(
  map: DisplayedMap,
  points: ReadonlyMap<string, Point>,
  settled: Settled,
  aspect: number,
): Map<string, Point> {
  const placed = new Map<string, Point>();
  const at = (id: string): Point | undefined => placed.get(id) ?? points.get(id);
  const growing: NetworkMembers[] = [];
  const boxes: Box[] = [];
  const neighbours = neighbourIds(map);
  for (const network of membersByNetwork(map)) {
    const isSettled = network.nodes.some((node) => settled.get(node) !== null);
    const isNew = network.nodes.every((node) => !points.has(node.id));
    if (!isSettled && (isNew || !map.final)) {
      growing.push(network);
      continue;
    }
    for (const node of network.nodes) {
      const position = points.has(node.id) ? null : settled.get(node);
      if (position !== null) placed.set(node.id, { x: position.x, y: position.y });
    }
    placeNewcomers(network, neighbours, at, placed);
    const box = boxAround(pointsOf(network, at), networkMargin);
    if (box !== null) boxes.push(box);
  }
  // By key: a network that grows faster than another must not change places with it.
  const pictures = growing
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, nodes }) => ({
      points: seedNetwork(inSeedOrder(nodes)),
      minSide: roomPerNode * Math.sqrt(expectedNodes(map, key)),
    }));
  placePictures(pictures, boxes, aspect);
  for (const { points: seeded } of pictures) for (const [id, point] of seeded) placed.set(id, point);
  return placed;
}

/** Routers before their children: a child then finds its parent. */
function placeNewcomers(
  { nodes }: NetworkMembers,
  neighbours: ReadonlyMap<string, readonly string[]>,
  at: (id: string) => Point | undefined,
  placed: Map<string, Point>,
): void {
  const newcomers = nodes.filter((node) => at(node.id) === undefined);
  if (newcomers.length === 0) return;
  const taken = pointsOf({ nodes }, at);
  for (const node of newcomers.sort((a, b) => Number(a.parentId !== null) - Number(b.parentId !== null))) {
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

/** By name: ids change when a node becomes better known, and its place should not. */
function inSeedOrder(
  nodes: readonly ShownNode[],
): { id: string; parentId: string | null; isRouter: boolean }[] {
  return nodes
    .map((node) => ({ node, label: labelOf(node) }))
    .sort((a, b) => (a.label < b.label ? -1 : a.label > b.label ? 1 : 0))
    .map(({ node: { id, parentId, role } }) => ({
      id,
      parentId,
      isRouter: role === 'router' || role === 'leader',
    }));
}

function expectedNodes(map: DisplayedMap, key: string): number {
  return map.networks.find((network) => network.key === key)?.completeness.expectedNodes ?? 0;
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

/** A layout for each network of a final map that has positions still to be settled. */
export function layoutsNeeded(
  map: DisplayedMap,
  points: ReadonlyMap<string, Point>,
  settled: Settled,
): NetworkLayout[] {
  if (!map.final) return [];
  const layouts: NetworkLayout[] = [];
  for (const network of membersByNetwork(map)) {
    const positions = network.nodes.map((node) => settled.get(node));
    const known = positions.filter((position) => position !== null).length;
    if (known === network.nodes.length) continue;
    // Too few old positions would bend the new picture around them: only those set by hand stay then.
    const isMostlySettled = known * 2 >= network.nodes.length;
    const nodes = network.nodes.map((node, index) => {
      const position = positions[index] ?? null;
      const point = points.get(node.id) ?? position ?? { x: 0, y: 0 };
      const isFixed = position !== null && (position.pinned || isMostlySettled);
      return { id: node.id, x: point.x, y: point.y, fixed: isFixed };
    });
    layouts.push({
      network,
      request: { nodes, edges: edgesOf(map, network) },
      keepsPlace: nodes.some((node) => node.fixed),
    });
  }
  return layouts;
}

/** New positions of the nodes that were laid out, networks kept apart. Nodes that stay are not among them. */
export function applyLayouts(
  map: DisplayedMap,
  points: ReadonlyMap<string, Point>,
  layouts: readonly NetworkLayout[],
  results: readonly LayoutResult[],
  aspect: number,
): Map<string, Point> {
  const laidOut = new Set(layouts.map((layout) => layout.network.key));
  const boxes = membersByNetwork(map)
    .filter((network) => !laidOut.has(network.key))
    .map((network) =>
      boxAround(
        pointsOf(network, (id) => points.get(id)),
        networkMargin,
      ),
    )
    .filter((box) => box !== null);

  const pictures = layouts.map(({ keepsPlace }, index) => ({
    keepsPlace,
    points: new Map<string, Point>((results[index] ?? []).map(([id, x, y]) => [id, { x, y }])),
    minSide: 0,
  }));
  const homeless: Picture[] = [];
  for (const picture of pictures) {
    const box = boxAround(picture.points.values(), networkMargin);
    if (picture.keepsPlace && box !== null && !boxes.some((other) => overlap(other, box))) boxes.push(box);
    else homeless.push(picture);
  }
  placePictures(bestOrder(homeless, aspect), boxes, aspect);

  const moved = new Map<string, Point>();
  for (const picture of pictures)
    for (const [id, point] of picture.points) {
      const before = points.get(id);
      if (before === undefined || distance(before, point) >= 1) moved.set(id, point);
    }
  return moved;
}

/** The nodes of a network, still to be moved as one. */
interface Picture {
  readonly points: Map<string, Point>;
  /** Room to keep for nodes that are still to appear. */
  readonly minSide: number;
}

/** Moves the pictures, in place, beside what is there: all together in rows, or one by one around others that stay. */
function placePictures(pictures: readonly Picture[], taken: readonly Box[], aspect: number): void {
  if (taken.length === 0) {
    const { corners } = packInRows(pictures.map(sizeOf), aspect);
    pictures.forEach((picture, index) => moveInto(picture, corners[index] ?? { x: 0, y: 0 }));
    return;
  }
  const boxes = [...taken];
  for (const picture of pictures) {
    const { width, height } = sizeOf(picture);
    const corner = freeCorner(boxes, { width, height }, aspect);
    moveInto(picture, corner);
    boxes.push({ x1: corner.x, y1: corner.y, x2: corner.x + width, y2: corner.y + height });
  }
}

/** The order that gives the largest picture when it is packed. */
function bestOrder(pictures: readonly Picture[], aspect: number): readonly Picture[] {
  const measures: ((size: Size) => number)[] = [
    ({ height }) => height,
    ({ width }) => width,
    ({ width, height }) => width * height,
  ];
  let best = { order: pictures, cost: Infinity };
  for (const measure of measures) {
    const order = pictures.toSorted((a, b) => measure(sizeOf(b)) - measure(sizeOf(a)));
    const { cost } = packInRows(order.map(sizeOf), aspect);
    if (cost < best.cost) best = { order, cost };
  }
  return best.order;
}

function sizeOf({ points, minSide }: Picture): Size {
  const box = boxAround(points.values(), networkMargin) ?? { x1: 0, y1: 0, x2: 0, y2: 0 };
  return { width: Math.max(box.x2 - box.x1, minSide), height: Math.max(box.y2 - box.y1, minSide) };
}

/** To the middle of its place. */
function moveInto(picture: Picture, corner: Point): void {
  const box = boxAround(picture.points.values(), networkMargin) ?? { x1: 0, y1: 0, x2: 0, y2: 0 };
  const { width, height } = sizeOf(picture);
  const dx = corner.x + width / 2 - (box.x1 + box.x2) / 2;
  const dy = corner.y + height / 2 - (box.y1 + box.y2) / 2;
  for (const [id, { x, y }] of picture.points) picture.points.set(id, { x: x + dx, y: y + dy });
}

function pointsOf({ nodes }: Pick<NetworkMembers, 'nodes'>, at: (id: string) => Point | undefined): Point[] {
  return nodes.map((node) => at(node.id)).filter((point) => point !== undefined);
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
      length: link.kind === 'parent_child' ? 60 : 105 + 20 * (3 - (link.lqi ?? 2)),
    }));
}
