/**
 * A token bucket: so many commands at once, then so many a second. It never refuses; who finds it empty is told how long to
 * wait. Filled continuously, so a late timer loses nothing.
 */
import type { Clock } from '../clock.ts';

/** Timers may come a hair early; what is missing then is not worth another wait. */
const nearlyOne = 1 - 1e-6;

export class TokenBucket {
  readonly #clock: Clock;
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #filledAtMs: number;

  constructor({
    clock,
    tokensPerSecond,
    burst,
  }: {
    clock: Clock;
    /** Above 0. */
    tokensPerSecond: number;
    burst: number;
  }) {
    this.#clock = clock;
    this.#perMs = tokensPerSecond / 1_000;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAtMs = clock.monotonicMs();
  }

  /** Takes one token; false when there is none. */
  take(): boolean {
    this.#fill();
    if (this.#tokens < nearlyOne) return false;
    this.#tokens = Math.max(0, this.#tokens - 1);
    return true;
  }

  /** Until the next token is there; 0 when one is. */
  get waitMs(): number {
    this.#fill();
    return this.#tokens >= nearlyOne ? 0 : (1 - this.#tokens) / this.#perMs;
  }

  #fill(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#filledAtMs) * this.#perMs);
    this.#filledAtMs = nowMs;
  }
}
