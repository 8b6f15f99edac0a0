/**
 * One persistent session in memory: its subscriptions, and the messages that wait for its client in the order in which
 * they came. What is on disk of it is `sqlite-broker-persistence.ts`'.
 *
 * A message is queued; then on its way under a packet identifier (`messageId`), perhaps on several connections, one after
 * the other; with QoS 2 released, when the client has it; and gone, when the client has acknowledged it.
 */
import type { BrokerPacket, BrokerSubscription } from './aedes-internals.ts';

export interface QueuedMessage {
  /** Of its row. */
  readonly id: number;
  /** Grows with each message of the session. */
  readonly sequence: number;
  /** Its identity in the broker. */
  readonly key: string;
  /** The publish, or the PUBREL that follows it. */
  packet: BrokerPacket;
  /** It was on its way on an earlier connection. */
  repeated: boolean;
}

const keyOf = (packet: Pick<BrokerPacket, 'brokerId' | 'brokerCounter'>): string =>
  `${packet.brokerCounter ?? ''} ${packet.brokerId ?? ''}`;

export class Session {
  readonly clientId: string;
  readonly subscriptions = new Map<string, BrokerSubscription>();
  /** Unix ms; null while its client is connected. */
  awaySince: number | null = null;
  readonly #messages = new Map<string, QueuedMessage>();
  /** First come first: a new connection may use an identifier again. */
  readonly #byPacketId = new Map<number, QueuedMessage[]>();
  #bytes = 0;
  #sequence = 0;
  #sentThrough = 0;
  #wake: (() => void) | null = null;

  constructor(clientId: string) {
    this.clientId = clientId;
  }

  get messages(): number {
    return this.#messages.size;
  }

  /** What its messages take in memory, roughly. */
  get bytes(): number {
    return this.#bytes;
  }

  add(id: number, packet: BrokerPacket): void {
    this.#sequence += 1;
    const repeated = packet.messageId !== undefined;
    const message = { id, sequence: this.#sequence, key: keyOf(packet), packet, repeated };
    this.#messages.set(message.key, message);
    this.#index(message);
    this.#bytes += sizeOf(packet);
  }

  /** By its identity in the broker; a `pubrel` has only its packet identifier. */
  find(packet: BrokerPacket): QueuedMessage | undefined {
    const byPacketId = this.#byPacketId.get(packet.messageId ?? -1)?.[0];
    return packet.cmd === 'pubrel' ? byPacketId : (this.get(packet) ?? byPacketId);
  }

  get(packet: BrokerPacket): QueuedMessage | undefined {
    return this.#messages.get(keyOf(packet));
  }

  /** The message is about to go out as this packet. */
  sending(message: QueuedMessage, packet: BrokerPacket): void {
    this.#unindex(message);
    this.#bytes -= sizeOf(message.packet);
    if (packet.cmd === 'pubrel') message.packet = packet;
    else message.packet.messageId = packet.messageId;
    this.#bytes += sizeOf(message.packet);
    this.#index(message);
  }

  sent(message: QueuedMessage): void {
    this.#sentThrough = Math.max(this.#sentThrough, message.sequence);
    this.#wake?.();
  }

  /** The client has acknowledged what it got under this packet identifier. */
  acknowledged(packetId: number): QueuedMessage | undefined {
    const message = this.#byPacketId.get(packetId)?.[0];
    if (message === undefined) return undefined;
    this.#unindex(message);
    this.#messages.delete(message.key);
    this.#bytes -= sizeOf(message.packet);
    return message;
  }

  /** Copies of everything that waits. */
  waiting(): BrokerPacket[] {
    return [...this.#messages.values()].map(({ packet }) => ({ ...packet }));
  }

  /**
   * Everything that waits, then what comes meanwhile, until all of it has been sent. The connection that sends it takes
   * new messages directly only after that, or they would overtake.
   */
  async *drain(): AsyncGenerator<BrokerPacket, void, undefined> {
    let reached = 0;
    this.#sentThrough = 0;
    for (;;) {
      const waiting = [...this.#messages.values()].filter(({ sequence }) => sequence > reached);
      for (const message of waiting) {
        reached = message.sequence;
        if (message.packet.messageId !== undefined) message.repeated = true;
        yield { ...message.packet };
      }
      if (waiting.length > 0) continue;
      if (this.#sentThrough >= reached) return;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  #index(message: QueuedMessage): void {
    const { messageId } = message.packet;
    if (messageId === undefined) return;
    const others = this.#byPacketId.get(messageId);
    if (others === undefined) this.#byPacketId.set(messageId, [message]);
    else others.push(message);
  }

  #unindex(message: QueuedMessage): void {
    const { messageId } = message.packet;
    if (messageId === undefined) return;
    const others = (this.#byPacketId.get(messageId) ?? []).filter((other) => other !== message);
    if (others.length === 0) this.#byPacketId.delete(messageId);
    else this.#byPacketId.set(messageId, others);
  }
}

const overheadBytes = 256;

/** Roughly what a queued packet takes in memory. */
export const sizeOf = (packet: BrokerPacket): number =>
  packet.cmd === 'pubrel' ? overheadBytes : overheadBytes + packet.payload.length + 2 * packet.topic.length;
