/**
 * Runs one process to its end, within bounds of bytes and time, and says what came out. It is killed with all that it
 * started when the time is over or the signal aborts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Clock } from '../../clock.ts';

export type ProcessResult =
  | {
      readonly kind: 'ended';
      readonly exitCode: number | null;
      readonly stdout: string;
      readonly stderr: string;
    }
  /** It could not be started: `ENOENT`, `EACCES`. */
  | { readonly kind: 'not_started'; readonly code: string; readonly message: string }
  | { readonly kind: 'too_much_output' }
  | { readonly kind: 'took_too_long' }
  | { readonly kind: 'aborted' };

export interface ProcessOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The tables of a large mesh are some 100 KiB. */
export const maxOutputBytes = 1_048_576;
/** Of its error output: a sentence is looked for, not a log. */
const maxErrorBytes = 4_096;
/** A killed process may belong to root (`sudo`), and then stays until its command ends; nobody waits for it. */
const killGraceMs = 500;

export async function runProcess(argv: readonly string[], options: ProcessOptions): Promise<ProcessResult> {
  const { clock, signal, timeoutMs } = options;
  const [file, ...args] = argv;
  if (file === undefined) return { kind: 'not_started', code: 'ENOENT', message: 'no command is configured' };
  if (signal.aborted) return { kind: 'aborted' };
  let child: ChildProcess;
  try {
    child = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      // A session of its own: no terminal on which `sudo` could ask for a password, and one group to kill.
      detached: true,
      // System errors in the language that is looked for below.
      env: { ...process.env, LC_ALL: 'C' },
    });
  } catch (error) {
    // Such as a zero byte in a configured word.
    return {
      kind: 'not_started',
      code: 'EINVAL',
      message: error instanceof Error ? error.message : 'unknown',
    };
  }
  return new Promise((resolve) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let stdoutBytes = 0;
    let stderrBytes = 0;
    let settled = false;

    const settle = (result: ProcessResult): void => {
      if (settled) return;
      settled = true;
      cancelTimer();
      signal.removeEventListener('abort', abort);
      resolve(result);
    };
    const stop = (result: ProcessResult): void => {
      if (settled) return;
      void killAll(child, clock).then(() => settle(result));
    };
    const abort = (): void => stop({ kind: 'aborted' });
    const cancelTimer = clock.after(timeoutMs, () => stop({ kind: 'took_too_long' }));
    signal.addEventListener('abort', abort, { once: true });

    child.stdout?.on('data', (chunk: Buffer) => {
      stdoutBytes += chunk.length;
      if (stdoutBytes > maxOutputBytes) stop({ kind: 'too_much_output' });
      else stdout.push(chunk);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      if (stderrBytes < maxErrorBytes) stderr.push(chunk.subarray(0, maxErrorBytes - stderrBytes));
      stderrBytes += chunk.length;
    });
    child.once('error', (error: NodeJS.ErrnoException) =>
      settle({ kind: 'not_started', code: error.code ?? 'unknown', message: error.message }),
    );
    child.once('close', (exitCode) => {
      // Killed on purpose: `stop` says why.
      if (child.killed) return;
      settle({
        kind: 'ended',
        exitCode,
        stdout: Buffer.concat(stdout).toString('utf8'),
        stderr: Buffer.concat(stderr).toString('utf8'),
      });
    });
  });
}

async function killAll(child: ChildProcess, clock: Clock): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, 'exit');
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Not ours to kill, or gone already.
    }
    child.kill('SIGKILL');
    let cancelTimer = (): void => undefined;
    const waited = new Promise<void>((resolve) => {
      cancelTimer = clock.after(killGraceMs, resolve);
    });
    await Promise.race([gone, waited]);
    cancelTimer();
  }
  // Without a reader it ends at its next line, whoever it belongs to.
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.unref();
}
