/** A `DurableStream` without a disk, for tests of what uses it; it passes the port's contract. */
import type { Clock } from '../../src/clock.ts';
import { StreamError } from '../../src/errors.ts';
import { clientOfDelivery } from '../../src/events/stream/delivery-key.ts';
import {
  type DurableStream,
  type NewStreamEntry,
  type ReadLimits,
  type ShardCounts,
  type ShardDepth,
  shardNames,
  type StreamRecord,
} from '../../src/events/stream/durable-stream.ts';
import { asStreamPosition, type ShardName, type StreamPosition } from '../../src/protocol/ids.ts';

interface KeptEntry extends StreamRecord {
  readonly place: number;
  readonly bytes: number;
}

interface Shard {
  kept: KeptEntry[];
  lastPlace: number;
  committed: number;
  appended: number;
}

/** What survives a restart. */
interface Contents {
  readonly shards: Map<ShardName, Shard>;
  readonly deliveries: Set<string>;
}

const placeOf = (position: StreamPosition | null): number => (position === null ? 0 : Number(position));

export class MemoryDurableStream implements DurableStream {
  readonly shards: readonly ShardName[];
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #contents: Contents;
  readonly #listeners = new Set<(shard: ShardName) => void>();
  #previous: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Every append fails with it until it is null again. */
  failWith: StreamError | null = null;
  /** While set, appends wait for it. */
  slowedBy: Promise<void> | null = null;
  /** What became durable, append by append. */
  readonly appends: (readonly NewStreamEntry[])[] = [];

  constructor({
    clock,
    contents,
    counts,
  }: {
    clock: Pick<Clock, 'nowMs'>;
    counts: ShardCounts;
    contents?: Contents;
  }) {
    this.#clock = clock;
    this.shards = shardNames(counts);
    this.#contents = contents ?? { shards: new Map(), deliveries: new Set() };
    for (const shard of this.shards)
      if (!this.#contents.shards.has(shard))
        this.#contents.shards.set(shard, { kept: [], lastPlace: 0, committed: 0, appended: 0 });
  }

  /** As after a restart of the process. */
  reopened(counts: ShardCounts): MemoryDurableStream {
    return new MemoryDurableStream({ clock: this.#clock, counts, contents: this.#contents });
  }

  append(entries: readonly NewStreamEntry[]): Promise<void> {
    return this.#inOrder(() => {
      const known = new Set(this.#contents.deliveries);
      const fresh = entries.filter(({ deliveryKey }) => deliveryKey === undefined || !known.has(deliveryKey));
      for (const { deliveryKey } of fresh)
        if (deliveryKey !== undefined) this.#contents.deliveries.add(deliveryKey);
      for (const entry of fresh) this.#keep(entry);
      if (fresh.length === 0) return;
      this.appends.push(fresh);
      for (const shard of new Set(fresh.map((entry) => entry.shard)))
        for (const listener of this.#listeners) listener(shard);
    });
  }

  forgetDelivery(deliveryKey: string): Promise<void> {
    return this.#inOrder(() => void this.#contents.deliveries.delete(deliveryKey));
  }

  forgetDeliveriesOf(clientId: string): Promise<void> {
    return this.#inOrder(() => {
      for (const key of this.#contents.deliveries)
        if (clientOfDelivery(key) === clientId) this.#contents.deliveries.delete(key);
    });
  }

  read(shard: ShardName, after: StreamPosition | null, limits: ReadLimits): Promise<readonly StreamRecord[]> {
    if (this.#closed) return Promise.reject(closed());
    const records: StreamRecord[] = [];
    let bytes = 0;
    for (const { bytes: size, durableAt, entry, place, position } of this.#shard(shard).kept) {
      if (place <= placeOf(after)) continue;
      if (records.length >= limits.maxEntries || (records.length > 0 && bytes + size > limits.maxBytes))
        break;
      bytes += size;
      records.push({ position, entry, durableAt });
    }
    return Promise.resolve(records);
  }

  compare(a: StreamPosition, b: StreamPosition): number {
    return placeOf(a) - placeOf(b);
  }

  commit(name: ShardName, position: StreamPosition): void {
    if (this.#closed) return;
    const shard = this.#shard(name);
    shard.committed = Math.max(shard.committed, Math.min(placeOf(position), shard.lastPlace));
    shard.kept = shard.kept.filter(({ place }) => place > shard.committed);
  }

  onAppended(listener: (shard: ShardName) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  depths(): readonly ShardDepth[] {
    return this.shards.map((name) => {
      const { appended, kept } = this.#shard(name);
      return {
        shard: name,
        entries: kept.length,
        bytes: kept.reduce((sum, { bytes }) => sum + bytes, 0),
        oldestDurableAt: kept[0]?.durableAt ?? null,
        appended,
      };
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#previous;
  }

  #inOrder(change: () => void): Promise<void> {
    if (this.#closed) return Promise.reject(closed());
    const turn = this.#previous.then(async () => {
      if (this.slowedBy !== null) await this.slowedBy;
      if (this.failWith !== null) throw this.failWith;
      change();
    });
    this.#previous = turn.catch(() => undefined);
    return turn;
  }

  #keep({ entry, shard: name }: NewStreamEntry): void {
    const shard = this.#shard(name);
    const place = ++shard.lastPlace;
    if (entry.kind === 'event' || entry.kind === 'undecodable') shard.appended += 1;
    shard.kept.push({
      place,
      position: asStreamPosition(String(place)),
      entry,
      durableAt: this.#clock.nowMs(),
      bytes: JSON.stringify(entry).length,
    });
  }

  #shard(name: ShardName): Shard {
    const shard = this.#contents.shards.get(name);
    if (shard === undefined) throw new Error(`there is no shard ${name}`);
    return shard;
  }
}

const closed = (): StreamError =>
  new StreamError('stream_closed', 'The stream is closed; the hub is stopping');
