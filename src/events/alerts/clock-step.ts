/** Tells a clock that was set from time that has passed: the wall clock moved, and the monotonic one did not. */

export interface SeenClock {
  /** Unix ms. */
  readonly nowMs: number;
  readonly monotonicMs: number;
}

/** Smaller steps are drift, and no harm. */
const smallestStepMs = 5_000;

/** By how much it was set since; 0 where it was not. */
export function clockStepMs(before: SeenClock, now: SeenClock): number {
  const stepMs = now.nowMs - before.nowMs - (now.monotonicMs - before.monotonicMs);
  return Math.abs(stepMs) < smallestStepMs ? 0 : stepMs;
}
