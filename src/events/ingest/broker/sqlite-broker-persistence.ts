/**
 * What the broker keeps for its clients, over `mqtt.db`: persistent sessions with their subscriptions and waiting
 * messages, retained messages, wills. Answers come from memory; changes that an acknowledgement stands for are on disk
 * first. Sessions that end with their connection are never written.
 *
 * Held to Aedes' own suite for persistences. Not in here: the events themselves, which are in the durable stream before
 * anything of this is done.
 */
import { Readable } from 'node:stream';
import type { Clock } from '../../../clock.ts';
import { StoreError } from '../../../errors.ts';
import type { DurableStream } from '../../stream/durable-stream.ts';
import type {
  BrokerPacket,
  BrokerPersistence,
  BrokerSubscription,
  BrokerWill,
  MatchedSubscription,
  Qos,
} from './aedes-internals.ts';
import { type BrokerContent, brokerSql } from './broker-file.ts';
import type { GroupCommit } from './group-commit.ts';
import { IncomingDeliveries } from './incoming-deliveries.ts';
import { KeptWills } from './kept-wills.ts';
import { RetainedMessages } from './retained-messages.ts';
import { Session, sizeOf } from './session.ts';
import { TopicTree } from './topic-tree.ts';

export interface BrokerPersistenceLimits {
  /** Of one session. */
  readonly sessionMessages: number;
  readonly sessionBytes: number;
  /** Of all sessions. */
  readonly queuedBytes: number;
  readonly sessions: number;
  readonly retainedMessages: number;
  readonly retainedBytes: number;
}

export interface SqliteBrokerPersistenceOptions {
  readonly disk: Pick<GroupCommit, 'write' | 'note'>;
  readonly content: BrokerContent;
  readonly deliveries: Pick<DurableStream, 'forgetDelivery' | 'forgetDeliveriesOf'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly limits: BrokerPersistenceLimits;
  /** A bound was reached: the message is not kept for so many. */
  readonly onDropped: (reason: 'session_full' | 'retained_full', messages: number, topic: string) => void;
}

/** What a publish leaves behind in the broker, decided before it is written, and applied after. */
export interface PreparedPublish {
  readonly retained: BrokerPacket | null;
  readonly rows: readonly { readonly session: Session; readonly id: number; readonly qos: Qos }[];
  readonly payload: Buffer;
}

interface PacketId {
  readonly messageId?: number | undefined;
}

type PublishFields = Pick<BrokerPacket, 'topic' | 'payload' | 'qos' | 'retain'>;

/** Where a filter's QoS would be: it was refused (MQTT 3.1.1 §3.9.3). */
export const refusedFilter = 0x80;

/** Messages of an earlier process have its numbers under this name. */
const storedBrokerId = 'stored';

export class SqliteBrokerPersistence implements BrokerPersistence {
  readonly #options: SqliteBrokerPersistenceOptions;
  readonly #sessions = new Map<string, Session>();
  /** Of persistent sessions, QoS 1 and 2 only. */
  readonly #tree = new TopicTree<string, MatchedSubscription>();
  readonly #retained: RetainedMessages;
  readonly #wills: KeptWills;
  readonly #incoming: IncomingDeliveries;
  /** On their way to disk, by the list that Aedes gave. */
  readonly #subscribing = new Map<
    readonly BrokerSubscription[],
    { readonly clientId: string; readonly written: Promise<void> }
  >();
  readonly #connected = new WeakSet<object>();
  readonly #drained = new WeakSet<object>();
  #queuedBytes = 0;
  #nextRow = 1;
  #broker: { readonly id: string } | null = null;

  constructor(options: SqliteBrokerPersistenceOptions) {
    this.#options = options;
    const { limits } = options;
    this.#wills = new KeptWills(options.disk);
    this.#incoming = new IncomingDeliveries(options);
    this.#retained = new RetainedMessages({ messages: limits.retainedMessages, bytes: limits.retainedBytes });
    this.#load(options.content);
  }

  #load(content: BrokerContent): void {
    const { clock, disk } = this.#options;
    for (const { clientId, awaySince } of content.sessions) {
      const session = this.#session(clientId);
      session.awaySince = awaySince ?? clock.nowMs();
      // Its client was connected when the process ended.
      if (awaySince === null) disk.note(brokerSql.leaveSession(clientId, session.awaySince));
    }
    for (const { clientId, subscription } of content.subscriptions)
      this.#subscribe(this.#session(clientId), subscription);
    for (const { clientId, packetId } of content.incoming) this.#incoming.restore(clientId, packetId);
    for (const { topic, payload, qos } of content.retained)
      this.#retained.set({ cmd: 'publish', topic, payload, qos, retain: true, dup: false });
    for (const row of content.queued) {
      const { id, packetId, released } = row;
      const packet: BrokerPacket = {
        cmd: released ? 'pubrel' : 'publish',
        topic: row.topic,
        payload: row.payload,
        qos: row.qos,
        retain: row.retain,
        dup: false,
        brokerId: storedBrokerId,
        brokerCounter: id,
        messageId: packetId ?? undefined,
      };
      this.#enqueue(this.#session(row.clientId), id, packet);
      this.#nextRow = Math.max(this.#nextRow, id + 1);
    }
    // A session whose own row could not be written is one that is away, too.
    for (const session of this.#sessions.values()) session.awaySince ??= clock.nowMs();
    for (const { id } of content.wills) this.#nextRow = Math.max(this.#nextRow, id + 1);
  }

  // What a publish leaves behind ----------------------------------------------------------------------------------

  /** Null where it leaves nothing, which is the ordinary case. */
  prepare(packet: PublishFields): PreparedPublish | null {
    const matches = packet.qos === 0 ? [] : this.#tree.match(packet.topic);
    if (matches.length === 0 && !packet.retain) return null;
    // A copy: the packet's payload is a window of all that its client sent at once.
    const payload = Buffer.from(packet.payload);
    const rows = this.#rowsFor(packet, matches, payload);
    return { retained: this.#retainedOf(packet, payload), rows, payload };
  }

  #rowsFor(
    packet: PublishFields,
    matches: readonly MatchedSubscription[],
    payload: Buffer,
  ): PreparedPublish['rows'] {
    const { limits, onDropped } = this.#options;
    // One copy for a client, however many of its filters fit, at the highest QoS of them [MQTT-3.3.5-1].
    const levels = new Map<string, Qos>();
    for (const { clientId, qos } of matches)
      levels.set(clientId, Math.max(levels.get(clientId) ?? 0, Math.min(qos, packet.qos)) as Qos);
    const rows: { session: Session; id: number; qos: Qos }[] = [];
    let dropped = 0;
    for (const [clientId, qos] of levels) {
      const session = this.#sessions.get(clientId);
      if (session === undefined) continue;
      const full =
        session.messages >= limits.sessionMessages ||
        session.bytes + payload.length > limits.sessionBytes ||
        this.#queuedBytes + payload.length > limits.queuedBytes;
      if (full) dropped += 1;
      else rows.push({ session, id: this.#nextRow++, qos });
    }
    if (dropped > 0) onDropped('session_full', dropped, packet.topic);
    return rows;
  }

  #retainedOf(packet: PublishFields, payload: Buffer): BrokerPacket | null {
    if (!packet.retain) return null;
    const { qos, topic } = packet;
    const retained: BrokerPacket = { cmd: 'publish', topic, payload, qos, retain: true, dup: false };
    if (payload.length === 0 || this.#retained.hasRoomFor(retained)) return retained;
    this.#options.onDropped('retained_full', 1, topic);
    return null;
  }

  /** Resolves when it is durable. */
  store({ payload, retained, rows }: PreparedPublish, topic: string): Promise<void> {
    const statements = rows.map(({ id, qos, session }) =>
      brokerSql.queue({ id, clientId: session.clientId, topic, payload, qos, retain: false }),
    );
    if (retained !== null)
      statements.push(payload.length === 0 ? brokerSql.unretain(topic) : brokerSql.retain(retained));
    return statements.length === 0 ? Promise.resolve() : this.#options.disk.write(statements);
  }

  /** From now on clients see it. */
  apply({ retained, rows }: PreparedPublish, packet: BrokerPacket): void {
    if (retained !== null) this.#retained.set(retained);
    for (const { id, qos, session } of rows) {
      if (this.#sessions.get(session.clientId) !== session) continue;
      this.#enqueue(session, id, { ...packet, qos, retain: false, dup: false, messageId: undefined });
    }
  }

  /** It was written, and nobody is to see it: its sender has gone, and will send it again. */
  discard({ rows }: PreparedPublish): void {
    for (const { id } of rows) this.#options.disk.note(brokerSql.unqueue(id));
  }

  #enqueue(session: Session, id: number, packet: BrokerPacket): void {
    session.add(id, packet);
    this.#queuedBytes += sizeOf(packet);
  }

  async storeRetained(packet: BrokerPacket): Promise<void> {
    const payload = Buffer.from(packet.payload);
    const retained = { ...packet, payload };
    await this.store({ retained, rows: [], payload }, packet.topic);
    this.#retained.set(retained);
  }

  createRetainedStreamCombi(patterns: readonly string[]): Readable {
    return Readable.from(this.retained(patterns));
  }

  /** Retained messages of the topics that any of these filters reaches. */
  retained(filters: readonly string[]): Iterable<BrokerPacket> {
    return this.#retained.matching(filters);
  }

  createRetainedStream(pattern: string): Readable {
    return this.createRetainedStreamCombi([pattern]);
  }

  async outgoingEnqueue(subscription: { clientId: string; qos?: Qos }, packet: BrokerPacket): Promise<void> {
    await this.outgoingEnqueueCombi([subscription], packet);
  }

  async outgoingEnqueueCombi(
    subscriptions: readonly { clientId: string; qos?: Qos }[],
    packet: BrokerPacket,
  ): Promise<void> {
    const rows = subscriptions.map(({ clientId }) => ({
      session: this.#session(clientId),
      id: this.#nextRow++,
      qos: packet.qos,
    }));
    const prepared = { retained: null, rows, payload: Buffer.from(packet.payload) };
    await this.store(prepared, packet.topic);
    const { brokerCounter, brokerId, cmd, payload, topic } = packet;
    this.apply(prepared, {
      ...{ cmd, brokerId, brokerCounter, topic, payload },
      ...{ qos: packet.qos, retain: packet.retain, dup: packet.dup },
    });
  }

  // Sessions ------------------------------------------------------------------------------------------------------

  /** Its client is connected. */
  opened(client: { readonly id: string; readonly clean: boolean }): void {
    this.#connected.add(client);
    const session = this.#sessions.get(client.id);
    if (client.clean || session === undefined) return;
    session.awaySince = null;
    this.#options.disk.note(brokerSql.leaveSession(client.id, null));
  }

  /** Its client has gone. */
  closed(client: { readonly id: string; readonly clean: boolean }): void {
    const session = this.#sessions.get(client.id);
    if (client.clean || session === undefined) return;
    session.awaySince = this.#options.clock.nowMs();
    this.#options.disk.note(brokerSql.leaveSession(client.id, session.awaySince));
  }

  /** Forgets sessions whose clients have been away since before. Returns how many. */
  async expire(awayBeforeMs: number): Promise<number> {
    const expired = [...this.#sessions.values()].filter(
      ({ awaySince }) => awaySince !== null && awaySince < awayBeforeMs,
    );
    for (const { clientId } of expired) {
      await this.cleanSubscriptions({ id: clientId });
      await this.cleanIncoming({ id: clientId });
    }
    return expired.length;
  }

  /** New messages may go to this connection directly: nothing older waits for it. */
  isDrained(client: object): boolean {
    return this.#drained.has(client);
  }

  /** The message as it waits for this client; undefined where it does not. */
  queuedFor(clientId: string, packet: BrokerPacket): { readonly repeated: boolean } | undefined {
    return this.#sessions.get(clientId)?.get(packet);
  }

  #session(clientId: string): Session {
    const known = this.#sessions.get(clientId);
    if (known !== undefined) return known;
    const session = new Session(clientId);
    this.#sessions.set(clientId, session);
    return session;
  }

  /** A new one is written with what it is made for. */
  #sessionToWrite(clientId: string): {
    session: Session;
    statements: ReturnType<typeof brokerSql.openSession>[];
  } {
    const known = this.#sessions.get(clientId);
    if (known !== undefined) return { session: known, statements: [] };
    const { limits } = this.#options;
    if (this.#sessions.size >= limits.sessions)
      throw new StoreError(
        'store_full',
        `The broker keeps ${limits.sessions} sessions already; connect with a clean session, or let old ones expire (mqtt.session_expiry)`,
      );
    return { session: this.#session(clientId), statements: [brokerSql.openSession(clientId)] };
  }

  /** Aedes asks once for each filter of a packet, with all of them: they are written once. */
  async addSubscriptions(
    client: { id: string },
    subscriptions: readonly BrokerSubscription[],
  ): Promise<void> {
    const under = this.#subscribing.get(subscriptions);
    if (under?.clientId === client.id) return under.written;
    const written = this.#addSubscriptions(client.id, subscriptions).finally(() =>
      this.#subscribing.delete(subscriptions),
    );
    this.#subscribing.set(subscriptions, { clientId: client.id, written });
    return written;
  }

  async #addSubscriptions(clientId: string, asked: readonly BrokerSubscription[]): Promise<void> {
    // By then Aedes has asked for leave for each of them.
    await Promise.resolve();
    const subscriptions = asked.filter(({ qos }) => (qos as number) !== refusedFilter);
    const { session, statements } = this.#sessionToWrite(clientId);
    const isKnown = subscriptions.every(({ qos, topic }) => session.subscriptions.get(topic)?.qos === qos);
    if (!isKnown)
      await this.#options.disk.write([
        ...statements,
        ...subscriptions.map(({ qos, topic }) => brokerSql.subscribe(clientId, topic, qos)),
      ]);
    for (const subscription of subscriptions) this.#subscribe(session, subscription);
  }

  #subscribe(
    session: Session,
    { nl, qos, rap, rh, subscriptionIdentifier, topic }: BrokerSubscription,
  ): void {
    const subscription = { topic, qos, rh, rap, nl };
    session.subscriptions.set(
      topic,
      subscriptionIdentifier === undefined ? subscription : { ...subscription, subscriptionIdentifier },
    );
    if (qos > 0) this.#tree.set(topic, session.clientId, { clientId: session.clientId, ...subscription });
    else this.#tree.delete(topic, session.clientId);
  }

  async removeSubscriptions(client: { id: string }, filters: readonly string[]): Promise<void> {
    const session = this.#sessions.get(client.id);
    const known = filters.filter((filter) => session?.subscriptions.has(filter) === true);
    if (session === undefined || known.length === 0) return;
    await this.#options.disk.write(known.map((filter) => brokerSql.unsubscribe(client.id, filter)));
    for (const filter of known) {
      session.subscriptions.delete(filter);
      this.#tree.delete(filter, client.id);
    }
  }

  async subscriptionsByClient(client: { id: string }): Promise<BrokerSubscription[]> {
    return Promise.resolve(
      [...(this.#sessions.get(client.id)?.subscriptions.values() ?? [])].map((each) => ({ ...each })),
    );
  }

  async subscriptionsByTopic(topic: string): Promise<readonly MatchedSubscription[]> {
    return Promise.resolve(this.#tree.match(topic).map((each) => ({ ...each })));
  }

  /** A clean session begins, or the old one has expired: nothing of it is left [MQTT-3.1.2-6]. */
  async cleanSubscriptions(client: { id: string }): Promise<void> {
    const session = this.#sessions.get(client.id);
    if (session === undefined) return;
    await this.#options.disk.write(brokerSql.dropSession(client.id));
    for (const filter of session.subscriptions.keys()) this.#tree.delete(filter, client.id);
    this.#queuedBytes -= session.bytes;
    this.#sessions.delete(client.id);
  }

  async countOffline(): Promise<{ subsCount: number; clientsCount: number }> {
    const clientsCount = [...this.#sessions.values()].filter(
      ({ subscriptions }) => subscriptions.size > 0,
    ).length;
    return Promise.resolve({ subsCount: this.#tree.size, clientsCount });
  }

  getClientList(filter: string): Readable {
    const clients = [...this.#sessions.values()].filter(({ subscriptions }) => subscriptions.has(filter));
    return Readable.from(clients.map(({ clientId }) => clientId));
  }

  // Messages on their way to clients ------------------------------------------------------------------------------

  async outgoingUpdate(client: { id: string }, packet: BrokerPacket): Promise<void> {
    const session = this.#sessions.get(client.id);
    const message = session?.find(packet);
    if (session === undefined || message === undefined) throw new Error('no such packet');
    const before = sizeOf(message.packet);
    session.sending(message, packet);
    this.#queuedBytes += sizeOf(message.packet) - before;
    const packetId = packet.messageId ?? 0;
    // With QoS 2 the client recognises a repetition by its packet identifier, so that must survive.
    if (packet.cmd === 'pubrel') await this.#options.disk.write([brokerSql.release(message.id, packetId)]);
    else if (message.packet.qos === 2)
      await this.#options.disk.write([brokerSql.begin(message.id, packetId)]);
    session.sent(message);
  }

  async outgoingClearMessageId(
    client: { id: string },
    { messageId }: { messageId?: number | undefined },
  ): Promise<BrokerPacket | undefined> {
    if (messageId === undefined) return Promise.resolve(undefined);
    const message = this.#sessions.get(client.id)?.acknowledged(messageId);
    if (message === undefined) return Promise.resolve(undefined);
    this.#queuedBytes -= sizeOf(message.packet);
    this.#options.disk.note(brokerSql.unqueue(message.id));
    return Promise.resolve(message.packet);
  }

  outgoingStream(client: { id: string }): Readable {
    const session = this.#sessions.get(client.id);
    if (!this.#connected.has(client)) return Readable.from(session?.waiting() ?? []);
    return Readable.from(this.#drain(client, session));
  }

  async *#drain(client: object, session: Session | undefined): AsyncGenerator<BrokerPacket, void, undefined> {
    if (session !== undefined) yield* session.drain();
    this.#drained.add(client);
  }

  // QoS 2 deliveries of clients -----------------------------------------------------------------------------------

  isIncoming(clientId: string, packetId: number): boolean {
    return this.#incoming.get(clientId, packetId) !== undefined;
  }

  async incomingStorePacket(client: { id: string; clean?: boolean }, packet: BrokerPacket): Promise<void> {
    if (client.clean === true) this.#incoming.hold(client.id, packet.messageId ?? 0);
    else await this.#incoming.store(client.id, packet, this.#sessionToWrite(client.id).statements);
  }

  async incomingGetPacket(client: { id: string }, { messageId = 0 }: PacketId): Promise<BrokerPacket> {
    const packet = this.#incoming.get(client.id, messageId);
    return packet === undefined ? Promise.reject(new Error('no such packet')) : Promise.resolve(packet);
  }

  async incomingDelPacket(client: { id: string }, { messageId = 0 }: PacketId): Promise<void> {
    if (!(await this.#incoming.release(client.id, messageId))) throw new Error('no such packet');
  }

  async cleanIncoming(client: { id: string }): Promise<void> {
    await this.#incoming.forgetAll(client.id);
  }

  // Wills ---------------------------------------------------------------------------------------------------------

  async putWill(client: { id: string }, will: BrokerWill): Promise<void> {
    will.clientId = client.id;
    will.brokerId = this.#broker?.id ?? '';
    await this.#wills.put(this.#nextRow++, client, will);
  }

  async getWill(client: { id: string }): Promise<BrokerWill | undefined> {
    return Promise.resolve(this.#wills.get(client.id));
  }

  async delWill(client: { id: string }): Promise<BrokerWill | undefined> {
    return Promise.resolve(this.#wills.delete(client));
  }

  /** A will of an earlier process is out: `BrokerContent` had it. */
  dropRestoredWill(id: number): void {
    this.#options.disk.note(brokerSql.dropWill(id));
  }

  streamWill(brokers: Readonly<Record<string, unknown>> = {}): Readable {
    return Readable.from(this.#wills.all().filter(({ brokerId }) => !Object.hasOwn(brokers, brokerId ?? '')));
  }

  // ---------------------------------------------------------------------------------------------------------------

  get broker(): { readonly id: string } | null {
    return this.#broker;
  }

  async setup(broker: { readonly id: string }): Promise<void> {
    this.#broker = broker;
    await Promise.resolve();
  }

  async destroy(): Promise<void> {
    await Promise.resolve();
  }
}
