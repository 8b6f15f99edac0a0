/** The radio budget of one reading: what it may send on the mesh's radio, kept to the request. */
import type { RadioBudget } from './mesh-reader.ts';

/** 32 routers take 65 requests over REST and at most 124 through `ot-ctl`, each with one search; end devices some more. */
export const defaultRadioBudget = 128;

export class CountedRadio implements RadioBudget {
  readonly limit: number;
  #spent = 0;
  #refused = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  take(requests: number): boolean {
    if (!Number.isInteger(requests) || requests < 0) return false;
    if (this.#spent + requests > this.limit) {
      this.#refused += requests;
      return false;
    }
    this.#spent += requests;
    return true;
  }

  get spent(): number {
    return this.#spent;
  }

  get left(): number {
    return this.limit - this.#spent;
  }

  /** Requests that were asked for and not given. */
  get refused(): number {
    return this.#refused;
  }
}
