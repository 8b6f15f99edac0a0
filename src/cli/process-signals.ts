/**
 * The process's stop signals, each once. A Ctrl-C under `npm run` arrives twice, from the terminal and from npm, within
 * milliseconds; taking the second for a person's impatience would end the program in the middle of its orderly stop.
 */
import type { EventEmitter } from 'node:events';
import type { Clock } from '../clock.ts';
import type { CliContext, StopSignal } from './cli-context.ts';

/** Longer than any forwarding takes, shorter than a person's second thought. */
export const sameSignalMs = 300;

export function createSignalSource(
  emitter: Pick<EventEmitter, 'on' | 'off'>,
  clock: Pick<Clock, 'monotonicMs'>,
): CliContext['onSignal'] {
  return (listener) => {
    let lastMs = -Infinity;
    const onSignal = (signal: StopSignal): void => {
      const nowMs = clock.monotonicMs();
      const isEcho = nowMs - lastMs < sameSignalMs;
      lastMs = nowMs;
      if (!isEcho) listener(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) emitter.on(signal, onSignal);
    return () => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) emitter.off(signal, onSignal);
    };
  };
}
