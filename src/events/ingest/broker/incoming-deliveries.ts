/**
 * QoS 2 publishes of clients from PUBLISH to PUBREL: what is known here is answered again and not taken again. Those of
 * persistent sessions are on disk before they are answered; the others end with their connection.
 */
import { deliveryKey } from '../../stream/delivery-key.ts';
import type { DurableStream } from '../../stream/durable-stream.ts';
import type { SqlStatement } from '../../../database/sqlite-messages.ts';
import type { BrokerPacket } from './aedes-internals.ts';
import { brokerSql } from './broker-file.ts';
import type { GroupCommit } from './group-commit.ts';

export interface IncomingDeliveriesOptions {
  readonly disk: Pick<GroupCommit, 'write'>;
  readonly deliveries: Pick<DurableStream, 'forgetDelivery' | 'forgetDeliveriesOf'>;
}

interface Delivery {
  readonly packet: BrokerPacket;
  readonly isOnDisk: boolean;
}

export class IncomingDeliveries {
  readonly #options: IncomingDeliveriesOptions;
  /** By client and packet identifier. */
  readonly #byClient = new Map<string, Map<number, Delivery>>();

  constructor(options: IncomingDeliveriesOptions) {
    this.#options = options;
  }

  restore(clientId: string, packetId: number): void {
    this.#set(clientId, packetId, { packet: placeholder(packetId), isOnDisk: true });
  }

  get(clientId: string, packetId: number): BrokerPacket | undefined {
    return this.#byClient.get(clientId)?.get(packetId)?.packet;
  }

  /** For the connection only. */
  hold(clientId: string, packetId: number): void {
    this.#set(clientId, packetId, { packet: placeholder(packetId), isOnDisk: false });
  }

  /** Resolves when it is on disk, with the statements that its session needs. */
  async store(clientId: string, packet: BrokerPacket, session: readonly SqlStatement[]): Promise<void> {
    const packetId = packet.messageId ?? 0;
    await this.#options.disk.write([...session, brokerSql.receive(clientId, packetId)]);
    const { cmd, dup, payload, qos, retain, topic } = packet;
    const kept = { cmd, topic, payload, qos, retain, dup, messageId: packetId };
    this.#set(clientId, packetId, { packet: kept, isOnDisk: true });
  }

  /** PUBREL: the packet identifier may mean another message from now on. False where it was not known. */
  async release(clientId: string, packetId: number): Promise<boolean> {
    const known = this.#byClient.get(clientId);
    const delivery = known?.get(packetId);
    if (known === undefined || delivery === undefined) return false;
    await this.#options.deliveries.forgetDelivery(deliveryKey(clientId, packetId));
    if (delivery.isOnDisk) await this.#options.disk.write([brokerSql.forget(clientId, packetId)]);
    known.delete(packetId);
    if (known.size === 0) this.#byClient.delete(clientId);
    return true;
  }

  /** Its session has ended, or begins anew. */
  async forgetAll(clientId: string): Promise<void> {
    const known = this.#byClient.get(clientId);
    if (known !== undefined && Array.from(known.values()).some(({ isOnDisk }) => isOnDisk))
      await this.#options.disk.write([brokerSql.forgetAll(clientId)]);
    this.#byClient.delete(clientId);
    await this.#options.deliveries.forgetDeliveriesOf(clientId);
  }

  #set(clientId: string, packetId: number, delivery: Delivery): void {
    const known = this.#byClient.get(clientId);
    if (known === undefined) this.#byClient.set(clientId, new Map([[packetId, delivery]]));
    else known.set(packetId, delivery);
  }
}

/** Only that it is there counts; its event is in the stream. */
const placeholder = (messageId: number): BrokerPacket => ({
  cmd: 'publish',
  topic: '',
  payload: Buffer.alloc(0),
  qos: 2,
  retain: false,
  dup: false,
  messageId,
});
