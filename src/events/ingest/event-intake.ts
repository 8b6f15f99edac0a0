/**
 * Port between the edges that receive (the broker, HTTP, gRPC) and the stream: what it resolved for is durable and may be
 * acknowledged.
 */
import type { IngestProtocol, ReadingValue } from '../../protocol/sensor-event.ts';

/** What a decoder makes of a payload: checked for its shape, not yet accepted. */
export interface DecodedEvent {
  readonly sensorId: string;
  readonly readings: readonly {
    readonly type: string;
    readonly value: ReadingValue;
    readonly unit: string | null;
  }[];
  /** ISO 8601, Unix seconds or milliseconds; null: the time of arrival. */
  readonly ts: number | string | null;
  readonly seq: number | null;
  readonly bootId: string | null;
  readonly eventId: string | null;
  /** The payload itself asks for the critical lane. */
  readonly critical: boolean;
}

export interface Arrival {
  readonly protocol: IngestProtocol;
  /** Unix ms. */
  readonly receivedAt: number;
}

export interface Publish {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  /** The publisher asks the broker to keep it; with an empty payload, to forget what it kept. No event is older for it. */
  readonly retain: boolean;
  /** Set for QoS 2: `client id + packet id`. */
  readonly deliveryKey: string | null;
  readonly receivedAt: number;
}

export interface TakenEvent {
  readonly eventId: string;
  readonly sensorId: string;
}

export interface EventIntake {
  /**
   * Resolves when every event is durable. Throws EventError `event_invalid` before anything is appended (the sentence names
   * the first that is wrong by its place), StreamError where they could not be made durable.
   */
  take(events: readonly DecodedEvent[], arrival: Arrival): Promise<readonly TakenEvent[]>;
  /**
   * One MQTT publish. Resolves when it is durable, or where there is nothing to keep: an unknown topic, an undecodable
   * payload once it is a dead letter. Throws StreamError: it must not be acknowledged then.
   */
  takePublish(publish: Publish): Promise<void>;
}
