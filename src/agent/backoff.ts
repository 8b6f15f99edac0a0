/**
 * Pauses between attempts to reach the hub: exponential, with jitter over the upper half, so that a hub that restarts is not
 * met by all its border routers at once.
 *
 *   attempt      0          1        2        …   n
 *   pause (s)    0.5–1      1–2      2–4          15–30
 */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #random: () => number;
  #attempt = 0;

  constructor({ minMs, maxMs, random }: { minMs: number; maxMs: number; random: () => number }) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#random = random;
  }

  nextMs(): number {
    const ceilingMs = Math.min(this.#maxMs, this.#minMs * 2 ** (this.#attempt + 1));
    this.#attempt += 1;
    return Math.min(this.#maxMs, ceilingMs * (0.5 + 0.5 * this.#random()));
  }

  /** Trying soon again cannot help: from here on the longest pauses. */
  exhaust(): void {
    this.#attempt = Math.max(0, Math.ceil(Math.log2(this.#maxMs / this.#minMs)));
  }

  reset(): void {
    this.#attempt = 0;
  }
}
