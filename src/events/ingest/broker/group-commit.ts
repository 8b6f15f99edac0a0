/**
 * Writes that share transactions: what is asked while one is on its way to disk goes together in the next.
 *
 * `write` is for what an acknowledgement waits for: durable once resolved, and where it failed nothing of it is kept.
 * `note` is for what may be lost in a crash (that a message was taken, when a session went away): it is in order with the
 * writes, and tried again where the disk refuses.
 */
import type { Clock } from '../../../clock.ts';
import type { SqliteThread } from '../../../database/sqlite-thread.ts';
import type { SqlStatement } from '../../../database/sqlite-messages.ts';

export interface GroupCommitOptions {
  readonly thread: Pick<SqliteThread, 'execute'>;
  readonly clock: Pick<Clock, 'after'>;
  /** Notes could not be written; called for each attempt. */
  readonly onNotesFailed: (error: unknown) => void;
}

/** Statements in one transaction: some milliseconds of the thread's time. */
const statementsPerCommit = 1_000;
const retryMs = 1_000;
/** Notes kept while the disk refuses; more are let go, which costs repeats after a restart. */
const notesKept = 100_000;

interface Batch {
  readonly writes: SqlStatement[];
  readonly notes: SqlStatement[];
  readonly all: SqlStatement[];
  readonly committed: PromiseWithResolvers<void>;
}

function newBatch(): Batch {
  const committed: PromiseWithResolvers<void> = Promise.withResolvers();
  // Notes have nobody who waits.
  committed.promise.catch(() => undefined);
  return { writes: [], notes: [], all: [], committed };
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #waiting: Batch[] = [];
  #inFlight: Promise<void> | null = null;
  /** Notes of failed transactions. */
  #owed: SqlStatement[] = [];
  #cancelRetry: (() => void) | null = null;
  #closed = false;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** Resolves when all of them are durable. Rejects with StoreError. */
  write(statements: readonly SqlStatement[]): Promise<void> {
    const batch = this.#batch(statements.length);
    batch.writes.push(...statements);
    batch.all.push(...statements);
    return batch.committed.promise;
  }

  note(statement: SqlStatement): void {
    const batch = this.#batch(1);
    batch.notes.push(statement);
    batch.all.push(statement);
  }

  /** Resolves when everything asked before has been tried once. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRetry?.();
    while (this.#inFlight !== null) await this.#inFlight;
    if (this.#owed.length === 0) return;
    await this.#options.thread.execute({ statements: this.#owed, transaction: true }).catch(() => undefined);
  }

  #batch(statements: number): Batch {
    let batch = this.#waiting.at(-1);
    if (batch === undefined || batch.all.length + statements > statementsPerCommit) {
      batch = newBatch();
      this.#waiting.push(batch);
    }
    this.#inFlight ??= this.#run();
    return batch;
  }

  async #run(): Promise<void> {
    // What is asked in this turn of the event loop goes together.
    await Promise.resolve();
    for (let batch = this.#waiting.shift(); batch !== undefined; batch = this.#waiting.shift()) {
      await this.#commit(batch);
    }
    this.#inFlight = null;
  }

  async #commit(batch: Batch): Promise<void> {
    const owed = this.#owed;
    this.#owed = [];
    try {
      await this.#options.thread.execute({ statements: [...owed, ...batch.all], transaction: true });
      batch.committed.resolve();
    } catch (error) {
      batch.committed.reject(error);
      const notes = [...owed, ...batch.notes];
      this.#owed = notes.slice(-notesKept);
      if (notes.length === 0) return;
      this.#options.onNotesFailed(error);
      this.#retryLater();
    }
  }

  #retryLater(): void {
    if (this.#closed || this.#cancelRetry !== null) return;
    this.#cancelRetry = this.#options.clock.after(retryMs, () => {
      this.#cancelRetry = null;
      this.#batch(0);
    });
  }
}
