import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PublishOrder, type Turn } from './publish-order.ts';

describe('PublishOrder', () => {
  it('lets publishes go on in the order they came, each once, whatever order they were settled in', () => {
    const shuffled = fc.integer({ min: 1, max: 30 }).chain((count) =>
      fc.shuffledSubarray(
        Array.from({ length: count }, (_, index) => index),
        { minLength: count, maxLength: count },
      ),
    );
    fc.assert(
      fc.property(shuffled, (settling) => {
        const order = new PublishOrder();
        const gone: number[] = [];
        const turns: Turn[] = settling.map((_, index) => order.enter(() => gone.push(index)));
        for (const [settled, index] of settling.entries()) {
          turns[index]?.settle(null);
          const done = new Set(settling.slice(0, settled + 1));
          let expected = 0;
          while (done.has(expected)) expected += 1;
          expect(gone).toEqual(Array.from({ length: expected }, (_, each) => each));
          expect(order.waiting).toBe(settling.length - expected);
        }
      }),
    );
  });

  it('tells a publish what has become of it', () => {
    const order = new PublishOrder();
    const outcomes: (string | null)[] = [];
    const first = order.enter((error) => outcomes.push(error?.message ?? null));
    const second = order.enter((error) => outcomes.push(error?.message ?? null));
    second.settle(new Error('the disk is full'));
    first.settle(null);
    expect(outcomes).toEqual([null, 'the disk is full']);
  });
});
