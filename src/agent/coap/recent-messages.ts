/**
 * Responses already taken, so that a copy of one is acknowledged again (its acknowledgement was lost) instead of being
 * rejected. Keeps a bounded number for EXCHANGE_LIFETIME (RFC 7252 §4.5).
 */
import type { Clock } from '../../clock.ts';
import { exchangeLifetimeMs } from './message-ids.ts';

const maxMessages = 256;

export class RecentMessages {
  readonly #clock: Clock;
  readonly #receivedAtMs = new Map<string, number>();

  constructor({ clock }: { clock: Clock }) {
    this.#clock = clock;
  }

  add(endpoint: string, messageId: number): void {
    const key = messageKey(endpoint, messageId);
    this.#receivedAtMs.delete(key);
    this.#receivedAtMs.set(key, this.#clock.monotonicMs());
    if (this.#receivedAtMs.size > maxMessages) {
      const [oldest] = this.#receivedAtMs.keys();
      if (oldest !== undefined) this.#receivedAtMs.delete(oldest);
    }
  }

  has(endpoint: string, messageId: number): boolean {
    const atMs = this.#receivedAtMs.get(messageKey(endpoint, messageId));
    return atMs !== undefined && this.#clock.monotonicMs() - atMs <= exchangeLifetimeMs;
  }
}

/** One message of one endpoint. */
export function messageKey(endpoint: string, messageId: number): string {
  return `${endpoint}#${messageId}`;
}
