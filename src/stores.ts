/** Every store of the hub, over one database. */
import type { Database } from './database/database.ts';
import type { TokenStore } from './links/border-router-tokens-store.ts';
import type { NodeStore } from './scan/node-store.ts';
import type { ScanStore } from './scan/scan-store.ts';

export interface Stores {
  readonly scans: ScanStore;
  readonly nodes: NodeStore;
  readonly tokens: TokenStore;
}

export declare function createStores(database: Database): Stores;
