/**
 * The order in which requests reach the thread that writes: critical ones at once, bulk ones one at a time, so that a
 * critical request waits for at most one bulk transaction.
 */
import type { SqlRequest, SqlResult } from '../../../database/sqlite-messages.ts';
import type { SqliteThread } from '../../../database/sqlite-thread.ts';
import type { Lane } from '../../../protocol/sensor-event.ts';

export class WriteQueue {
  readonly #thread: Pick<SqliteThread, 'execute'>;
  readonly #waiting: (() => Promise<unknown>)[] = [];
  #bulkOutstanding = false;

  constructor({ thread }: { readonly thread: Pick<SqliteThread, 'execute'> }) {
    this.#thread = thread;
  }

  /** One result per statement. Rejects with StoreError. */
  run(lane: Lane, request: SqlRequest): Promise<readonly SqlResult[]> {
    return lane === 'critical' ? this.#thread.execute(request) : this.#runBulk(request);
  }

  /** Resolves once every request made so far is answered. */
  async idle(): Promise<void> {
    await this.#runBulk({ statements: [], transaction: false });
  }

  #runBulk(request: SqlRequest): Promise<readonly SqlResult[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => this.#thread.execute(request).then(resolve, reject));
      this.#next();
    });
  }

  #next(): void {
    if (this.#bulkOutstanding) return;
    const send = this.#waiting.shift();
    if (send === undefined) return;
    this.#bulkOutstanding = true;
    void send().then(() => {
      this.#bulkOutstanding = false;
      this.#next();
    });
  }
}
