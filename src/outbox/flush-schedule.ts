/**
 * When live connections are flushed: one deferral and one timer for all that have something to send. What is due at once
 * goes at the end of the event loop's turn, so that what arrives in one turn goes out together.
 *
 * How late its timer fires says how late the event loop is.
 */
import type { Clock } from '../clock.ts';

export interface Flushable {
  flush(nowMs: number): void;
}

export interface FlushScheduleOptions {
  readonly clock: Clock;
  /** Calls back at the end of this turn of the event loop; `setImmediate`. */
  readonly defer: (callback: () => void) => void;
}

interface Later {
  readonly flushable: Flushable;
  readonly dueMs: number;
}

/** Flushes that are due this soon are done with those that are. */
const togetherMs = 2;
/** The share of the newest measurement in the lag. */
const lagWeight = 0.2;
/** A lag that was measured so long ago says nothing any more. */
const lagHoldsMs = 1_000;

export class FlushSchedule {
  readonly #options: FlushScheduleOptions;
  #due: Flushable[] = [];
  #deferred = false;
  #later: Later[] = [];
  #timer: { readonly dueMs: number; readonly cancel: () => void } | null = null;
  #lagMs = 0;
  #lagMeasuredMs = -Infinity;

  constructor(options: FlushScheduleOptions) {
    this.#options = options;
  }

  /** How late the event loop has been lately, ms. */
  lagMs(nowMs: number): number {
    return nowMs - this.#lagMeasuredMs > lagHoldsMs ? 0 : this.#lagMs;
  }

  /** At the end of this turn. Who is scheduled must not be scheduled again before its flush. */
  soon(flushable: Flushable): void {
    this.#due.push(flushable);
    if (this.#deferred) return;
    this.#deferred = true;
    this.#options.defer(() => {
      this.#deferred = false;
      this.#flushDue();
    });
  }

  after(flushable: Flushable, delayMs: number): void {
    const dueMs = this.#options.clock.monotonicMs() + delayMs;
    this.#later.push({ flushable, dueMs });
    this.#arm(dueMs);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#later = [];
    this.#due = [];
  }

  #arm(dueMs: number): void {
    if (this.#timer !== null && this.#timer.dueMs <= dueMs) return;
    this.#timer?.cancel();
    const { clock } = this.#options;
    const cancel = clock.after(dueMs - clock.monotonicMs(), () => {
      this.#timer = null;
      this.#fired(dueMs);
    });
    this.#timer = { dueMs, cancel };
  }

  #fired(dueMs: number): void {
    const nowMs = this.#options.clock.monotonicMs();
    // Timers count whole milliseconds: up to one is no lateness.
    const lateMs = Math.max(0, nowMs - dueMs - 1);
    this.#lagMs = this.lagMs(nowMs) * (1 - lagWeight) + lateMs * lagWeight;
    this.#lagMeasuredMs = nowMs;
    const still: Later[] = [];
    let nextMs = Infinity;
    for (const entry of this.#later) {
      if (entry.dueMs <= nowMs + togetherMs) this.#due.push(entry.flushable);
      else {
        still.push(entry);
        nextMs = Math.min(nextMs, entry.dueMs);
      }
    }
    this.#later = still;
    if (nextMs < Infinity) this.#arm(nextMs);
    this.#flushDue();
  }

  #flushDue(): void {
    const due = this.#due;
    this.#due = [];
    const nowMs = this.#options.clock.monotonicMs();
    for (const flushable of due) flushable.flush(nowMs);
  }
}
