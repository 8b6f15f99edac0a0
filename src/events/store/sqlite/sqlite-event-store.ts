/**
 * `EventStore` over `events.db`. What batches need (`takeShard`, `knownKeys`, `sensorProgress`, `commit`) runs in the thread
 * that writes, so that it sees every commit before it; what people ask runs in the thread that reads.
 */
import type { Kysely } from 'kysely';
import type { Clock } from '../../../clock.ts';
import type { SqlStatement } from '../../../database/sqlite-messages.ts';
import { asStreamPosition, type SensorId, type ShardName } from '../../../protocol/ids.ts';
import type { Lane } from '../../../protocol/sensor-event.ts';
import { laneOfShard } from '../../stream/durable-stream.ts';
import type {
  DeadLetter,
  DeadLetterQuery,
  DedupKey,
  EventQuery,
  EventStore,
  History,
  HistoryQuery,
  LaneLedger,
  Page,
  RetentionBounds,
  SensorProgress,
  SensorView,
  ShardOwnership,
  StoreBatch,
  StoredEvent,
} from '../event-store.ts';
import type { EventDatabaseSchema } from '../schema.ts';
import type { Checkpoints } from './checkpoints.ts';
import { findKeys } from './commit-sql.ts';
import { commitStatements } from './commit-statements.ts';
import { DeadLetterQueries } from './dead-letter-queries.ts';
import { EventQueries } from './event-queries.ts';
import { HistoryQueries } from './history-queries.ts';
import type { KeyDirectory } from './key-directory.ts';
import { hashKey } from './key-hash.ts';
import { laneCode, laneOfCode } from './lane-codes.ts';
import { Retention } from './retention.ts';
import { SensorQueries } from './sensor-queries.ts';
import type { WriteQueue } from './write-queue.ts';

interface SqliteEventStoreParts {
  readonly checkpoints: Checkpoints;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Of the thread that writes; makes statements, `writes` runs them. */
  readonly compiler: Kysely<EventDatabaseSchema>;
  readonly directory: KeyDirectory;
  /** Of the thread that reads. */
  readonly kysely: Kysely<EventDatabaseSchema>;
  readonly nextEventKey: number;
  readonly writes: WriteQueue;
}

/** What a batch writes to the log, about: measured with 10,000 sensors. */
const pagesPerCommit = 20;
const pagesPerEvent = 1.4;

interface ProgressRow {
  readonly sensor_key: number;
  readonly last_seq: number | null;
  readonly boot_id: string | null;
  readonly usual_interval_ms: number | null;
  readonly last_received_at: number;
}

export class SqliteEventStore implements EventStore {
  readonly #checkpoints: Checkpoints;
  readonly #directory: KeyDirectory;
  readonly #kysely: Kysely<EventDatabaseSchema>;
  readonly #writes: WriteQueue;
  readonly #eventQueries: EventQueries;
  readonly #sensorQueries: SensorQueries;
  readonly #historyQueries: HistoryQueries;
  readonly #deadLetters: DeadLetterQueries;
  readonly #retention: Retention;
  #nextEventKey: number;

  constructor(parts: SqliteEventStoreParts) {
    this.#checkpoints = parts.checkpoints;
    this.#directory = parts.directory;
    this.#kysely = parts.kysely;
    this.#writes = parts.writes;
    this.#nextEventKey = parts.nextEventKey;
    this.#eventQueries = new EventQueries(parts);
    this.#sensorQueries = new SensorQueries(parts);
    this.#historyQueries = new HistoryQueries(parts);
    this.#deadLetters = new DeadLetterQueries(parts);
    this.#retention = new Retention(parts);
  }

  async takeShard(shard: ShardName): Promise<ShardOwnership> {
    const take: SqlStatement = {
      sql: `insert into shards (name, owner_epoch) values (?, 1)
        on conflict (name) do update set owner_epoch = owner_epoch + 1
        returning owner_epoch, position`,
      parameters: [shard],
    };
    const [result] = await this.#writes.run(laneOfShard(shard), { statements: [take], transaction: true });
    const { owner_epoch: epoch, position } = result?.rows[0] as {
      owner_epoch: number;
      position: string | null;
    };
    return { epoch, position: position === null ? null : asStreamPosition(position) };
  }

  async knownKeys(keys: readonly DedupKey[]): Promise<ReadonlySet<DedupKey>> {
    const rows: number[][] = [];
    for (const [index, { key, sensorId }] of keys.entries()) {
      const sensorKey = this.#directory.sensorKey(sensorId);
      if (sensorKey === null) continue;
      const { high, low } = hashKey(key);
      rows.push([index, high, low, sensorKey]);
    }
    const known = new Set<DedupKey>();
    if (rows.length === 0) return known;
    const found = await this.#ask(findKeys, rows);
    for (const { found: index } of found as { found: number }[]) {
      const key = keys[index];
      if (key !== undefined) known.add(key);
    }
    return known;
  }

  async sensorProgress(
    lane: Lane,
    sensors: readonly SensorId[],
  ): Promise<ReadonlyMap<SensorId, SensorProgress>> {
    const keys = sensors.map((id) => this.#directory.sensorKey(id)).filter((key) => key !== null);
    const progress = new Map<SensorId, SensorProgress>();
    if (keys.length === 0) return progress;
    const rows = (await this.#ask(
      `select sensor_key, last_seq, boot_id, usual_interval_ms, last_received_at
        from json_each(?) as asked cross join sensor_lanes on sensor_key = asked.value and lane = ${laneCode(lane)}`,
      keys,
    )) as unknown as ProgressRow[];
    for (const row of rows)
      progress.set(this.#directory.sensorId(row.sensor_key), {
        lastSeq: row.last_seq,
        bootId: row.boot_id,
        usualIntervalMs: row.usual_interval_ms,
        lastReceivedAt: row.last_received_at,
      });
    return progress;
  }

  async commit(batch: StoreBatch): Promise<void> {
    const firstEventKey = this.#nextEventKey;
    // Keys of a batch that fails stay unused: another may be on its way behind it.
    this.#nextEventKey += batch.events.length;
    const plan = commitStatements(batch, { directory: this.#directory, firstEventKey });
    await this.#writes.run(laneOfShard(batch.shard), { statements: plan.statements, transaction: true });
    if (!this.#directory.allStored) this.#directory.noteStored(plan);
    this.#checkpoints.noteWritten(pagesPerCommit + pagesPerEvent * batch.events.length);
  }

  events(query: EventQuery): Promise<Page<StoredEvent>> {
    return this.#eventQueries.page(query);
  }

  sensors(query: { readonly limit: number; readonly cursor: string | null }): Promise<Page<SensorView>> {
    return this.#sensorQueries.page(query);
  }

  sensor(id: SensorId): Promise<SensorView | null> {
    return this.#sensorQueries.one(id);
  }

  history(query: HistoryQuery): Promise<History> {
    return this.#historyQueries.history(query);
  }

  async ledger(): Promise<readonly LaneLedger[]> {
    const rows = await this.#kysely.selectFrom('ledger').selectAll().orderBy('lane').execute();
    return rows.map(({ dead, duplicate, lane, stored }) => ({
      lane: laneOfCode(lane),
      stored,
      duplicate,
      dead,
    }));
  }

  deadLetters(query: DeadLetterQuery): Promise<Page<DeadLetter>> {
    return this.#deadLetters.page(query);
  }

  deadLetter(id: string): Promise<DeadLetter | null> {
    return this.#deadLetters.one(id);
  }

  settleDeadLetter(id: string, state: 'replayed' | 'discarded'): Promise<boolean> {
    return this.#deadLetters.settle(id, state);
  }

  prune(bounds: RetentionBounds): Promise<boolean> {
    return this.#retention.step(bounds);
  }

  /** Rows that one statement finds for many; before any bulk commit that waits. */
  async #ask(sql: string, rows: readonly unknown[]): Promise<readonly unknown[]> {
    const statements = [{ sql, parameters: [JSON.stringify(rows)] }];
    const [result] = await this.#writes.run('critical', { statements, transaction: false });
    return result?.rows ?? [];
  }
}
