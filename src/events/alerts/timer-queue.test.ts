import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TimerQueue } from './timer-queue.ts';

describe('TimerQueue', () => {
  it('knows what is due as a plain map would, whatever is set, replaced, taken out and shifted', () => {
    const key = fc.integer({ min: 0, max: 12 }).map(String);
    const step = fc.oneof(
      fc.record({ kind: fc.constant('set' as const), key, dueAt: fc.integer({ min: 0, max: 1_000 }) }),
      fc.record({ kind: fc.constant('remove' as const), key }),
      fc.record({ kind: fc.constant('shift' as const), byMs: fc.integer({ min: -500, max: 500 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const queue = new TimerQueue();
        const model = new Map<string, number>();
        for (const taken of steps) {
          if (taken.kind === 'set') {
            queue.set(taken.key, taken.dueAt);
            model.set(taken.key, taken.dueAt);
          } else if (taken.kind === 'remove') {
            queue.set(taken.key, null);
            model.delete(taken.key);
          } else {
            queue.shift(taken.byMs);
            for (const [known, dueAt] of model) model.set(known, dueAt + taken.byMs);
          }
          expect(queue.next).toBe(model.size === 0 ? null : Math.min(...model.values()));
          const due = [...model].filter(([, dueAt]) => dueAt <= 500).map(([known]) => known);
          expect([...queue.dueBy(500, Infinity)].sort()).toEqual(due.sort());
          const times = due.map((known) => model.get(known)).sort((a = 0, b = 0) => a - b);
          expect(queue.dueBy(500, 3).map((known) => model.get(known))).toEqual(times.slice(0, 3));
        }
      }),
    );
  });
});
