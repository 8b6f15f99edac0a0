/** A hub as a user starts it: `bin/threadhub serve` in a process of its own, in a temporary folder, on a free port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const threadhub = resolve(import.meta.dirname, '../../bin/threadhub');

export interface HubProcess {
  readonly url: string;
  readonly port: number;
  readonly mqttUrl: string;
  readonly mqttPort: number;
  readonly dataDir: string;
  readonly pid: number;
  /** Everything it has written so far. */
  readonly output: () => string;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code; null where a signal ended it. */
  exited: Promise<number | null>;
  /** Ends it if it still runs, and deletes its folder unless told to keep it. */
  stop(options?: { keepData?: boolean }): Promise<void>;
}

export interface HubProcessOptions {
  readonly port?: number;
  readonly mqttPort?: number;
  readonly dataDir?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A program and its arguments that runs what comes after them, in surroundings of its own. */
  readonly within?: readonly [string, ...string[]];
}

/** Resolves when the hub is ready; rejects with its output where it ends before that. */
export async function startHubProcess(options: HubProcessOptions = {}): Promise<HubProcess> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'threadhub-')));
  const port = options.port ?? (await freePort());
  const mqttPort = options.mqttPort ?? (await freePort());
  const child = spawnThreadhub(
    [
      'serve',
      ...['--port', String(port), '--mqtt-port', String(mqttPort), '--data-dir', dataDir],
      ...(options.args ?? []),
    ],
    {
      THREADHUB_NODES_FILE: join(dataDir, 'adresses.json'),
      THREADHUB_SCAN_INTERVAL: '0',
      THREADHUB_LOG_LEVEL: 'warn',
      // What the developer's machine has must not be on a test's map.
      THREADHUB_BORDER_ROUTERS_LOCAL: 'off',
      ...options.env,
    },
    options.within,
  );
  const url = `http://127.0.0.1:${port}`;
  await Promise.race([
    untilReady(url),
    child.exited.then((code) => {
      throw new Error(`the hub ended with ${String(code)} before it was ready:\n${child.output()}`);
    }),
  ]);
  return {
    url,
    port,
    mqttUrl: `mqtt://127.0.0.1:${mqttPort}`,
    mqttPort,
    dataDir,
    pid: child.process.pid ?? 0,
    output: child.output,
    signal: (signal) => child.process.kill(signal),
    exited: child.exited,
    async stop({ keepData = false } = {}) {
      child.process.kill('SIGKILL');
      await child.exited;
      if (!keepData) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

export interface Threadhub {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly stdout: () => string;
  readonly exited: Promise<number | null>;
}

/** Runs `bin/threadhub` with these arguments. */
export function spawnThreadhub(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  within: readonly string[] = [],
): Threadhub {
  const [command = threadhub, ...rest] = [...within, threadhub, ...args];
  const child = spawn(command, rest, {
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let stdout = '';
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<number | null>((done) => child.once('close', (code) => done(code)));
  return { process: child, output: () => output, stdout: () => stdout, exited };
}

/** Runs `bin/threadhub` to its end. */
export async function runThreadhub(
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<{ code: number | null; stdout: string; output: string }> {
  const child = spawnThreadhub(args, env);
  const code = await child.exited;
  return { code, stdout: child.stdout(), output: child.output() };
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** Polls until `check` gives something truthy; throws after `withinMs`. */
export async function until<T>(
  check: () => T | Promise<T>,
  withinMs = 10_000,
  what = 'the condition',
): Promise<NonNullable<T>> {
  const deadlineMs = performance.now() + withinMs;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > deadlineMs) throw new Error(`${what} did not come true within ${withinMs} ms`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

async function untilReady(url: string): Promise<void> {
  await until(
    () =>
      fetch(`${url}/readyz`).then(
        (response) => response.ok,
        () => false,
      ),
    20_000,
    `${url}/readyz`,
  );
}
