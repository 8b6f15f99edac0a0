/**
 * A decoder knows the topics and payloads of one kind of source. Topics repeat and payloads do not: a topic is read once
 * and gives a reader for everything that is published on it.
 */
import type { DecodedEvent } from '../event-intake.ts';
import type { SensorDescription } from '../../stream/durable-stream.ts';

export type Decoded =
  | { readonly kind: 'events'; readonly events: readonly DecodedEvent[] }
  | { readonly kind: 'descriptions'; readonly descriptions: readonly SensorDescription[] }
  /** The topic is known, and there is nothing in it to keep. */
  | { readonly kind: 'ignored' }
  /** `reason` is a sentence without its end. */
  | { readonly kind: 'undecodable'; readonly reason: string };

export interface TopicReader {
  /** Whose topic it is, where the topic tells. */
  readonly sensorId: string | null;
  /** What is measured, where the topic tells. */
  readonly type: string | null;
  /** Never throws, whatever the payload. An empty payload with `retain` clears what the broker kept. */
  decode(payload: Uint8Array, retain: boolean): Decoded;
}

export interface Decoder {
  readonly name: string;
  /**
   * Null where this is no topic of such a source. `base` is what its configured pattern has before the first wildcard,
   * with the slash: `sensors/`.
   */
  readerOf(topic: string, base: string): TopicReader | null;
}

export const ignored: Decoded = { kind: 'ignored' };
export const undecodable = (reason: string): Decoded => ({ kind: 'undecodable', reason });
export const oneEvent = (event: DecodedEvent): Decoded => ({ kind: 'events', events: [event] });

/** A topic of which nothing is kept. */
export const ignoringReader: TopicReader = { sensorId: null, type: null, decode: () => ignored };

/** An event of a source that tells readings and nothing else. */
export const plainEvent = (
  sensorId: string,
  readings: DecodedEvent['readings'],
  ts: DecodedEvent['ts'] = null,
): DecodedEvent => ({ sensorId, readings, ts, seq: null, bootId: null, eventId: null, critical: false });
