/**
 * The tables as Kysely's queries see them; `migrations/` makes them. Only types that SQLite and PostgreSQL share: times
 * are Unix milliseconds, documents are compressed bytes, flags and JSON are not queried inside the database.
 */
import type { Generated } from 'kysely';

export interface ScansTable {
  /** Short key for the many rows that refer to a scan. */
  key: Generated<number>;
  id: string;
  state: string;
  trigger: string;
  started_at: number;
  finished_at: number | null;
  /** The summary as JSON, camelCase. */
  summary: string;
}

export interface ScanNodesTable {
  scan_key: number;
  name: string;
  outcome: string;
  duration_ms: number | null;
  decided_at: number;
}

export interface ScanDocumentsTable {
  scan_key: number;
  kind: 'scan' | 'topology';
  encoding: string;
  body: Uint8Array;
}

export interface NodeHistoryTable {
  name: string;
  last_outcome: string;
  last_scan_id: string;
  decided_at: number;
  last_seen_at: number | null;
}

export interface NodesTable {
  origin: 'rest' | 'discovery';
  key: string;
  name: string | null;
  ipv6: string;
  ext_addr: string | null;
  br_id: string | null;
}

export interface LearnedAddressesTable {
  ipv6: string;
  ext_addr: string;
  learned_at: number;
}

export interface BorderRouterTokensTable {
  id: string;
  br_id: string;
  hash: Uint8Array;
  created_at: number;
  last_used_at: number | null;
}

export interface DatabaseSchema {
  scans: ScansTable;
  scan_nodes: ScanNodesTable;
  scan_documents: ScanDocumentsTable;
  node_history: NodeHistoryTable;
  nodes: NodesTable;
  learned_addresses: LearnedAddressesTable;
  border_router_tokens: BorderRouterTokensTable;
}
