/**
 * The live feed of a single hub: a ring in this process. Clients that come back within `resumeMs` find what they missed,
 * as far as the last `resumeMessages`. A position is `EPOCH-NUMBER`; the epoch is this process's own, so that a position
 * from before a restart is unknown instead of wrong.
 *
 * Messages become text when the first client wants them: without clients nothing is serialised.
 */
import type { Clock } from '../../clock.ts';
import { asLivePosition, type LivePosition } from '../../protocol/ids.ts';
import type { LiveMessage } from '../../protocol/live.ts';
import type { LiveEntry, LiveFeed } from './live-feed.ts';

export interface MemoryLiveFeedOptions {
  /** Entries kept. */
  readonly resumeMessages: number;
  /** … and for how long, ms. */
  readonly resumeMs: number;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  /** Names this process's epoch; never the same twice. */
  readonly newId: () => string;
}

class RingEntry implements LiveEntry {
  readonly message: LiveMessage;
  readonly atMs: number;
  readonly #epoch: string;
  readonly #number: number;
  #line: string | null = null;

  constructor(epoch: string, number: number, message: LiveMessage, atMs: number) {
    this.#epoch = epoch;
    this.#number = number;
    this.message = message;
    this.atMs = atMs;
  }

  get position(): LivePosition {
    return positionOf(this.#epoch, this.#number);
  }

  get line(): string {
    this.#line ??= `${JSON.stringify(this.message).slice(0, -1)},"position":"${this.position}"}`;
    return this.#line;
  }
}

/** Dead entries at the front are cut off when there are so many, so that a ring costs no copy per append. */
const cutAt = 4_096;
const positionPattern = /^([\w-]{1,64})-(\d{1,15})$/;

export class MemoryLiveFeed implements LiveFeed {
  readonly #options: MemoryLiveFeedOptions;
  readonly #epoch: string;
  readonly #listeners = new Set<(entries: readonly LiveEntry[]) => void>();
  #entries: RingEntry[] = [];
  /** Index in `#entries` of the oldest that is kept. */
  #start = 0;
  /** Number of the newest entry; the first one is 1. */
  #newest = 0;

  constructor(options: MemoryLiveFeedOptions) {
    this.#options = options;
    this.#epoch = options.newId().replaceAll(/\W/g, '').slice(0, 16);
  }

  get head(): LivePosition {
    return positionOf(this.#epoch, this.#newest);
  }

  append(messages: readonly LiveMessage[]): void {
    if (messages.length === 0) return;
    const atMs = this.#options.clock.monotonicMs();
    const appended: RingEntry[] = [];
    for (const message of messages) {
      this.#newest += 1;
      const entry = new RingEntry(this.#epoch, this.#newest, message, atMs);
      appended.push(entry);
      this.#entries.push(entry);
    }
    this.#forget(atMs);
    for (const listener of [...this.#listeners]) listener(appended);
  }

  since(position: string, limit = Infinity): readonly LiveEntry[] | null {
    const [, epoch, digits] = positionPattern.exec(position) ?? [];
    if (epoch !== this.#epoch) return null;
    this.#forget(this.#options.clock.monotonicMs());
    const number = Number(digits);
    const kept = this.#entries.length - this.#start;
    const missed = this.#newest - number;
    if (missed < 0 || missed > kept) return null;
    const from = this.#entries.length - missed;
    return this.#entries.slice(from, Math.min(this.#entries.length, from + limit));
  }

  subscribe(listener: (entries: readonly LiveEntry[]) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #forget(nowMs: number): void {
    const { resumeMessages, resumeMs } = this.#options;
    this.#start = Math.max(this.#start, this.#entries.length - resumeMessages);
    for (
      let oldest = this.#entries[this.#start];
      oldest !== undefined && nowMs - oldest.atMs > resumeMs;
      oldest = this.#entries[this.#start]
    ) {
      this.#start += 1;
    }
    if (this.#start < cutAt || this.#start * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#start);
    this.#start = 0;
  }
}

function positionOf(epoch: string, number: number): LivePosition {
  return asLivePosition(`${epoch}-${number}`);
}
