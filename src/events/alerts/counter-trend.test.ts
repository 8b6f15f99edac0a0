import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CounterReading } from '../mesh-fact.ts';
import { type CounterEvidence, happenedTimes, storableCounters, withReading } from './counter-trend.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const at = Date.UTC(2026, 0, 1);

const reading = (minute: number, fields: Partial<CounterReading> = {}): CounterReading => ({
  readAt: at + minute * minuteMs,
  trackedMs: (10_000 + minute) * minuteMs,
  parentChanges: 5,
  partitionIdChanges: 1,
  attachAttempts: 7,
  ...fields,
});

/** How often it happened within the window, after each reading; null where the reading says nothing. */
function counted(
  of: 'changes' | 'restarts',
  readings: readonly CounterReading[],
  windowMs = hourMs,
): (number | null)[] {
  let evidence: CounterEvidence | null = null;
  return readings.map((one) => {
    const next = withReading(evidence, one, { of, windowMs });
    evidence = next ?? evidence;
    return next === null ? null : happenedTimes(next);
  });
}

describe('withReading', () => {
  it('counts changes between readings, each for as long as the window', () => {
    expect(
      counted('changes', [
        reading(0),
        reading(10, { parentChanges: 6 }),
        reading(20, { parentChanges: 6, partitionIdChanges: 2, attachAttempts: 8 }),
        reading(69, { parentChanges: 6, partitionIdChanges: 2, attachAttempts: 8 }),
        reading(75, { parentChanges: 6, partitionIdChanges: 2, attachAttempts: 8 }),
        reading(90, { parentChanges: 6, partitionIdChanges: 2, attachAttempts: 8 }),
      ]),
    ).toEqual([0, 1, 3, 3, 2, 0]);
  });

  it('takes the same reading for one, and an older one for none', () => {
    const later = reading(10, { parentChanges: 9 });
    expect(
      counted('changes', [reading(0), later, later, reading(5), reading(11, { parentChanges: 9 })]),
    ).toEqual([0, 4, null, null, 4]);
  });

  it('counts a restart once, without what belongs to starting, and not as a change', () => {
    const young = { parentChanges: 1, partitionIdChanges: 1, attachAttempts: 1 };
    const readings = [
      reading(0),
      reading(10, { ...young, trackedMs: 2 * minuteMs }),
      reading(20, { ...young, trackedMs: 12 * minuteMs }),
      reading(30, { ...young, parentChanges: 3, trackedMs: minuteMs }),
    ];
    expect(counted('restarts', readings)).toEqual([0, 1, 1, 2]);
    expect(counted('changes', readings)).toEqual([0, 0, 0, 2]);
  });

  it('knows a restart by any counter that went down, where no time is told', () => {
    const untimed = { trackedMs: null };
    expect(
      counted('restarts', [
        reading(0, untimed),
        reading(10, { ...untimed, attachAttempts: 6 }),
        reading(20, { ...untimed, attachAttempts: 6, parentChanges: null }),
      ]),
    ).toEqual([0, 1, 1]);
  });

  it('knows that a device which counts for less time than has passed has started in between', () => {
    const steady = { parentChanges: 0, partitionIdChanges: 0, attachAttempts: 0 };
    expect(
      counted(
        'restarts',
        [
          reading(0, { ...steady, trackedMs: 10 * minuteMs }),
          reading(30, { ...steady, trackedMs: 15 * minuteMs }),
          reading(60, { ...steady, trackedMs: 20 * minuteMs }),
          // A clock that is slow by two percent.
          reading(90, { ...steady, trackedMs: 49.4 * minuteMs }),
        ],
        24 * hourMs,
      ),
    ).toEqual([0, 1, 2, 2]);
  });

  it('takes changes between readings far apart to have come evenly', () => {
    expect(counted('changes', [reading(0), reading(240, { parentChanges: 13 })])).toEqual([0, 2]);
  });

  it('begins anew where the clock was set back for days', () => {
    expect(
      counted('changes', [
        reading(0),
        reading(-10_000, { parentChanges: 50 }),
        reading(-9_990, { parentChanges: 51 }),
      ]),
    ).toEqual([0, 0, 1]);
  });

  it('does not write again what has not changed', () => {
    const options = { of: 'changes', windowMs: hourMs } as const;
    const first = withReading(null, reading(0), options);
    const second = withReading(first, reading(30), options);
    if (first === null || second === null) throw new Error('both say something');
    expect(storableCounters(second)).toEqual(storableCounters(first));
    const renewed = withReading(second, reading(61), options);
    expect(renewed?.since.readAt).toBe(at + 61 * minuteMs);
  });

  it('stays small and counts no less than nothing, whatever it is told', () => {
    const value = fc.option(
      fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER), fc.constant(4_294_967_295)),
    );
    const anyReading = fc.record({
      readAt: fc.oneof(fc.integer({ min: 0, max: 10 * hourMs }), fc.nat()),
      ...{ trackedMs: value, parentChanges: value, partitionIdChanges: value, attachAttempts: value },
    });
    fc.assert(
      fc.property(
        fc.array(anyReading, { maxLength: 200 }),
        fc.constantFrom('changes', 'restarts'),
        (all, of) => {
          let evidence: CounterEvidence | null = null;
          for (const one of all) evidence = withReading(evidence, one, { of, windowMs: hourMs }) ?? evidence;
          if (evidence === null) return;
          expect(happenedTimes(evidence)).toBeGreaterThanOrEqual(0);
          expect(evidence.happened.length).toBeLessThanOrEqual(62);
          expect(JSON.parse(JSON.stringify(evidence))).toEqual(evidence);
        },
      ),
    );
  });
});
