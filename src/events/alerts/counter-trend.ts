/**
 * What a device's own counters tell between two readings: how often it changed its place in the mesh, and whether it
 * started again. A counter that went down has begun from zero: a restart, and no 2^32 changes. Pure, bounded.
 */
import type { CounterReading } from '../mesh-fact.ts';

/** Unix ms and how often, oldest first. */
type Happening = readonly [atMs: number, times: number];

export interface CounterEvidence {
  readonly kind: 'counters';
  /** What `happened` counts. */
  readonly of: 'changes' | 'restarts';
  /** The reading that the next is compared with: renewed when a counter changes, and once in a while. */
  readonly since: CounterReading;
  /** When they were last read, and were the same: Unix ms. */
  readonly seenAt: number;
  readonly happened: readonly Happening[];
}

/** An unchanged reading is not worth a write with every scan; a very old one is no good to tell a restart by. */
const renewAfterMs = 3_600_000;
/** Happenings of one window are kept in so many slices. */
const slices = 60;
/** What is told of a time this far before the last reading is no old reading: the hub's clock has been set. */
const clockSetBackMs = 86_400_000;
/** Clocks of small devices are some percent off. */
const slowestClock = 0.95;

/** Null where the reading is none that the evidence does not know. */
export function withReading(
  before: CounterEvidence | null,
  reading: CounterReading,
  { of, windowMs }: Pick<CounterEvidence, 'of'> & { readonly windowMs: number },
): CounterEvidence | null {
  const { readAt } = reading;
  if (before?.of !== of || readAt < before.since.readAt - clockSetBackMs)
    return { kind: 'counters', of, since: reading, seenAt: readAt, happened: [] };
  const { seenAt, since } = before;
  if (readAt <= seenAt) return null;
  const restarted = isRestart(since, reading);
  const changes = changesBetween(since, reading, restarted);
  const counted = of === 'restarts' ? Number(restarted) : withinWindow(changes, readAt - seenAt, windowMs);
  const isSame = !restarted && changes === 0 && readAt - since.readAt < renewAfterMs;
  return {
    kind: 'counters',
    of,
    since: isSame ? since : reading,
    seenAt: readAt,
    happened: withHappening(before.happened, [readAt, counted], windowMs),
  };
}

export const happenedTimes = ({ happened }: CounterEvidence): number =>
  happened.reduce((sum, [, times]) => sum + times, 0);

/** What of it is worth storing: not every time at which nothing had changed. */
export const storableCounters = (evidence: CounterEvidence): CounterEvidence => ({
  ...evidence,
  seenAt: evidence.since.readAt,
});

const changeCounters = ['parentChanges', 'partitionIdChanges', 'attachAttempts'] as const;

/** It counts less than before, or for less time than has passed: it has begun in between. */
function isRestart(before: CounterReading, now: CounterReading): boolean {
  if (before.trackedMs !== null && now.trackedMs !== null) {
    if (now.trackedMs < before.trackedMs) return true;
    if (now.trackedMs < (now.readAt - before.readAt) * slowestClock) return true;
  }
  return changeCounters.some((name) => (now[name] ?? Infinity) < (before[name] ?? 0));
}

/** After a restart the first of each belongs to starting itself: it attached, to a parent, in a partition. */
function changesBetween(before: CounterReading, now: CounterReading, restarted: boolean): number {
  let changes = 0;
  for (const name of changeCounters) {
    const [from, to] = [restarted ? 1 : before[name], now[name]];
    if (from !== null && to !== null) changes += Math.max(0, to - from);
  }
  return changes;
}

/** Between readings that lie further apart than the window, changes are taken to have come evenly. */
const withinWindow = (changes: number, elapsedMs: number, windowMs: number): number =>
  elapsedMs <= windowMs ? changes : Math.round((changes * windowMs) / elapsedMs);

function withHappening(
  happened: readonly Happening[],
  [atMs, times]: Happening,
  windowMs: number,
): readonly Happening[] {
  const kept = happened.filter(([otherMs]) => otherMs > atMs - windowMs && otherMs <= atMs);
  if (times === 0) return kept.length === happened.length ? happened : kept;
  const newest = kept.at(-1);
  const sliceMs = windowMs / slices;
  const isSameSlice = newest !== undefined && Math.floor(newest[0] / sliceMs) === Math.floor(atMs / sliceMs);
  return isSameSlice ? [...kept.slice(0, -1), [atMs, newest[1] + times]] : [...kept, [atMs, times]];
}
