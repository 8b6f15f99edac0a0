/** A program under test in a process of its own: started, watched until it says that it is ready, stopped in order. */
import { type ChildProcess, spawn } from 'node:child_process';

export interface ChildProgramOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  /** Found in what it writes to stdout once it is ready; its first group is the program's address. */
  readonly ready: RegExp;
  /** Whether `ready` is looked for on stderr as well. */
  readonly errorsToo?: boolean;
  /** Who runs it, where not this process's user. */
  readonly uid?: number;
  readonly gid?: number;
  /** Also found, on stderr, where given; its first group is the inspector's address. */
  readonly inspector?: RegExp;
}

export interface ChildProgram {
  readonly pid: number;
  readonly address: string;
  /** Null where none was asked for. */
  readonly inspectorUrl: string | null;
  /** What it has written to stderr, the last 16 KiB. */
  errors(): string;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

const readyWithinMs = 30_000;
const stopWithinMs = 15_000;
const keptBytes = 16_384;

/** Throws where the program ends or says nothing for 30 s, with what it wrote. */
export async function startProgram(options: ChildProgramOptions): Promise<ChildProgram> {
  const { name } = options;
  const child = spawn(options.command, options.args, {
    env: options.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  let errors = '';
  let output = '';
  const addresses = new Promise<{ address: string; inspectorUrl: string | null }>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${name} was not ready after ${readyWithinMs / 1_000} s\n${output}${errors}`)),
      readyWithinMs,
    );
    const look = (): void => {
      const address = options.ready.exec(options.errorsToo === true ? output + errors : output)?.[1];
      const inspectorUrl = options.inspector?.exec(errors)?.[1];
      if (address === undefined || (options.inspector !== undefined && inspectorUrl === undefined)) return;
      clearTimeout(timer);
      resolve({ address, inspectorUrl: inspectorUrl ?? null });
    };
    child.stdout.on('data', (chunk: Buffer) => {
      output = `${output}${chunk.toString()}`.slice(-keptBytes);
      look();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors = `${errors}${chunk.toString()}`.slice(-keptBytes);
      look();
    });
    child.once('error', reject);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`${name} ended with ${String(code)} before it was ready\n${output}${errors}`));
    });
  });
  try {
    return {
      ...(await addresses),
      pid: child.pid ?? 0,
      errors: () => errors,
      stop: () => stopChild(child, ended),
    };
  } catch (error) {
    await stopChild(child, ended);
    throw error;
  }
}

/** SIGTERM, and SIGKILL where that is not enough. */
async function stopChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const timer = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
  child.kill('SIGTERM');
  await ended;
  clearTimeout(timer);
}
