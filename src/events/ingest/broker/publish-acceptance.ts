/**
 * Takes what clients publish, and their wills: durable in the stream, then in the broker's own file what is retained or
 * waits for a session, then the answer that Aedes acknowledges by, in the order of arrival.
 */
import type { Clock } from '../../../clock.ts';
import { deliveryKey } from '../../stream/delivery-key.ts';
import type { EventIntake } from '../event-intake.ts';
import type { AedesBroker } from './aedes-broker.ts';
import type { BrokerClient, BrokerPacket, BrokerWill } from './aedes-internals.ts';
import type { BrokerConnection } from './broker-connection.ts';
import type { Turn } from './publish-order.ts';
import { isPublishTopic } from './publish-topic.ts';
import { SharedOutcomes } from './shared-outcomes.ts';
import type { SqliteBrokerPersistence } from './sqlite-broker-persistence.ts';

export interface PublishAcceptanceOptions {
  readonly intake: Pick<EventIntake, 'takePublish'>;
  readonly persistence: Pick<SqliteBrokerPersistence, 'isIncoming' | 'dropRestoredWill'>;
  readonly aedes: Pick<AedesBroker, 'storeAhead' | 'discard' | 'publish'>;
  readonly clock: Clock;
  readonly onWillFailed: (clientId: string | null, error: unknown) => void;
}

interface TakenPublish {
  readonly client: BrokerClient;
  readonly connection: BrokerConnection;
  readonly packet: BrokerPacket;
  readonly turn: Turn;
}

const finishMs = 2_000;
const willRetryMs = 1_000;

export class PublishAcceptance {
  readonly #options: PublishAcceptanceOptions;
  readonly #taken = new SharedOutcomes<TakenPublish>((publish, error) => this.#isTaken(publish, error));
  readonly #cancelRetries = new Set<() => void>();
  #inFlight = 0;
  #onIdle: (() => void) | null = null;
  #stopping = false;

  constructor(options: PublishAcceptanceOptions) {
    this.#options = options;
  }

  takePublish(
    client: BrokerClient,
    connection: BrokerConnection | undefined,
    packet: BrokerPacket,
    callback: (error: Error | null) => void,
  ): void {
    if (connection === undefined || !isPublishTopic(packet.topic)) {
      callback(new Error('this topic cannot be published to'));
      return;
    }
    connection.received += 1;
    this.#inFlight += 1;
    const turn = connection.publishes.enter((error) => {
      this.#finished();
      if (client.closed) this.#options.aedes.discard(packet);
      else callback(error);
    });
    const packetId = packet.messageId ?? 0;
    // Its event is in the stream since the first time.
    if (packet.qos === 2 && this.#options.persistence.isIncoming(client.id, packetId)) {
      turn.settle(null);
      return;
    }
    const { payload, qos, retain, topic } = packet;
    const taken = this.#options.intake.takePublish({
      topic,
      payload,
      qos,
      retain,
      deliveryKey: qos === 2 ? deliveryKey(client.id, packetId) : null,
      receivedAt: this.#options.clock.nowMs(),
    });
    this.#taken.add(taken, { client, connection, packet, turn });
  }

  /** Its event is durable, or will not be. What it leaves in the broker is written next, before it is acknowledged. */
  #isTaken({ client, connection, packet, turn }: TakenPublish, error: Error | null): void {
    const fail = (reason: unknown): void => {
      connection.end ??= 'not_durable';
      turn.settle(reason instanceof Error ? reason : new Error(String(reason)));
    };
    if (error !== null) {
      fail(error);
      return;
    }
    const stored = client.closed ? null : this.#options.aedes.storeAhead(packet);
    if (stored === null) turn.settle(null);
    else stored.then(() => turn.settle(null), fail);
  }

  #finished(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) this.#onIdle?.();
  }

  /**
   * A will has nobody left to send it again: it is tried until it is durable, and stays on disk until it is out.
   * `done` is never called where the hub stops first.
   */
  takeWill(clientId: string | null, will: BrokerWill, done: () => void): void {
    const { intake, clock } = this.#options;
    const { payload, qos, retain, topic } = will;
    const take = (): Promise<void> =>
      intake.takePublish({ topic, payload, qos, retain, deliveryKey: null, receivedAt: clock.nowMs() });
    const store = (): Promise<void> => this.#options.aedes.storeAhead(will) ?? Promise.resolve();
    this.#insist(clientId, take, () => this.#insist(clientId, store, done));
  }

  /** Tries one step of a will until it is done. */
  #insist(clientId: string | null, step: () => Promise<void>, done: () => void): void {
    const { clock, onWillFailed } = this.#options;
    this.#inFlight += 1;
    step()
      .then(done, (error: unknown) => {
        if (this.#stopping) return;
        onWillFailed(clientId, error);
        const cancel = clock.after(willRetryMs, () => {
          this.#cancelRetries.delete(cancel);
          this.#insist(clientId, step, done);
        });
        this.#cancelRetries.add(cancel);
      })
      .finally(() => this.#finished());
  }

  /** The connection that it was left for ended with the process before this one. */
  publishRestored(id: number, clientId: string, will: BrokerWill): void {
    this.takeWill(clientId, will, () =>
      this.#options.aedes.publish(will, null, () => this.#options.persistence.dropRestoredWill(id)),
    );
  }

  /** No will is tried again: what is left of them is on disk. */
  stop(): void {
    this.#stopping = true;
    for (const cancel of this.#cancelRetries) cancel();
  }

  /** Resolves when nothing is on its way, or after a while. */
  async idle(): Promise<void> {
    if (this.#inFlight === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(finishMs, resolve);
      this.#onIdle = () => {
        cancel();
        resolve();
      };
    });
    this.#onIdle = null;
  }
}
