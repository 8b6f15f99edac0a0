import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MarginEvidence, withMargins } from './margin-trend.ts';

const hourMs = 3_600_000;
const windowMs = 24 * hourMs;
const at = Date.UTC(2026, 0, 1);

type Margins = readonly [number | null, number | null];

/** What each of so many measurements an hour apart fell by. */
function drops(all: readonly Margins[]): { readonly drops: (number | null)[]; readonly whole: boolean[] } {
  let evidence: MarginEvidence | null = null;
  const told = all.map((margins, hour) => {
    const next = withMargins(evidence, at + hour * hourMs, margins, windowMs);
    evidence = next.evidence;
    return next;
  });
  return { drops: told.map(({ dropDb }) => dropDb), whole: told.map(({ isWhole }) => isWhole) };
}

const repeated = (margins: Margins, times: number): Margins[] => Array.from({ length: times }, () => margins);

describe('withMargins', () => {
  it('compares with the median, once a quarter of the window is known', () => {
    const told = drops([...repeated([30, null], 5), [2, null], [30, null], [19, null]]).drops;
    expect(told).toEqual([null, null, null, null, null, null, 0, 11]);
  });

  it('compares each direction with itself', () => {
    const { drops: told, whole } = drops([...repeated([40, 25], 7), [null, 25], [40, null], [28, 25]]);
    expect(told.slice(6)).toEqual([0, 0, 0, 12]);
    expect(whole.slice(6)).toEqual([true, false, false, true]);
  });

  it('takes what lasts for the usual', () => {
    const told = drops([...repeated([40, null], 12), ...repeated([20, null], 30)]).drops;
    expect(told[12]).toBe(20);
    expect(told[20]).toBe(20);
    expect(told.at(-1)).toBe(0);
  });

  it('keeps what it knows where nothing new is measured within a slice', () => {
    const first = withMargins(null, at, [30, 20], windowMs).evidence;
    expect(withMargins(first, at + 60_000, [10, 12], windowMs).evidence).toBe(first);
  });

  it('forgets what was measured after a time that the clock was set back to, and what is too old', () => {
    let { evidence } = withMargins(null, at, [30, null], windowMs);
    for (let hour = 1; hour < 12; hour += 1)
      ({ evidence } = withMargins(evidence, at + hour * hourMs, [30, null], windowMs));
    expect(withMargins(evidence, at + 8 * hourMs, [10, null], windowMs).dropDb).toBe(20);
    expect(withMargins(evidence, at - 100 * hourMs, [10, null], windowMs).dropDb).toBeNull();
    expect(withMargins(evidence, at + 100 * hourMs, [10, null], windowMs).dropDb).toBeNull();
  });

  it('stays small, whatever it is told', () => {
    const margin = fc.option(fc.double({ noNaN: true, noDefaultInfinity: true }));
    const told = fc.array(fc.tuple(fc.nat({ max: 100 * hourMs }), margin, margin), { maxLength: 200 });
    fc.assert(
      fc.property(told, (all) => {
        let evidence: MarginEvidence | null = null;
        for (const [atMs, one, other] of all) {
          const next: ReturnType<typeof withMargins> = withMargins(evidence, atMs, [one, other], windowMs);
          evidence = next.evidence;
          for (const { margins } of evidence.directions) expect(margins.length).toBeLessThanOrEqual(24);
        }
      }),
    );
  });
});
