/**
 * `stream.db`: its tables, what is read when it opens, and the statements of the stream. Not in here: when they run.
 *
 *   shards       a row per shard: how far it is committed, where it ended, how many entries to store it ever had
 *   chunks       entries of one shard that were written together, a line each; deleted once all are committed
 *   deliveries   QoS 2 deliveries whose exchange is not over
 *   probe        one row that is written over to find out whether the disk takes writes again
 *
 * A chunk's own row also carries where the shard ends and its count, so that an append writes nothing else.
 */
import type { SqlRow, SqlStatement, SqlValue } from '../../../database/sqlite-messages.ts';
import type { SqliteThread } from '../../../database/sqlite-thread.ts';
import { StoreError } from '../../../errors.ts';
import { asShardName, type ShardName } from '../../../protocol/ids.ts';
import type { StoredShard } from './shard-state.ts';

const formatVersion = 1;

const tables = [
  `create table if not exists shards (
    id integer primary key,
    name text not null unique,
    committed integer not null default 0,
    last integer not null default 0,
    appended integer not null default 0
  )`,
  `create table if not exists chunks (
    id integer primary key,
    shard integer not null references shards (id),
    first integer not null,
    last integer not null,
    appended integer not null,
    durable_at integer not null,
    bytes integer not null,
    body text not null
  )`,
  // All that counting needs, so that a backlog of millions is counted without reading it.
  'create index if not exists chunks_of_shard on chunks (shard, last, first, bytes)',
  'create table if not exists deliveries (key text primary key) without rowid',
  'create table if not exists probe (id integer primary key, body blob not null)',
];

export type StreamFile = Pick<SqliteThread, 'execute' | 'close'>;

interface StreamContents {
  readonly shards: readonly StoredShard[];
  readonly deliveries: readonly string[];
}

export interface ChunkRow {
  readonly shardId: number;
  readonly first: number;
  readonly last: number;
  /** Entries to store that the shard ever had, with this chunk's. */
  readonly appended: number;
  readonly bytes: number;
  readonly lines: readonly string[];
}

const statement = (sql: string, ...parameters: SqlValue[]): SqlStatement => ({ sql, parameters });

/**
 * Makes the tables where they are missing and reads what the stream must know. Shards that are not wanted any more but
 * still have entries come along, after those that are: what they hold is yet to be stored.
 */
export async function readStreamFile(
  file: StreamFile,
  path: string,
  wanted: readonly ShardName[],
): Promise<StreamContents> {
  const [version] = await file.execute({
    statements: [statement('pragma user_version')],
    transaction: false,
  });
  if (Number(version?.rows[0]?.['user_version']) > formatVersion)
    throw new StoreError(
      'store_failed',
      `${path} was written by a newer Threadhub; start that version, or let it empty the stream first`,
    );
  await file.execute({
    statements: [
      ...tables.map((sql) => statement(sql)),
      ...wanted.map((name) => statement('insert or ignore into shards (name) values (?)', name)),
      statement(`pragma user_version = ${formatVersion}`),
    ],
    transaction: true,
  });
  const [shards, runs, deliveries] = await file.execute({
    statements: [
      statement(
        `select id, name, committed,
          max(last, coalesce((select c.last from chunks c where c.shard = s.id order by c.last desc limit 1), 0)) as last,
          coalesce((select c.appended from chunks c where c.shard = s.id order by c.last desc limit 1), appended) as appended,
          coalesce((select sum(bytes) from chunks c where c.shard = s.id), 0) as bytes,
          (select c.durable_at from chunks c where c.shard = s.id and c.last > s.committed order by c.last limit 1)
            as oldest_at
        from shards s`,
      ),
      statement(
        `with neighbours as (
          select shard, first, last, lag(last) over shard_order as previous, lead(first) over shard_order as next
          from chunks window shard_order as (partition by shard order by last)
        )
        select shard, first, last, previous is null or first <> previous + 1 as starts
        from neighbours
        where previous is null or first <> previous + 1 or next is null or next <> last + 1
        order by shard, last`,
      ),
      statement('select key from deliveries'),
    ],
    transaction: false,
  });
  const runsOf = runsByShard(runs?.rows ?? []);
  const all = (shards?.rows ?? []).map((row) => storedShard(row, runsOf));
  const byName = new Map(all.map((shard) => [shard.name, shard]));
  const leftover = all.filter(({ name, runs: held }) => !wanted.includes(name) && held.length > 0);
  return {
    shards: [...wanted.flatMap((name) => byName.get(name) ?? []), ...leftover],
    deliveries: (deliveries?.rows ?? []).map(({ key }) => JSON.parse(String(key)) as string),
  };
}

function storedShard(row: SqlRow, runsOf: ReadonlyMap<number, StoredShard['runs']>): StoredShard {
  const id = Number(row['id']);
  return {
    id,
    name: asShardName(String(row['name'])),
    lastPlace: Number(row['last']),
    committed: Number(row['committed']),
    appended: Number(row['appended']),
    bytes: Number(row['bytes']),
    oldestDurableAt: row['oldest_at'] === null ? null : Number(row['oldest_at']),
    runs: runsOf.get(id) ?? [],
  };
}

/** Rows where a run starts, ends, or both. */
function runsByShard(rows: readonly SqlRow[]): Map<number, { first: number; last: number }[]> {
  const runsOf = new Map<number, { first: number; last: number }[]>();
  for (const row of rows) {
    const shard = Number(row['shard']);
    const runs = runsOf.get(shard) ?? [];
    runsOf.set(shard, runs);
    const open = runs.at(-1);
    if (Number(row['starts']) === 1 || open === undefined)
      runs.push({ first: Number(row['first']), last: Number(row['last']) });
    else open.last = Number(row['last']);
  }
  return runsOf;
}

export const insertChunk = (row: ChunkRow, durableAt: number): SqlStatement =>
  statement(
    'insert into chunks (shard, first, last, appended, durable_at, bytes, body) values (?, ?, ?, ?, ?, ?, ?)',
    row.shardId,
    row.first,
    row.last,
    row.appended,
    durableAt,
    row.bytes,
    row.lines.join('\n'),
  );

/**
 * Keys travel as JSON within JSON: SQLite ends a text at the character NUL, and cannot keep half a surrogate pair, and a
 * client may call itself both.
 */
const keyList = (keys: readonly string[]): string => JSON.stringify(keys.map((key) => JSON.stringify(key)));

export const insertDeliveries = (keys: readonly string[]): SqlStatement =>
  statement('insert or ignore into deliveries (key) select value from json_each(?)', keyList(keys));

export const deleteDeliveries = (keys: readonly string[]): SqlStatement =>
  statement('delete from deliveries where key in (select value from json_each(?))', keyList(keys));

/** Chunks deleted in one step: at most some 2 MiB of them, a few milliseconds. */
const trimStepChunks = 32;

export const saveShard = (shard: {
  id: number;
  committed: number;
  lastPlace: number;
  appended: number;
}): SqlStatement =>
  statement(
    'update shards set committed = ?, last = ?, appended = ? where id = ?',
    shard.committed,
    shard.lastPlace,
    shard.appended,
    shard.id,
  );

/** Statements of `trimShard`; `trimResult` reads what the last two answered. */
export const trimStatements = 3;

export const trimShard = (shard: Parameters<typeof saveShard>[0]): readonly SqlStatement[] => [
  saveShard(shard),
  statement(
    `delete from chunks where id in
      (select id from chunks where shard = ? and last <= ? order by last limit ${trimStepChunks})
      returning last - first + 1 as entries, bytes`,
    shard.id,
    shard.committed,
  ),
  statement(
    'select durable_at from chunks where shard = ? and last > ? order by last limit 1',
    shard.id,
    shard.committed,
  ),
];

interface TrimResult {
  readonly entries: number;
  readonly bytes: number;
  /** Nothing is left to trim. */
  readonly isAll: boolean;
  readonly oldestDurableAt: number | null;
}

export function trimResult(deleted: readonly SqlRow[], [oldest]: readonly SqlRow[]): TrimResult {
  let entries = 0;
  let bytes = 0;
  for (const row of deleted) {
    entries += Number(row['entries']);
    bytes += Number(row['bytes']);
  }
  const oldestDurableAt = oldest === undefined ? null : Number(oldest['durable_at']);
  return { entries, bytes, isAll: deleted.length < trimStepChunks, oldestDurableAt };
}

/** The size of a small append: a disk that has room for this again is worth trying. */
export const writeProbe: SqlStatement = statement(
  'insert or replace into probe (id, body) values (1, randomblob(65536))',
);

export interface StoredChunk {
  readonly first: number;
  readonly durableAt: number;
  readonly lines: readonly string[];
}

/**
 * The chunks of a shard that end after a place, oldest first: enough for the limits and at most one more, never none
 * where there is one.
 */
export async function readChunks(
  file: StreamFile,
  read: { shardId: number; after: number; through: number; maxEntries: number; maxBytes: number },
): Promise<readonly StoredChunk[]> {
  const { after, maxBytes, maxEntries, shardId, through } = read;
  const [sizes] = await file.execute({
    statements: [
      statement(
        'select first, last, bytes from chunks where shard = ? and last > ? and last <= ? order by last limit ?',
        shardId,
        after,
        through,
        maxEntries,
      ),
    ],
    transaction: false,
  });
  let entries = 0;
  let bytes = 0;
  let until = -1;
  for (const row of sizes?.rows ?? []) {
    if (entries >= maxEntries || bytes >= maxBytes) break;
    until = Number(row['last']);
    entries += until - Math.max(after + 1, Number(row['first'])) + 1;
    bytes += Number(row['bytes']);
  }
  if (until === -1) return [];
  const [bodies] = await file.execute({
    statements: [
      statement(
        'select first, durable_at, body from chunks where shard = ? and last > ? and last <= ? order by last',
        shardId,
        after,
        until,
      ),
    ],
    transaction: false,
  });
  return (bodies?.rows ?? []).map((row) => ({
    first: Number(row['first']),
    durableAt: Number(row['durable_at']),
    lines: String(row['body']).split('\n'),
  }));
}

/** Free pages that are worth giving back: 16 MiB. */
const spareBytes = 16 * 1_024 * 1_024;

/** Gives the room of a backlog that is over back to the disk. Only for a file that is all but empty: it is copied. */
export async function shrinkFile(file: StreamFile): Promise<void> {
  const [pages, size] = await file.execute({
    statements: [statement('pragma freelist_count'), statement('pragma page_size')],
    transaction: false,
  });
  const spare = Number(pages?.rows[0]?.['freelist_count']) * Number(size?.rows[0]?.['page_size']);
  if (spare > spareBytes) await file.execute({ statements: [statement('vacuum')], transaction: false });
}
