/**
 * The stream in a SQLite file of its own, written by its own thread. One transaction is on its way to disk at a time; what
 * is asked meanwhile goes together in the next. A lone append goes at once.
 *
 *   available ⇄ unavailable     a transaction failed: its appends are refused, the next is tried all the same, and where
 *                               none comes a probe is written until one succeeds
 *   … → closing → closed        `close` writes what was asked before it
 *
 * Entries are lines in chunks (`stream-file.ts`). The newest are also kept as objects (`recent-entries.ts`), with the time
 * their transaction was reported durable; read back from the file they bear the time it was begun.
 *
 * Places begin at the clock's microseconds, and jump there again whenever the file is opened, so that positions that a
 * store remembers stay behind new entries even where the file was deleted or restored from a backup.
 */
import type { Clock } from '../../../clock.ts';
import type { SqlResult, SqlStatement } from '../../../database/sqlite-messages.ts';
import { StoreError, StreamError } from '../../../errors.ts';
import type { FactEmitter } from '../../../facts.ts';
import type { ShardName, StreamPosition } from '../../../protocol/ids.ts';
import {
  type DurableStream,
  laneOfShard,
  type NewStreamEntry,
  type ReadLimits,
  type ShardDepth,
  type StreamRecord,
} from '../durable-stream.ts';
import { AppendQueue } from './append-queue.ts';
import { CommitGroup, type Waiting } from './commit-group.ts';
import { decodeEntry, encodeEntry } from './entry-codec.ts';
import { OpenDeliveries } from './open-deliveries.ts';
import {
  type RecentChunk,
  RecentEntries,
  type RecentEntriesLimits,
  RecordCollector,
} from './recent-entries.ts';
import { ShardState, type StoredShard } from './shard-state.ts';
import {
  readChunks,
  saveShard,
  shrinkFile,
  type StreamFile,
  trimResult,
  trimShard,
  trimStatements,
  writeProbe,
} from './stream-file.ts';
import { WriteOutage } from './write-outage.ts';

/** Of `maxBytes`, for the critical lane alone: a backlog of bulk must not keep an alarm out. */
const criticalShare = 1 / 16;
/** Committed entries of one shard that are worth a trim beside an append. */
const trimWorthEntries = 512;
/** Shards trimmed in one transaction. */
const trimsPerGroup = 4;
const trimIntervalMs = 1_000;
const shrinkIntervalMs = 60_000;
/** A file with more in it than this is not worth copying. */
const maxBytesToShrink = 1_024 * 1_024;

export interface SqliteDurableStreamOptions {
  readonly file: StreamFile;
  /** What `readStreamFile` found. */
  readonly shards: readonly StoredShard[];
  readonly deliveries: readonly string[];
  /** Of entries that are not committed. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly facts: FactEmitter;
  /** Entries kept in memory, over all shards. */
  readonly recent?: RecentEntriesLimits;
}

const defaultRecent: RecentEntriesLimits = { maxEntries: 20_000, maxBytes: 32 * 1_024 * 1_024 };

export class SqliteDurableStream implements DurableStream {
  readonly shards: readonly ShardName[];
  readonly #file: StreamFile;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #states: ReadonlyMap<ShardName, ShardState>;
  readonly #recent: RecentEntries;
  readonly #deliveries: OpenDeliveries;
  readonly #outage: WriteOutage;
  readonly #queue = new AppendQueue();
  readonly #listeners = new Set<(shard: ShardName) => void>();
  #isFlushDue = false;
  #isWriting = false;
  /** Shards to trim beside the next append, or when nothing else is to be written. */
  readonly #trimsDue = new Set<ShardState>();
  readonly #cancelTimers = new Map<'trim' | 'gather', () => void>();
  #shrunkAtMs = -Infinity;
  #isClosing = false;
  #whenIdle: (() => void) | null = null;
  #closed: Promise<void> | null = null;

  constructor(options: SqliteDurableStreamOptions) {
    const { clock, facts } = options;
    this.shards = options.shards.map(({ name }) => name);
    this.#file = options.file;
    this.#clock = clock;
    this.#maxBytes = options.maxBytes;
    this.#recent = new RecentEntries(options.recent ?? defaultRecent);
    this.#deliveries = new OpenDeliveries(options.deliveries);
    this.#outage = new WriteOutage({ clock, facts, probe: () => this.#probe() });
    const startPlace = clock.nowMs() * 1_000;
    this.#states = new Map(
      options.shards.map((stored) => [
        stored.name,
        new ShardState(stored, Math.max(stored.lastPlace, startPlace)),
      ]),
    );
    if (Array.from(this.#states.values()).some(({ trimmable }) => trimmable > 0)) this.#trimSoon();
  }

  append(entries: readonly NewStreamEntry[]): Promise<void> {
    if (this.#isClosing) return Promise.reject(streamClosed());
    if (entries.length === 0) return Promise.resolve();
    const lines: string[] = [];
    let bytes = 0;
    let isCritical = true;
    for (const { entry, shard } of entries) {
      if (!this.#states.has(shard)) return Promise.reject(new Error(`there is no shard ${shard}`));
      const line = encodeEntry(entry);
      lines.push(line);
      bytes += line.length;
      if (laneOfShard(shard) === 'bulk') isCritical = false;
    }
    const refusal = this.#fullness(bytes, isCritical) ?? this.#queue.refusal(entries.length, bytes);
    if (refusal !== null) return Promise.reject(refusal);
    return new Promise((resolve, reject) => {
      this.#enqueue({ kind: 'append', entries, lines, bytes, isCritical, resolve, reject });
    });
  }

  forgetDelivery(deliveryKey: string): Promise<void> {
    if (this.#isClosing) return Promise.reject(streamClosed());
    return new Promise((resolve, reject) => {
      this.#enqueue({ kind: 'forget', deliveryKey, resolve, reject });
    });
  }

  forgetDeliveriesOf(clientId: string): Promise<void> {
    if (this.#isClosing) return Promise.reject(streamClosed());
    return new Promise((resolve, reject) => {
      this.#enqueue({ kind: 'forget_client', clientId, resolve, reject });
    });
  }

  async read(
    shard: ShardName,
    after: StreamPosition | null,
    limits: ReadLimits,
  ): Promise<readonly StreamRecord[]> {
    if (this.#isClosing) throw streamClosed();
    const state = this.#state(shard);
    const collector = new RecordCollector(limits);
    let place = Math.max(state.committed, after === null ? 0 : placeOf(after));
    while (place < state.onlyOnDiskThrough) {
      const reached = await this.#collectFromFile(state, place, limits, collector);
      if (reached === null) return collector.records;
      place = reached;
    }
    this.#recent.collect(shard, place, collector);
    return collector.records;
  }

  compare(a: StreamPosition, b: StreamPosition): number {
    return placeOf(a) - placeOf(b);
  }

  commit(shard: ShardName, position: StreamPosition): void {
    const state = this.#state(shard);
    if (this.#isClosing || !state.commit(placeOf(position))) return;
    this.#recent.dropThrough(shard, state.committed);
    if (state.trimmable >= trimWorthEntries) this.#trimsDue.add(state);
    this.#trimSoon();
  }

  onAppended(listener: (shard: ShardName) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  depths(): readonly ShardDepth[] {
    return Array.from(this.#states.values(), (state) => ({
      shard: state.name,
      entries: state.waiting,
      bytes: state.waitingBytes,
      oldestDurableAt: this.#oldestDurableAt(state),
      appended: state.appended,
    }));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
      this.#writeNext();
    });
    for (const cancel of this.#cancelTimers.values()) cancel();
    this.#outage.stop();
    // Only what may be trimmed: without it the next start finds more to trim, nothing is lost.
    const statements = Array.from(this.#states.values(), saveShard);
    await this.#file.execute({ statements, transaction: true }).catch(() => undefined);
    await this.#file.close();
  }

  #fullness(bytes: number, isCritical: boolean): StreamError | null {
    let storedBytes = 0;
    for (const state of this.#states.values()) storedBytes += state.waitingBytes;
    const limit = isCritical ? this.#maxBytes : this.#maxBytes * (1 - criticalShare);
    if (storedBytes + this.#queue.bytes + bytes <= limit) return null;
    return new StreamError(
      'stream_full',
      `${storedBytes} bytes of events wait for the store, of ${this.#maxBytes} that events.stream_bytes allows; see why the store does not keep up`,
    );
  }

  #enqueue(waiting: Waiting): void {
    this.#queue.push(waiting);
    if (this.#isWriting || this.#isFlushDue) return;
    this.#isFlushDue = true;
    // At the end of this turn: what the network brought with it goes along.
    setImmediate(() => {
      this.#isFlushDue = false;
      this.#writeNext();
    });
  }

  /** Whatever is most urgent: what waits for an answer, then trims. */
  #writeNext(): void {
    if (this.#isWriting) return;
    if (!this.#queue.isEmpty) this.#writeQueued();
    else if (this.#trimsDue.size > 0 && !this.#isClosing) this.#writeGroup(null);
    else this.#whenIdle?.();
  }

  #writeQueued(): void {
    const nowMs = this.#clock.monotonicMs();
    const gatherForMs = this.#isClosing ? 0 : this.#queue.gatherForMs(nowMs);
    if (gatherForMs > 0) {
      if (!this.#cancelTimers.has('gather')) this.#startTimer('gather', gatherForMs, () => this.#writeNext());
      return;
    }
    const group = new CommitGroup(this.#states, this.#deliveries);
    this.#queue.moveTo(group, nowMs);
    this.#writeGroup(group);
  }

  #writeGroup(group: CommitGroup | null): void {
    const statements = group?.statements(this.#clock.nowMs()) ?? [];
    const trimsAt = statements.length;
    const trims = Array.from(this.#trimsDue)
      .slice(0, trimsPerGroup)
      .map((state) => ({ state, trimmable: state.trimmable }));
    for (const { state } of trims) statements.push(...trimShard(state));
    if (statements.length === 0) {
      // Deliveries that are known, and ones to forget that are not.
      for (const { resolve } of group?.members ?? []) resolve();
      this.#writeNext();
      return;
    }
    this.#write(
      statements,
      (results) => {
        for (const [index, { state, trimmable }] of trims.entries())
          this.#trimmed(state, trimmable, results.slice(trimsAt + index * trimStatements));
        if (group !== null) this.#written(group);
      },
      (error) => {
        // Not again beside the next append, which they must not hold up: the timer comes back to them.
        for (const { state } of trims) this.#trimsDue.delete(state);
        for (const { reject } of group?.members ?? []) reject(error);
      },
    );
  }

  #write(
    statements: readonly SqlStatement[],
    written: (results: readonly SqlResult[]) => void,
    failed: (error: StreamError) => void,
  ): void {
    this.#isWriting = true;
    this.#file.execute({ statements, transaction: true }).then(
      (results) => {
        this.#isWriting = false;
        this.#outage.succeeded();
        try {
          written(results);
        } finally {
          this.#writeNext();
        }
      },
      (error: unknown) => {
        this.#isWriting = false;
        failed(this.#fail(error));
        this.#writeNext();
      },
    );
  }

  #written(group: CommitGroup): void {
    const durableAt = this.#clock.nowMs();
    for (const { appended, chunk, shard } of group.written(durableAt)) {
      shard.appendedChunk(chunk, appended);
      this.#recent.add(chunk, (evicted) => this.#evicted(evicted));
    }
    this.#deliveries.apply(group.deliveries);
    for (const { resolve } of group.members) resolve();
    for (const shard of group.shards) for (const listener of this.#listeners) listener(shard);
  }

  #evicted({ durableAt, last, shard }: RecentChunk): void {
    const state = this.#state(shard);
    if (state.committed >= state.onlyOnDiskThrough) state.oldestOnDiskAt = durableAt;
    state.onlyOnDiskThrough = last;
  }

  #oldestDurableAt(state: ShardState): number | null {
    if (state.waiting === 0) return null;
    if (state.committed < state.onlyOnDiskThrough) return state.oldestOnDiskAt;
    return this.#recent.oldestDurableAt(state.name, state.committed);
  }

  /** Resolves with the place up to which it collected; null where the collector is full. */
  async #collectFromFile(
    state: ShardState,
    after: number,
    limits: ReadLimits,
    collector: RecordCollector,
  ): Promise<number | null> {
    let reached = state.onlyOnDiskThrough;
    const read = { shardId: state.id, after, through: reached, ...limits };
    for (const { durableAt, first, lines } of await readChunks(this.#file, read).catch(readFailed)) {
      for (let index = Math.max(0, after + 1 - first); index < lines.length; index++) {
        const line = lines[index] ?? '';
        if (!collector.hasRoomFor(line.length)) return null;
        collector.take(first + index, line.length, decodeEntry(line, durableAt), durableAt);
      }
      reached = first + lines.length - 1;
    }
    return collector.hasRoomFor(1) ? reached : null;
  }

  /** At the latest a second from now, committed entries are trimmed, beside an append or on their own. */
  #trimSoon(): void {
    if (this.#cancelTimers.has('trim')) return;
    this.#startTimer('trim', trimIntervalMs, () => {
      const trimmable = Array.from(this.#states.values()).filter((state) => state.trimmable > 0);
      if (!this.#outage.isOngoing) for (const state of trimmable) this.#trimsDue.add(state);
      if (trimmable.length > 0) this.#trimSoon();
      this.#shrink();
      this.#writeNext();
    });
  }

  #trimmed(state: ShardState, trimmable: number, [, deleted, oldest]: readonly SqlResult[]): void {
    const result = trimResult(deleted?.rows ?? [], oldest?.rows ?? []);
    state.trimmed(result.isAll ? trimmable : result.entries, result.bytes);
    if (result.oldestDurableAt !== null) state.oldestOnDiskAt = result.oldestDurableAt;
    if (result.isAll) this.#trimsDue.delete(state);
  }

  #shrink(): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#isWriting || this.#outage.isOngoing || nowMs - this.#shrunkAtMs < shrinkIntervalMs) return;
    let bytes = 0;
    for (const state of this.#states.values()) bytes += state.bytes;
    if (bytes > maxBytesToShrink) return;
    this.#shrunkAtMs = nowMs;
    // It fails where the disk is full or someone reads beside us: another minute will do.
    void shrinkFile(this.#file).catch(() => undefined);
  }

  #fail(cause: unknown): StreamError {
    const detail = cause instanceof Error ? cause.message : String(cause);
    this.#outage.failed(cause, detail);
    return new StreamError('stream_unavailable', `Events cannot be made durable. ${detail}`, { cause });
  }

  #probe(): void {
    if (this.#isWriting || !this.#queue.isEmpty) return;
    const ignore = (): void => undefined;
    this.#write([writeProbe], ignore, ignore);
  }

  #startTimer(name: 'trim' | 'gather', delayMs: number, callback: () => void): void {
    if (this.#isClosing) return;
    const cancel = this.#clock.after(delayMs, () => {
      this.#cancelTimers.delete(name);
      callback();
    });
    this.#cancelTimers.set(name, cancel);
  }

  #state(shard: ShardName): ShardState {
    const state = this.#states.get(shard);
    if (state === undefined) throw new Error(`there is no shard ${shard}`);
    return state;
  }
}

const streamClosed = (): StreamError =>
  new StreamError('stream_closed', 'The stream is closed; the hub is stopping');

function readFailed(cause: unknown): never {
  if (!(cause instanceof StoreError)) throw cause;
  if (cause.code === 'store_closed') throw streamClosed();
  throw new StreamError('stream_unavailable', `Events cannot be read from the stream. ${cause.message}`, {
    cause,
  });
}

function placeOf(position: StreamPosition): number {
  const place = Number(position);
  if (!Number.isSafeInteger(place)) throw new Error(`${position} is not a position of this stream`);
  return place;
}
