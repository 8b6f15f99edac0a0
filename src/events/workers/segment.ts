/**
 * Records that are to be stored together, and what was tried with them. A segment that fails is halved until the bad
 * record is alone; that one becomes a dead letter, all others are stored.
 */
import { StoreError } from '../../errors.ts';
import type { StreamRecord } from '../stream/durable-stream.ts';
import type { Condemned } from './prepare-batch.ts';

export interface Segment {
  readonly records: readonly StreamRecord[];
  readonly condemned: Condemned | null;
  attempts: number;
  /** Monotonic ms. */
  firstFailedAtMs: number | null;
}

const maxAttempts = 5;
/** No shard stalls longer for errors that may go away. */
const retryWithinMs = 2_000;

export const segmentOf = (records: readonly StreamRecord[], condemned: Condemned | null = null): Segment => ({
  records,
  condemned,
  attempts: 0,
  firstFailedAtMs: null,
});

export const isWorthRetrying = ({ attempts, firstFailedAtMs }: Segment, nowMs: number): boolean =>
  attempts < maxAttempts && nowMs - (firstFailedAtMs ?? nowMs) < retryWithinMs;

/** What to try in its place, in order; null where nothing is left to try. */
export function splitOrCondemn(segment: Segment, error: unknown): readonly Segment[] | null {
  const { attempts, condemned, firstFailedAtMs, records } = segment;
  if (records.length > 1) {
    const half = Math.ceil(records.length / 2);
    const parts = [records.slice(0, half), records.slice(half)];
    // The attempts are spent, but the bad record alone gets its own: an innocent one may only have been unlucky.
    return parts.map((part) => ({
      ...segmentOf(part),
      ...(part.length > 1 ? { attempts, firstFailedAtMs } : {}),
    }));
  }
  const said = error instanceof Error ? error.message : String(error);
  if (condemned === null) {
    const reason = error instanceof StoreError ? 'store_rejected' : 'attempts_exhausted';
    return [segmentOf(records, { reason, detail: said, asBytes: false })];
  }
  // What the store does not take as an event it may take as bytes.
  return condemned.asBytes ? null : [segmentOf(records, { ...condemned, asBytes: true })];
}
