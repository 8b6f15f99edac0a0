/**
 * The frames around networks. They are plain nodes under the others, sized by the points of their members: Cytoscape's
 * compound nodes cost more than everything else on a map of a thousand nodes.
 */
import type { ElementDefinition } from 'cytoscape';
import { type Box, boxAround, type Point } from './geometry.ts';
import type { MapElements, MapFrame } from './map-elements.ts';

/** From a network's outermost nodes to its frame, map units. */
export const frameMargin = 56;

/** Where each frame belongs, by its id. */
export function frameBoxes(
  elements: Pick<MapElements, 'nodes'>,
  points: ReadonlyMap<string, Point>,
): Map<string, Box> {
  const members = new Map<string, Point[]>();
  for (const { id, frame } of elements.nodes.values()) {
    const point = points.get(id);
    if (point === undefined) continue;
    const known = members.get(frame);
    if (known === undefined) members.set(frame, [point]);
    else known.push(point);
  }
  const boxes = new Map<string, Box>();
  for (const [frame, inFrame] of members) {
    const box = boxAround(inFrame, frameMargin);
    if (box !== null) boxes.set(frame, box);
  }
  return boxes;
}

interface FrameDefinition extends ElementDefinition {
  readonly data: {
    readonly id: string;
    readonly label: string;
    readonly width: number;
    readonly height: number;
  };
  readonly position: Point;
}

export function frameDefinition({ id, label, classes }: MapFrame, box: Box | undefined): FrameDefinition {
  const { x1, y1, x2, y2 } = box ?? { x1: 0, y1: 0, x2: 0, y2: 0 };
  return {
    group: 'nodes',
    data: { id, label, width: x2 - x1, height: y2 - y1 },
    position: { x: (x1 + x2) / 2, y: (y1 + y2) / 2 },
    classes,
    grabbable: false,
    selectable: false,
  };
}
