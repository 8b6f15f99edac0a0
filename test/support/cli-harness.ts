/** Runs the CLI inside the test, with captured output, files in memory and signals that the test sends. */
import type { CliContext, CliPrograms, StopSignal } from '../../src/cli/cli-context.ts';
import { runCli } from '../../src/cli/program.ts';
import { type Clock, systemClock } from '../../src/clock.ts';

export interface CliHarnessOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** By path. */
  readonly files?: Record<string, string>;
  readonly programs?: Partial<CliPrograms>;
  readonly clock?: Clock;
  readonly isTerminal?: boolean;
}

export interface CliRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliHarness {
  readonly context: CliContext;
  run(...commandLine: string[]): Promise<CliRun>;
  readonly files: Record<string, string>;
  readonly output: { stdout: string; stderr: string };
  readonly removedFolders: readonly string[];
  /** Codes of `exitNow`. */
  readonly exits: readonly number[];
  signal(signal: StopSignal): void;
  fatal(error: unknown): void;
  /** How many listen for signals now. */
  signalListeners(): number;
}

export function createCliHarness(options: CliHarnessOptions = {}): CliHarness {
  const output = { stdout: '', stderr: '' };
  const files = { ...options.files };
  const exits: number[] = [];
  const removedFolders: string[] = [];
  const signalListeners = new Set<(signal: StopSignal) => void>();
  const fatalListeners = new Set<(error: unknown) => void>();
  const listenIn =
    <Listener>(listeners: Set<Listener>) =>
    (listener: Listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    };
  const isTerminal = options.isTerminal ?? false;
  const notStarted = (): never => {
    throw new Error('the test gave no such program');
  };
  const nobodyThere = (): ReturnType<CliPrograms['probeOtCtl']> =>
    Promise.resolve({ ok: false, code: 'unreachable', reason: 'nobody there' });
  const context: CliContext = {
    stdout: { write: (text) => void (output.stdout += text), isTerminal, stream: null },
    stderr: { write: (text) => void (output.stderr += text), isTerminal, stream: null },
    environment: options.environment ?? {},
    clock: options.clock ?? systemClock,
    fetch,
    files: {
      readText(path) {
        const text = files[path];
        if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
        return text;
      },
      writeText: (path, text) => void (files[path] = text),
      makeTemporaryFolder: () => '/temporary',
      removeFolder: (path) => void removedFolders.push(path),
    },
    onSignal: listenIn(signalListeners),
    onFatal: listenIn(fatalListeners),
    exitNow: (code) => void exits.push(code),
    programs: {
      createHub: notStarted,
      createSimulation: notStarted,
      createOtbrSimulation: notStarted,
      createHouse: notStarted,
      createCoapSource: notStarted,
      createAgent: notStarted,
      createStockBorderRouter: notStarted,
      probeOtbrRest: nobodyThere,
      probeOtCtl: nobodyThere,
      renderTree: notStarted,
      loadLiveClient: notStarted,
      ...options.programs,
    },
    version: '1.2.3',
    hostName: 'pi4',
  };
  return {
    context,
    files,
    output,
    exits,
    removedFolders,
    signalListeners: () => signalListeners.size,
    signal: (signal) => {
      for (const listener of [...signalListeners]) listener(signal);
    },
    fatal: (error) => {
      for (const listener of [...fatalListeners]) listener(error);
    },
    async run(...commandLine) {
      const exitCode = await runCli(commandLine, context);
      return { exitCode, ...output };
    },
  };
}
