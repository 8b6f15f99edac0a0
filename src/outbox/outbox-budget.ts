/**
 * The process-wide bound above every outbox's own: many connections, each within its limits, must not add up to all of
 * the memory. Not a queue: it counts bytes, and tells those that were refused when there is room, first come first served.
 */
export class OutboxBudget {
  readonly #limitBytes: number;
  readonly #waiting = new Set<{ readonly bytes: number; readonly callback: () => void }>();
  #usedBytes = 0;

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Reserves the bytes, or refuses and changes nothing. */
  reserve(bytes: number): boolean {
    if (!this.hasRoom(bytes)) return false;
    this.#usedBytes += bytes;
    return true;
  }

  /** Takes the bytes whether there is room or not: for what must not be lost and is bounded elsewhere. */
  exceed(bytes: number): void {
    this.#usedBytes += bytes;
  }

  hasRoom(bytes: number): boolean {
    return this.#usedBytes + bytes <= this.#limitBytes;
  }

  release(bytes: number): void {
    this.#usedBytes -= bytes;
    // Only as many as fit: a thousand that wake for the room of one would be refused again.
    let freeBytes = this.#limitBytes - this.#usedBytes;
    for (const waiting of this.#waiting) {
      if (waiting.bytes > freeBytes) return;
      freeBytes -= waiting.bytes;
      this.#waiting.delete(waiting);
      waiting.callback();
    }
  }

  /** Calls back once, when a release leaves room for so many bytes; nothing is reserved. The function returned cancels it. */
  whenRoom(bytes: number, callback: () => void): () => void {
    const waiting = { bytes, callback };
    this.#waiting.add(waiting);
    return () => void this.#waiting.delete(waiting);
  }
}

/** Enough for 256 full border-router outboxes at their default bound; a slow building never comes near it. */
export const defaultOutboxBudgetBytes = 64 * 1_024 * 1_024;
