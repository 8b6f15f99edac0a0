/** Retained messages in memory: the last one of each topic, bounded in number and bytes. */
import type { BrokerPacket } from './aedes-internals.ts';
import { sizeOf } from './session.ts';
import { filterReaches } from './topic-tree.ts';

export interface RetainedLimits {
  readonly messages: number;
  readonly bytes: number;
}

export class RetainedMessages {
  readonly #limits: RetainedLimits;
  readonly #byTopic = new Map<string, BrokerPacket>();
  #bytes = 0;

  constructor(limits: RetainedLimits) {
    this.#limits = limits;
  }

  hasRoomFor(packet: BrokerPacket): boolean {
    const present = this.#byTopic.get(packet.topic);
    if (present === undefined && this.#byTopic.size >= this.#limits.messages) return false;
    return this.#bytes - (present === undefined ? 0 : sizeOf(present)) + sizeOf(packet) <= this.#limits.bytes;
  }

  /** An empty payload takes the topic's message away (MQTT 3.1.1 §3.3.1.3). */
  set(packet: BrokerPacket): void {
    const present = this.#byTopic.get(packet.topic);
    if (present !== undefined) this.#bytes -= sizeOf(present);
    this.#byTopic.delete(packet.topic);
    if (packet.payload.length === 0) return;
    this.#byTopic.set(packet.topic, packet);
    this.#bytes += sizeOf(packet);
  }

  *matching(filters: readonly string[]): Generator<BrokerPacket, void, undefined> {
    for (const filter of filters) {
      if (!filter.includes('+') && !filter.includes('#')) {
        const packet = this.#byTopic.get(filter);
        if (packet !== undefined) yield packet;
        continue;
      }
      for (const [topic, packet] of this.#byTopic) if (filterReaches(filter, topic)) yield packet;
    }
  }
}
