/**
 * How many events the next transaction of the bulk lane may have. A transaction holds up the critical ones behind it; but
 * what it costs by itself (the sync of the disk) is the same for one event and for all, and smaller transactions only make
 * more of it. So the size goes by what an event adds: a straight line through the last measures, of which older ones count
 * less and less.
 */
export interface BatchSizingOptions {
  readonly startEvents: number;
  readonly maxEvents: number;
  /** What the events of one transaction may take, beside what the transaction takes itself. */
  readonly targetMs: number;
}

const minEvents = 50;
/** Of what the measures before weigh, with each new one. */
const decay = 0.9;
/** Below this spread of sizes (standard deviation by mean) the line has no slope worth anything. */
const leastSpread = 0.1;
/** At most so much at once: one measure may be a stumble of the machine. */
const largestStep = 1.25;

export class BatchSizing {
  readonly #options: BatchSizingOptions;
  #events: number;
  // Weighted sums of the measures: count, events, time, their squares and products.
  #count = 0;
  #sumEvents = 0;
  #sumMs = 0;
  #sumSquares = 0;
  #sumProducts = 0;

  constructor(options: BatchSizingOptions) {
    this.#options = options;
    this.#events = Math.min(options.startEvents, options.maxEvents);
  }

  get events(): number {
    return this.#events;
  }

  /** A transaction of so many events took so long. */
  measured(events: number, tookMs: number): void {
    const { maxEvents, targetMs } = this.#options;
    this.#count = this.#count * decay + 1;
    this.#sumEvents = this.#sumEvents * decay + events;
    this.#sumMs = this.#sumMs * decay + tookMs;
    this.#sumSquares = this.#sumSquares * decay + events * events;
    this.#sumProducts = this.#sumProducts * decay + events * tookMs;
    const wanted = this.#wanted(targetMs);
    // What was never filled says nothing about more.
    if (wanted > this.#events && events < this.#events) return;
    const step = Math.min(this.#events * largestStep, Math.max(this.#events / largestStep, wanted));
    this.#events = Math.ceil(Math.min(maxEvents, Math.max(Math.min(minEvents, maxEvents), step)));
  }

  #wanted(targetMs: number): number {
    const variance = this.#count * this.#sumSquares - this.#sumEvents ** 2;
    // All of about one size: another one tells more.
    if (variance <= (leastSpread * this.#sumEvents) ** 2) return Infinity;
    const msPerEvent = (this.#count * this.#sumProducts - this.#sumEvents * this.#sumMs) / variance;
    return msPerEvent <= 0 ? Infinity : targetMs / msPerEvent;
  }
}
