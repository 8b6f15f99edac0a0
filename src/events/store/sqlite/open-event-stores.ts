/**
 * Opens `events.db` in the data folder: one thread that writes it and one that reads beside it, so that a long question
 * never holds up a commit. `open-database.ts` has locked the folder before.
 *
 * Space of deleted rows is used again and not given back: under steady load the file stays as large as its retention needs.
 */
import { join } from 'node:path';
import { Kysely, Migrator } from 'kysely';
import type { Clock } from '../../../clock.ts';
import { SqliteThreadDialect } from '../../../database/kysely-dialect.ts';
import { storeErrorOf } from '../../../database/sqlite-errors.ts';
import { SqliteOpenFailure, SqliteThread } from '../../../database/sqlite-thread.ts';
import { StoreError } from '../../../errors.ts';
import type { AlertStore } from '../alert-store.ts';
import type { EventStore } from '../event-store.ts';
import { eventMigrations } from '../migrations/all-migrations.ts';
import type { EventDatabaseSchema } from '../schema.ts';
import { Checkpoints } from './checkpoints.ts';
import { KeyDirectory } from './key-directory.ts';
import { SqliteAlertStore } from './sqlite-alert-store.ts';
import { SqliteEventStore } from './sqlite-event-store.ts';
import { WriteQueue } from './write-queue.ts';

export interface OpenEventStoresOptions {
  readonly dataDir: string;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** A database thread has died: every call that needs it fails from now on. */
  readonly onCrash: (error: StoreError) => void;
  /** In tests, one that lets the disk fill up. */
  readonly openThread?: typeof SqliteThread.open;
}

export interface EventStores {
  readonly events: EventStore;
  readonly alerts: AlertStore;
  /** Finishes what was asked before, then closes the file; later calls fail with `store_closed`. Safe to call twice. */
  close(): Promise<void>;
}

/** The cache holds pages that batches change again and again: those of some 100,000 sensors. `Checkpoints` copies the log. */
const writerSetUp = `
  pragma cache_size = -${64 * 1_024};
  pragma wal_autocheckpoint = ${64 * 1_024};
`;
/** Not a read-only connection, which could not run checkpoints either. */
const readerSetUp = `
  pragma cache_size = -${32 * 1_024};
  pragma wal_autocheckpoint = 0;
  pragma query_only = on;
`;

/** Throws StoreError where the file is damaged or was written by a newer version. */
export async function openEventStores({
  clock,
  dataDir,
  onCrash,
  openThread = (options) => SqliteThread.open(options),
}: OpenEventStoresOptions): Promise<EventStores> {
  const databasePath = join(dataDir, 'events.db');
  const open = (setUp: string): Promise<SqliteThread> =>
    openThread({ databasePath, lockPath: null, setUp, onCrash }).catch((error: unknown) => {
      throw error instanceof SqliteOpenFailure ? storeErrorOf(error.failure, databasePath) : error;
    });
  const writer = await open(writerSetUp);
  const writerDialect = new SqliteThreadDialect(writer);
  const compiler = new Kysely<EventDatabaseSchema>({ dialect: writerDialect });
  let reader: SqliteThread;
  try {
    await migrate(compiler, databasePath);
    reader = await open(readerSetUp);
  } catch (error) {
    await writer.close();
    throw error;
  }
  const readerDialect = new SqliteThreadDialect(reader);
  const kysely = new Kysely<EventDatabaseSchema>({ dialect: readerDialect });
  const writes = new WriteQueue({ thread: writer });
  try {
    const directory = new KeyDirectory({
      sensors: await compiler.selectFrom('sensors').select(['key', 'id']).execute(),
      types: await compiler.selectFrom('reading_types').select(['key', 'name']).execute(),
    });
    const newest = await compiler
      .selectFrom('events')
      .select(({ fn }) => fn.max<number | null>('key').as('key'))
      .executeTakeFirst();
    const events = new SqliteEventStore({
      checkpoints: new Checkpoints({ reader, writes }),
      clock,
      compiler,
      directory,
      kysely,
      nextEventKey: (newest?.key ?? 0) + 1,
      writes,
    });
    let closed: Promise<void> | null = null;
    const close = async (): Promise<void> => {
      await writes.idle().catch(() => undefined);
      // The reader first: the last connection folds the write-ahead log in.
      await readerDialect.close();
      await writerDialect.close();
    };
    return {
      events,
      alerts: new SqliteAlertStore({ compiler, kysely, writes }),
      close: () => (closed ??= close()),
    };
  } catch (error) {
    await readerDialect.close();
    await writerDialect.close();
    throw error;
  }
}

async function migrate(kysely: Kysely<EventDatabaseSchema>, databasePath: string): Promise<void> {
  const provider = { getMigrations: () => Promise.resolve({ ...eventMigrations }) };
  const { error } = await new Migrator({ db: kysely, provider }).migrateToLatest();
  if (error === undefined) return;
  if (error instanceof StoreError) throw error;
  throw new StoreError(
    'store_failed',
    `${databasePath} cannot be brought up to date: ${error instanceof Error ? error.message : JSON.stringify(error)}. It may be of a newer Threadhub; start that version, or restore a backup`,
    { cause: error },
  );
}
