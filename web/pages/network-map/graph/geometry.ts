/** Points and boxes in the map's own coordinates. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Box {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

/** The box around points, grown by `margin` on each side; null without points. */
export function boxAround(points: Iterable<Point>, margin: number): Box | null {
  let box: { x1: number; y1: number; x2: number; y2: number } | null = null;
  for (const { x, y } of points) {
    if (box === null) box = { x1: x, y1: y, x2: x, y2: y };
    else {
      box.x1 = Math.min(box.x1, x);
      box.y1 = Math.min(box.y1, y);
      box.x2 = Math.max(box.x2, x);
      box.y2 = Math.max(box.y2, y);
    }
  }
  if (box === null) return null;
  return { x1: box.x1 - margin, y1: box.y1 - margin, x2: box.x2 + margin, y2: box.y2 + margin };
}

export function overlap(a: Box, b: Box): boolean {
  return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/**
 * Where a box of this size goes beside others: the free corner that keeps the whole picture closest to `aspect`
 * (width / height) and smallest. Returns its upper left corner.
 */
export function freeCorner(
  taken: readonly Box[],
  size: { readonly width: number; readonly height: number },
  aspect: number,
): Point {
  if (taken.length === 0) return { x: -size.width / 2, y: -size.height / 2 };
  const columns = taken.flatMap((box) => [box.x1, box.x2]);
  const rows = taken.flatMap((box) => [box.y1, box.y2]);
  let best: { readonly corner: Point; readonly cost: number } | null = null;
  for (const x of columns) {
    for (const y of rows) {
      const box: Box = { x1: x, y1: y, x2: x + size.width, y2: y + size.height };
      if (taken.some((other) => overlap(box, other))) continue;
      const cost = pictureCost([...taken, box], aspect);
      if (best === null || cost < best.cost) best = { corner: { x, y }, cost };
    }
  }
  // The right of the rightmost box is always free, so a corner was found.
  return best?.corner ?? { x: Math.max(...columns), y: Math.min(...rows) };
}

/** The height that a view of this aspect needs to show all boxes, and a little for how far they spread. */
function pictureCost(boxes: readonly Box[], aspect: number): number {
  const width = Math.max(...boxes.map((box) => box.x2)) - Math.min(...boxes.map((box) => box.x1));
  const height = Math.max(...boxes.map((box) => box.y2)) - Math.min(...boxes.map((box) => box.y1));
  return Math.max(width / aspect, height) + 0.05 * (width / aspect + height);
}
