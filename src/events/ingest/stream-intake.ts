/**
 * `EventIntake` over the stream. What arrives in one turn of the event loop is gathered and appended together: everybody
 * in it waits for one promise, and facts are told once. The stream gathers across turns while it writes.
 *
 * Not in here: what may be acknowledged when. Whoever called waits, and acknowledges or not.
 */
import type { Clock } from '../../clock.ts';
import { EventError, StreamError } from '../../errors.ts';
import type { FactEmitter } from '../../facts.ts';
import { asSensorId, parseSensorId, type SensorId } from '../../protocol/ids.ts';
import {
  type IngestProtocol,
  ingestProtocols,
  type Lane,
  type SensorEvent,
} from '../../protocol/sensor-event.ts';
import {
  type DurableStream,
  type NewStreamEntry,
  type ShardCounts,
  shardOf,
  type StreamEntry,
} from '../stream/durable-stream.ts';
import { acceptEvent, type AcceptanceRules, type EventOrigin } from './accept-event.ts';
import { type Decoded, type TopicReader, undecodable } from './decoders/decoder.ts';
import type { Arrival, DecodedEvent, EventIntake, Publish, TakenEvent } from './event-intake.ts';
import { FieldProblem } from './field-problem.ts';
import type { PublishDecoders } from './publish-decoders.ts';

export interface StreamIntakeOptions {
  readonly stream: Pick<DurableStream, 'append'>;
  readonly decoders: Pick<PublishDecoders, 'readerOf'>;
  readonly shards: ShardCounts;
  readonly acceptance: AcceptanceRules;
  readonly facts: FactEmitter;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** Of an undecodable payload that is kept, bytes. */
const maxKeptPayload = 64 * 1_024;
/** Of a topic in a fact, characters. */
const maxShownTopic = 256;
const nothingToKeep = Promise.resolve();
const qosKinds = [null, 0, 1, 2] as const;

export class StreamIntake implements EventIntake {
  readonly #options: StreamIntakeOptions;
  #turn: Turn | null = null;

  constructor(options: StreamIntakeOptions) {
    this.#options = options;
  }

  async take(
    events: readonly DecodedEvent[],
    { protocol, receivedAt }: Arrival,
  ): Promise<readonly TakenEvent[]> {
    const origin: EventOrigin = { protocol, receivedAt, qos: null, topic: null };
    const { acceptance } = this.#options;
    const accepted: SensorEvent[] = [];
    for (const [index, decoded] of events.entries()) {
      const event = acceptEvent(decoded, origin, acceptance);
      if (event instanceof FieldProblem)
        throw new EventError('event_invalid', placed(event, index, events.length));
      accepted.push(event);
    }
    if (accepted.length === 0) return [];
    const turn = this.#currentTurn();
    for (const event of accepted)
      this.#add(turn, event.lane, event.sensorId, { kind: 'event', event }, origin, null);
    await turn.durable.promise;
    return accepted.map(({ eventId, sensorId }) => ({ eventId, sensorId }));
  }

  takePublish(publish: Publish): Promise<void> {
    const reader = this.#options.decoders.readerOf(publish.topic);
    if (reader === null) {
      this.#currentTurn().addUnknownTopic(publish.topic);
      return nothingToKeep;
    }
    const decoded = decodeSafely(reader, publish);
    if (decoded.kind === 'ignored') return nothingToKeep;
    const turn = this.#currentTurn();
    this.#addDecoded(turn, decoded, reader, publish);
    // Nobody acknowledges QoS 0: where it cannot be kept, that is counted and the connection goes on.
    return publish.qos === 0 ? turn.settled() : turn.durable.promise;
  }

  #addDecoded(
    turn: Turn,
    decoded: Exclude<Decoded, { kind: 'ignored' }>,
    reader: TopicReader,
    publish: Publish,
  ): void {
    const { deliveryKey, qos, receivedAt, topic } = publish;
    const origin: EventOrigin = { protocol: 'mqtt', receivedAt, qos, topic };
    switch (decoded.kind) {
      case 'events': {
        const accepted: SensorEvent[] = [];
        for (const event of decoded.events) {
          const result = acceptEvent(event, origin, this.#options.acceptance);
          if (result instanceof FieldProblem) {
            this.#addUndecodable(turn, result.toString(), reader, publish, origin);
            return;
          }
          accepted.push(result);
        }
        for (const event of accepted)
          this.#add(turn, event.lane, event.sensorId, { kind: 'event', event }, origin, deliveryKey);
        return;
      }
      case 'descriptions':
        for (const description of decoded.descriptions) {
          const entry = { kind: 'description', description } as const;
          turn.add(this.#entry('bulk', description.sensorId, entry, deliveryKey));
        }
        return;
      case 'undecodable':
        this.#addUndecodable(turn, decoded.reason, reader, publish, origin);
    }
  }

  #addUndecodable(
    turn: Turn,
    reason: string,
    reader: TopicReader,
    { deliveryKey, payload, topic }: Publish,
    origin: EventOrigin,
  ): void {
    const sensorId = reader.sensorId === null ? null : parseSensorId(reader.sensorId);
    const entry = {
      kind: 'undecodable',
      undecodable: {
        sensorId,
        topic,
        // A copy: the packet's memory is the connection's.
        payload: new Uint8Array(payload.subarray(0, maxKeptPayload)),
        reason,
        receivedAt: origin.receivedAt,
        protocol: origin.protocol,
      },
    } as const;
    this.#add(turn, 'bulk', sensorId ?? asSensorId(topic), entry, origin, deliveryKey);
  }

  #add(
    turn: Turn,
    lane: Lane,
    sensorId: SensorId,
    entry: StreamEntry,
    origin: EventOrigin,
    deliveryKey: string | null,
  ): void {
    turn.add(this.#entry(lane, sensorId, entry, deliveryKey));
    turn.count(lane, origin);
  }

  #entry(lane: Lane, subject: string, entry: StreamEntry, deliveryKey: string | null): NewStreamEntry {
    const shard = shardOf(lane, subject, this.#options.shards);
    return deliveryKey === null ? { shard, entry } : { shard, entry, deliveryKey };
  }

  #currentTurn(): Turn {
    if (this.#turn === null) {
      const turn = new Turn();
      this.#turn = turn;
      setImmediate(() => {
        this.#turn = null;
        void this.#append(turn);
      });
    }
    return this.#turn;
  }

  async #append(turn: Turn): Promise<void> {
    const { clock, facts, stream } = this.#options;
    turn.tellReceived(facts);
    if (turn.entries.length === 0) return;
    try {
      await stream.append(turn.entries);
    } catch (error) {
      turn.tellDropped(facts);
      turn.durable.reject(
        error instanceof StreamError
          ? error
          : new StreamError('stream_unavailable', 'the stream failed at an append; the log has the cause', {
              cause: error,
            }),
      );
      return;
    }
    turn.tellDurable(facts, clock.nowMs());
    turn.durable.resolve(undefined);
  }
}

/** A decoder that throws has a bug; its payload is kept as a dead letter, and its connection lives on. */
function decodeSafely(reader: TopicReader, { payload, retain }: Publish): Decoded {
  try {
    return reader.decode(payload, retain);
  } catch (error) {
    return undecodable(`the decoder failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What arrived in one turn of the event loop. */
class Turn {
  readonly entries: NewStreamEntry[] = [];
  readonly durable = Promise.withResolvers<undefined>();
  /** Arrivals, Unix ms. */
  readonly #arrivals: Readonly<Record<Lane, number[]>> = { critical: [], bulk: [] };
  /** Events by lane, protocol and QoS. */
  readonly #counts = new Uint32Array(2 * ingestProtocols.length * qosKinds.length);
  #unknownTopics = 0;
  #unknownTopic: string | null = null;
  #qos0 = 0;
  #settled: Promise<void> | null = null;

  constructor() {
    // Those who wait hear of a failure; with nobody waiting it is nobody's.
    this.durable.promise.catch(() => undefined);
  }

  add(entry: NewStreamEntry): void {
    this.entries.push(entry);
  }

  count(lane: Lane, { protocol, qos, receivedAt }: EventOrigin): void {
    this.#arrivals[lane].push(receivedAt);
    const kind = countIndex(lane, protocol, qos);
    this.#counts[kind] = (this.#counts[kind] ?? 0) + 1;
    if (qos === 0) this.#qos0 += 1;
  }

  addUnknownTopic(topic: string): void {
    this.#unknownTopics += 1;
    this.#unknownTopic = topic.slice(0, maxShownTopic);
  }

  /** Like `durable`, and never rejects. */
  settled(): Promise<void> {
    this.#settled ??= this.durable.promise.then(
      () => undefined,
      () => undefined,
    );
    return this.#settled;
  }

  tellReceived(facts: FactEmitter): void {
    if (this.#unknownTopics > 0) {
      const topic = this.#unknownTopic;
      facts.emit('events:dropped', { reason: 'unknown_topic', events: this.#unknownTopics, topic });
    }
    for (const lane of ['critical', 'bulk'] as const) {
      if (this.#arrivals[lane].length === 0) continue;
      for (const protocol of ingestProtocols) {
        for (const qos of qosKinds) {
          const events = this.#counts[countIndex(lane, protocol, qos)] ?? 0;
          if (events > 0) facts.emit('events:received', { lane, protocol, qos, events });
        }
      }
    }
  }

  tellDurable(facts: FactEmitter, nowMs: number): void {
    for (const lane of ['critical', 'bulk'] as const) {
      const arrivals = this.#arrivals[lane];
      if (arrivals.length === 0) continue;
      facts.emit('events:durable', {
        lane,
        durationsMs: arrivals.map((arrivedAt) => Math.max(0, nowMs - arrivedAt)),
      });
    }
  }

  tellDropped(facts: FactEmitter): void {
    if (this.#qos0 > 0)
      facts.emit('events:dropped', { reason: 'qos0_not_durable', events: this.#qos0, topic: null });
  }
}

function countIndex(lane: Lane, protocol: IngestProtocol, qos: EventOrigin['qos']): number {
  const ofProtocol = ingestProtocols.indexOf(protocol) * qosKinds.length + (qos === null ? 0 : qos + 1);
  return lane === 'critical' ? ofProtocol : ofProtocol + ingestProtocols.length * qosKinds.length;
}

/** Counted from one, as people and line numbers do. */
function placed(problem: FieldProblem, index: number, count: number): string {
  return count === 1 ? String(problem) : `event ${index + 1} of ${count}, ${String(problem)}`;
}
