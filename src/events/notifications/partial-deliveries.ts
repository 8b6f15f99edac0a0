/**
 * Who has a message already, where a channel has several receivers and not all took it: the next attempt is for the rest.
 * In memory and bounded; what is forgotten is sent again, with the same key.
 */
const maxMessages = 10_000;

export class PartialDeliveries {
  readonly #receivers = new Map<string, Set<string>>();

  has(idempotencyKey: string, receiver: string): boolean {
    return this.#receivers.get(idempotencyKey)?.has(receiver) === true;
  }

  count(idempotencyKey: string): number {
    return this.#receivers.get(idempotencyKey)?.size ?? 0;
  }

  add(idempotencyKey: string, receiver: string): void {
    const known = this.#receivers.get(idempotencyKey);
    if (known !== undefined) {
      known.add(receiver);
      return;
    }
    if (this.#receivers.size >= maxMessages)
      for (const oldest of this.#receivers.keys()) {
        this.#receivers.delete(oldest);
        break;
      }
    this.#receivers.set(idempotencyKey, new Set([receiver]));
  }

  /** Nobody is left who lacks it. */
  forget(idempotencyKey: string): void {
    this.#receivers.delete(idempotencyKey);
  }
}
