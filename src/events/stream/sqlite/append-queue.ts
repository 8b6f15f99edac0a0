/** What waits for the disk, in the order of the calls, and when the next transaction should begin. */
import { StreamError } from '../../../errors.ts';
import type { CommitGroup, Waiting } from './commit-group.ts';

/** One transaction: some 20 ms of work at most. */
const maxGroupEntries = 2_000;
const maxGroupBytes = 4 * 1_024 * 1_024;
/** How far apart transactions begin while each takes at least so many entries along and not yet so many wait. */
const gatherMs = 2;
const busyEntries = 4;
const fullEntries = 256;
/** What may wait in memory for the disk. Producers hold far less in flight; beyond it the disk does not keep up. */
const maxQueuedEntries = 100_000;
const maxQueuedBytes = 64 * 1_024 * 1_024;

export class AppendQueue {
  #waiting: Waiting[] = [];
  #entries = 0;
  #bytes = 0;
  #hasCritical = false;
  #groupBeganMs = -Infinity;
  #groupEntries = 0;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (waiting.kind !== 'append') return;
    this.#entries += waiting.entries.length;
    this.#bytes += waiting.bytes;
    if (waiting.isCritical) this.#hasCritical = true;
  }

  /** Why no more may be pushed; null where it may. */
  refusal(entries: number, bytes: number): StreamError | null {
    if (this.isEmpty) return null;
    if (this.#entries + entries <= maxQueuedEntries && this.#bytes + bytes <= maxQueuedBytes) return null;
    return new StreamError(
      'stream_unavailable',
      `${this.#entries} events already wait to be written to the stream; its disk does not keep up`,
    );
  }

  /**
   * How long the next transaction should still gather. Under load most of its cost is the same for one entry and for
   * fifty; who appends alone, one after the other, never waits, nor does an alarm.
   */
  gatherForMs(nowMs: number): number {
    if (this.#groupEntries < busyEntries || this.#entries >= fullEntries || this.#hasCritical) return 0;
    return Math.max(0, this.#groupBeganMs + gatherMs - nowMs);
  }

  /** Moves what fits in one transaction to the group, at least one call. */
  moveTo(group: CommitGroup, nowMs: number): void {
    let taken = 0;
    for (const waiting of this.#waiting) {
      if (waiting.kind === 'append') {
        const fits =
          group.entries + waiting.entries.length <= maxGroupEntries &&
          group.bytes + waiting.bytes <= maxGroupBytes;
        if (taken > 0 && !fits) break;
        this.#entries -= waiting.entries.length;
        this.#bytes -= waiting.bytes;
      }
      group.add(waiting);
      taken += 1;
    }
    this.#waiting = this.#waiting.slice(taken);
    this.#hasCritical = this.#waiting.some((waiting) => waiting.kind === 'append' && waiting.isCritical);
    this.#groupBeganMs = nowMs;
    this.#groupEntries = group.entries;
  }
}
