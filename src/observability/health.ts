/** Whether the hub can do its work now. Being alive is another question: a process that answers at all is. */
import type { Clock } from '../clock.ts';

export interface ReadinessCheck {
  readonly name: string;
  /** Rejects where it is not ready. */
  readonly check: () => Promise<unknown>;
}

export interface HealthOptions {
  readonly checks: readonly ReadinessCheck[];
  readonly clock: Pick<Clock, 'after'>;
  readonly isStopping: () => boolean;
}

export interface NotReady {
  readonly name: string;
  /** A sentence without secrets: it is shown to whoever asks. */
  readonly detail: string;
}

export interface Health {
  /** What is not ready; empty where everything is. Answers within 2 s. */
  notReady(): Promise<NotReady[]>;
}

/** A probe gives up after a few seconds itself; it should hear which check hangs. */
const checkTimeoutMs = 2_000;

export function createHealth({ checks, clock, isStopping }: HealthOptions): Health {
  return {
    async notReady() {
      const found = await Promise.all(checks.map((check) => runCheck(check, clock)));
      const notReady = found.filter((problem) => problem !== null);
      return isStopping() ? [{ name: 'hub', detail: 'the hub is stopping' }, ...notReady] : notReady;
    },
  };
}

async function runCheck(
  { check, name }: ReadinessCheck,
  clock: Pick<Clock, 'after'>,
): Promise<NotReady | null> {
  const { promise: late, resolve } = Promise.withResolvers<NotReady>();
  const cancel = clock.after(checkTimeoutMs, () =>
    resolve({ name, detail: `no answer within ${checkTimeoutMs} ms` }),
  );
  try {
    return await Promise.race([check().then(() => null), late]);
  } catch (error) {
    return { name, detail: error instanceof Error ? error.message : 'it failed' };
  } finally {
    cancel();
  }
}
