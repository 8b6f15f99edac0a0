import fc from 'fast-check';
import { expect, test } from 'vitest';
import { chooseLabels, type LabelBox } from './label-choice.ts';

const label = (id: string, x: number, priority: number): LabelBox => ({
  id,
  x,
  y: 0,
  width: 60,
  height: 12,
  priority,
});

test('writes all labels that have room', () => {
  expect([...chooseLabels([label('a', 0, 1), label('b', 61, 1)], [])].sort()).toEqual(['a', 'b']);
});

test('of two that collide, writes the more important', () => {
  expect([...chooseLabels([label('child', 0, 3), label('leader', 50, 0)], [])]).toEqual(['leader']);
});

test('covers no obstacle', () => {
  expect(chooseLabels([label('a', 0, 0)], [{ x: 20, y: 5, width: 10, height: 10 }]).size).toBe(0);
});

test('never writes two labels over each other, wherever they are', () => {
  const boxes = fc.array(
    fc.record({
      x: fc.integer({ min: -500, max: 500 }),
      y: fc.integer({ min: -300, max: 300 }),
      width: fc.integer({ min: 10, max: 250 }),
      height: fc.integer({ min: 10, max: 30 }),
      priority: fc.integer({ min: 0, max: 3 }),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(boxes, (entries) => {
      const labels = entries.map((entry, index) => ({ ...entry, id: String(index) }));
      const chosen = chooseLabels(labels, []);
      const written = labels.filter(({ id }) => chosen.has(id));
      written.forEach((a, index) => {
        for (const b of written.slice(index + 1)) {
          const apart =
            Math.abs(a.x - b.x) >= (a.width + b.width) / 2 || a.y >= b.y + b.height || b.y >= a.y + a.height;
          expect(apart).toBe(true);
        }
      });
    }),
  );
});

test('writes an important label over an obstacle rather than not at all', () => {
  const obstacles = [{ x: 20, y: 5, width: 10, height: 10 }];
  expect([...chooseLabels([label('a', 0, 1), label('b', 61, 2)], obstacles, 2)]).toEqual(['a', 'b']);
  expect([...chooseLabels([label('a', 0, 2)], obstacles, 2)]).toEqual([]);
});
