/** One client's connection, beside what Aedes knows of it: its bounds, the order of its publishes, and why it ended. */
import type { Socket } from 'node:net';
import type { BrokerClient, Qos } from './aedes-internals.ts';
import { PacketSizes } from './packet-sizes.ts';
import { PublishOrder } from './publish-order.ts';
import { isPublishTopic } from './publish-topic.ts';
import { filterReaches } from './topic-tree.ts';

/** Why a connection ended. */
export type ConnectionEnd =
  | 'disconnected'
  | 'closed_by_peer'
  | 'replaced'
  | 'silent'
  | 'protocol_error'
  | 'too_big'
  | 'too_slow'
  | 'not_durable'
  | 'hub_stopping';

/** Of a CONNECT, what is looked at here. */
interface ConnectFields {
  readonly clientId?: string;
  readonly clean?: boolean;
  readonly keepalive?: number;
  readonly will?: { readonly topic: string; readonly qos?: number };
}

/** MQTT 3.1.1 lets a server choose how much more than 23 it takes. */
const clientIdLength = 256;

/** What a client may leave unread before it is given up. */
export const unreadBytes = 1_024 * 1_024;

export class BrokerConnection {
  readonly socket: Socket;
  readonly remoteAddress: string | null;
  readonly publishes = new PublishOrder();
  /** As CONNECT had it; null before. */
  clientId: string | null = null;
  /** CONNECT asked for something that is refused once Aedes asks whether it may. */
  refusal: { readonly reason: string; readonly returnCode: 2 | 5 } | null = null;
  connectedAt: number | null = null;
  keepAliveSeconds = 0;
  received = 0;
  /** The first reason holds. */
  end: ConnectionEnd | null = null;
  readonly #filters = new Map<string, Qos>();
  /** Filters with wildcards: the others are found by the topic itself. */
  readonly #wildcards = new Set<string>();

  constructor(socket: Socket, maxPacketBytes: number) {
    this.socket = socket;
    this.remoteAddress = socket.remoteAddress ?? null;
    const sizes = new PacketSizes(maxPacketBytes);
    const read = socket.read.bind(socket);
    // Aedes pulls what it parses by `read`: here everything passes before the parser gathers it.
    socket.read = (size?: number): unknown => {
      if (socket.writableLength > unreadBytes) {
        this.close('too_slow');
        return null;
      }
      const chunk = read(size) as Buffer | null;
      if (chunk === null || sizes.allow(chunk)) return chunk;
      this.close('too_big');
      return null;
    };
  }

  /** Notes what CONNECT asks for. */
  connecting({ clean, clientId, keepalive, will }: ConnectFields): void {
    this.clientId = clientId ?? '';
    this.keepAliveSeconds = keepalive ?? 0;
    const isNameless = this.clientId === '' && clean === false;
    if (isNameless || this.clientId.length > clientIdLength || this.clientId.includes('\u0000'))
      this.refusal = { reason: 'client_id', returnCode: 2 };
    else if (will !== undefined && (!isPublishTopic(will.topic) || (will.qos ?? 0) > 2))
      this.refusal = { reason: 'will', returnCode: 5 };
  }

  close(reason: ConnectionEnd): void {
    this.end ??= reason;
    this.socket.destroy();
  }

  get filters(): number {
    return this.#filters.size;
  }

  subscribed(filter: string, qos: Qos): void {
    this.#filters.set(filter, qos);
    if (filter.includes('+') || filter.includes('#')) this.#wildcards.add(filter);
  }

  unsubscribed(filter: string): void {
    this.#filters.delete(filter);
    this.#wildcards.delete(filter);
  }

  /** The highest QoS of all its subscriptions that reach the topic [MQTT-3.3.5-1]. */
  grantedQos(topic: string): Qos {
    let granted: Qos = this.#filters.get(topic) ?? 0;
    for (const filter of this.#wildcards) {
      if (granted === 2) return granted;
      const qos = this.#filters.get(filter) ?? 0;
      if (qos > granted && filterReaches(filter, topic)) granted = qos;
    }
    return granted;
  }
}

/** Aedes' client of each connection. */
export class BrokerConnections {
  readonly #byClient = new WeakMap<object, BrokerConnection>();
  readonly #open = new Map<BrokerConnection, BrokerClient>();

  get size(): number {
    return this.#open.size;
  }

  add(client: BrokerClient, connection: BrokerConnection): void {
    this.#byClient.set(client, connection);
    this.#open.set(connection, client);
  }

  remove(connection: BrokerConnection): void {
    this.#open.delete(connection);
  }

  of(client: object): BrokerConnection | undefined {
    return this.#byClient.get(client);
  }

  entries(): IterableIterator<[BrokerConnection, BrokerClient]> {
    return this.#open.entries();
  }
}
