/**
 * Carries a publish to the subscriptions of connected clients: what Aedes calls its `mq`.
 *
 * A publish is done when each subscription has it, not when each client's socket has: a client that reads slowly costs
 * itself its connection (`connection-guard.ts`) and never holds a publisher or another client up.
 */
import type { BrokerPacket, Deliver } from './aedes-internals.ts';
import { TopicTree } from './topic-tree.ts';

const delivered = (): void => undefined;

export class TopicEmitter {
  readonly #subscriptions = new TopicTree<Deliver, Deliver>();

  on(filter: string, deliver: Deliver, done?: () => void): void {
    this.#subscriptions.set(filter, deliver, deliver);
    done?.();
  }

  removeListener(filter: string, deliver: Deliver, done?: () => void): void {
    this.#subscriptions.delete(filter, deliver);
    done?.();
  }

  /** Whether anybody has subscribed to it. */
  reaches(topic: string): boolean {
    return this.#subscriptions.match(topic).length > 0;
  }

  emit(packet: BrokerPacket, done?: () => void): void {
    for (const deliver of this.#subscriptions.match(packet.topic)) deliver(packet, delivered);
    done?.();
  }

  close(done: () => void): void {
    setImmediate(done);
  }
}
