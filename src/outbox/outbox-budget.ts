/**
 * The process-wide bound above every outbox's own: many connections, each within its limits, must not add up to all of
 * the memory. Not a queue: it only counts bytes.
 */
export class OutboxBudget {
  readonly #limitBytes: number;
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Reserves the bytes, or refuses and changes nothing. */
  reserve(bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#limitBytes) return false;
    this.#usedBytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
  }
}

/** Enough for 256 full border-router outboxes at their default bound; a slow building never comes near it. */
export const defaultOutboxBudgetBytes = 64 * 1_024 * 1_024;
