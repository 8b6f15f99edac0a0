/**
 * Places the nodes of a connected graph in the plane so that their distances follow the lengths of the paths between them
 * (stress majorisation by stochastic descent, Zheng, Pawar and Goodman 2019). Deterministic: it starts from a spiral and
 * visits pairs in a fixed order. Quadratic in nodes, so for backbones of a few hundred; larger ones are laid on rings.
 */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Spring {
  /** Index of a node, from 0. */
  readonly a: number;
  readonly b: number;
  /** Wanted distance. */
  readonly length: number;
}

interface MutablePoint {
  x: number;
  y: number;
}

/** Beyond this many nodes, rings. */
const maxStressNodes = 250;
const rounds = 60;

/** `radii`: the space that each node takes; no two nodes come closer than the sum of theirs. */
export function layOut(radii: readonly number[], springs: readonly Spring[]): Point[] {
  const points =
    radii.length > maxStressNodes ? onRings(radii, springs) : followPathLengths(radii.length, springs);
  if (radii.length <= maxStressNodes) pushApart(points, radii);
  return turnedWide(points);
}

function followPathLengths(count: number, springs: readonly Spring[]): MutablePoint[] {
  const wanted = pathLengths(count, springs);
  const longest = Math.max(1, ...wanted.map((row) => Math.max(...row)));
  const points = Array.from({ length: count }, (_, index): MutablePoint => {
    const angle = index * 2.399963; // the golden angle: no two start in line
    const radius = (longest / 2) * Math.sqrt((index + 0.5) / count);
    return { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
  });
  const shortest = Math.min(longest, ...springs.map((spring) => spring.length));
  for (let round = 0; round < rounds; round += 1) {
    // From steps that move a pair all the way to a hundredth of the shortest spring's.
    const rate = longest ** 2 * ((0.01 * shortest ** 2) / longest ** 2) ** (round / (rounds - 1));
    for (let offset = 1; offset < count; offset += 1)
      for (let first = 0; first < count - offset; first += 1) {
        const second = first + offset;
        const length = wanted[first]?.[second] ?? 0;
        const a = points[first];
        const b = points[second];
        if (a === undefined || b === undefined || length === 0) continue;
        const dx = a.x - b.x;
        const dy = a.y - b.y;
        const distance = Math.hypot(dx, dy) || 1e-6;
        const shift = (Math.min(1, rate / length ** 2) * (distance - length)) / 2 / distance;
        a.x -= dx * shift;
        a.y -= dy * shift;
        b.x += dx * shift;
        b.y += dy * shift;
      }
  }
  return points;
}

/** Shortest paths between all pairs (Dijkstra from each; the graph is small and dense, so without a heap). */
function pathLengths(count: number, springs: readonly Spring[]): number[][] {
  const neighbors = adjacency(count, springs);
  return Array.from({ length: count }, (_, start) => {
    const distance = new Array<number>(count).fill(Infinity);
    const done = new Uint8Array(count);
    distance[start] = 0;
    for (;;) {
      let nearest = -1;
      for (let node = 0; node < count; node += 1)
        if (done[node] === 0 && (nearest === -1 || (distance[node] ?? 0) < (distance[nearest] ?? 0)))
          nearest = node;
      if (nearest === -1) return distance;
      done[nearest] = 1;
      const base = distance[nearest] ?? 0;
      for (const { node, length } of neighbors[nearest] ?? [])
        distance[node] = Math.min(distance[node] ?? Infinity, base + length);
    }
  });
}

/** A breadth-first tree on concentric rings; time grows linearly. */
function onRings(radii: readonly number[], springs: readonly Spring[]): MutablePoint[] {
  const neighbors = adjacency(radii.length, springs);
  const points = radii.map((): MutablePoint => ({ x: 0, y: 0 }));
  const seen = new Set<number>([0]);
  let ring: number[] = [0];
  let radius = 0;
  while (ring.length > 0) {
    const next: number[] = [];
    for (const node of ring)
      for (const { node: other } of neighbors[node] ?? [])
        if (!seen.has(other)) {
          seen.add(other);
          next.push(other);
        }
    const widest = Math.max(0, ...next.map((node) => radii[node] ?? 0));
    radius = Math.max(radius + 2.2 * widest, (next.length * 2 * widest) / (2 * Math.PI));
    next.forEach((node, index) => {
      const angle = (2 * Math.PI * index) / next.length;
      points[node] = { x: radius * Math.cos(angle), y: radius * Math.sin(angle) };
    });
    ring = next;
  }
  return points;
}

function pushApart(points: readonly MutablePoint[], radii: readonly number[]): void {
  for (let round = 0; round < 80; round += 1) {
    let overlaps = 0;
    for (const [first, a] of points.entries())
      for (let second = first + 1; second < points.length; second += 1) {
        const b = points[second];
        if (b === undefined) continue;
        const dx = b.x - a.x || 1e-3;
        const dy = b.y - a.y;
        const distance = Math.hypot(dx, dy);
        const overlap = (radii[first] ?? 0) + (radii[second] ?? 0) - distance;
        if (overlap <= 0) continue;
        overlaps += 1;
        const shift = overlap / 2 / distance;
        a.x -= dx * shift;
        a.y -= dy * shift;
        b.x += dx * shift;
        b.y += dy * shift;
      }
    if (overlaps === 0) return;
  }
}

/** Screens and pages are wider than high: the longest extent becomes horizontal. */
function turnedWide(points: readonly MutablePoint[]): Point[] {
  const count = Math.max(1, points.length);
  const center = { x: 0, y: 0 };
  for (const { x, y } of points) {
    center.x += x / count;
    center.y += y / count;
  }
  let xx = 0;
  let xy = 0;
  let yy = 0;
  for (const point of points) {
    const x = point.x - center.x;
    const y = point.y - center.y;
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  const angle = Math.atan2(2 * xy, xx - yy) / 2;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return points.map((point) => {
    const x = point.x - center.x;
    const y = point.y - center.y;
    return { x: x * cos + y * sin, y: y * cos - x * sin };
  });
}

function adjacency(count: number, springs: readonly Spring[]): { node: number; length: number }[][] {
  const neighbors: { node: number; length: number }[][] = Array.from({ length: count }, () => []);
  for (const { a, b, length } of springs) {
    neighbors[a]?.push({ node: b, length });
    neighbors[b]?.push({ node: a, length });
  }
  return neighbors;
}
