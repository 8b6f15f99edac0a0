/** The pauses of a circuit breaker: each up to twice the one before, anywhere between half and all of that. */
import { ExponentialBackoff } from 'cockatiel';

export interface GrowingPausesOptions {
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
}

export const growingPauses = ({ firstPauseMs, longestPauseMs, random }: GrowingPausesOptions) =>
  new ExponentialBackoff<number>({
    initialDelay: firstPauseMs,
    maxDelay: longestPauseMs,
    generator: (pauses = 0, { initialDelay, maxDelay }) => {
      const longestMs = Math.min(maxDelay, initialDelay * 2 ** pauses);
      return [longestMs * (0.5 + 0.5 * random()), pauses + 1];
    },
  });
