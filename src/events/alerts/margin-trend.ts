/**
 * How far a link has fallen below what is usual for it, by direction: a direction that one scan did not hear is not taken
 * for the other. Usual is the median over a window, of one measurement per slice of it. What lasts for more than half of
 * the window is the new usual. Pure, bounded.
 */

/** The first measurement of each slice of time, dB, null where there was none; a slice is a time divided by its length. */
interface Direction {
  readonly newestSlice: number;
  /** Oldest first. */
  readonly margins: readonly (number | null)[];
}

const unheard: Direction = { newestSlice: 0, margins: [] };

export interface MarginEvidence {
  readonly kind: 'margins';
  readonly directions: readonly [Direction, Direction];
}

export interface MarginDrop {
  readonly evidence: MarginEvidence;
  /** Of the direction that fell furthest; null where nothing is known to compare with. */
  readonly dropDb: number | null;
  /** Every direction whose usual is known was measured now. */
  readonly isWhole: boolean;
}

const slices = 24;
/** What is usual is known after so many measurements over so much of the window. */
const fewestMeasurements = 3;
const shortestShare = 0.25;

export function withMargins(
  before: MarginEvidence | null,
  atMs: number,
  margins: readonly [number | null, number | null],
  windowMs: number,
): MarginDrop {
  const [first, second] = before?.directions ?? [unheard, unheard];
  const slice = Math.floor((atMs * slices) / windowMs);
  const one = measured(first, slice, margins[0]);
  const other = measured(second, slice, margins[1]);
  const drops = [one.dropDb, other.dropDb].filter((dropDb) => dropDb !== null);
  const isSame = before !== null && one.direction === first && other.direction === second;
  return {
    evidence: isSame ? before : { kind: 'margins', directions: [one.direction, other.direction] },
    dropDb: drops.length === 0 ? null : Math.max(...drops),
    isWhole: !one.isUnheard && !other.isUnheard,
  };
}

function measured(
  direction: Direction,
  slice: number,
  marginDb: number | null,
): { readonly direction: Direction; readonly dropDb: number | null; readonly isUnheard: boolean } {
  const known = within(direction, slice);
  const usualDb = usualOf(known, slice);
  if (marginDb === null) return { direction: known, dropDb: null, isUnheard: usualDb !== null };
  return {
    direction: slice > known.newestSlice ? withMargin(known, slice, marginDb) : known,
    dropDb: usualDb === null ? null : usualDb - marginDb,
    isUnheard: false,
  };
}

/** What lies later is from before the clock was set back, or of a window of another length. */
function within(direction: Direction, slice: number): Direction {
  const { margins, newestSlice } = direction;
  if (margins.length === 0 || slice - newestSlice >= slices) return unheard;
  if (slice >= newestSlice) return direction;
  const kept = margins.slice(0, Math.max(0, margins.length - (newestSlice - slice)));
  return kept.length === 0 ? unheard : { newestSlice: slice, margins: kept };
}

function withMargin({ margins, newestSlice }: Direction, slice: number, marginDb: number): Direction {
  const gap = margins.length === 0 ? 0 : slice - newestSlice - 1;
  const grown = [...margins, ...Array.from({ length: gap }, () => null), Math.round(marginDb * 10) / 10];
  return { newestSlice: slice, margins: grown.slice(-slices) };
}

function usualOf({ margins, newestSlice }: Direction, slice: number): number | null {
  const oldest = newestSlice - margins.length + 1;
  const inside = margins.slice(Math.max(0, slice - slices + 1 - oldest));
  const first = inside.findIndex((marginDb) => marginDb !== null);
  const sorted = inside.filter((marginDb) => marginDb !== null).sort((a, b) => a - b);
  const spanned = slice - (newestSlice - inside.length + 1 + first);
  if (sorted.length < fewestMeasurements || spanned < slices * shortestShare) return null;
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
