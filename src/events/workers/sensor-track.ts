/**
 * What the owner of a shard knows of one sensor between two of its events: its sequence numbers and its usual interval.
 * Pure: a batch that is rolled back has changed nothing.
 */
import type { SensorEvent } from '../../protocol/sensor-event.ts';
import type { SensorProgress } from '../store/event-store.ts';

export interface SensorTrack {
  readonly lastSeq: number | null;
  readonly bootId: string | null;
  /** Null where nothing was received yet. */
  readonly lastReceivedAt: number | null;
  /** Null until three events have come. */
  readonly usualIntervalMs: number | null;
  /** The longest gap seen while there is no usual one. */
  readonly firstGapMs: number | null;
}

export const unknownSensor: SensorTrack = {
  lastSeq: null,
  bootId: null,
  lastReceivedAt: null,
  usualIntervalMs: null,
  firstGapMs: null,
};

export const trackOf = (progress: SensorProgress): SensorTrack => ({ ...progress, firstGapMs: null });

/** A jump says how many are missing only where it can be one; beyond it the sensor has begun another count. */
const longestJump = 1_000_000;

/**
 * Weights of a gap longer and shorter than the usual one. Unequal, so that the result is near the longest of the ordinary
 * gaps: a sensor that sends four messages at once every minute has a usual interval of nearly a minute, not of 15 s, and
 * its silence is not announced every minute. Limited to four times the usual, so that one long outage teaches little.
 */
const longerWeight = 0.3;
const shorterWeight = 0.02;
const longestGapTimes = 4;

/** Events around the order of the stream, and those that nobody measured, teach nothing. */
const teaches = (event: SensorEvent): boolean =>
  event.flags.length === 0 ||
  !event.flags.some(
    (flag) => flag === 'late' || flag === 'replayed' || flag === 'drill' || flag === 'retained',
  );

/** The sensor after one more event, and how many sequence numbers are missing before it. */
export function followEvent(
  track: SensorTrack,
  event: SensorEvent,
): { readonly track: SensorTrack; readonly missed: number } {
  if (!teaches(event)) return { track, missed: 0 };
  const { bootId, receivedAt, seq } = event;
  const rebooted = bootId !== null && track.bootId !== null && bootId !== track.bootId;
  const jump = seq === null || track.lastSeq === null || rebooted ? 0 : seq - track.lastSeq;
  const gapMs = track.lastReceivedAt === null ? null : Math.max(0, receivedAt - track.lastReceivedAt);
  return {
    track: {
      // A lower number begins a new count.
      lastSeq: seq ?? track.lastSeq,
      bootId: bootId ?? track.bootId,
      lastReceivedAt: Math.max(receivedAt, track.lastReceivedAt ?? receivedAt),
      ...learnInterval(track, gapMs),
    },
    missed: jump > 1 && jump <= longestJump ? jump - 1 : 0,
  };
}

function learnInterval(
  { firstGapMs, usualIntervalMs }: SensorTrack,
  gapMs: number | null,
): Pick<SensorTrack, 'usualIntervalMs' | 'firstGapMs'> {
  if (gapMs === null) return { usualIntervalMs, firstGapMs };
  if (usualIntervalMs === null) {
    return firstGapMs === null
      ? { usualIntervalMs, firstGapMs: gapMs }
      : { usualIntervalMs: Math.max(1, firstGapMs, gapMs), firstGapMs: null };
  }
  const counted = Math.min(gapMs, longestGapTimes * usualIntervalMs);
  const weight = counted > usualIntervalMs ? longerWeight : shorterWeight;
  return {
    usualIntervalMs: Math.max(1, usualIntervalMs + weight * (counted - usualIntervalMs)),
    firstGapMs: null,
  };
}
