/**
 * The order in which batches go to the store. One bulk batch is on its way at a time, and while a critical batch is being
 * made no further bulk one is sent, nor anything asked for one: so a critical batch waits for at most the one that is on
 * its way, once, though it asks the store twice. Bounded, so that a flood of critical events does not stop the other lane.
 */
import type { Clock } from '../../clock.ts';

export interface CommitGateOptions {
  readonly clock: Pick<Clock, 'after'>;
  /** The longest that critical batches keep a bulk one back. */
  readonly longestMs: number;
}

export class CommitGate {
  readonly #options: CommitGateOptions;
  readonly #waitForCritical = new Set<() => void>();
  readonly #waitForBulk: (() => void)[] = [];
  #critical = 0;
  /** A bulk batch has waited for long enough: none does again until no critical one is being made. */
  #criticalTakesLong = false;
  #bulkOnItsWay = false;

  constructor(options: CommitGateOptions) {
    this.#options = options;
  }

  /** A critical batch is being made, until the function that is returned is called. */
  enterCritical(): () => void {
    this.#critical += 1;
    return once(() => {
      this.#critical -= 1;
      if (this.#critical > 0) return;
      this.#criticalTakesLong = false;
      for (const proceed of [...this.#waitForCritical]) proceed();
    });
  }

  /** Resolves when no critical batch is being made, or that has taken too long. */
  async afterCritical(): Promise<void> {
    if (this.#critical === 0 || this.#criticalTakesLong) return;
    const { clock, longestMs } = this.#options;
    await new Promise<void>((resolve) => {
      const proceed = (): void => {
        cancel();
        this.#waitForCritical.delete(proceed);
        resolve();
      };
      const cancel = clock.after(longestMs, () => {
        this.#criticalTakesLong = true;
        proceed();
      });
      this.#waitForCritical.add(proceed);
    });
  }

  /** Resolves when a bulk batch may be sent; call the function that it resolves to once the store has answered. */
  async enterBulk(): Promise<() => void> {
    await this.#turn();
    await this.afterCritical();
    return once(() => {
      const next = this.#waitForBulk.shift();
      if (next === undefined) this.#bulkOnItsWay = false;
      else next();
    });
  }

  async #turn(): Promise<void> {
    if (this.#bulkOnItsWay) await new Promise<void>((resolve) => this.#waitForBulk.push(resolve));
    this.#bulkOnItsWay = true;
  }
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
