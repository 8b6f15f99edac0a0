/** The database thread with a gate at every commit: while it is shut, the thread stands still as on a disk that hangs. */
import { DatabaseSync } from 'node:sqlite';
import { Worker, workerData } from 'node:worker_threads';
import type { SqliteWorkerData } from '../../src/database/sqlite-messages.ts';

export class CommitGate {
  readonly #flag = new Int32Array(new SharedArrayBuffer(4));

  readonly startWorker = (data: SqliteWorkerData): Worker =>
    new Worker(new URL(import.meta.url), { workerData: { ...data, gate: this.#flag }, execArgv: [] });

  shut(): void {
    Atomics.store(this.#flag, 0, 1);
  }

  open(): void {
    Atomics.store(this.#flag, 0, 0);
    Atomics.notify(this.#flag, 0);
  }
}

const { gate } = (workerData ?? {}) as { gate?: Int32Array };
if (gate !== undefined) {
  const prototype: { exec: (this: DatabaseSync, sql: string) => void } = DatabaseSync.prototype;
  const { exec } = prototype;
  prototype.exec = function (sql) {
    if (sql === 'commit') Atomics.wait(gate, 0, 1);
    exec.call(this, sql);
  };
  await import('../../src/database/sqlite-worker.ts');
}
