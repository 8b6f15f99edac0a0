/**
 * The newest entries of all shards as objects, so that a worker that keeps up reads nothing from the disk and parses
 * nothing. Bounded over all shards together; the oldest chunk goes first, and its shard is then read from the file up to
 * where its memory begins.
 */
import { asStreamPosition, type ShardName } from '../../../protocol/ids.ts';
import type { ReadLimits, StreamEntry, StreamRecord } from '../durable-stream.ts';

/** Entries of one shard that were written together, at places without a gap. */
export interface RecentChunk {
  readonly shard: ShardName;
  readonly first: number;
  readonly last: number;
  readonly durableAt: number;
  readonly entries: readonly StreamEntry[];
  /** Characters of each entry's line. */
  readonly sizes: readonly number[];
  readonly bytes: number;
}

export interface RecentEntriesLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** Takes records while they stay within the limits; one always fits. */
export class RecordCollector {
  readonly records: StreamRecord[] = [];
  readonly #limits: ReadLimits;
  #bytes = 0;

  constructor(limits: ReadLimits) {
    this.#limits = limits;
  }

  hasRoomFor(size: number): boolean {
    const { length } = this.records;
    return length < this.#limits.maxEntries && (length === 0 || this.#bytes + size <= this.#limits.maxBytes);
  }

  take(place: number, size: number, entry: StreamEntry, durableAt: number): void {
    this.#bytes += size;
    this.records.push({ position: asStreamPosition(String(place)), entry, durableAt });
  }
}

export class RecentEntries {
  readonly #limits: RecentEntriesLimits;
  readonly #byShard = new Map<ShardName, RecentChunk[]>();
  /** In the order they came. */
  readonly #all = new Set<RecentChunk>();
  #entries = 0;
  #bytes = 0;

  constructor(limits: RecentEntriesLimits) {
    this.#limits = limits;
  }

  /** `onEvicted` gets every chunk that had to make room. */
  add(chunk: RecentChunk, onEvicted: (chunk: RecentChunk) => void): void {
    const chunks = this.#byShard.get(chunk.shard);
    if (chunks === undefined) this.#byShard.set(chunk.shard, [chunk]);
    else chunks.push(chunk);
    this.#all.add(chunk);
    this.#entries += chunk.entries.length;
    this.#bytes += chunk.bytes;
    while (this.#entries > this.#limits.maxEntries || this.#bytes > this.#limits.maxBytes) {
      const [oldest] = this.#all;
      if (oldest === undefined) return;
      this.#byShard.get(oldest.shard)?.shift();
      this.#remove(oldest);
      onEvicted(oldest);
    }
  }

  /** Entries of the shard after `place`. */
  collect(shard: ShardName, place: number, collector: RecordCollector): void {
    const chunks = this.#byShard.get(shard) ?? [];
    for (let index = firstAfter(chunks, place); index < chunks.length; index++) {
      const chunk = chunks[index];
      if (chunk === undefined || !collectChunk(chunk, place, collector)) break;
    }
  }

  /** When the oldest entry after `place` became durable; null where none is here. */
  oldestDurableAt(shard: ShardName, place: number): number | null {
    const chunks = this.#byShard.get(shard) ?? [];
    return chunks[firstAfter(chunks, place)]?.durableAt ?? null;
  }

  /** Entries up to `place` are needed no more. */
  dropThrough(shard: ShardName, place: number): void {
    const chunks = this.#byShard.get(shard);
    if (chunks === undefined) return;
    for (const chunk of chunks.splice(0, firstAfter(chunks, place))) this.#remove(chunk);
  }

  #remove(chunk: RecentChunk): void {
    this.#all.delete(chunk);
    this.#entries -= chunk.entries.length;
    this.#bytes -= chunk.bytes;
  }
}

function collectChunk(chunk: RecentChunk, place: number, collector: RecordCollector): boolean {
  for (let index = Math.max(0, place + 1 - chunk.first); index < chunk.entries.length; index++) {
    const entry = chunk.entries[index];
    const size = chunk.sizes[index];
    if (entry === undefined || size === undefined) break;
    if (!collector.hasRoomFor(size)) return false;
    collector.take(chunk.first + index, size, entry, chunk.durableAt);
  }
  return true;
}

/** Index of the first chunk that has an entry after `place`. */
function firstAfter(chunks: readonly RecentChunk[], place: number): number {
  let low = 0;
  let high = chunks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const chunk = chunks[middle];
    if (chunk !== undefined && chunk.last <= place) low = middle + 1;
    else high = middle;
  }
  return low;
}
