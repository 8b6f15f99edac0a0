/** The labels of a map at a zoom: where each would be, and what must not be covered. Pure. */
import type { Point } from './geometry.ts';
import { chooseLabels, type LabelBox, type ScreenBox } from './label-choice.ts';
import type { MapElements, MapNode } from './map-elements.ts';
import { labelFontPx } from './map-style.ts';

/** Below these zooms text would be larger than what it names. */
const childrenFromZoom = 0.42;
const routersFromZoom = 0.2;

/** Half the height of a router's shape, map units. */
const routerHalf = 17;
const childHalf = 10;
const gapPx = 3;

/** What the reader points at: with a set in focus only that is labelled, at any zoom. */
export interface LabelFocus {
  readonly selectedId: string | null;
  readonly pickedIds: ReadonlySet<string> | null;
}

/** Ids of the nodes whose labels are written. */
export function labelledNodes(
  elements: Pick<MapElements, 'nodes'>,
  points: ReadonlyMap<string, Point>,
  zoom: number,
  { selectedId, pickedIds }: LabelFocus,
): ReadonlySet<string> {
  const labels: LabelBox[] = [];
  const obstacles: ScreenBox[] = [];
  for (const node of elements.nodes.values()) {
    const point = points.get(node.id);
    if (point === undefined) continue;
    const priority = priorityOf(node);
    const isLarge = priority <= 2 && !isSilentChild(node);
    const half = (isLarge ? routerHalf : childHalf) * zoom;
    const x = point.x * zoom;
    const y = point.y * zoom;
    if (isLarge) obstacles.push({ x, y: y - half, width: 2 * half, height: 2 * half });
    const label = { id: node.id, x, y: y + half + gapPx, ...sizeOfText(node.label) };
    if (node.id === selectedId) labels.push({ ...label, priority: -1 });
    else if (pickedIds === null ? zoom >= fromZoom(priority) : pickedIds.has(node.id))
      labels.push({ ...label, priority });
  }
  return chooseLabels(labels, obstacles, 2);
}

function fromZoom(priority: number): number {
  return priority === 3 ? childrenFromZoom : routersFromZoom;
}

/** What is silent is looked for first, then border routers and leaders; a child's name can wait for a closer look. */
function priorityOf(node: MapNode): number {
  if (has(node, 'silent')) return 0;
  if (has(node, 'border-router') || has(node, 'leader')) return 1;
  return has(node, 'router') ? 2 : 3;
}

function isSilentChild(node: MapNode): boolean {
  return has(node, 'silent') && !has(node, 'router') && !has(node, 'border-router');
}

const has = (node: MapNode, name: string): boolean => node.classes.split(' ').includes(name);

/** An estimate: measuring a thousand texts takes longer than drawing them. */
function sizeOfText(text: string): { width: number; height: number } {
  const lines = text.split('\n');
  const longest = Math.max(...lines.map((line) => line.length));
  return { width: longest * labelFontPx * 0.58 + 4, height: lines.length * labelFontPx * 1.2 };
}
