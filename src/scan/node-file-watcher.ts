/**
 * Keeps the registry in step with the node file. The folder is watched, not the file: editors write a new file and
 * rename it over the old one, and the file may come later or go.
 */
import { createHash } from 'node:crypto';
import { constants, type FSWatcher, watch } from 'node:fs';
import { access, open } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { Clock } from '../clock.ts';
import type { FactEmitter } from '../facts.ts';
import { maxNodeFileBytes, parseNodeFile } from './node-file.ts';
import type { NodeRegistry } from './node-registry.ts';

/** Editors write in steps; the last one counts. */
const settleMs = 100;
/** Where the folder cannot be watched: how often to look. */
const pollMs = 5_000;

export interface NodeFileWatcherDependencies {
  readonly path: string;
  readonly registry: Pick<NodeRegistry, 'replaceFileNodes'>;
  readonly facts: FactEmitter;
  readonly clock: Pick<Clock, 'after'>;
}

export class NodeFileWatcher {
  readonly #path: string;
  readonly #registry: NodeFileWatcherDependencies['registry'];
  readonly #facts: FactEmitter;
  readonly #clock: Pick<Clock, 'after'>;
  #watcher: FSWatcher | null = null;
  #cancel: (() => void) | null = null;
  #reading: Promise<void> = Promise.resolve();
  #closed = false;
  /** Entries in use; those of the last file that could be read. */
  #accepted = 0;
  /** What was last reported, so that looking again at an unchanged file says nothing. */
  #reported: string | null = null;

  constructor(dependencies: NodeFileWatcherDependencies) {
    this.#path = resolve(dependencies.path);
    this.#registry = dependencies.registry;
    this.#facts = dependencies.facts;
    this.#clock = dependencies.clock;
  }

  /** Loads the file once, then watches it. Never rejects: what is wrong with the file is reported as a fact. */
  async start(): Promise<void> {
    // Watched first: a change while it is being read is not missed.
    this.#watch();
    await this.#load();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    this.#cancel = null;
    this.#watcher?.close();
    this.#watcher = null;
    await this.#reading;
  }

  #watch(): void {
    if (this.#closed) return;
    try {
      const watcher = watch(dirname(this.#path), (_event, name) => {
        if (name === null || name === basename(this.#path)) this.#loadAfter(settleMs);
      });
      watcher.on('error', () => {
        watcher.close();
        this.#watcher = null;
        this.#loadAfter(pollMs);
      });
      this.#watcher = watcher;
    } catch {
      // The folder is not there (yet), or the system has no watches left.
      this.#watcher = null;
      this.#loadAfter(pollMs);
    }
  }

  #loadAfter(delayMs: number): void {
    if (this.#closed) return;
    this.#cancel?.();
    this.#cancel = this.#clock.after(delayMs, () => {
      this.#cancel = null;
      if (this.#watcher === null) this.#watch();
      void this.#load();
    });
  }

  /** One reading after the other: an older one must not overtake a newer one. */
  #load(): Promise<void> {
    this.#reading = this.#reading.then(async () => {
      const file = await readLimited(this.#path);
      if (this.#closed) return;
      this.#apply(file);
      if (file.kind === 'absent' && this.#watcher !== null) await this.#checkFolder(this.#watcher);
    });
    return this.#reading;
  }

  /** A watch stays with the folder that it was made for: where that has gone too, the next one is waited for. */
  async #checkFolder(watcher: FSWatcher): Promise<void> {
    try {
      await access(dirname(this.#path));
    } catch {
      watcher.close();
      if (this.#watcher === watcher) this.#watcher = null;
      this.#loadAfter(pollMs);
    }
  }

  #apply(file: ReadFile): void {
    const seen = fingerprint(file);
    if (seen === this.#reported) return;
    this.#reported = seen;
    if (file.kind === 'unreadable') {
      this.#report([`${this.#path} cannot be read: ${file.problem}; the last good list stays`]);
      return;
    }
    const parsed =
      file.kind === 'absent' ? ({ ok: true, entries: [], problems: [] } as const) : parseNodeFile(file.bytes);
    if (!parsed.ok) {
      this.#report([`${this.#path} cannot be used: ${parsed.problem}; the last good list stays`]);
      return;
    }
    const { accepted, problems } = this.#registry.replaceFileNodes(parsed.entries);
    this.#accepted = accepted;
    this.#report([...parsed.problems, ...problems].map((problem) => `${this.#path}, ${problem}`));
  }

  #report(problems: readonly string[]): void {
    this.#facts.emit('nodes:file_loaded', { path: this.#path, accepted: this.#accepted, problems });
  }
}

function fingerprint(file: ReadFile): string {
  switch (file.kind) {
    case 'bytes':
      return createHash('sha256').update(file.bytes).digest('hex');
    case 'absent':
      return 'absent';
    case 'unreadable':
      return `unreadable: ${file.problem}`;
  }
}

type ReadFile =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  | { readonly kind: 'absent' }
  | { readonly kind: 'unreadable'; readonly problem: string };

/** Reads at most one byte more than a node file may have: the parser then says that it is too large. */
async function readLimited(path: string): Promise<ReadFile> {
  try {
    // Without waiting: to open a pipe blocks until somebody writes, and would hold up the end of the process too.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = await file.stat();
    if (!found.isFile()) return { kind: 'unreadable', problem: 'it is not a file' };
    const { size } = found;
    if (size > maxNodeFileBytes)
      return {
        kind: 'unreadable',
        problem: `it has ${size} bytes, a node file has at most ${maxNodeFileBytes}`,
      };
    return { kind: 'bytes', bytes: await file.readFile() };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT') return { kind: 'absent' };
    return { kind: 'unreadable', problem: error instanceof Error ? error.message : String(error) };
  }
}
