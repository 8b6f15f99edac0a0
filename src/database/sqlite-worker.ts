/**
 * The thread that owns one SQLite file of the data folder, or reads it beside its owner: it opens it, runs requests in the order they come, and closes it.
 * Policy (who may run when, what an error means) is on the other side, in `SqliteThread` and `TransactionGate`.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type {
  FromSqliteWorker,
  SqlFailure,
  SqlReply,
  SqlRequest,
  SqlResult,
  SqlStatement,
  SqliteWorkerData,
  ToSqliteWorker,
} from './sqlite-messages.ts';

/** Statements kept prepared. Stores have dozens; the rest is room for bulk inserts of odd sizes. */
const preparedLimit = 256;

/** Prepared statements by their text, the least recently used first. */
class PreparedStatements {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, { statement: StatementSync; returnsRows: boolean }>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  get(sql: string): { statement: StatementSync; returnsRows: boolean } {
    const known = this.#statements.get(sql);
    const entry = known ?? this.#prepare(sql);
    if (known !== undefined) this.#statements.delete(sql);
    this.#statements.set(sql, entry);
    if (this.#statements.size > preparedLimit) {
      const oldest = this.#statements.keys().next().value;
      if (oldest !== undefined) this.#statements.delete(oldest);
    }
    return entry;
  }

  #prepare(sql: string): { statement: StatementSync; returnsRows: boolean } {
    const statement = this.#database.prepare(sql);
    return { statement, returnsRows: statement.columns().length > 0 };
  }
}

class UnexpectedChanges extends Error {}

function run(
  database: DatabaseSync,
  prepared: PreparedStatements,
  { expectChanges, parameters, sql }: SqlStatement,
): SqlResult {
  // A transaction whose rollback failed must not swallow the next one.
  if (sql.startsWith('begin') && database.isTransaction) database.exec('rollback');
  const { returnsRows, statement } = prepared.get(sql);
  if (returnsRows) {
    return { rows: statement.all(...parameters), changes: null, lastInsertRowId: null };
  }
  const { changes, lastInsertRowid } = statement.run(...parameters);
  if (expectChanges !== undefined && Number(changes) !== expectChanges)
    throw new UnexpectedChanges(`${Number(changes)} rows were changed, not ${expectChanges}`);
  return { rows: [], changes: Number(changes), lastInsertRowId: Number(lastInsertRowid) };
}

function runRequest(database: DatabaseSync, prepared: PreparedStatements, request: SqlRequest): SqlResult[] {
  if (!request.transaction) return request.statements.map((statement) => run(database, prepared, statement));
  database.exec('begin immediate');
  try {
    const results = request.statements.map((statement) => run(database, prepared, statement));
    database.exec('commit');
    return results;
  } catch (error) {
    if (database.isTransaction) database.exec('rollback');
    throw error;
  }
}

/**
 * Holds an exclusive transaction on an otherwise empty file. The operating system drops the lock with the process,
 * however it ends, and nothing is ever written that a crash could leave behind.
 */
function lock(path: string): DatabaseSync {
  const file = new DatabaseSync(path, { timeout: 0 });
  try {
    // Memory: not even an empty journal beside it.
    file.exec('pragma journal_mode = memory; begin exclusive');
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

function open({ databasePath, readOnly = false, setUp }: SqliteWorkerData): DatabaseSync {
  // Only tools that read beside us can hold a lock: 5 s outlasts theirs.
  const database = new DatabaseSync(databasePath, {
    timeout: 5_000,
    enableForeignKeyConstraints: true,
    readOnly,
  });
  try {
    if (!readOnly) {
      database.exec(`
        pragma journal_mode = wal;
        pragma synchronous = full;
        pragma journal_size_limit = ${64 * 1_024 * 1_024};
      `);
    }
    database.exec(`
      pragma cache_size = -${16 * 1_024};
      pragma temp_store = memory;
    `);
    if (setUp !== undefined) database.exec(setUp);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function failureOf(error: unknown): SqlFailure {
  const message = error instanceof Error ? error.message : String(error);
  const resultCode =
    error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode : null;
  return { resultCode, message, ...(error instanceof UnexpectedChanges ? { unexpectedChanges: true } : {}) };
}

function serve(): void {
  const port = parentPort;
  if (port === null) throw new Error('sqlite-worker.ts runs as a worker thread only');
  const send = (message: FromSqliteWorker): void => port.postMessage(message);
  const data = workerData as SqliteWorkerData;

  let lockFile: DatabaseSync | null;
  try {
    lockFile = data.lockPath === null ? null : lock(data.lockPath);
  } catch (error) {
    send({ type: 'open_failed', step: 'lock', failure: failureOf(error) });
    return;
  }
  let database: DatabaseSync;
  try {
    database = open(data);
  } catch (error) {
    lockFile?.close();
    send({ type: 'open_failed', step: 'open', failure: failureOf(error) });
    return;
  }
  const prepared = new PreparedStatements(database);

  const answer = (request: SqlRequest & { readonly id: number }): SqlReply => {
    try {
      return { id: request.id, ok: true, results: runRequest(database, prepared, request) };
    } catch (error) {
      return { id: request.id, ok: false, failure: failureOf(error) };
    }
  };

  const close = (): SqlFailure | null => {
    try {
      if (database.isTransaction) database.exec('rollback');
      if (data.readOnly !== true) database.exec('pragma wal_checkpoint(truncate)');
      return null;
    } catch (error) {
      return failureOf(error);
    } finally {
      database.close();
      lockFile?.close();
      port.close();
    }
  };

  port.on('message', (message: ToSqliteWorker) => {
    if (message.type === 'batch') send({ type: 'replies', replies: message.requests.map(answer) });
    else send({ type: 'closed', failure: close() });
  });
  send({ type: 'opened' });
}

serve();
