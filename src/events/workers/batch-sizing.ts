/**
 * How many events the next transaction of the bulk lane may have: so many that it takes about as long as is allowed. A
 * transaction holds up the critical ones behind it, and small ones waste the disk's syncs.
 */
export interface BatchSizingOptions {
  readonly startEvents: number;
  readonly maxEvents: number;
  /** What one transaction may take. */
  readonly targetMs: number;
}

const minEvents = 10;

export class BatchSizing {
  readonly #options: BatchSizingOptions;
  #events: number;

  constructor(options: BatchSizingOptions) {
    this.#options = options;
    this.#events = Math.min(options.startEvents, options.maxEvents);
  }

  get events(): number {
    return this.#events;
  }

  /** A transaction of so many events took so long. Grows only where a full one was quick. */
  measured(events: number, tookMs: number): void {
    const { maxEvents, targetMs } = this.#options;
    if (tookMs > targetMs && events > 0) {
      // By the measure itself, but not below half at once: a single slow sync says little.
      const fitting = Math.floor((Math.min(events, this.#events) * targetMs) / tookMs);
      this.#events = Math.max(minEvents, Math.floor(this.#events / 2), Math.min(this.#events, fitting));
      this.#events = Math.min(this.#events, maxEvents);
    } else if (tookMs < 0.6 * targetMs && events >= this.#events) {
      this.#events = Math.min(maxEvents, Math.ceil(this.#events * 1.25));
    }
  }
}
