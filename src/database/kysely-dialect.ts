/**
 * Kysely over `SqliteThread`. SQL, introspection and migrations are Kysely's own for SQLite; only the way to the
 * database is ours. There is one connection: single statements share it, a transaction has it to itself.
 */
import {
  CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type TransactionSettings,
} from 'kysely';
import type { SqlValue } from './sqlite-messages.ts';
import type { SqliteThread } from './sqlite-thread.ts';
import { TransactionGate } from './transaction-gate.ts';

type Thread = Pick<SqliteThread, 'execute' | 'close'>;

export class SqliteThreadDialect implements Dialect {
  readonly #thread: Thread;
  readonly #gate = new TransactionGate();

  constructor(thread: Thread) {
    this.#thread = thread;
  }

  createDriver(): Driver {
    return new SqliteThreadDriver({ thread: this.#thread, gate: this.#gate, close: () => this.close() });
  }

  /**
   * Lets open and waiting transactions end, then closes the thread; later queries fail with `store_closed`. (Kysely's own
   * `destroy` does the same, but later queries then fail with a plain error of Kysely's.)
   */
  async close(): Promise<void> {
    await this.#gate.idle();
    await this.#thread.close();
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler();
  }

  createAdapter(): DialectAdapter {
    return new SqliteThreadAdapter();
  }

  createIntrospector(database: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(database);
  }
}

/** SQLite can roll back changes of schema, so a migration that fails leaves nothing behind. */
class SqliteThreadAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class SqliteThreadDriver implements Driver {
  readonly #thread: Thread;
  readonly #gate: TransactionGate;
  readonly #close: () => Promise<void>;

  constructor(parts: { thread: Thread; gate: TransactionGate; close: () => Promise<void> }) {
    this.#thread = parts.thread;
    this.#gate = parts.gate;
    this.#close = parts.close;
  }

  async init(): Promise<void> {
    // The thread is open already.
  }

  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.resolve(new SqliteThreadConnection(this.#thread, this.#gate));
  }

  async beginTransaction(connection: DatabaseConnection, _settings: TransactionSettings): Promise<void> {
    await this.#gate.hold(connection);
    // Takes the write lock at once: a transaction that begins by reading cannot fail half way for want of it.
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
    this.#gate.release(connection);
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await connection.executeQuery(CompiledQuery.raw('rollback'));
    } catch {
      // The caller is told why the transaction failed. The next `begin` or the close ends what is still open.
    }
    this.#gate.release(connection);
  }

  releaseConnection(connection: DatabaseConnection): Promise<void> {
    this.#gate.release(connection);
    return Promise.resolve();
  }

  destroy(): Promise<void> {
    return this.#close();
  }
}

class SqliteThreadConnection implements DatabaseConnection {
  readonly #thread: Thread;
  readonly #gate: TransactionGate;

  constructor(thread: Thread, gate: TransactionGate) {
    this.#thread = thread;
    this.#gate = gate;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const statement = { sql: query.sql, parameters: query.parameters as readonly SqlValue[] };
    const [result] = await this.#gate.pass(this, () =>
      this.#thread.execute({ statements: [statement], transaction: false }),
    );
    if (result === undefined) return { rows: [] };
    return {
      rows: result.rows as Row[],
      ...(result.changes === null ? {} : { numAffectedRows: BigInt(result.changes) }),
      ...(result.lastInsertRowId === null ? {} : { insertId: BigInt(result.lastInsertRowId) }),
    };
  }

  // eslint-disable-next-line require-yield -- Kysely's interface wants a generator; pages by cursor are used instead
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    await Promise.resolve();
    throw new Error('Queries over the database thread are not streamed; read pages by cursor');
  }
}
