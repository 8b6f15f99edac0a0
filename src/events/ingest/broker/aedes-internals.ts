/**
 * The parts of Aedes 1.2 that are relied on beyond its published types: what its handlers ask of a persistence, and a few
 * fields of its clients. The broker's tests run through each of them.
 */
import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { Client } from 'aedes';

export type Qos = 0 | 1 | 2;

/** A publish on its way through the broker. A stored `pubrel` stands for a QoS 2 publish that its receiver has taken. */
export interface BrokerPacket {
  cmd: 'publish' | 'pubrel';
  topic: string;
  payload: Buffer;
  qos: Qos;
  retain: boolean;
  dup: boolean;
  /** Packet identifier; set once it is on its way to a client, or as the sender gave it. */
  messageId?: number | undefined;
  /** Identity inside the broker: `brokerCounter` grows with each publish. */
  brokerId?: string | undefined;
  brokerCounter?: number | undefined;
  /** Who published. */
  clientId?: string | undefined;
}

export interface BrokerWill {
  topic: string;
  payload: Buffer;
  qos: Qos;
  retain: boolean;
  clientId?: string;
  brokerId?: string;
}

/** As in SUBSCRIBE; `rh`, `rap` and `nl` are of MQTT 5, which Aedes 1 does not speak. */
export interface BrokerSubscription {
  topic: string;
  qos: Qos;
  rh?: number | undefined;
  rap?: boolean | undefined;
  nl?: boolean | undefined;
  subscriptionIdentifier?: number | undefined;
}

export interface MatchedSubscription extends BrokerSubscription {
  clientId: string;
}

export type Deliver = (packet: BrokerPacket, done: () => void) => void;

export type BrokerClient = Client & {
  conn: Socket;
  /** Set once CONNACK is written. */
  readonly connackSent: boolean;
  /** DISCONNECT came. */
  readonly _disconnected: boolean;
  /** By topic filter, without a prototype. */
  readonly subscriptions: Readonly<Record<string, { qos: Qos }>>;
  /** What its subscriptions of QoS 0, and of the others, are served by. */
  deliver0: Deliver;
  deliverQoS: Deliver;
  /** Reads no more from the socket. */
  pause(): void;
};

/** What Aedes calls; each method but the streams must be asynchronous. */
export interface BrokerPersistence {
  setup(broker: { readonly id: string }): Promise<void>;
  storeRetained(packet: BrokerPacket): Promise<void>;
  createRetainedStream(pattern: string): Readable;
  createRetainedStreamCombi(patterns: readonly string[]): Readable;
  addSubscriptions(client: { id: string }, subscriptions: readonly BrokerSubscription[]): Promise<void>;
  removeSubscriptions(client: { id: string }, filters: readonly string[]): Promise<void>;
  subscriptionsByClient(client: { id: string }): Promise<BrokerSubscription[]>;
  subscriptionsByTopic(topic: string): Promise<readonly MatchedSubscription[]>;
  cleanSubscriptions(client: { id: string }): Promise<void>;
  countOffline(): Promise<{ subsCount: number; clientsCount: number }>;
  outgoingEnqueue(subscription: { clientId: string; qos?: Qos }, packet: BrokerPacket): Promise<void>;
  outgoingEnqueueCombi(
    subscriptions: readonly { clientId: string; qos?: Qos }[],
    packet: BrokerPacket,
  ): Promise<void>;
  outgoingUpdate(client: { id: string }, packet: BrokerPacket): Promise<void>;
  outgoingClearMessageId(client: { id: string }, packet: BrokerPacket): Promise<BrokerPacket | undefined>;
  outgoingStream(client: { id: string }): Readable;
  incomingStorePacket(client: { id: string; clean?: boolean }, packet: BrokerPacket): Promise<void>;
  incomingGetPacket(
    client: { id: string },
    packet: { messageId?: number | undefined },
  ): Promise<BrokerPacket>;
  incomingDelPacket(client: { id: string }, packet: { messageId?: number | undefined }): Promise<void>;
  cleanIncoming(client: { id: string }): Promise<void>;
  putWill(client: { id: string }, will: BrokerWill): Promise<void>;
  getWill(client: { id: string }): Promise<BrokerWill | undefined>;
  delWill(client: { id: string }): Promise<BrokerWill | undefined>;
  streamWill(brokers?: Readonly<Record<string, unknown>>): Readable;
  getClientList(filter: string): Readable;
  destroy(): Promise<void>;
}
