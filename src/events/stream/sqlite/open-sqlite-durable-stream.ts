/** Opens `stream.db` in a data folder that exists and is this hub's alone. */
import { join } from 'node:path';
import { storeErrorOf } from '../../../database/sqlite-errors.ts';
import {
  SqliteOpenFailure,
  SqliteThread,
  type SqliteThreadOptions,
} from '../../../database/sqlite-thread.ts';
import type { StoreError } from '../../../errors.ts';
import { type DurableStream, type ShardCounts, shardNames } from '../durable-stream.ts';
import { SqliteDurableStream, type SqliteDurableStreamOptions } from './sqlite-durable-stream.ts';
import { readStreamFile, type StreamFile } from './stream-file.ts';

export interface OpenSqliteDurableStreamOptions extends Pick<
  SqliteDurableStreamOptions,
  'maxBytes' | 'clock' | 'facts' | 'recent'
> {
  readonly dataDir: string;
  readonly counts: ShardCounts;
  /** The thread of the file has died: appends fail from now on. */
  readonly onCrash: (error: StoreError) => void;
  /** In tests, a thread that is slow or can be reached. */
  readonly openThread?: (options: SqliteThreadOptions) => Promise<StreamFile>;
}

/** Throws `StoreError` where the file cannot be opened, is damaged, or was written by a newer version. */
export async function openSqliteDurableStream(
  options: OpenSqliteDurableStreamOptions,
): Promise<DurableStream> {
  const path = join(options.dataDir, 'stream.db');
  const openThread = options.openThread ?? ((thread) => SqliteThread.open(thread));
  let file: StreamFile;
  try {
    file = await openThread({ databasePath: path, lockPath: null, onCrash: options.onCrash });
  } catch (error) {
    throw error instanceof SqliteOpenFailure ? storeErrorOf(error.failure, path) : error;
  }
  try {
    const contents = await readStreamFile(file, path, shardNames(options.counts));
    return new SqliteDurableStream({ ...options, ...contents, file });
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}
