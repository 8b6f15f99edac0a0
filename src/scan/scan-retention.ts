/** Deletes scans older than they are kept for: once at the start, then every hour. */
import type { Clock } from '../clock.ts';
import type { ScanStore } from './scan-store.ts';

export interface ScanRetentionOptions {
  readonly store: Pick<ScanStore, 'deleteBefore'>;
  readonly clock: Clock;
  readonly keepMs: number;
  readonly onStoreError: (error: unknown) => void;
}

const everyMs = 3_600_000;
/** The start has enough to do. */
const firstAfterMs = 60_000;

export class ScanRetention {
  readonly #options: ScanRetentionOptions;
  #cancel: () => void;
  #closed = false;

  constructor(options: ScanRetentionOptions) {
    this.#options = options;
    this.#cancel = options.clock.after(firstAfterMs, () => this.#sweep());
  }

  /** A deletion under way goes on; that the store closes under it is nobody's concern. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #sweep(): void {
    const { clock, keepMs, onStoreError, store } = this.#options;
    this.#cancel = clock.after(everyMs, () => this.#sweep());
    store.deleteBefore(clock.nowMs() - keepMs).catch((error: unknown) => {
      if (!this.#closed) onStoreError(error);
    });
  }
}
