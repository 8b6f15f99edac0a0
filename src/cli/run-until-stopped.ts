/**
 * The life of a program that runs until it is told to stop: `serve`, `demo`, `simulate`, `border-router`.
 *
 *   starting ── started ──► running ── signal ──► stopping ── stopped ──► exit 0
 *      │                       └───── bug ──────► stopping ── stopped ──► exit 1
 *      └── signal: the start is waited for, then stopping
 *
 * A second signal ends the process at once; what has not ended at the deadline after a signal, a start that hangs
 * included, is given up with exit 1.
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
  const deadline = createDeadline(context, logger);
  let requestStop: () => void = () => undefined;
  const stopRequested = new Promise<void>((resolve) => {
    requestStop = () => {
      stop.requested = true;
      deadline.begin();
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
    await Promise.race([service.start(fail), deadline.passed]);
    await stopRequested;
  } finally {
    deadline.begin();
    if (!(await stopsBefore(deadline.passed, logger, service))) exitCode = exitCodes.failed;
    deadline.end();
    ignoreSignals();
    ignoreFatal();
  }
  return exitCode;
}

/** One deadline for all that is still to happen after a signal: what is left of a start, and the stop. */
function createDeadline({ clock }: Pick<CliContext, 'clock'>, logger: Logger) {
  let pass: () => void = () => undefined;
  let cancel: (() => void) | null = null;
  return {
    passed: new Promise<false>((resolve) => {
      pass = () => resolve(false);
    }),
    begin(): void {
      cancel ??= clock.after(stopDeadlineMs, () => {
        logger.error({ deadline_ms: stopDeadlineMs }, 'the stop took too long and was given up');
        pass();
      });
    },
    end: () => cancel?.(),
  };
}

/** False where the stop failed or did not end in time. */
function stopsBefore(deadlinePassed: Promise<false>, logger: Logger, service: Service): Promise<boolean> {
  const stopped = service.stop().then(
    () => true,
    (error: unknown) => {
      logger.error({ err: error }, 'the stop failed');
      return false;
    },
  );
  return Promise.race([deadlinePassed, stopped]);
}
