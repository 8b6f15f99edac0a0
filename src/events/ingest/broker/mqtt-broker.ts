/**
 * The embedded MQTT broker (3.1 and 3.1.1): QoS 0, 1 and 2, retained messages, wills, sessions that survive a restart.
 *
 * Aedes speaks the protocol. It writes PUBACK before it does anything with a publish, so a publish is made durable where
 * Aedes asks whether it is authorised, the only place before: the answer waits for the stream. Where that fails the
 * connection is closed without an acknowledgement, and the client sends it again.
 *
 *   starting → listening → stopping → closed    stopping: nobody new, what is on its way is finished and acknowledged
 *
 * Not in here: what a payload means (`EventIntake`), and what is kept for clients (`SqliteBrokerPersistence`).
 */
import { randomUUID } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../../../clock.ts';
import type { Config } from '../../../config.ts';
import type { StoreError } from '../../../errors.ts';
import type { FactBus } from '../../../facts.ts';
import { isLoopbackName } from '../../../loopback-name.ts';
import type { DurableStream } from '../../stream/durable-stream.ts';
import type { EventIntake } from '../event-intake.ts';
import { AedesBroker } from './aedes-broker.ts';
import type { BrokerClient, BrokerPacket, BrokerWill, Qos } from './aedes-internals.ts';
import { BrokerConnection, BrokerConnections, type ConnectionEnd, unreadBytes } from './broker-connection.ts';
import { type BrokerContent, openBrokerFile, readBrokerFile } from './broker-file.ts';
import { GroupCommit } from './group-commit.ts';
import { listenErrorOf } from './listen-error.ts';
import { PublishAcceptance } from './publish-acceptance.ts';
import { refusedFilter, SqliteBrokerPersistence } from './sqlite-broker-persistence.ts';

interface BrokerLogger {
  warn(fields: object, message: string): void;
}

export interface MqttBrokerOptions {
  readonly config: Config['mqtt'];
  readonly host: string;
  readonly dataDir: string;
  readonly intake: Pick<EventIntake, 'takePublish'>;
  readonly stream: Pick<DurableStream, 'forgetDelivery' | 'forgetDeliveriesOf'>;
  readonly facts: Pick<FactBus, 'emit'>;
  readonly clock: Clock;
  readonly logger: BrokerLogger;
  /** The thread of `mqtt.db` has died; no session can be kept from now on. */
  readonly onCrash: (error: StoreError) => void;
}

export interface MqttConnection {
  readonly clientId: string;
  readonly remoteAddress: string | null;
  /** Unix ms. */
  readonly connectedAt: number;
  /** Its session ends with the connection. */
  readonly cleanSession: boolean;
  readonly keepAliveSeconds: number;
  /** Publishes that came from it. */
  readonly received: number;
  readonly subscriptions: number;
  /** Bytes that it has not read yet. */
  readonly unreadBytes: number;
}

export interface MqttBroker {
  /** Throws StartError `port_in_use`, `port_forbidden` or `listen_failed`. */
  listen(): Promise<{ readonly port: number }>;
  connections(): readonly MqttConnection[];
  /** What is retained now on the topics that these filters reach. */
  retained(
    filters: readonly string[],
  ): Iterable<{ readonly topic: string; readonly payload: Uint8Array | string }>;
  /**
   * Publishes to subscribers as the hub itself; it does not become an event. Resolves when what it leaves for sessions
   * that are away, and the retained message, are durable. Rejects with StoreError.
   */
  publish(
    topic: string,
    payload: string | Uint8Array,
    options?: { readonly qos?: Qos; readonly retain?: boolean },
  ): Promise<void>;
  /** Resolves when what was on its way is acknowledged, within some 2 s, and everything is closed. */
  close(): Promise<void>;
}

const filtersPerClient = 1_000;
/** QoS 2 publishes of one client whose PUBREL has not come. */
const openDeliveriesPerClient = 1_000;
const connectTimeoutMs = 10_000;
/** A socket that takes nothing for so long is given up; a TCP peer that is gone is found by probes. */
const drainTimeoutMs = 30_000;
const tcpProbeMs = 60_000;
const expiryCheckMs = 600_000;
const mebibyte = 1_024 * 1_024;
/** Packets that may follow CONNECT before its answer: all that one read of a socket brings. */
const packetsBeforeConnack = 32_768;
const keptLimits = {
  sessionBytes: 64 * mebibyte,
  queuedBytes: 256 * mebibyte,
  sessions: 50_000,
  retainedMessages: 100_000,
  retainedBytes: 64 * mebibyte,
};

/** Opens `mqtt.db`; throws StoreError. */
export async function createMqttBroker(options: MqttBrokerOptions): Promise<MqttBroker> {
  const thread = await openBrokerFile(options.dataDir, options.onCrash);
  try {
    const content = await readBrokerFile(thread);
    const disk = new GroupCommit({
      thread,
      clock: options.clock,
      onNotesFailed: (error) =>
        options.logger.warn({ error: reasonOf(error) }, 'could not save MQTT sessions; it is tried again'),
    });
    const closeFiles = async (): Promise<void> => {
      await disk.close();
      await thread.close();
    };
    const broker = new EmbeddedBroker(options, disk, content, closeFiles);
    await broker.start();
    return broker;
  } catch (error) {
    await thread.close();
    throw error;
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

class EmbeddedBroker implements MqttBroker {
  readonly #options: MqttBrokerOptions;
  readonly #persistence: SqliteBrokerPersistence;
  readonly #aedes: AedesBroker;
  readonly #acceptance: PublishAcceptance;
  readonly #server: Server;
  readonly #connections = new BrokerConnections();
  readonly #restoredWills: BrokerContent['wills'];
  readonly #closeFiles: () => Promise<void>;
  readonly #isOpen: boolean;
  #stopping = false;
  #cancelExpiry: (() => void) | null = null;
  #closed: Promise<void> | null = null;

  constructor(
    options: MqttBrokerOptions,
    disk: GroupCommit,
    content: BrokerContent,
    closeFiles: () => Promise<void>,
  ) {
    this.#options = options;
    this.#closeFiles = closeFiles;
    this.#restoredWills = content.wills;
    this.#isOpen = isLoopbackName(options.host);
    this.#persistence = new SqliteBrokerPersistence({
      disk,
      content,
      deliveries: options.stream,
      clock: options.clock,
      limits: { ...keptLimits, sessionMessages: options.config.session_messages },
      onDropped: (reason, events, topic) => options.facts.emit('events:dropped', { reason, events, topic }),
    });
    this.#aedes = this.#createAedes();
    this.#acceptance = new PublishAcceptance({
      intake: options.intake,
      persistence: this.#persistence,
      aedes: this.#aedes,
      clock: options.clock,
      onWillFailed: (clientId, error) =>
        options.logger.warn(
          { client_id: clientId, error: reasonOf(error) },
          'a will could not be kept; it is tried again',
        ),
    });
    this.#server = createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpProbeMs },
      (socket) => this.#accept(socket),
    );
  }

  #createAedes(): AedesBroker {
    const aedes = new AedesBroker(
      {
        id: randomUUID(),
        connectTimeout: connectTimeoutMs,
        drainTimeout: drainTimeoutMs,
        queueLimit: packetsBeforeConnack,
        maxInflightInbound: openDeliveriesPerClient,
        maxClientsIdLength: 65_535,
        preConnect: (client, packet, callback) => {
          const connection = this.#connections.of(client);
          connection?.connecting(packet);
          callback(null, connection !== undefined && !this.#stopping);
        },
        authenticate: (client, _username, _password, callback) => {
          const refusal = this.#isOpen
            ? this.#connections.of(client)?.refusal
            : { reason: 'not_authorized', returnCode: 5 };
          if (refusal === null || refusal === undefined) {
            this.#takesOver(client.id);
            callback(null, true);
            return;
          }
          this.#refused(client as BrokerClient, refusal.reason);
          callback(Object.assign(new Error(refusal.reason), { returnCode: refusal.returnCode }), false);
        },
        authorizePublish: (client, packet, callback) => {
          // Aedes passes a will as CONNECT had it, without `cmd`.
          if ((packet as { cmd?: string }).cmd === undefined)
            this.#acceptance.takeWill(client?.id ?? null, packet as unknown as BrokerWill, () =>
              callback(null),
            );
          else
            this.#acceptance.takePublish(
              client as BrokerClient,
              client === null ? undefined : this.#connections.of(client),
              packet as BrokerPacket,
              callback,
            );
        },
        authorizeSubscribe: (client, subscription, callback) => {
          const connection = this.#connections.of(client);
          const isFull = connection === undefined || connection.filters >= filtersPerClient;
          if (!isFull) connection.subscribed(subscription.topic, subscription.qos);
          // The persistence is given all filters of a packet, this one too, and must see that it is none.
          else Object.assign(subscription, { qos: refusedFilter });
          // Without a subscription the answer is 0x80, a failure for this filter only.
          callback(null, isFull ? null : subscription);
        },
        authorizeForward: (client, packet) =>
          this.#forward(client as BrokerClient, packet as BrokerPacket) as typeof packet | null,
      },
      this.#persistence,
    );
    this.#listenTo(aedes);
    return aedes;
  }

  #listenTo(aedes: AedesBroker): void {
    const { clock, facts, logger } = this.#options;
    aedes.on('client', (client) => {
      const connection = this.#connections.of(client);
      this.#persistence.opened(client);
      if (connection === undefined) return;
      connection.connectedAt = clock.nowMs();
      facts.emit('mqtt:client_connected', {
        clientId: client.id,
        remoteAddress: connection.remoteAddress,
      });
    });
    aedes.on('clientDisconnect', (client) => {
      this.#persistence.closed(client);
      const reason = this.#endOf(client as BrokerClient);
      facts.emit('mqtt:client_disconnected', { clientId: client.id, reason });
    });
    aedes.on('keepaliveTimeout', (client) => this.#ends(client, 'silent'));
    aedes.on('clientError', (client) => this.#ends(client, 'protocol_error'));
    aedes.on('connectionError', (client, error) => this.#refused(client as BrokerClient, refusalOf(error)));
    aedes.on('unsubscribe', (filters, client) => {
      const connection = this.#connections.of(client);
      for (const filter of filters) connection?.unsubscribed(filter);
    });
    // Without a listener it would end the process.
    (aedes as NodeJS.EventEmitter).on('error', (error: unknown) =>
      logger.warn({ error: reasonOf(error) }, 'the MQTT broker could not finish a publish'),
    );
  }

  async start(): Promise<void> {
    await this.#aedes.listen();
    this.#expireSessions();
  }

  async listen(): Promise<{ readonly port: number }> {
    const { config, host, logger } = this.#options;
    if (!this.#isOpen)
      logger.warn(
        { host, port: config.port },
        'MQTT clients are refused: clients without credentials are taken on loopback only, and this hub has no users',
      );
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(listenErrorOf(error, host, config.port)));
      this.#server.listen(
        {
          port: config.port,
          host: host === 'localhost' ? '127.0.0.1' : host.replace(/^\[(.*)\]$/, '$1'),
          backlog: 4_096,
        },
        () => resolve(),
      );
    });
    // What a socket could not be opened for (no file descriptors left) must not end the hub.
    this.#server.on('error', (error) =>
      logger.warn({ error: error.message }, 'the MQTT listener has failed'),
    );
    for (const { clientId, id, will } of this.#restoredWills)
      this.#acceptance.publishRestored(id, clientId, will);
    return { port: (this.#server.address() as AddressInfo).port };
  }

  connections(): readonly MqttConnection[] {
    return Array.from(this.#connections.entries())
      .filter(([connection, client]) => connection.connectedAt !== null && !client.closed)
      .map(([connection, client]) => ({
        clientId: client.id,
        remoteAddress: connection.remoteAddress,
        connectedAt: connection.connectedAt ?? 0,
        cleanSession: client.clean,
        keepAliveSeconds: connection.keepAliveSeconds,
        received: connection.received,
        subscriptions: connection.filters,
        unreadBytes: connection.socket.writableLength,
      }));
  }

  retained(
    filters: readonly string[],
  ): Iterable<{ readonly topic: string; readonly payload: Uint8Array | string }> {
    return this.#persistence.retained(filters);
  }

  publish(
    topic: string,
    payload: string | Uint8Array,
    { qos = 0, retain = false }: { readonly qos?: Qos; readonly retain?: boolean } = {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#aedes.publish({ topic, payload: Buffer.from(payload), qos, retain }, null, (error) => {
        if (error !== undefined) reject(error);
        else resolve();
      });
    });
  }

  // Connections ---------------------------------------------------------------------------------------------------

  #accept(socket: Socket): void {
    const { config, facts } = this.#options;
    if (this.#stopping || this.#connections.size >= config.max_connections) {
      socket.destroy();
      facts.emit('mqtt:client_refused', { clientId: null, reason: 'too_many_connections' });
      return;
    }
    const connection = new BrokerConnection(socket, config.max_packet);
    socket.once('close', () => this.#connections.remove(connection));
    const client = this.#aedes.handle(socket) as BrokerClient;
    this.#connections.add(client, connection);
    // Aedes delivers by the first of a client's filters that fits: one of QoS 0 must not hide a better one.
    const { deliver0, deliverQoS } = client;
    client.deliver0 = (packet, done) => {
      const isBetter = packet.qos > 0 && connection.grantedQos(packet.topic) > 0;
      (isBetter ? deliverQoS : deliver0)(packet, done);
    };
  }

  #takesOver(clientId: string): void {
    const present = this.#aedes.clients[clientId];
    if (present !== undefined) this.#ends(present, 'replaced');
  }

  #ends(client: object, reason: ConnectionEnd): void {
    const connection = this.#connections.of(client);
    if (connection !== undefined) connection.end ??= reason;
  }

  #endOf(client: BrokerClient): ConnectionEnd {
    const end = this.#connections.of(client)?.end ?? (this.#stopping ? 'hub_stopping' : 'closed_by_peer');
    return client._disconnected ? 'disconnected' : end;
  }

  #refused(client: BrokerClient, reason: string): void {
    const connection = this.#connections.of(client);
    const clientId = connection?.clientId ?? null;
    this.#options.facts.emit('mqtt:client_refused', { clientId, reason: connection?.end ?? reason });
  }

  // What goes to clients ------------------------------------------------------------------------------------------

  /** The packet as this client may have it now; null where not, and then it stays queued where its session lasts. */
  #forward(client: BrokerClient, packet: BrokerPacket): BrokerPacket | null {
    const connection = this.#connections.of(client);
    if (connection === undefined || !client.connackSent) return null;
    if (packet.messageId !== undefined) {
      // From the session's queue.
      packet.dup = this.#persistence.queuedFor(client.id, packet)?.repeated === true;
      return packet;
    }
    if (connection.socket.writableLength > unreadBytes) {
      connection.close('too_slow');
      return null;
    }
    if (packet.qos === 0) return packet;
    const granted = connection.grantedQos(packet.topic);
    const isQueued = granted > 0 && !client.clean && !packet.retain;
    if (isQueued) {
      const isNext =
        this.#persistence.isDrained(client) && this.#persistence.queuedFor(client.id, packet) !== undefined;
      if (!isNext) return null;
    }
    // Aedes sends no better than the subscription of this very topic.
    const exact = client.subscriptions[packet.topic];
    if (exact !== undefined && exact.qos < granted) exact.qos = granted;
    return granted < packet.qos ? { ...packet, qos: granted } : packet;
  }

  // Time and the end ----------------------------------------------------------------------------------------------

  #expireSessions(): void {
    const { clock, config, logger } = this.#options;
    this.#persistence
      .expire(clock.nowMs() - config.session_expiry)
      .catch((error: unknown) =>
        logger.warn({ error: reasonOf(error) }, 'could not forget expired MQTT sessions; it is tried again'),
      );
    this.#cancelExpiry = clock.after(expiryCheckMs, () => this.#expireSessions());
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stopping = true;
    this.#cancelExpiry?.();
    this.#acceptance.stop();
    const listening = this.#server.listening;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const [, client] of this.#connections.entries()) client.pause();
    await this.#acceptance.idle();
    // Acknowledgements leave with the end of the event loop's turn.
    await new Promise<void>((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
    // Their wills.
    await this.#acceptance.idle();
    for (const [connection] of this.#connections.entries()) connection.close('hub_stopping');
    if (listening) await closed;
    await this.#closeFiles();
  }
}

function refusalOf(error: Error): string {
  if (error.message === 'connect did not arrive in time') return 'connect_timeout';
  if (error.message === 'unacceptable protocol version') return 'protocol_version';
  return 'protocol_error';
}
