/**
 * How fast one link may send. A token bucket of frames, in which a large frame counts as several: what it costs to read
 * goes with its bytes. When the bucket is empty the reader pauses the socket, so that TCP holds the sender back and no
 * other link pays for it. A sender that keeps it empty for `floodAfterMs` floods.
 */
import type { Clock } from '../clock.ts';

export interface FrameThrottleOptions {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly framesPerSecond: number;
  readonly burst: number;
  /** How long a sender may stay at the limit; default 5 s. */
  readonly floodAfterMs?: number;
}

export type ThrottleVerdict =
  | { readonly kind: 'pass' }
  /** Take this frame, then read nothing for so long. */
  | { readonly kind: 'pause'; readonly forMs: number }
  | { readonly kind: 'flooding' };

/** A node's answer with full tables is about 10 KiB; it costs what a heartbeat costs. */
const bytesPerToken = 16 * 1_024;
/** Tokens gained by a pause: resuming for single frames would pause at every one of them. */
const framesPerPause = 20;

export class FrameThrottle {
  readonly #options: FrameThrottleOptions;
  #tokens: number;
  #refilledMs: number;
  #throttledSinceMs: number | null = null;

  constructor(options: FrameThrottleOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#refilledMs = options.clock.monotonicMs();
  }

  take(frameBytes: number): ThrottleVerdict {
    const { burst, clock, floodAfterMs = 5_000, framesPerSecond } = this.#options;
    const nowMs = clock.monotonicMs();
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#refilledMs) / 1_000) * framesPerSecond);
    this.#refilledMs = nowMs;
    this.#tokens -= Math.max(1, Math.ceil(frameBytes / bytesPerToken));
    if (this.#tokens > burst / 2) this.#throttledSinceMs = null;
    if (this.#tokens >= 0) return { kind: 'pass' };
    this.#throttledSinceMs ??= nowMs;
    if (nowMs - this.#throttledSinceMs >= floodAfterMs) return { kind: 'flooding' };
    return { kind: 'pause', forMs: ((framesPerPause - this.#tokens) / framesPerSecond) * 1_000 };
  }
}
