/** What travels between `SqliteThread` and its worker, by structured clone. */

export type SqlValue = null | number | bigint | string | Uint8Array;
export type SqlRow = Record<string, SqlValue>;

export interface SqlStatement {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
  /**
   * Rows that the statement must change. Any other number fails its request with `unexpected_changes`, and with
   * `transaction` nothing of it is applied: how a fence is checked within the transaction that it guards.
   */
  readonly expectChanges?: number;
}

/**
 * Statements that belong together. With `transaction` they are applied whole or not at all, and durable once answered;
 * without, each stands alone. A transaction that spans requests (`begin` … `commit`) sends its statements as requests
 * without `transaction`; `TransactionGate` keeps others out meanwhile.
 *
 * A request is self-contained on purpose: the worker may commit neighbouring `transaction` requests of one batch
 * together, each under its savepoint, for one sync of the disk.
 */
export interface SqlRequest {
  readonly statements: readonly SqlStatement[];
  readonly transaction: boolean;
}

export interface SqlResult {
  /** Empty for statements that return nothing. */
  readonly rows: SqlRow[];
  /** Rows inserted, updated or deleted; null for statements that return rows. */
  readonly changes: number | null;
  readonly lastInsertRowId: number | null;
}

/** An error as SQLite gave it; `resultCode` is SQLite's extended result code, null for any other error. */
export interface SqlFailure {
  readonly resultCode: number | null;
  readonly message: string;
  /** Set where `expectChanges` did not hold. */
  readonly unexpectedChanges?: true;
}

export interface SqliteWorkerData {
  readonly databasePath: string;
  /** A file held locked as long as the thread runs; null where another thread of this hub holds the folder. */
  readonly lockPath: string | null;
  /** Reads only, beside the thread that writes. */
  readonly readOnly?: boolean;
  /** SQL run once after opening, such as pragmas of one file's own. */
  readonly setUp?: string;
}

export type ToSqliteWorker =
  | { readonly type: 'batch'; readonly requests: readonly (SqlRequest & { readonly id: number })[] }
  | { readonly type: 'close' };

export type SqlReply =
  | { readonly id: number; readonly ok: true; readonly results: readonly SqlResult[] }
  | { readonly id: number; readonly ok: false; readonly failure: SqlFailure };

export type FromSqliteWorker =
  | { readonly type: 'opened' }
  | { readonly type: 'open_failed'; readonly step: 'lock' | 'open'; readonly failure: SqlFailure }
  | { readonly type: 'replies'; readonly replies: readonly SqlReply[] }
  | { readonly type: 'closed'; readonly failure: SqlFailure | null };
