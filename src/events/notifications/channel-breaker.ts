/**
 * The circuit breaker of one channel: after three failures in a row the channel is given pauses, and one message at a time
 * finds out whether it works again. cockatiel has the states; the pauses are counted on the injected clock.
 *
 * A receiver that refuses a message works: only `channel_failed` counts.
 */
import {
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  type ExponentialBackoff,
  handleWhen,
  type IBackoff,
} from 'cockatiel';
import type { Clock } from '../../clock.ts';
import { ChannelError } from '../../errors.ts';
import type { FactEmitter } from '../../facts.ts';
import { growingPauses } from '../growing-pauses.ts';

export interface ChannelBreakerOptions {
  /** Of the channel. */
  readonly name: string;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly facts: FactEmitter;
}

const failuresToOpen = 3;
const firstPauseMs = 1_000;
/** So long an alarm may wait after its channel has come back. */
const longestPauseMs = 60_000;

export class ChannelBreaker {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #policy;
  readonly #backoff: ExponentialBackoff<number>;
  #pause: IBackoff<unknown> | null = null;
  #triesAtMs = 0;
  /** What the receiver asked for. */
  #quietUntilMs = 0;
  #lastError: string | null = null;

  constructor({ clock, facts, name, random }: ChannelBreakerOptions) {
    this.#clock = clock;
    this.#backoff = growingPauses({ firstPauseMs, longestPauseMs, random });
    this.#policy = circuitBreaker(
      handleWhen((error) => !(error instanceof ChannelError) || error.code === 'channel_failed'),
      { halfOpenAfter: 0, breaker: new ConsecutiveBreaker(failuresToOpen) },
    );
    const tell = (state: 'closed' | 'half_open' | 'open', detail: string | null): void =>
      facts.emit('circuit_breaker:changed', { name: `channel:${name}`, state, detail });
    this.#policy.onBreak((reason) => {
      this.#pause = this.#pause === null ? this.#backoff.next() : this.#pause.next(undefined);
      this.#triesAtMs = clock.monotonicMs() + this.#pause.duration;
      this.#lastError = 'error' in reason ? reason.error.message : null;
      tell('open', this.#lastError);
    });
    this.#policy.onHalfOpen(() => tell('half_open', null));
    this.#policy.onReset(() => {
      this.#pause = null;
      this.#lastError = null;
      tell('closed', null);
    });
  }

  /** 0 where a message may go now. */
  waitMs(): number {
    const untilMs =
      this.#policy.state === CircuitState.Open
        ? Math.max(this.#triesAtMs, this.#quietUntilMs)
        : this.#quietUntilMs;
    return Math.max(0, untilMs - this.#clock.monotonicMs());
  }

  /** Messages that may be on their way at once. */
  get allowed(): number {
    return this.#policy.state === CircuitState.Closed ? Infinity : 1;
  }

  /** Why it waits. */
  get lastError(): string | null {
    return this.#lastError;
  }

  /** Nothing may go for so long. */
  quieten(forMs: number): void {
    this.#quietUntilMs = Math.max(this.#quietUntilMs, this.#clock.monotonicMs() + forMs);
  }

  /** Rejects with what the attempt rejects with. */
  run<T>(attempt: () => Promise<T>): Promise<T> {
    return this.#policy.execute(attempt);
  }
}
