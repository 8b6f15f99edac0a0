/** The time as state: one shared timer wakes the components that show ages. */
import { useSyncExternalStore } from 'react';
import { hubNowMs } from '../api/hub-clock.ts';

const tickMs = 1_000;
const listeners = new Set<() => void>();
let nowMs = hubNowMs();
let timer: ReturnType<typeof setInterval> | null = null;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    nowMs = hubNowMs();
    for (const notify of listeners) notify();
  }, tickMs);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

/** Unix milliseconds on the hub's clock, a second old at most. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => nowMs);
}
