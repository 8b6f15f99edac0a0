/**
 * Messages that go to several live clients in the same frame: joined and framed once, when the first one takes it. The
 * budget of the process holds its bytes once, from the first hand-over to the last confirmation. It is one batch to the
 * metrics as well: it is sent when the slowest of those that took it has it.
 */
import type { Clock } from '../clock.ts';
import type { OutboxBudget } from './outbox-budget.ts';
import type { OutboxMessage } from './outbox-message.ts';
import type { OutboxObserver } from './outbox-observer.ts';
import type { SharedFrame } from './outbox.ts';
import { textFrame } from './text-frame.ts';

export interface SharedBatchOptions {
  readonly budget: OutboxBudget;
  readonly observer: OutboxObserver;
  readonly clock: Pick<Clock, 'monotonicMs'>;
}

export class SharedBatch implements SharedFrame {
  readonly kind = 'shared';
  readonly messages: readonly OutboxMessage[];
  readonly messageCount: number;
  /** Of the messages, without what joins them. */
  readonly bytes: number;
  readonly #options: SharedBatchOptions;
  #frame: Buffer | null = null;
  #holders = 0;
  #heldSinceMs = 0;

  /** At least one message. */
  constructor(messages: readonly OutboxMessage[], options: SharedBatchOptions) {
    this.messages = messages;
    this.messageCount = messages.length;
    this.#options = options;
    let bytes = 0;
    for (const message of messages) bytes += message.bytes;
    this.bytes = bytes;
  }

  get frame(): Buffer {
    this.#frame ??= textFrame(this.messages.map(({ line }) => line).join('\n'));
    return this.#frame;
  }

  /** When the first outbox handed it over, monotonic. */
  get heldSinceMs(): number {
    return this.#heldSinceMs;
  }

  /** One more outbox hands it over. False where the budget has no room for it. */
  hold(): boolean {
    if (this.#holders === 0) {
      const { budget, clock, observer } = this.#options;
      if (!budget.reserve(this.bytes)) return false;
      this.#heldSinceMs = clock.monotonicMs();
      observer.flushed('live', this.messageCount);
    }
    this.#holders += 1;
    return true;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    const { budget, clock, observer } = this.#options;
    budget.release(this.bytes);
    observer.confirmed('live', (clock.monotonicMs() - this.#heldSinceMs) / 1_000);
  }
}
