/**
 * What goes to disk in one transaction: the appends and forgotten deliveries that waited when it began, in the order of
 * the calls. Building one changes nothing but the places given away; a group that fails is simply dropped.
 */
import type { SqlStatement } from '../../../database/sqlite-messages.ts';
import type { ShardName } from '../../../protocol/ids.ts';
import type { NewStreamEntry, StreamEntry } from '../durable-stream.ts';
import type { OpenDeliveries, StagedDeliveries } from './open-deliveries.ts';
import type { RecentChunk } from './recent-entries.ts';
import type { ShardState } from './shard-state.ts';
import { deleteDeliveries, insertChunk, insertDeliveries } from './stream-file.ts';

/** Large enough that its row costs nothing beside its entries, small enough to read and delete in a millisecond. */
const maxChunkEntries = 256;
const maxChunkBytes = 64 * 1_024;

interface Settled {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

interface WaitingAppend extends Settled {
  readonly kind: 'append';
  readonly entries: readonly NewStreamEntry[];
  /** The entries as lines, encoded once. */
  readonly lines: readonly string[];
  readonly bytes: number;
  /** All of it is of the critical lane. */
  readonly isCritical: boolean;
}

export type Waiting =
  | WaitingAppend
  | ({ readonly kind: 'forget'; readonly deliveryKey: string } & Settled)
  | ({ readonly kind: 'forget_client'; readonly clientId: string } & Settled);

interface GrowingChunk {
  readonly shard: ShardState;
  readonly first: number;
  appended: number;
  bytes: number;
  readonly entries: StreamEntry[];
  readonly lines: string[];
  readonly sizes: number[];
}

export class CommitGroup {
  readonly #shards: ReadonlyMap<ShardName, ShardState>;
  readonly #staged: StagedDeliveries;
  readonly #members: Waiting[] = [];
  readonly #chunks: GrowingChunk[] = [];
  readonly #growing = new Map<ShardName, GrowingChunk>();
  #entries = 0;
  #bytes = 0;

  constructor(shards: ReadonlyMap<ShardName, ShardState>, deliveries: OpenDeliveries) {
    this.#shards = shards;
    this.#staged = deliveries.stage();
  }

  get members(): readonly Waiting[] {
    return this.#members;
  }

  get entries(): number {
    return this.#entries;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get deliveries(): StagedDeliveries {
    return this.#staged;
  }

  add(waiting: Waiting): void {
    this.#members.push(waiting);
    if (waiting.kind === 'forget') this.#staged.forget(waiting.deliveryKey);
    else if (waiting.kind === 'forget_client') this.#staged.forgetClient(waiting.clientId);
    else this.#addAppend(waiting);
  }

  statements(durableAt: number): SqlStatement[] {
    const { added, removed } = this.#staged;
    return [
      ...(removed.length === 0 ? [] : [deleteDeliveries(removed)]),
      ...(added.length === 0 ? [] : [insertDeliveries(added)]),
      ...this.#chunks.map((chunk) =>
        insertChunk({ ...chunk, shardId: chunk.shard.id, last: lastPlace(chunk) }, durableAt),
      ),
    ];
  }

  /** The chunks that are durable now, for the memory, each with its shard's count. */
  *written(durableAt: number): Generator<{ shard: ShardState; chunk: RecentChunk; appended: number }> {
    for (const chunk of this.#chunks) {
      const { appended, bytes, entries, first, shard, sizes } = chunk;
      const last = lastPlace(chunk);
      yield { shard, appended, chunk: { shard: shard.name, first, last, durableAt, entries, sizes, bytes } };
    }
  }

  /** Shards that got entries. */
  get shards(): Iterable<ShardName> {
    return this.#growing.keys();
  }

  #addAppend({ entries, lines }: WaitingAppend): void {
    const begun = new Set<string>();
    for (const [index, { deliveryKey, entry, shard }] of entries.entries()) {
      if (deliveryKey !== undefined && !begun.has(deliveryKey)) {
        if (this.#staged.has(deliveryKey)) continue;
        begun.add(deliveryKey);
      }
      this.#addEntry(shard, entry, lines[index] ?? '');
    }
    for (const deliveryKey of begun) this.#staged.add(deliveryKey);
  }

  #addEntry(name: ShardName, entry: StreamEntry, line: string): void {
    const size = Buffer.byteLength(line) + 1;
    const chunk = this.#chunkFor(name, size);
    chunk.shard.lastPlace += 1;
    if (entry.kind === 'event' || entry.kind === 'undecodable') chunk.appended += 1;
    chunk.entries.push(entry);
    chunk.lines.push(line);
    chunk.sizes.push(size);
    chunk.bytes += size;
    this.#entries += 1;
    this.#bytes += size;
  }

  #chunkFor(name: ShardName, size: number): GrowingChunk {
    const open = this.#growing.get(name);
    if (open !== undefined && open.entries.length < maxChunkEntries && open.bytes + size <= maxChunkBytes)
      return open;
    const shard = this.#shards.get(name);
    if (shard === undefined) throw new Error(`there is no shard ${name}`);
    const chunk: GrowingChunk = {
      shard,
      first: shard.lastPlace + 1,
      appended: open?.appended ?? shard.appended,
      bytes: 0,
      entries: [],
      lines: [],
      sizes: [],
    };
    this.#chunks.push(chunk);
    this.#growing.set(name, chunk);
    return chunk;
  }
}

const lastPlace = (chunk: GrowingChunk): number => chunk.first + chunk.entries.length - 1;
