/**
 * How long messages are gathered before they go out together. Closed while it is quiet: what comes then leaves at once.
 * Under load it opens with the rate of messages, and further where the event loop is late, up to a limit. No timers here.
 */

/** Messages a second up to which nothing is gained by waiting, and from which on the window is as long as it may be. */
const quietRate = 50;
const fullRate = 200;
/** The rate is an average over about so long. */
const averageMs = 250;
/** An event loop that is late by so much counts like twice the rate. */
const doublingLagMs = 10;

export class CoalescingWindow {
  readonly #maxMs: number;
  /** Messages a second. */
  #rate = 0;
  #ratedMs = -Infinity;
  #flushedMs = -Infinity;

  constructor(maxMs: number) {
    this.#maxMs = maxMs;
  }

  arrived(messages: number, nowMs: number): void {
    this.#rate = this.#rateAt(nowMs) + (messages * 1_000) / averageMs;
    this.#ratedMs = nowMs;
  }

  flushed(nowMs: number): void {
    this.#flushedMs = nowMs;
  }

  /** Time until the next flush is due, ms; 0: now. */
  waitMs(nowMs: number, lagMs: number): number {
    return Math.max(0, this.#flushedMs + this.lengthMs(nowMs, lagMs) - nowMs);
  }

  lengthMs(nowMs: number, lagMs: number): number {
    const load = this.#rateAt(nowMs) * (1 + lagMs / doublingLagMs);
    return this.#maxMs * Math.min(1, Math.max(0, (load - quietRate) / (fullRate - quietRate)));
  }

  #rateAt(nowMs: number): number {
    return this.#rate * Math.exp((this.#ratedMs - nowMs) / averageMs);
  }
}
