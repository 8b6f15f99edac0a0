/** Lets the store forget what is too old, in small steps: every minute, and never while critical events wait. */
import type { Clock } from '../../clock.ts';
import type { EventStore } from '../store/event-store.ts';
import { type DurableStream, laneOfShard } from '../stream/durable-stream.ts';

export interface EventRetentionOptions {
  readonly store: Pick<EventStore, 'prune'>;
  readonly stream: Pick<DurableStream, 'depths'>;
  readonly clock: Clock;
  readonly keepRawMs: number;
  readonly keepMinutesMs: number;
  readonly keepHoursMs: number;
  readonly keepKeysMs: number;
  readonly keepDeadLettersMs: number;
  readonly onStoreError: (error: unknown) => void;
}

const everyMs = 60_000;
/** Between two steps: batches have their turn. */
const pauseMs = 20;
/** Critical events wait a moment at most. */
const whileCriticalMs = 200;

export class EventRetention {
  readonly #options: EventRetentionOptions;
  #cancel: () => void;
  #closed = false;

  constructor(options: EventRetentionOptions) {
    this.#options = options;
    this.#cancel = () => undefined;
    this.#stepIn(everyMs);
  }

  /** A step under way goes on; that the store closes under it is nobody's concern. */
  close(): void {
    this.#closed = true;
    this.#cancel();
  }

  #stepIn(delayMs: number): void {
    if (!this.#closed) this.#cancel = this.#options.clock.after(delayMs, () => void this.#step());
  }

  async #step(): Promise<void> {
    const { clock, keepDeadLettersMs, keepHoursMs, keepKeysMs, keepMinutesMs, keepRawMs, store } =
      this.#options;
    if (this.#criticalWaits()) {
      this.#stepIn(whileCriticalMs);
      return;
    }
    const nowMs = clock.nowMs();
    try {
      const more = await store.prune({
        rawBeforeMs: nowMs - keepRawMs,
        minutesBeforeMs: nowMs - keepMinutesMs,
        hoursBeforeMs: nowMs - keepHoursMs,
        keysBeforeMs: nowMs - keepKeysMs,
        deadLettersBeforeMs: nowMs - keepDeadLettersMs,
      });
      this.#stepIn(more ? pauseMs : everyMs);
    } catch (error) {
      if (!this.#closed) this.#options.onStoreError(error);
      this.#stepIn(everyMs);
    }
  }

  #criticalWaits(): boolean {
    return this.#options.stream
      .depths()
      .some(({ entries, shard }) => entries > 0 && laneOfShard(shard) === 'critical');
  }
}
