/** Asks the layout worker, one job at a time. A browser that refuses the worker keeps the first positions. */
import type { LayoutRequest, LayoutResult } from './network-layout.ts';

export interface LayoutRunner {
  /** Resolves with one result per request, or null where this browser cannot run the worker. */
  run(requests: readonly LayoutRequest[]): Promise<readonly LayoutResult[] | null>;
  stop(): void;
}

export function workerLayoutRunner(): LayoutRunner {
  let worker: Worker | null = null;
  let jobs = 0;
  const waiting = new Map<number, (results: readonly LayoutResult[] | null) => void>();

  const giveUp = (): void => {
    for (const resolve of waiting.values()) resolve(null);
    waiting.clear();
  };

  const start = (): Worker => {
    const started = new Worker(new URL('./layout-worker.ts', import.meta.url), { type: 'module' });
    started.addEventListener(
      'message',
      (event: MessageEvent<{ job: number; results: readonly LayoutResult[] }>) => {
        waiting.get(event.data.job)?.(event.data.results);
        waiting.delete(event.data.job);
      },
    );
    started.addEventListener('error', giveUp);
    return started;
  };

  return {
    run(requests) {
      try {
        worker ??= start();
      } catch {
        return Promise.resolve(null);
      }
      const job = ++jobs;
      worker.postMessage({ job, requests });
      return new Promise((resolve) => waiting.set(job, resolve));
    },
    stop() {
      worker?.terminate();
      worker = null;
      giveUp();
    },
  };
}
