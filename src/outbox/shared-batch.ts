/**
 * Messages that go to several live clients in the same frame: joined and framed once, when the first one takes it. The
 * budget of the process holds its bytes once, from the first hand-over to the last confirmation.
 */
import type { OutboxBudget } from './outbox-budget.ts';
import type { OutboxMessage } from './outbox-message.ts';
import type { SharedBytes } from './outbox.ts';
import { textFrame } from './text-frame.ts';

export class SharedBatch implements SharedBytes {
  readonly messages: readonly OutboxMessage[];
  /** Of the messages, without what joins them. */
  readonly bytes: number;
  readonly #budget: OutboxBudget;
  #frame: Buffer | null = null;
  #holders = 0;

  /** At least one message. */
  constructor(messages: readonly OutboxMessage[], budget: OutboxBudget) {
    this.messages = messages;
    this.#budget = budget;
    let bytes = 0;
    for (const message of messages) bytes += message.bytes;
    this.bytes = bytes;
  }

  get frame(): Buffer {
    this.#frame ??= textFrame(this.messages.map(({ line }) => line).join('\n'));
    return this.#frame;
  }

  /** False where the budget has no room for it. */
  hold(): boolean {
    if (this.#holders === 0 && !this.#budget.reserve(this.bytes)) return false;
    this.#holders += 1;
    return true;
  }

  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.#budget.release(this.bytes);
  }
}
