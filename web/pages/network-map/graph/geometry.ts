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

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Packing {
  /** Upper left, in the order given. */
  readonly corners: readonly Point[];
  /** Height that a view of the aspect needs to show all. */
  readonly cost: number;
}

/** Boxes in rows, so that the whole picture is as large as can be in a view of `aspect` (width / height). */
export function packInRows(sizes: readonly Size[], aspect: number): Packing {
  const widest = Math.max(0, ...sizes.map((size) => size.width));
  const total = sizes.reduce((sum, size) => sum + size.width, 0);
  let best: Packing = { corners: [], cost: Infinity };
  for (let step = 0; step <= packingTries; step += 1) {
    const rows = inRows(sizes, widest + ((total - widest) * step) / packingTries);
    const cost = Math.max(rows.width / aspect, rows.height);
    if (cost < best.cost) best = { corners: rows.corners, cost };
  }
  return best;
}

const packingTries = 40;

function inRows(sizes: readonly Size[], rowWidth: number): Size & { readonly corners: Point[] } {
  const corners: Point[] = [];
  let [x, y, rowHeight, width] = [0, 0, 0, 0];
  for (const size of sizes) {
    if (x > 0 && x + size.width > rowWidth + 0.5) {
      y += rowHeight;
      x = 0;
      rowHeight = 0;
    }
    corners.push({ x, y });
    x += size.width;
    width = Math.max(width, x);
    rowHeight = Math.max(rowHeight, size.height);
  }
  return { corners, width, height: y + rowHeight };
}

/**
 * Where a box of this size goes beside others that stay: the free corner that keeps the whole picture closest to `aspect`
 * and smallest. Returns its upper left corner.
 */
export function freeCorner(taken: readonly Box[], size: Size, aspect: number): Point {
  if (taken.length === 0) return { x: 0, y: 0 };
  const left = Math.min(...taken.map((box) => box.x1));
  const top = Math.min(...taken.map((box) => box.y1));
  const right = Math.max(...taken.map((box) => box.x2));
  const bottom = Math.max(...taken.map((box) => box.y2));
  const candidates: Point[] = [
    { x: right, y: top },
    { x: left, y: bottom },
  ];
  // All pairs of edges are tried only where they are few: time grows with the cube of the boxes.
  if (taken.length <= 30)
    for (const x of taken.flatMap((box) => [box.x1, box.x2]))
      for (const y of taken.flatMap((box) => [box.y1, box.y2])) candidates.push({ x, y });

  let best: { readonly corner: Point; readonly cost: number } | null = null;
  for (const corner of candidates) {
    const box: Box = { x1: corner.x, y1: corner.y, x2: corner.x + size.width, y2: corner.y + size.height };
    if (taken.some((other) => overlap(box, other))) continue;
    const width = Math.max(right, box.x2) - Math.min(left, box.x1);
    const height = Math.max(bottom, box.y2) - Math.min(top, box.y1);
    const cost = Math.max(width / aspect, height) + 0.05 * (width / aspect + height);
    if (best === null || cost < best.cost) best = { corner, cost };
  }
  return best?.corner ?? { x: right, y: top };
}
