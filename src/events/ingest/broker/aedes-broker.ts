/**
 * Aedes with what a publish does inside the broker of our own: durable before it is acknowledged, and never held up by a
 * client that reads slowly. Sessions, handshakes and the protocol stay Aedes'.
 */
import { Aedes, type AedesOptions } from 'aedes';
import type { BrokerClient, BrokerPacket, BrokerWill, Qos } from './aedes-internals.ts';
import type { PreparedPublish, SqliteBrokerPersistence } from './sqlite-broker-persistence.ts';
import { topicLevels } from './publish-topic.ts';
import { TopicEmitter } from './topic-emitter.ts';

type Done = (error?: Error) => void;

/** What Aedes, its clients, or the hub publish. */
export interface OutgoingPublish {
  readonly topic: string;
  readonly payload: string | Buffer;
  readonly qos?: Qos;
  readonly retain?: boolean;
}

const nothing: Done = () => undefined;

export class AedesBroker extends Aedes {
  readonly #persistence: SqliteBrokerPersistence;
  readonly #emitter: TopicEmitter;
  /** Publishes whose traces in the broker are on disk already. */
  readonly #stored = new WeakMap<object, PreparedPublish>();
  /** Of packets; Aedes counts with it too. */
  declare counter: number;
  /** Connected clients by their names, without a prototype. */
  declare readonly clients: Readonly<Record<string, BrokerClient>>;

  constructor(options: AedesOptions, persistence: SqliteBrokerPersistence) {
    const emitter = new TopicEmitter();
    super({ ...options, persistence, mq: emitter, maxTopicLevels: topicLevels });
    this.#persistence = persistence;
    this.#emitter = emitter;
  }

  /**
   * Writes what a publish leaves behind (a retained message, messages of sessions), ahead of its acknowledgement; null
   * where there is nothing. `publish` of the same packet then shows it, or `discard` takes it back.
   */
  storeAhead(packet: BrokerPacket | BrokerWill): Promise<void> | null {
    const prepared = this.#persistence.prepare(packet);
    if (prepared === null) return null;
    return this.#persistence
      .store(prepared, packet.topic)
      .then(() => void this.#stored.set(packet, prepared));
  }

  discard(packet: BrokerPacket): void {
    const prepared = this.#stored.get(packet);
    if (prepared !== undefined) this.#persistence.discard(prepared);
  }

  override publish(packet: OutgoingPublish, client?: unknown, done: Done = nothing): void {
    if (typeof client === 'function') {
      this.publish(packet, null, client as Done);
      return;
    }
    const from = (client as BrokerClient | null | undefined)?.id;
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    const whole = { topic: packet.topic, payload, qos: packet.qos ?? 0, retain: packet.retain ?? false };
    const stored = this.#stored.get(packet);
    const prepared = stored ?? this.#persistence.prepare(whole);
    if (prepared === null || stored !== undefined) {
      this.#show(whole, prepared, from);
      done();
      return;
    }
    this.#persistence.store(prepared, packet.topic).then(
      () => {
        this.#show(whole, prepared, from);
        done();
      },
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
    );
  }

  #show(
    packet: Pick<BrokerPacket, 'topic' | 'payload' | 'qos' | 'retain'>,
    prepared: PreparedPublish | null,
    clientId: string | undefined,
  ): void {
    if (prepared === null && !this.#emitter.reaches(packet.topic)) return;
    this.counter += 1;
    const shown: BrokerPacket = {
      cmd: 'publish',
      brokerId: this.id,
      brokerCounter: this.counter,
      topic: packet.topic,
      // The packet that came is a window of all that its client sent at once; what waits must not hold that.
      payload: prepared?.payload ?? packet.payload,
      qos: packet.qos,
      retain: packet.retain,
      dup: false,
      messageId: undefined,
    };
    if (clientId !== undefined) shown.clientId = clientId;
    if (prepared !== null) this.#persistence.apply(prepared, shown);
    this.#emitter.emit(shown);
  }

  /** Called by Aedes once a client may have its name. */
  registerClient(client: BrokerClient): void {
    // It left while its will or its subscriptions were read and written: Aedes would keep it for ever.
    if (client.closed) {
      void this.#persistence.delWill(client);
      return;
    }
    inherited.registerClient.call(this, client);
  }
}

/** Not in Aedes' types. */
const inherited = Aedes.prototype as unknown as {
  registerClient(this: Aedes, client: BrokerClient): void;
};
