/** What stores see of the database: typed queries. `open-database.ts` makes one over SQLite. */
import type { Kysely } from 'kysely';
import type { DatabaseSchema } from './schema.ts';

export interface Database {
  readonly kysely: Kysely<DatabaseSchema>;
  /** Finishes what was asked before, then closes; later calls fail with `store_closed`. Safe to call twice. */
  close(): Promise<void>;
}
