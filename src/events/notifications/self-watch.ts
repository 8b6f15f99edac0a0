/**
 * Who watches the watcher: while events get through, the hub requests a URL outside, whose owner raises the alarm when the
 * requests stay away. What keeps the hub's own pipeline from working for half a minute, it says itself, as far as it can.
 *
 *   working ── a failure lasts 30 s ──► stalled (no beats) ── no failure ──► working
 */
import type { Clock } from '../../clock.ts';
import { reasonOf } from './http-post.ts';

export interface SelfWatchOptions {
  /** Null: nobody is told that all is well. */
  readonly url: string | null;
  readonly intervalMs: number;
  /** What keeps events from being taken or stored now; null where nothing does. */
  readonly failure: () => string | null;
  readonly clock: Clock;
  readonly onStalled: (reason: string) => void;
  readonly onRecovered: (stalledMs: number) => void;
  readonly onBeatFailed: (reason: string) => void;
}

const lookMs = 5_000;
const stalledAfterMs = 30_000;
const beatTimeoutMs = 10_000;

export class SelfWatch {
  readonly #options: SelfWatchOptions;
  readonly #cancels = new Map<'look' | 'beat' | 'timeout', () => void>();
  #failingSinceMs: number | null = null;
  #isStalled = false;
  #beat: AbortController | null = null;
  #closed = false;

  constructor(options: SelfWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#look();
    if (this.#options.url !== null) void this.#beatNow(this.#options.url);
  }

  close(): void {
    this.#closed = true;
    for (const cancel of this.#cancels.values()) cancel();
    this.#beat?.abort();
  }

  #after(what: 'look' | 'beat' | 'timeout', delayMs: number, callback: () => void): void {
    if (!this.#closed) this.#cancels.set(what, this.#options.clock.after(delayMs, callback));
  }

  #look(): void {
    const { clock, failure, onRecovered, onStalled } = this.#options;
    const reason = failure();
    const nowMs = clock.monotonicMs();
    if (reason === null) {
      if (this.#isStalled && this.#failingSinceMs !== null) onRecovered(nowMs - this.#failingSinceMs);
      this.#isStalled = false;
      this.#failingSinceMs = null;
    } else {
      this.#failingSinceMs ??= nowMs;
      if (!this.#isStalled && nowMs - this.#failingSinceMs >= stalledAfterMs) {
        this.#isStalled = true;
        onStalled(reason);
      }
    }
    this.#after('look', lookMs, () => this.#look());
  }

  async #beatNow(url: string): Promise<void> {
    const { failure, intervalMs, onBeatFailed } = this.#options;
    this.#after('beat', intervalMs, () => void this.#beatNow(url));
    // The one before is still on its way: its receiver is slow.
    if (failure() !== null || this.#beat !== null) return;
    const beat = new AbortController();
    this.#beat = beat;
    this.#after('timeout', beatTimeoutMs, () => beat.abort());
    try {
      const response = await fetch(url, { signal: beat.signal, headers: { 'user-agent': 'threadhub' } });
      await response.body?.cancel();
      if (!response.ok) onBeatFailed(`it answered ${response.status}`);
    } catch (error) {
      if (!this.#closed) onBeatFailed(reasonOf(error));
    } finally {
      this.#cancels.get('timeout')?.();
      this.#beat = null;
    }
  }
}
