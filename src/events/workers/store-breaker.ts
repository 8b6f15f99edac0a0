/**
 * The circuit breaker that all workers share before the store: "the message is bad" and "the store is down" are two
 * things, and only this one is about the second. cockatiel has the states; the pauses are counted on the injected clock.
 *
 *   closed ── the store fails ──► open ── the pause is over ──► half open ── one call works ──► closed
 *                                  ▲                                │
 *                                  └────────── it fails: a longer pause
 *
 * Pauses: 100 ms doubled up to 30 s, with jitter over the upper half; the first again only after a commit, since a full
 * disk answers questions all the while.
 */
import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  type ExponentialBackoff,
  handleWhen,
  type IBackoff,
} from 'cockatiel';
import type { Clock } from '../../clock.ts';
import { StoreError } from '../../errors.ts';
import type { FactEmitter } from '../../facts.ts';
import { growingPauses } from '../growing-pauses.ts';

export interface StoreBreakerOptions {
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly facts: FactEmitter;
  /** The store may be asked sooner, or later, than `waitMs` said before. */
  readonly onChanged: () => void;
}

/** The name in `circuit_breaker:changed`. */
const breakerName = 'store';
const firstPauseMs = 100;
const longestPauseMs = 30_000;
/** While another call tries the store; `onChanged` comes first. */
const whileTriedMs = 1_000;

/** The one call that tries may not keep all others waiting for ever. */
const triedWithinMs = 10_000;

/** Whether it is the store's fault, not the data's or a newer owner's. */
export const isStoreDown = (error: unknown): boolean =>
  error instanceof BrokenCircuitError ||
  (error instanceof StoreError && error.code !== 'store_rejected' && error.code !== 'store_fenced');

export class StoreBreaker {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly #policy;
  readonly #backoff: ExponentialBackoff<number>;
  /** Since the last commit that worked. */
  #pause: IBackoff<unknown> | null = null;
  #triesAtMs = 0;

  constructor({ clock, facts, onChanged, random }: StoreBreakerOptions) {
    this.#clock = clock;
    this.#backoff = growingPauses({ firstPauseMs, longestPauseMs, random });
    // The pauses are counted here, on the injected clock.
    this.#policy = circuitBreaker(handleWhen(isStoreDown), {
      halfOpenAfter: 0,
      breaker: new ConsecutiveBreaker(1),
    });
    const tell = (state: 'closed' | 'half_open' | 'open', detail: string | null): void => {
      facts.emit('circuit_breaker:changed', { name: breakerName, state, detail });
      onChanged();
    };
    this.#policy.onBreak((reason) => {
      this.#pause = this.#pause === null ? this.#backoff.next() : this.#pause.next(undefined);
      this.#triesAtMs = clock.monotonicMs() + this.#pause.duration;
      tell('open', 'error' in reason ? reason.error.message : null);
    });
    this.#policy.onHalfOpen(() => tell('half_open', null));
    this.#policy.onReset(() => tell('closed', null));
  }

  /** 0 where the store may be asked now. */
  waitMs(): number {
    if (this.#policy.state === CircuitState.Closed) return 0;
    if (this.#policy.state === CircuitState.HalfOpen) return whileTriedMs;
    return Math.max(0, this.#triesAtMs - this.#clock.monotonicMs());
  }

  /** Rejects with what the call rejects with, and with BrokenCircuitError where `waitMs` is not 0. */
  run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.waitMs() > 0) return Promise.reject(new BrokenCircuitError('the store is given a pause'));
    if (this.#policy.state === CircuitState.Closed) return this.#policy.execute(operation);
    return this.#policy.execute(() => this.#inTime(operation));
  }

  /** What a call does that is given up, its caller finds out as after any other failure. */
  #inTime<T>(operation: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(triedWithinMs, () =>
        reject(new StoreError('store_failed', `The store did not answer within ${triedWithinMs} ms`)),
      );
      operation().then(resolve, reject).finally(cancel);
    });
  }

  /** A batch is in the store: it works as a whole, not only for questions. */
  committed(): void {
    this.#pause = null;
  }
}
