/**
 * The life of a program that runs until it is told to stop: `serve`, `demo`, `simulate`, `border-router`.
 *
 *   starting ── started ──► running ── signal ──► stopping ── stopped ──► exit 0
 *      │                       └───── bug ──────► stopping ── stopped ──► exit 1
 *      └── signal: the start is waited for, then stopping
 *
 * A second signal ends the process at once; a stop that takes longer than its deadline is given up with exit 1.
 */
import type { Logger } from '../observability/logger.ts';
import type { CliContext } from './cli-context.ts';
import { exitCodes } from './exit-codes.ts';

/** What process supervisors commonly grant before they kill. */
export const stopDeadlineMs = 10_000;

export interface Service {
  /** `fail` is for what goes wrong later, and ends the program with exit 1. */
  start(fail: (error: unknown) => void): Promise<void>;
  /** Also called after a start that failed half-way. */
  stop(): Promise<void>;
}

/** Resolves with the exit code; rejects with what `start` threw. */
export async function runUntilStopped(
  context: Pick<CliContext, 'onSignal' | 'onFatal' | 'exitNow' | 'clock'>,
  logger: Logger,
  service: Service,
): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const stop = { requested: false };
  let requestStop: () => void = () => undefined;
  const stopRequested = new Promise<void>((resolve) => {
    requestStop = () => {
      stop.requested = true;
      resolve();
    };
  });
  const ignoreSignals = context.onSignal((signal) => {
    if (stop.requested) {
      context.exitNow(exitCodes.interrupted);
      return;
    }
    logger.info({ signal }, 'stopping');
    requestStop();
  });
  const fail = (error: unknown): void => {
    exitCode = exitCodes.failed;
    logger.fatal({ err: error }, 'cannot go on; stopping');
    requestStop();
  };
  const ignoreFatal = context.onFatal(fail);
  try {
    await service.start(fail);
    await stopRequested;
  } catch (error) {
    await stopWithin(context, logger, service);
    throw error;
  } finally {
    if (stop.requested && !(await stopWithin(context, logger, service))) exitCode = exitCodes.failed;
    ignoreSignals();
    ignoreFatal();
  }
  return exitCode;
}

/** False where it failed or did not end in time. */
async function stopWithin(
  { clock }: Pick<CliContext, 'clock'>,
  logger: Logger,
  service: Service,
): Promise<boolean> {
  let cancelDeadline: () => void = () => undefined;
  const deadline = new Promise<false>((resolve) => {
    cancelDeadline = clock.after(stopDeadlineMs, () => {
      logger.error({ deadline_ms: stopDeadlineMs }, 'the stop took too long and was given up');
      resolve(false);
    });
  });
  const stopped = service.stop().then(
    () => true,
    (error: unknown) => {
      logger.error({ err: error }, 'the stop failed');
      return false;
    },
  );
  const result = await Promise.race([stopped, deadline]);
  cancelDeadline();
  return result;
}
