/**
 * Opens the data folder for this hub alone: makes the folder, takes its lock, starts the database thread and brings the
 * tables up to date.
 *
 *   threadhub.db     everything that is kept, with -wal and -shm beside it while it is open
 *   threadhub.lock   held locked as long as the hub runs; always empty
 *   threadhub.pid    the process that holds it, for people and for the message of a second hub
 *
 * While the hub runs, nothing in its process may open threadhub.db or threadhub.lock as a plain file: closing such a
 * handle drops the locks (https://www.sqlite.org/howtocorrupt.html, §2.2).
 */
import { constants } from 'node:fs';
import { access, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { Kysely, Migrator } from 'kysely';
import { StartError, StoreError } from '../errors.ts';
import type { Database } from './database.ts';
import { SqliteThreadDialect } from './kysely-dialect.ts';
import { migrations } from './migrations/all-migrations.ts';
import type { DatabaseSchema } from './schema.ts';
import { isLocked, isNotWritable, storeErrorOf } from './sqlite-errors.ts';
import { SqliteOpenFailure, SqliteThread } from './sqlite-thread.ts';

export interface OpenDatabaseOptions {
  /** Folder for the SQLite files; made where it does not exist. */
  readonly dataDir: string;
  /** The database thread has died: every call fails from now on. */
  readonly onCrash?: (error: StoreError) => void;
}

/**
 * Throws `StartError` data_dir_not_writable or data_dir_in_use, `StoreError` where the database is damaged or was
 * written by a newer version.
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<Database> {
  const dataDir = resolve(options.dataDir);
  const databasePath = join(dataDir, 'threadhub.db');
  const pidPath = join(dataDir, 'threadhub.pid');
  await makeWritable(dataDir);
  const thread = await openThread({
    dataDir,
    databasePath,
    pidPath,
    onCrash: options.onCrash ?? (() => undefined),
  });
  const dialect = new SqliteThreadDialect(thread);
  const kysely = new Kysely<DatabaseSchema>({ dialect });
  try {
    await migrate(kysely, databasePath);
    await writeFile(pidPath, `${process.pid}\n`);
  } catch (error) {
    await dialect.close();
    throw error;
  }
  let closed: Promise<void> | null = null;
  return {
    kysely,
    close: () => (closed ??= rm(pidPath, { force: true }).then(() => dialect.close())),
  };
}

async function makeWritable(dataDir: string): Promise<void> {
  try {
    await makeFolder(dataDir);
    await access(dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw notWritable(dataDir, cause);
  }
}

/** Not `mkdir` with `recursive`: under a file system that answers ENOENT to every new folder (/proc) it never ends. */
async function makeFolder(path: string): Promise<void> {
  if (await isFolder(path)) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  try {
    await mkdir(path);
  } catch (error) {
    if (!(await isFolder(path))) throw error;
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

function notWritable(dataDir: string, cause: unknown): StartError {
  const said = cause instanceof Error ? ` (${cause.message})` : '';
  return new StartError(
    'data_dir_not_writable',
    `User ${userName()} cannot write to the data folder ${dataDir}${said}; change its owner or choose another with --data-dir`,
    { cause },
  );
}

async function openThread(options: {
  dataDir: string;
  databasePath: string;
  pidPath: string;
  onCrash: (error: StoreError) => void;
}): Promise<SqliteThread> {
  const { dataDir, databasePath, onCrash, pidPath } = options;
  try {
    return await SqliteThread.open({ databasePath, lockPath: join(dataDir, 'threadhub.lock'), onCrash });
  } catch (error) {
    if (!(error instanceof SqliteOpenFailure)) throw error;
    if (error.step === 'lock' && isLocked(error.failure)) {
      const holder = await readFile(pidPath, 'utf8').catch(() => '');
      const process = /^\d+\n$/.test(holder) ? ` (process ${holder.trim()})` : '';
      throw new StartError(
        'data_dir_in_use',
        `Another hub${process} uses the data folder ${dataDir}; stop it or choose another with --data-dir`,
        { cause: error },
      );
    }
    if (isNotWritable(error.failure)) throw notWritable(dataDir, error);
    throw storeErrorOf(error.failure, databasePath);
  }
}

async function migrate(kysely: Kysely<DatabaseSchema>, databasePath: string): Promise<void> {
  const provider = { getMigrations: () => Promise.resolve({ ...migrations }) };
  const { error } = await new Migrator({ db: kysely, provider }).migrateToLatest();
  if (error === undefined) return;
  if (error instanceof StoreError) throw error;
  throw new StoreError(
    'store_failed',
    `${databasePath} cannot be brought up to date: ${error instanceof Error ? error.message : JSON.stringify(error)}. It may be of a newer Threadhub; start that version, or restore a backup`,
    { cause: error },
  );
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run as a number without a name.
    return String(process.getuid?.() ?? 'unknown');
  }
}
