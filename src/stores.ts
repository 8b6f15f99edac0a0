/** Every store of the hub, over one database. */
import type { Database } from './database/database.ts';
import type { TokenStore } from './links/border-router-tokens-store.ts';
import { SqliteTokenStore } from './links/border-router-tokens-sqlite.ts';
import type { NodeStore } from './scan/node-store.ts';
import type { ScanStore } from './scan/scan-store.ts';
import { SqliteNodeStore } from './scan/sqlite/sqlite-node-store.ts';
import { SqliteScanStore } from './scan/sqlite/sqlite-scan-store.ts';

export interface Stores {
  readonly scans: ScanStore;
  readonly nodes: NodeStore;
  readonly tokens: TokenStore;
}

export function createStores(database: Pick<Database, 'kysely'>): Stores {
  return {
    scans: new SqliteScanStore(database),
    nodes: new SqliteNodeStore(database),
    tokens: new SqliteTokenStore(database),
  };
}
