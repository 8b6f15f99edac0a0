/** Counts events within a sliding window, up to a threshold; memory is the threshold. */
import type { Clock } from '../clock.ts';

export class SlidingCount {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #windowMs: number;
  readonly #threshold: number;
  #times: number[] = [];

  constructor(options: { clock: Pick<Clock, 'monotonicMs'>; windowMs: number; threshold: number }) {
    this.#clock = options.clock;
    this.#windowMs = options.windowMs;
    this.#threshold = options.threshold;
  }

  /** Counts one more; true where the threshold is reached within the window. */
  add(): boolean {
    const nowMs = this.#clock.monotonicMs();
    this.#times.push(nowMs);
    if (this.#times.length > this.#threshold) this.#times.shift();
    return this.#times.length === this.#threshold && nowMs - (this.#times[0] ?? nowMs) < this.#windowMs;
  }

  /** Events within the window, at most the threshold. */
  get count(): number {
    const sinceMs = this.#clock.monotonicMs() - this.#windowMs;
    this.#times = this.#times.filter((time) => time > sinceMs);
    return this.#times.length;
  }
}
