/** Waits on the given clock; an abort ends the wait early, without an error. */
import type { Clock } from './clock.ts';

/** Whether it waited to the end. */
export function pause(clock: Pick<Clock, 'after'>, delayMs: number, signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted === true) return Promise.resolve(false);
  return new Promise((resolve) => {
    const finish = (waited: boolean): void => {
      cancel();
      signal?.removeEventListener('abort', leave);
      resolve(waited);
    };
    const leave = (): void => finish(false);
    const cancel = clock.after(delayMs, () => finish(true));
    signal?.addEventListener('abort', leave, { once: true });
  });
}

/** Resolves when the signal aborts. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
