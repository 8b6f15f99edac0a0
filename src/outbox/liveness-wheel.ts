/**
 * One timer for the liveness of all connections of a kind. Those with requests in flight are looked at on every tick, quiet
 * ones on every tenth, a tenth of them per tick: ten thousand connections cost no burst.
 */
import type { Clock } from '../clock.ts';

export interface Watched {
  readonly inFlight: number;
  checkLiveness(): void;
}

/** Quiet connections are then looked at once a second. */
const defaultTickMs = 100;
const slices = 10;

export class LivenessWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #slices: Set<Watched>[] = Array.from({ length: slices }, () => new Set<Watched>());
  readonly #sliceOf = new Map<Watched, Set<Watched>>();
  #turn = 0;
  #cancel: (() => void) | null = null;

  constructor(clock: Clock, { tickMs = defaultTickMs }: { readonly tickMs?: number } = {}) {
    this.#clock = clock;
    this.#tickMs = tickMs;
  }

  add(watched: Watched): void {
    const slice = this.#slices[this.#sliceOf.size % slices] as Set<Watched>;
    slice.add(watched);
    this.#sliceOf.set(watched, slice);
    if (this.#cancel === null) this.#schedule();
  }

  remove(watched: Watched): void {
    this.#sliceOf.get(watched)?.delete(watched);
    this.#sliceOf.delete(watched);
    if (this.#sliceOf.size === 0) this.close();
  }

  close(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(this.#tickMs, () => {
      this.#cancel = null;
      this.#tick();
      if (this.#sliceOf.size > 0) this.#schedule();
    });
  }

  #tick(): void {
    this.#turn = (this.#turn + 1) % slices;
    const quiet = this.#slices[this.#turn] as Set<Watched>;
    for (const watched of this.#sliceOf.keys()) {
      if (watched.inFlight > 0 || quiet.has(watched)) watched.checkLiveness();
    }
  }
}
