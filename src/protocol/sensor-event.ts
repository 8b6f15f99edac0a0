/**
 * Sensor events: the domain types that travel from ingest to the live feed, and their wire forms. REST carries times as
 * ISO 8601; the live feed and other streams of events carry Unix milliseconds.
 */
import { z } from 'zod';
import type { SensorId } from './ids.ts';

export const lanes = ['critical', 'bulk'] as const;
/** `critical` overtakes `bulk` everywhere. */
export type Lane = (typeof lanes)[number];

export const eventFlags = ['clock_skew', 'too_old', 'retained', 'late', 'replayed', 'drill'] as const;
/**
 * What is out of the ordinary with an event: its source's time was replaced (`clock_skew`, `too_old`), it was a retained
 * message, it came around the order (`late`, `replayed`), or it is a test alarm (`drill`).
 */
export type EventFlag = (typeof eventFlags)[number];

export const ingestProtocols = ['mqtt', 'http', 'grpc', 'internal'] as const;
export type IngestProtocol = (typeof ingestProtocols)[number];

/** Numbers are finite; text has at most 256 characters. */
export type ReadingValue = number | boolean | string;

export interface Reading {
  /** `temperature`. */
  readonly type: string;
  readonly value: ReadingValue;
  readonly unit: string | null;
}

/** An event as accepted: complete, within limits, not yet judged by the rules of its types. */
export interface SensorEvent {
  /** As its source gave it, else made at arrival. */
  readonly eventId: string;
  readonly sensorId: SensorId;
  readonly lane: Lane;
  /** At least one, each type once. */
  readonly readings: readonly Reading[];
  /** When it was measured, Unix ms; the arrival where the source gave no time or an impossible one. */
  readonly ts: number;
  /** The source's own time where `ts` replaces it, Unix ms. */
  readonly sourceTs: number | null;
  /** Arrival at the hub, Unix ms. */
  readonly receivedAt: number;
  readonly seq: number | null;
  readonly bootId: string | null;
  /** The same for every delivery of the same event, unique to its sensor; null where nothing tells deliveries apart. */
  readonly dedupKey: string | null;
  readonly flags: readonly EventFlag[];
  readonly protocol: IngestProtocol;
  readonly qos: 0 | 1 | 2 | null;
  readonly topic: string | null;
}

export const readingSchema = z.object({
  type: z.string(),
  value: z.union([z.number(), z.boolean(), z.string()]),
  unit: z.string().nullable(),
});

const sensorEventShape = {
  event_id: z.string(),
  sensor_id: z.string(),
  lane: z.enum(lanes),
  readings: z.array(readingSchema),
  seq: z.number().nullable(),
  flags: z.array(z.enum(eventFlags)),
  protocol: z.enum(ingestProtocols),
  qos: z.union([z.literal(0), z.literal(1), z.literal(2)]).nullable(),
  topic: z.string().nullable(),
};

/** An event as REST gives it. */
export const sensorEventSchema = z
  .object({
    ...sensorEventShape,
    ts: z.iso.datetime().describe('When it was measured, ISO 8601 UTC'),
    source_ts: z.iso.datetime().nullable().describe('The source’s own time where `ts` replaces it'),
    received_at: z.iso.datetime(),
    stored_at: z.iso.datetime(),
  })
  .meta({ id: 'SensorEvent' });

/** An event as the live feed carries it; times are Unix ms. */
export const liveSensorEventSchema = z.object({
  ...sensorEventShape,
  ts: z.number(),
  source_ts: z.number().nullable(),
  received_at: z.number(),
  stored_at: z.number(),
});
export type LiveSensorEvent = z.infer<typeof liveSensorEventSchema>;

/** `storedAt`: when its transaction was committed, Unix ms. */
export function sensorEventToLive(event: SensorEvent, storedAt: number): LiveSensorEvent {
  return {
    event_id: event.eventId,
    sensor_id: event.sensorId,
    lane: event.lane,
    readings: event.readings as Reading[],
    ts: event.ts,
    source_ts: event.sourceTs,
    received_at: event.receivedAt,
    stored_at: storedAt,
    seq: event.seq,
    flags: event.flags as EventFlag[],
    protocol: event.protocol,
    qos: event.qos,
    topic: event.topic,
  };
}

export function sensorEventToRest(event: SensorEvent, storedAt: number): z.infer<typeof sensorEventSchema> {
  const iso = (timeMs: number): string => new Date(timeMs).toISOString();
  return {
    ...sensorEventToLive(event, storedAt),
    ts: iso(event.ts),
    source_ts: event.sourceTs === null ? null : iso(event.sourceTs),
    received_at: iso(event.receivedAt),
    stored_at: iso(storedAt),
  };
}
