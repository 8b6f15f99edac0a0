/**
 * Copies the write-ahead log into the file, beside the commits: in the thread that reads, where it holds nobody up. SQLite
 * begins the log anew only when all of it is copied and a commit comes next, which beside steady commits never is so; a log
 * that has grown long therefore gets its last part copied between two commits, in the thread that writes.
 */
import type { SqliteThread } from '../../../database/sqlite-thread.ts';
import type { WriteQueue } from './write-queue.ts';

interface CheckpointsParts {
  readonly reader: Pick<SqliteThread, 'execute'>;
  readonly writes: WriteQueue;
}

/** 4 KiB each. */
const pagesBetween = 4_096;
/** The log stays near 64 MiB. */
const longLogPages = 16_384;

const checkpoint = {
  statements: [{ sql: 'pragma wal_checkpoint(passive)', parameters: [] }],
  transaction: false,
};

export class Checkpoints {
  readonly #reader: Pick<SqliteThread, 'execute'>;
  readonly #writes: WriteQueue;
  #pages = 0;
  #isRunning = false;

  constructor({ reader, writes }: CheckpointsParts) {
    this.#reader = reader;
    this.#writes = writes;
  }

  /** About so many pages have been written to the log. */
  noteWritten(pages: number): void {
    this.#pages += pages;
    if (this.#pages < pagesBetween || this.#isRunning) return;
    this.#pages = 0;
    this.#isRunning = true;
    // What failed is tried again with the next pages, and at last by SQLite itself in the thread that writes.
    void this.#run()
      .catch(() => undefined)
      .then(() => {
        this.#isRunning = false;
      });
  }

  async #run(): Promise<void> {
    const [result] = await this.#reader.execute(checkpoint);
    const logPages = result?.rows[0]?.['log'];
    if (typeof logPages === 'number' && logPages >= longLogPages) await this.#writes.run('bulk', checkpoint);
  }
}
