/** A fixed number of places, given in order of asking. */
import type { RequestScope } from './request-scope.ts';

export class Slots {
  readonly #limit: number;
  #taken = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get taken(): number {
    return this.#taken;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Rejects with the scope's failure when that comes first; then there is nothing to release. */
  acquire(scope: RequestScope): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        scope.stopWaiting();
        this.#taken += 1;
        resolve();
      };
      const open = scope.waitWith((failure) => {
        this.#waiting.delete(enter);
        reject(failure);
      });
      if (!open) return;
      if (this.#taken < this.#limit) enter();
      else this.#waiting.add(enter);
    });
  }

  release(): void {
    this.#taken -= 1;
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#waiting.delete(next);
    next();
  }
}
