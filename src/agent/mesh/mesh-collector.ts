/**
 * Reads a mesh whenever somebody wants to know something of it: one reading at a time, and none while the last one is fresh.
 *
 *   idle ── wanted ──► reading ── told ──► slow topics ── done ──► idle
 *    ▲                    ▲                     │
 *    └────── fresh ───────┴── wanted, not fresh ┘ which breaks the slow topics off
 */
import type { Clock } from '../../clock.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import { MeshCollection, type MeshReading } from './mesh-collection.ts';
import { MeshMemory } from './mesh-memory.ts';
import type { MeshReader } from './mesh-reader.ts';
import { ReaderLane } from './reader-lane.ts';
import type { SharedCollections } from './shared-collections.ts';

export interface MeshCollectorOptions {
  readonly reader: MeshReader;
  readonly clock: Clock;
  /** Requests on the radio in one reading. */
  readonly radioBudget: number;
  /** Of one reading, its slow topics included. */
  readonly timeLimitMs: number;
  /** A reading that ended so lately is good for who asks now. */
  readonly shareMs: number;
  /** With the other border routers of this process. */
  readonly shared: SharedCollections | null;
  readonly waiting: () => Iterable<Ipv6Address>;
  /** Whether somebody got something of the last reading, and slow topics may follow. */
  readonly mayReadSlowly: () => boolean;
  readonly onProgress: (reading: MeshReading) => void;
  readonly onEnded: (reading: MeshReading) => void;
}

export class MeshCollector {
  readonly #options: MeshCollectorOptions;
  readonly #lane = new ReaderLane();
  readonly #memory = new MeshMemory();
  readonly #closing = new AbortController();
  #running: MeshCollection | null = null;
  #latest: MeshCollection | null = null;
  #slow: AbortController | null = null;
  #work: Promise<void> = Promise.resolve();

  constructor(options: MeshCollectorOptions) {
    this.#options = options;
  }

  /** The last that ended; null before. */
  get latest(): MeshReading | null {
    return this.#latest;
  }

  /** The reading that answers who asks now: the one under way, a fresh one, or a new one. */
  want(): MeshReading {
    if (this.#running !== null) return this.#running;
    const { clock, shareMs } = this.#options;
    const latest = this.#latest;
    if (latest?.endedMs != null && clock.monotonicMs() - latest.endedMs < shareMs) return latest;
    this.#slow?.abort();
    const { lane, memory } = { lane: this.#lane, memory: this.#memory };
    const { radioBudget, reader, shared, timeLimitMs, waiting } = this.#options;
    const collection: MeshCollection = new MeshCollection({
      reader,
      lane,
      clock,
      memory,
      radioBudget,
      timeLimitMs,
      waiting,
      onProgress: () => this.#progressed(collection),
      elsewhere: (state) => {
        const other = shared?.find(state, clock.monotonicMs(), shareMs) ?? null;
        if (other === null) shared?.offer(state, collection);
        return other === collection ? null : other;
      },
    });
    this.#running = collection;
    this.#work = this.#read(collection);
    return collection;
  }

  /** Breaks off what runs; resolves when nothing of it is left. Nothing may be wanted afterwards. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#running?.abort();
    this.#slow?.abort();
    await this.#work;
  }

  #progressed(collection: MeshCollection): void {
    if (this.#running === collection) this.#options.onProgress(collection);
  }

  async #read(collection: MeshCollection): Promise<void> {
    await collection.readCore();
    this.#running = null;
    this.#latest = collection;
    const slow = new AbortController();
    this.#slow = slow;
    this.#options.onEnded(collection);
    if (collection.problem !== null || this.#closing.signal.aborted || !this.#options.mayReadSlowly()) return;
    await collection.readSlowly(slow.signal);
  }
}
