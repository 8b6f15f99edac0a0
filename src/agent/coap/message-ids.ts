/**
 * Message ids (RFC 7252 §4.4): 16 bits, not used again toward the same endpoint within EXCHANGE_LIFETIME.
 *
 * Each endpoint has its own sequence from a random start, so an id comes back after 65,536 messages to one node, which
 * takes hours at the rate an agent may send. Endpoints not written to for EXCHANGE_LIFETIME are forgotten.
 */
import type { Clock } from '../../clock.ts';

/** RFC 7252 §4.8.2, with its default transmission parameters. */
export const exchangeLifetimeMs = 247_000;
/** More nodes than a mesh has; beyond it the one written to longest ago is forgotten early. */
const maxEndpoints = 4_096;

interface Sequence {
  next: number;
  lastUsedMs: number;
}

export class MessageIds {
  readonly #clock: Clock;
  readonly #random: () => number;
  /** In order of last use. */
  readonly #sequences = new Map<string, Sequence>();

  constructor({ clock, random }: { clock: Clock; random: () => number }) {
    this.#clock = clock;
    this.#random = random;
  }

  next(endpoint: string): number {
    const nowMs = this.#clock.monotonicMs();
    const sequence = this.#sequences.get(endpoint) ?? {
      next: Math.floor(this.#random() * 0x1_0000),
      lastUsedMs: 0,
    };
    const id = sequence.next;
    sequence.next = (id + 1) & 0xffff;
    sequence.lastUsedMs = nowMs;
    this.#sequences.delete(endpoint);
    this.#sequences.set(endpoint, sequence);
    this.#forget(nowMs);
    return id;
  }

  get size(): number {
    return this.#sequences.size;
  }

  #forget(nowMs: number): void {
    for (const [endpoint, sequence] of this.#sequences) {
      if (this.#sequences.size <= maxEndpoints && nowMs - sequence.lastUsedMs <= exchangeLifetimeMs) return;
      this.#sequences.delete(endpoint);
    }
  }
}
