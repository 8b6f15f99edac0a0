/** A stream on SQLite in a folder of its own, whose thread the test can reach. */
import { systemClock } from '../../src/clock.ts';
import { SqliteThread, type SqliteThreadOptions } from '../../src/database/sqlite-thread.ts';
import type { SqlRequest, SqlRow } from '../../src/database/sqlite-messages.ts';
import type { DurableStream, ShardCounts } from '../../src/events/stream/durable-stream.ts';
import {
  openSqliteDurableStream,
  type OpenSqliteDurableStreamOptions,
} from '../../src/events/stream/sqlite/open-sqlite-durable-stream.ts';
import { FactBus } from '../../src/facts.ts';
import { temporaryFolder } from './temporary-folder.ts';

export type SqliteStreamOptions = Partial<
  Pick<OpenSqliteDurableStreamOptions, 'clock' | 'maxBytes' | 'recent'>
> &
  Pick<SqliteThreadOptions, 'startWorker'> & { readonly counts: ShardCounts };

export class SqliteStream {
  readonly path: string;
  readonly facts = new FactBus({
    onListenerError: (_name, error) => {
      throw error;
    },
  });
  /** What was sent to the thread since it was opened. */
  requests: SqlRequest[] = [];
  readonly #options: SqliteStreamOptions;
  readonly #removeFolder: () => Promise<void>;
  #stream: DurableStream | null = null;
  #thread: SqliteThread | null = null;

  static async open(options: SqliteStreamOptions): Promise<SqliteStream> {
    const folder = await temporaryFolder();
    const opened = new SqliteStream(folder.path, options, folder.remove);
    await opened.reopen();
    return opened;
  }

  private constructor(path: string, options: SqliteStreamOptions, removeFolder: () => Promise<void>) {
    this.path = path;
    this.#options = options;
    this.#removeFolder = removeFolder;
  }

  get stream(): DurableStream {
    if (this.#stream === null) throw new Error('the stream is not open');
    return this.#stream;
  }

  async reopen(counts: ShardCounts = this.#options.counts): Promise<DurableStream> {
    await this.#stream?.close();
    const { startWorker, ...streamOptions } = this.#options;
    this.#stream = await openSqliteDurableStream({
      dataDir: this.path,
      maxBytes: 2 ** 40,
      clock: systemClock,
      facts: this.facts,
      onCrash: () => undefined,
      openThread: async (options) => {
        const thread = await SqliteThread.open({
          ...options,
          ...(startWorker === undefined ? {} : { startWorker }),
        });
        this.#thread = thread;
        this.requests = [];
        return {
          execute: (request) => {
            this.requests.push(request);
            return thread.execute(request);
          },
          close: () => thread.close(),
        };
      },
      ...streamOptions,
      counts,
    });
    return this.#stream;
  }

  /** Runs one statement beside the stream, in its own thread. */
  async query(sql: string): Promise<readonly SqlRow[]> {
    const results = await this.#thread?.execute({
      statements: [{ sql, parameters: [] }],
      transaction: false,
    });
    return results?.[0]?.rows ?? [];
  }

  async release(): Promise<void> {
    await this.#stream?.close();
    await this.#removeFolder();
  }
}
