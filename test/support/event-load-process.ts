/** Starts `event-load.ts` in a process of its own, which no fault of a hub reaches. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { EventLoadReport, EventLoadSettings } from './event-load.ts';

export interface EventLoad {
  /** What is acknowledged so far. */
  look(): Promise<EventLoadReport>;
  /** Makes no more events. Resolves when all that were made are acknowledged; rejects where that takes too long. */
  finish(withinMs: number): Promise<EventLoadReport>;
  stop(): Promise<void>;
}

export function startEventLoad(settings: EventLoadSettings): EventLoad {
  const path = fileURLToPath(new URL('event-load.ts', import.meta.url));
  const child = fork(path, [JSON.stringify(settings)], { execArgv: [] });
  const ask = async (question: object, withinMs: number): Promise<EventLoadReport> => {
    const answer = once(child, 'message', { signal: AbortSignal.timeout(withinMs) });
    child.send(question);
    const [report] = (await answer) as [EventLoadReport];
    return report;
  };
  return {
    look: () => ask({}, 10_000),
    finish: (withinMs) => ask({ finish: true }, withinMs),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
