/** Which labels are written: as many as fit without lying over each other, the important ones first. Screen pixels. */

export interface ScreenBox {
  /** Middle. */
  readonly x: number;
  /** Upper edge. */
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface LabelBox extends ScreenBox {
  readonly id: string;
  /** Lower is more important. */
  readonly priority: number;
}

/** Larger than most labels, so that one touches few cells. */
const cellPx = 96;

/** `obstacles` are there in any case: labels of `minor` and higher priority do not lie over them. */
export function chooseLabels(
  labels: readonly LabelBox[],
  obstacles: readonly ScreenBox[],
  minor = 0,
): ReadonlySet<string> {
  const chosen = new Set<string>();
  const cells = new Map<string, ScreenBox[]>();
  const blocked = new Map<string, ScreenBox[]>();
  for (const obstacle of obstacles) enter(blocked, cellsOf(obstacle), obstacle);
  for (const label of labels.toSorted((a, b) => a.priority - b.priority)) {
    const touched = cellsOf(label);
    const isTaken = (by: ReadonlyMap<string, ScreenBox[]>): boolean =>
      touched.some((cell) => by.get(cell)?.some((other) => collide(label, other)) === true);
    if (isTaken(cells) || (label.priority >= minor && isTaken(blocked))) continue;
    chosen.add(label.id);
    enter(cells, touched, label);
  }
  return chosen;
}

function enter(cells: Map<string, ScreenBox[]>, touched: readonly string[], box: ScreenBox): void {
  for (const cell of touched) {
    const inCell = cells.get(cell);
    if (inCell === undefined) cells.set(cell, [box]);
    else inCell.push(box);
  }
}

function cellsOf({ x, y, width, height }: ScreenBox): string[] {
  const cells: string[] = [];
  for (let column = cellOf(x - width / 2); column <= cellOf(x + width / 2); column += 1)
    for (let row = cellOf(y); row <= cellOf(y + height); row += 1) cells.push(`${column} ${row}`);
  return cells;
}

const cellOf = (value: number): number => Math.floor(value / cellPx);

function collide(a: ScreenBox, b: ScreenBox): boolean {
  return Math.abs(a.x - b.x) < (a.width + b.width) / 2 && a.y < b.y + b.height && b.y < a.y + a.height;
}
