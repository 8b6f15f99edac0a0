import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Box, boxAround, freeCorner, overlap, packInRows, type Size } from './geometry.ts';

const size = fc.record({
  width: fc.integer({ min: 50, max: 900 }),
  height: fc.integer({ min: 50, max: 900 }),
});

const boxAt = ({ x, y }: { x: number; y: number }, { width, height }: Size): Box => ({
  x1: x,
  y1: y,
  x2: x + width,
  y2: y + height,
});

function anyOverlap(boxes: readonly Box[]): boolean {
  return boxes.some((box, index) => boxes.slice(index + 1).some((other) => overlap(box, other)));
}

test('surrounds points with a margin', () => {
  expect(
    boxAround(
      [
        { x: 0, y: 5 },
        { x: 10, y: -5 },
      ],
      2,
    ),
  ).toEqual({ x1: -2, y1: -7, x2: 12, y2: 7 });
  expect(boxAround([], 2)).toBeNull();
});

test('packs boxes in rows without overlap, in any number, size and aspect', () => {
  fc.assert(
    fc.property(
      fc.array(size, { maxLength: 40 }),
      fc.double({ min: 0.4, max: 2.5, noNaN: true }),
      (sizes, aspect) => {
        const { corners } = packInRows(sizes, aspect);
        expect(corners).toHaveLength(sizes.length);
        const boxes = sizes.map((entry, index) => boxAt(corners[index] ?? { x: NaN, y: NaN }, entry));
        expect(anyOverlap(boxes)).toBe(false);
      },
    ),
  );
});

test('packs nine equal squares as three rows for a square view', () => {
  const { corners } = packInRows(
    Array.from({ length: 9 }, () => ({ width: 100, height: 100 })),
    1,
  );
  expect(new Set(corners.map((corner) => corner.y)).size).toBe(3);
});

test('finds a free corner beside whatever is there', () => {
  fc.assert(
    fc.property(fc.array(size, { minLength: 1, maxLength: 45 }), (sizes) => {
      const boxes: Box[] = [];
      for (const entry of sizes) {
        const box = boxAt(freeCorner(boxes, entry, 1.5), entry);
        expect(boxes.some((other) => overlap(other, box))).toBe(false);
        boxes.push(box);
      }
    }),
    { numRuns: 30 },
  );
});
