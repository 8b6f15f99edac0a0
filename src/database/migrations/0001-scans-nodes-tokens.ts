/** Scans with their nodes and documents, the node registry, border-router tokens. */
import { type Kysely, type Migration, sql } from 'kysely';

export const scansNodesTokens: Migration = { up };

async function up(database: Kysely<unknown>): Promise<void> {
  const { schema } = database;

  await schema
    .createTable('scans')
    .addColumn('key', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('id', 'text', (column) => column.notNull().unique())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('trigger', 'text', (column) => column.notNull())
    .addColumn('started_at', 'integer', (column) => column.notNull())
    .addColumn('finished_at', 'integer')
    .addColumn('summary', 'text', (column) => column.notNull())
    .execute();
  await schema.createIndex('scans_started_at').on('scans').columns(['started_at', 'id']).execute();
  await schema.createIndex('scans_finished_at').on('scans').column('finished_at').execute();

  // Clustered by scan: a scan of 10,000 nodes is written, and later deleted, as one run of neighbouring pages. One
  // node's rows are found by walking the scans from the newest.
  await schema
    .createTable('scan_nodes')
    .addColumn('scan_key', 'integer', (column) =>
      column.notNull().references('scans.key').onDelete('cascade'),
    )
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('outcome', 'text', (column) => column.notNull())
    .addColumn('duration_ms', 'real')
    .addColumn('decided_at', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('scan_nodes_key', ['scan_key', 'name'])
    .modifyEnd(sql`without rowid`)
    .execute();

  await schema
    .createTable('scan_documents')
    .addColumn('scan_key', 'integer', (column) =>
      column.notNull().references('scans.key').onDelete('cascade'),
    )
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('encoding', 'text', (column) => column.notNull())
    .addColumn('body', 'blob', (column) => column.notNull())
    .addPrimaryKeyConstraint('scan_documents_key', ['scan_key', 'kind'])
    .execute();

  await schema
    .createTable('node_history')
    .addColumn('name', 'text', (column) => column.notNull().primaryKey())
    .addColumn('last_outcome', 'text', (column) => column.notNull())
    .addColumn('last_scan_id', 'text', (column) => column.notNull())
    .addColumn('decided_at', 'integer', (column) => column.notNull())
    .addColumn('last_seen_at', 'integer')
    .modifyEnd(sql`without rowid`)
    .execute();

  await schema
    .createTable('nodes')
    .addColumn('origin', 'text', (column) => column.notNull())
    .addColumn('key', 'text', (column) => column.notNull())
    .addColumn('name', 'text')
    .addColumn('ipv6', 'text', (column) => column.notNull())
    .addColumn('ext_addr', 'text')
    .addColumn('br_id', 'text')
    .addPrimaryKeyConstraint('nodes_key', ['origin', 'key'])
    .modifyEnd(sql`without rowid`)
    .execute();

  await schema
    .createTable('learned_addresses')
    .addColumn('ipv6', 'text', (column) => column.notNull().primaryKey())
    .addColumn('ext_addr', 'text', (column) => column.notNull())
    .addColumn('learned_at', 'integer', (column) => column.notNull())
    .modifyEnd(sql`without rowid`)
    .execute();

  await schema
    .createTable('border_router_tokens')
    .addColumn('id', 'text', (column) => column.notNull().primaryKey())
    .addColumn('br_id', 'text', (column) => column.notNull())
    .addColumn('hash', 'blob', (column) => column.notNull())
    .addColumn('created_at', 'integer', (column) => column.notNull())
    .addColumn('last_used_at', 'integer')
    .execute();
}
