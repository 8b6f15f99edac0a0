/**
 * What the stream knows of one shard without asking the file: where it ends, what is committed, how much waits.
 *
 * A place is a number that only grows. Places within a chunk have no gap; between chunks there may be one, after each
 * opening of the file and each failed transaction, so the entries between two places are counted by runs.
 */
import type { ShardName } from '../../../protocol/ids.ts';

interface Run {
  readonly first: number;
  readonly last: number;
}

/** As the file gives it when it is opened. */
export interface StoredShard {
  readonly id: number;
  readonly name: ShardName;
  readonly lastPlace: number;
  readonly committed: number;
  readonly appended: number;
  /** Of the chunks in the file, the oldest first. */
  readonly runs: readonly Run[];
  readonly bytes: number;
  readonly oldestDurableAt: number | null;
}

export class ShardState {
  readonly id: number;
  readonly name: ShardName;
  /** The last place given away. */
  lastPlace: number;
  /** Entries to store, ever appended. */
  appended: number;
  /** Up to here everything is stored. */
  committed: number;
  /** Entries up to here are in the file only, not in memory. */
  onlyOnDiskThrough: number;
  /** When the oldest entry that is in the file only became durable. */
  oldestOnDiskAt: number | null;
  #runs: Run[] = [];
  /** Entries not committed. */
  #waiting = 0;
  /** Entries committed whose chunks are still in the file. */
  #trimmable: number;
  /** Of all chunks in the file. */
  #bytes: number;

  constructor(stored: StoredShard, lastPlace: number) {
    this.id = stored.id;
    this.name = stored.name;
    this.lastPlace = lastPlace;
    this.appended = stored.appended;
    this.committed = 0;
    this.onlyOnDiskThrough = stored.lastPlace;
    this.oldestOnDiskAt = stored.oldestDurableAt;
    this.#bytes = stored.bytes;
    this.#trimmable = 0;
    for (const run of stored.runs) this.#extend(run);
    this.commit(stored.committed);
  }

  get waiting(): number {
    return this.#waiting;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get trimmable(): number {
    return this.#trimmable;
  }

  /** Of the entries not committed; the chunks that hold committed ones too count in proportion. */
  get waitingBytes(): number {
    if (this.#waiting === 0) return 0;
    return Math.ceil((this.#bytes * this.#waiting) / (this.#waiting + this.#trimmable));
  }

  appendedChunk(chunk: Run & { readonly bytes: number }, appended: number): void {
    this.#extend(chunk);
    this.#bytes += chunk.bytes;
    this.appended = appended;
  }

  /** True where it moved on. */
  commit(place: number): boolean {
    const committed = Math.min(place, this.lastPlace);
    if (committed <= this.committed) return false;
    this.committed = committed;
    let count = 0;
    let passed = 0;
    for (const run of this.#runs) {
      if (run.first > committed) break;
      const last = Math.min(run.last, committed);
      count += last - run.first + 1;
      if (last < run.last) {
        this.#runs[passed] = { first: last + 1, last: run.last };
        break;
      }
      passed += 1;
    }
    this.#runs.splice(0, passed);
    this.#waiting -= count;
    this.#trimmable += count;
    return true;
  }

  /** Chunks have left the file, and with them so many committed entries. */
  trimmed(entries: number, bytes: number): void {
    this.#bytes -= bytes;
    this.#trimmable = Math.max(0, this.#trimmable - entries);
  }

  #extend({ first, last }: Run): void {
    const previous = this.#runs.at(-1);
    if (previous !== undefined && previous.last + 1 === first)
      this.#runs[this.#runs.length - 1] = { first: previous.first, last };
    else this.#runs.push({ first, last });
    this.#waiting += last - first + 1;
  }
}
