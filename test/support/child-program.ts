/** Runs a TypeScript program of the project as a process of its own, to be killed the hard way. */
import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export class ChildProgram {
  readonly #child: ChildProcess;
  readonly #errors: string[] = [];

  constructor(path: string, args: readonly string[], options: Pick<SpawnOptions, 'uid' | 'gid'> = {}) {
    this.#child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    this.#child.stderr?.on('data', (chunk: Buffer) => void this.#errors.push(chunk.toString()));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it wrote to its standard error, so far. */
  get errors(): string {
    return this.#errors.join('');
  }

  /** Resolves with its first line of output. */
  async firstLine(): Promise<string> {
    if (this.#child.stdout === null) throw new Error('the program has no output');
    for await (const line of createInterface({ input: this.#child.stdout })) return line;
    throw new Error(`the program ended without a word: ${this.errors}`);
  }

  /** SIGKILL: nothing of it runs any more. Resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}
