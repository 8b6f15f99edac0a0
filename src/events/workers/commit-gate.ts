/**
 * Lets critical batches go before bulk ones not only at the store but between their two questions to it as well: while a
 * critical batch is being made, no further bulk batch is sent, so that it waits for at most the one that is on its way.
 * Bounded, so that a flood of critical events does not stop the other lane.
 */
import type { Clock } from '../../clock.ts';

export interface CommitGateOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** The longest that critical batches keep a bulk one back. */
  readonly longestMs: number;
}

export class CommitGate {
  readonly #options: CommitGateOptions;
  readonly #waiting = new Set<() => void>();
  #critical = 0;
  #bulk = 0;

  constructor(options: CommitGateOptions) {
    this.#options = options;
  }

  /** A critical batch is being made, until the function that is returned is called. */
  enterCritical(): () => void {
    this.#critical += 1;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#critical -= 1;
      if (this.#critical === 0) for (const proceed of [...this.#waiting]) proceed();
    };
  }

  /**
   * Resolves when a bulk batch may be sent to the store, with its place among those that are on their way: the store takes
   * them one after the other, so that the time of one is its share of the wait. `leaveBulk` when it is answered.
   */
  async enterBulk(): Promise<number> {
    if (this.#critical > 0) await this.#untilFree();
    this.#bulk += 1;
    return this.#bulk;
  }

  leaveBulk(): void {
    this.#bulk -= 1;
  }

  #untilFree(): Promise<void> {
    const { clock, longestMs } = this.#options;
    return new Promise((resolve) => {
      const proceed = (): void => {
        cancel();
        this.#waiting.delete(proceed);
        resolve();
      };
      const cancel = clock.after(longestMs, proceed);
      this.#waiting.add(proceed);
    });
  }
}
