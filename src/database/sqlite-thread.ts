/**
 * SQLite in a thread of its own, so that a slow disk never stops the caller's event loop. Requests made in one turn of
 * the event loop travel together and run in the order they were made. There is one thread that writes a file.
 *
 *   opening → open → closing → closed    `close` finishes what was asked before it
 *                  ↘ crashed             the thread died: every call fails from then on
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { StoreError } from '../errors.ts';
import { storeClosed, storeErrorOf } from './sqlite-errors.ts';
import type {
  FromSqliteWorker,
  SqlFailure,
  SqlRequest,
  SqlResult,
  SqliteWorkerData,
  ToSqliteWorker,
} from './sqlite-messages.ts';

export interface SqliteThreadOptions extends SqliteWorkerData {
  /** The thread has died; called once. */
  readonly onCrash: (error: StoreError) => void;
  /** Starts the thread; in tests, one that can be killed. */
  readonly startWorker?: (data: SqliteWorkerData) => Worker;
}

/** What kept the thread from opening its files. */
export class SqliteOpenFailure extends Error {
  readonly step: 'lock' | 'open';
  readonly failure: SqlFailure;
  constructor(step: 'lock' | 'open', failure: SqlFailure) {
    super(failure.message);
    this.step = step;
    this.failure = failure;
  }
}

interface Pending {
  readonly resolve: (results: readonly SqlResult[]) => void;
  readonly reject: (error: Error) => void;
}

export function startSqliteWorker(workerData: SqliteWorkerData): Worker {
  // The caller's flags (a test runner's loaders) are not the thread's.
  return new Worker(new URL('sqlite-worker.ts', import.meta.url), { workerData, execArgv: [] });
}

export class SqliteThread {
  readonly #worker: Worker;
  readonly #databasePath: string;
  readonly #onCrash: (error: StoreError) => void;
  readonly #pending = new Map<number, Pending>();
  #batch: (SqlRequest & { readonly id: number })[] = [];
  #nextId = 0;
  #state: 'open' | 'closing' | 'closed' | 'crashed' = 'open';
  #crash: StoreError | null = null;
  #closed: Promise<void> | null = null;
  #closeFailure: SqlFailure | null = null;

  /** Rejects with `SqliteOpenFailure`. */
  static async open(options: SqliteThreadOptions): Promise<SqliteThread> {
    const { databasePath, lockPath, readOnly = false, setUp } = options;
    const workerData: SqliteWorkerData = {
      databasePath,
      lockPath,
      readOnly,
      ...(setUp === undefined ? {} : { setUp }),
    };
    const worker = (options.startWorker ?? startSqliteWorker)(workerData);
    // Taken off one by one: a worker listens to its own listeners.
    const listening = new AbortController();
    const { signal } = listening;
    try {
      const message = await Promise.race([
        once(worker, 'message', { signal }).then(([first]: unknown[]) => first as FromSqliteWorker),
        once(worker, 'exit', { signal }).then(([code]: unknown[]): FromSqliteWorker => {
          const text = `the database thread ended with code ${String(code)} before it was open`;
          return { type: 'open_failed', step: 'open', failure: { resultCode: null, message: text } };
        }),
      ]);
      if (message.type === 'open_failed') throw new SqliteOpenFailure(message.step, message.failure);
    } catch (error) {
      if (error instanceof SqliteOpenFailure) throw error;
      const message = error instanceof Error ? error.message : String(error);
      throw new SqliteOpenFailure('open', { resultCode: null, message });
    } finally {
      listening.abort();
    }
    return new SqliteThread(worker, options);
  }

  private constructor(worker: Worker, options: SqliteThreadOptions) {
    this.#worker = worker;
    this.#databasePath = options.databasePath;
    this.#onCrash = options.onCrash;
    worker.on('message', (message: FromSqliteWorker) => this.#receive(message));
    worker.on('error', (error) => this.#crashed(error));
    worker.on('exit', (code) => {
      if (this.#state === 'open' || this.#pending.size > 0)
        this.#crashed(new Error(`it ended with code ${code}`));
    });
  }

  /** One result per statement. Rejects with `StoreError`. */
  execute(request: SqlRequest): Promise<readonly SqlResult[]> {
    if (this.#crash !== null) return Promise.reject(this.#crash);
    if (this.#state !== 'open') return Promise.reject(storeClosed(this.#databasePath));
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#pending.set(id, { resolve, reject });
      if (this.#batch.push({ id, ...request }) === 1) queueMicrotask(() => this.#flush());
    });
  }

  /** Resolves once the files are closed, the write-ahead log folded in. Rejects with `StoreError` where that failed. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#state === 'crashed') return;
    this.#flush();
    this.#state = 'closing';
    const exited = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    this.#post({ type: 'close' });
    await exited;
    this.#state = 'closed';
    if (this.#closeFailure !== null) throw storeErrorOf(this.#closeFailure, this.#databasePath);
  }

  #flush(): void {
    if (this.#batch.length === 0 || this.#state !== 'open') return;
    const requests = this.#batch;
    this.#batch = [];
    try {
      this.#post({ type: 'batch', requests });
    } catch (error) {
      // A parameter that cannot be cloned: the caller's mistake must not hang the rest of its batch.
      for (const { id } of requests) this.#settle(id, (pending) => pending.reject(this.#failed(error)));
    }
  }

  #post(message: ToSqliteWorker): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromSqliteWorker): void {
    if (message.type === 'closed') this.#closeFailure = message.failure;
    if (message.type !== 'replies') return;
    for (const reply of message.replies) {
      this.#settle(reply.id, (pending) => {
        if (reply.ok) pending.resolve(reply.results);
        else pending.reject(storeErrorOf(reply.failure, this.#databasePath));
      });
    }
  }

  #settle(id: number, action: (pending: Pending) => void): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    action(pending);
  }

  #failed(cause: unknown): StoreError {
    const said = cause instanceof Error ? cause.message : String(cause);
    return new StoreError('store_failed', `A query on ${this.#databasePath} could not be sent: ${said}`, {
      cause,
    });
  }

  #crashed(cause: unknown): void {
    if (this.#crash !== null) return;
    const said = cause instanceof Error ? cause.message : String(cause);
    const crash = new StoreError(
      'store_failed',
      `The database thread of ${this.#databasePath} has died (${said}); restart the hub`,
      { cause },
    );
    this.#crash = crash;
    this.#state = 'crashed';
    this.#batch = [];
    for (const id of [...this.#pending.keys()]) this.#settle(id, (pending) => pending.reject(crash));
    this.#onCrash(crash);
  }
}
