/**
 * Time as a dependency. Durations and deadlines use `monotonicMs`, which a clock jump does not touch; `nowMs` is for
 * timestamps that people read.
 */
export interface Clock {
  /** Unix milliseconds, wall clock. */
  nowMs(): number;
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`; the function returned cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Held: the global is a getter in Node, which costs more than the time itself. */
const { performance } = globalThis;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
