/**
 * Scans in the hub's database. Of each scan there is a summary for lists, a row per node for histories, and the whole
 * scan and its topology as compressed documents. Large scans are made and read in small pieces, so that neither the
 * event loop nor other users of the database wait long.
 */
import { type Selectable, sql, type Transaction } from 'kysely';
import { decodeDocument, documentEncoding, encodeDocument } from '../../database/compressed-document.ts';
import type { Database } from '../../database/database.ts';
import type { DatabaseSchema, NodeHistoryTable, ScansTable } from '../../database/schema.ts';
import { StoreError } from '../../errors.ts';
import { asScanId, type ScanId } from '../../protocol/ids.ts';
import { countOutcomes, type Outcome } from '../../protocol/outcome.ts';
import type { Scan, ScanNode, ScanSummary } from '../../protocol/scan.ts';
import type { Topology } from '../../protocol/topology.ts';
import type { NodeHistory, NodeLatency, ScanStore } from '../scan-store.ts';

/** Rows of one insert: big enough to be fast, small enough to be made well within a millisecond. */
const rowsPerInsert = 1_000;
const historyPage = 2_000;
/** Most nodes have answered in the last scans; those that have not are searched for further back, more at a time. */
const firstScansAtOnce = 5;
const maxScansAtOnce = 500;
const namesPerQuery = 1_000;
/** A scan and a node, about a microsecond each: what one question may cost the database. */
const maxLatencyLookUps = 100_000;
const interruptedNote = 'The hub ended while this scan was running; its open nodes are cancelled';

type ScanPosition = Pick<Selectable<ScansTable>, 'key' | 'id' | 'started_at'>;
type DecidedNode = ScanNode & { outcome: Outcome };

export class SqliteScanStore implements ScanStore {
  readonly #kysely: Database['kysely'];

  constructor(database: Pick<Database, 'kysely'>) {
    this.#kysely = database.kysely;
  }

  async saveStarted(scan: Scan): Promise<void> {
    const document = await encodeDocument(scan);
    await this.#kysely.transaction().execute(async (transaction) => {
      const key = await saveSummary(transaction, scan);
      await saveDocument(transaction, key, 'scan', document);
    });
  }

  async saveFinished(scan: Scan, topology: Topology | null): Promise<void> {
    const scanDocument = await encodeDocument(scan);
    const topologyDocument = topology === null ? null : await encodeDocument(topology);
    await this.#kysely.transaction().execute(async (transaction) => {
      const key = await saveSummary(transaction, scan);
      await saveDocument(transaction, key, 'scan', scanDocument);
      if (topologyDocument !== null) await saveDocument(transaction, key, 'topology', topologyDocument);
      await saveNodes(transaction, key, scan);
    });
  }

  async get(id: ScanId): Promise<Scan | null> {
    return (await this.#document(id, 'scan')) as Scan | null;
  }

  async list(options: {
    limit: number;
    cursor: string | null;
  }): Promise<{ items: ScanSummary[]; nextCursor: string | null }> {
    const { cursor, limit } = options;
    const after = cursor === null ? null : readCursor(cursor);
    if (cursor !== null && after === null) return { items: [], nextCursor: null };
    let query = this.#kysely
      .selectFrom('scans')
      .select(['id', 'started_at', 'summary'])
      .orderBy('started_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1);
    if (after !== null)
      query = query.where((where) =>
        where.eb(where.refTuple('started_at', 'id'), '<', where.tuple(after.startedAt, after.id)),
      );
    const rows = await query.execute();
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      items: page.map(({ summary }) => JSON.parse(summary) as ScanSummary),
      nextCursor: rows.length > limit && last !== undefined ? `${last.started_at}~${last.id}` : null,
    };
  }

  async topology(id: ScanId): Promise<Topology | null> {
    return (await this.#document(id, 'topology')) as Topology | null;
  }

  async topologyAt(atMs: number): Promise<Topology | null> {
    const row = await this.#kysely
      .selectFrom('scans')
      .innerJoin('scan_documents', 'scan_documents.scan_key', 'scans.key')
      .where('scans.finished_at', '<=', atMs)
      .where('scans.trigger', '!=', 'import')
      .where('scan_documents.kind', '=', 'topology')
      .orderBy('scans.finished_at', 'desc')
      .orderBy('scans.key', 'desc')
      .select(['scans.id', 'scan_documents.encoding', 'scan_documents.body'])
      .limit(1)
      .executeTakeFirst();
    return row === undefined ? null : ((await decode(row)) as unknown as Topology);
  }

  async endInterrupted(atMs: number): Promise<number> {
    const running = await this.#kysely
      .selectFrom('scans')
      .select(['id', 'summary'])
      .where('state', '=', 'running')
      .orderBy('key')
      .execute();
    for (const { id, summary } of running) {
      const scan = await this.#getUnlessDamaged(asScanId(id));
      const nodeless = { ...(JSON.parse(summary) as ScanSummary), nodes: [] };
      await this.saveFinished(interrupted(scan ?? nodeless, atMs), null);
    }
    return running.length;
  }

  /** Null for a scan whose nodes cannot be read: it has to end all the same, or no hub would start on this database. */
  async #getUnlessDamaged(id: ScanId): Promise<Scan | null> {
    try {
      return await this.get(id);
    } catch (error) {
      if (error instanceof StoreError && error.code === 'store_corrupt') return null;
      throw error;
    }
  }

  /**
   * Walks the scans from the newest, a few at first and then more at a time, and looks in each for the nodes that still
   * lack some: see the migration for why.
   */
  async latencies(nodeNames: readonly string[], limit: number): Promise<Map<string, NodeLatency[]>> {
    const found = new Map<string, NodeLatency[]>(nodeNames.map((name) => [name, []]));
    let lacking = limit > 0 ? [...found.keys()] : [];
    let scansLeft = Math.ceil(maxLatencyLookUps / Math.max(1, lacking.length));
    let atOnce = Math.max(limit, firstScansAtOnce);
    for (let after: ScanPosition | null = null; lacking.length > 0 && scansLeft > 0; atOnce *= 2) {
      const scans = await this.#measured(after, Math.min(atOnce, scansLeft, maxScansAtOnce));
      const last = scans.at(-1);
      if (last === undefined) break;
      for (let start = 0; start < lacking.length; start += namesPerQuery)
        await this.#addLatencies(found, scans, lacking.slice(start, start + namesPerQuery));
      for (const name of lacking) found.get(name)?.splice(limit);
      lacking = lacking.filter((name) => (found.get(name)?.length ?? limit) < limit);
      scansLeft -= scans.length;
      after = last;
    }
    return found;
  }

  async lastOutcomes(): Promise<Map<string, NodeHistory>> {
    const histories = new Map<string, NodeHistory>();
    for (let after: string | null = null; ;) {
      let query = this.#kysely.selectFrom('node_history').selectAll().orderBy('name').limit(historyPage);
      if (after !== null) query = query.where('name', '>', after);
      const rows: NodeHistoryTable[] = await query.execute();
      for (const { last_outcome, last_scan_id, last_seen_at, name } of rows) {
        histories.set(name, {
          lastOutcome: last_outcome as Outcome,
          lastScanId: asScanId(last_scan_id),
          lastSeenAt: last_seen_at,
        });
        after = name;
      }
      if (rows.length < historyPage) return histories;
    }
  }

  async deleteBefore(atMs: number): Promise<number> {
    let deleted = 0;
    for (;;) {
      // A scan at a time: its nodes and documents go with it, and others get their turn in between.
      const [oldest] = await this.#kysely
        .selectFrom('scans')
        .select('key')
        .where('finished_at', '<', atMs)
        .orderBy('finished_at')
        .limit(1)
        .execute();
      if (oldest === undefined) break;
      await this.#kysely.deleteFrom('scans').where('key', '=', oldest.key).execute();
      deleted += 1;
    }
    await this.#kysely.deleteFrom('node_history').where('decided_at', '<', atMs).execute();
    return deleted;
  }

  /** Scans of this hub behind a position, newest first. */
  async #measured(after: ScanPosition | null, limit: number): Promise<ScanPosition[]> {
    let query = this.#kysely
      .selectFrom('scans')
      .select(['key', 'id', 'started_at'])
      .where('trigger', '!=', 'import')
      .orderBy('started_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit);
    if (after !== null)
      query = query.where((where) =>
        where.eb(where.refTuple('started_at', 'id'), '<', where.tuple(after.started_at, after.id)),
      );
    return query.execute();
  }

  async #addLatencies(
    found: ReadonlyMap<string, NodeLatency[]>,
    scans: readonly ScanPosition[],
    names: readonly string[],
  ): Promise<void> {
    const places = new Map(scans.map(({ key }, place) => [key, place]));
    const rows = await this.#kysely
      .selectFrom('scan_nodes')
      .select(['scan_key', 'name', 'decided_at', 'duration_ms'])
      .where('scan_key', 'in', [...places.keys()])
      .where('name', 'in', names)
      .where('outcome', '=', 'answered' satisfies Outcome)
      .where('duration_ms', 'is not', null)
      .execute();
    rows.sort((a, b) => (places.get(a.scan_key) ?? 0) - (places.get(b.scan_key) ?? 0));
    for (const { decided_at, duration_ms, name, scan_key } of rows) {
      const scan = scans[places.get(scan_key) ?? 0];
      if (scan !== undefined)
        found.get(name)?.push({ scanId: scan.id, measuredAt: decided_at, durationMs: duration_ms ?? 0 });
    }
  }

  async #document(id: ScanId, kind: 'scan' | 'topology'): Promise<Record<string, unknown> | null> {
    const row = await this.#kysely
      .selectFrom('scans')
      .innerJoin('scan_documents', 'scan_documents.scan_key', 'scans.key')
      .where('scans.id', '=', id)
      .where('scan_documents.kind', '=', kind)
      .select(['scans.id', 'scan_documents.encoding', 'scan_documents.body'])
      .executeTakeFirst();
    return row === undefined ? null : decode(row);
  }
}

async function decode(row: {
  readonly id: string;
  readonly encoding: string;
  readonly body: Uint8Array;
}): Promise<Record<string, unknown>> {
  try {
    return await decodeDocument(row.body, row.encoding);
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : String(cause);
    throw new StoreError('store_corrupt', `The stored scan ${row.id} cannot be read: ${said}`, { cause });
  }
}

/** Returns the scan's key. */
async function saveSummary(transaction: Transaction<DatabaseSchema>, scan: Scan): Promise<number> {
  const { nodes: _nodes, ...summary } = scan;
  const row = {
    id: scan.id,
    state: scan.state,
    trigger: scan.trigger,
    started_at: scan.startedAt,
    finished_at: scan.finishedAt,
    summary: JSON.stringify(summary),
  };
  const { key } = await transaction
    .insertInto('scans')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .returning('key')
    .executeTakeFirstOrThrow();
  return key;
}

async function saveDocument(
  transaction: Transaction<DatabaseSchema>,
  scanKey: number,
  kind: 'scan' | 'topology',
  body: Uint8Array,
): Promise<void> {
  const content = { encoding: documentEncoding, body };
  await transaction
    .insertInto('scan_documents')
    .values({ scan_key: scanKey, kind, ...content })
    .onConflict((conflict) => conflict.columns(['scan_key', 'kind']).doUpdateSet(content))
    .execute();
}

async function saveNodes(
  transaction: Transaction<DatabaseSchema>,
  scanKey: number,
  scan: Scan,
): Promise<void> {
  await transaction.deleteFrom('scan_nodes').where('scan_key', '=', scanKey).execute();
  // By name: one statement must not write a row twice.
  const decided = new Map<string, DecidedNode>();
  for (const node of scan.nodes) if (isDecided(node)) decided.set(node.name, node);
  const nodes = [...decided.values()];
  for (let start = 0; start < nodes.length; start += rowsPerInsert) {
    const slice = nodes.slice(start, start + rowsPerInsert);
    // One parameter for all rows: thousands of placeholders take longer to write out than their rows to insert.
    const rows = JSON.stringify(
      slice.map((node) => [node.name, node.outcome, node.durationMs, decidedAt(node, scan)]),
    );
    await sql`
      insert into scan_nodes (scan_key, name, outcome, duration_ms, decided_at)
      select ${scanKey}, value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each(${rows})
    `.execute(transaction);
    if (scan.trigger !== 'import') await saveHistory(transaction, scan, slice);
  }
}

/** Only what is newer than the history known: scans overlap, and one that could not be saved at once comes later. */
async function saveHistory(
  transaction: Transaction<DatabaseSchema>,
  scan: Scan,
  nodes: readonly DecidedNode[],
): Promise<void> {
  const rows = JSON.stringify(
    nodes.map((node) => [
      node.name,
      node.outcome,
      decidedAt(node, scan),
      node.outcome === 'answered' ? decidedAt(node, scan) : null,
    ]),
  );
  await sql`
    insert into node_history (name, last_outcome, last_scan_id, decided_at, last_seen_at)
    select value ->> 0, value ->> 1, ${scan.id}, value ->> 2, value ->> 3 from json_each(${rows}) where true
    on conflict (name) do update set
      last_outcome = excluded.last_outcome,
      last_scan_id = excluded.last_scan_id,
      decided_at = excluded.decided_at,
      last_seen_at = coalesce(excluded.last_seen_at, node_history.last_seen_at)
    where excluded.decided_at >= node_history.decided_at
  `.execute(transaction);
}

const isDecided = (node: ScanNode): node is DecidedNode => node.outcome !== null;

const decidedAt = (node: ScanNode, scan: Scan): number => node.decidedAt ?? scan.finishedAt ?? scan.startedAt;

function interrupted(scan: Scan, atMs: number): Scan {
  const nodes = scan.nodes.map((node) =>
    isDecided(node)
      ? node
      : { ...node, outcome: 'cancelled' as const, decidedAt: atMs, error: 'the hub ended during the scan' },
  );
  return {
    ...scan,
    state: 'cancelled',
    finishedAt: atMs,
    durationMs: Math.max(0, atMs - scan.startedAt),
    undecided: 0,
    outcomes: countOutcomes(nodes.map(({ outcome }) => outcome)),
    notes: [...scan.notes, interruptedNote],
    nodes,
  };
}

/** `1767323045000~scan-id`. */
function readCursor(cursor: string): { startedAt: number; id: string } | null {
  const match = /^(\d{1,15})~(.+)$/.exec(cursor);
  return match?.[1] === undefined || match[2] === undefined
    ? null
    : { startedAt: Number(match[1]), id: match[2] };
}
