/**
 * Stream entries as lines of JSON: arrays in a fixed order, half the size and time of objects with names. The file's
 * `user_version` is the version of this form.
 *
 *   ["e", eventId, sensorId, lane, [[type, value, unit], …], ts, sourceTs, receivedAt, seq, bootId, dedupKey, flags, protocol, qos, topic]
 *   ["u", sensorId, topic, payload in base64, reason, receivedAt, protocol]
 *   ["d", sensorId, name, units]
 *   ["f", fact]
 */
import type { SensorId } from '../../../protocol/ids.ts';
import type { IngestProtocol, Reading, SensorEvent } from '../../../protocol/sensor-event.ts';
import type { MeshFact } from '../../mesh-fact.ts';
import type { StreamEntry } from '../durable-stream.ts';

type EventLine = readonly [
  kind: 'e',
  eventId: string,
  sensorId: SensorId,
  lane: SensorEvent['lane'],
  readings: readonly (readonly [Reading['type'], Reading['value'], Reading['unit']])[],
  ts: number,
  sourceTs: number | null,
  receivedAt: number,
  seq: number | null,
  bootId: string | null,
  dedupKey: string | null,
  flags: SensorEvent['flags'],
  protocol: IngestProtocol,
  qos: SensorEvent['qos'],
  topic: string | null,
];
type UndecodableLine = readonly [
  kind: 'u',
  sensorId: SensorId | null,
  topic: string | null,
  payload: string,
  reason: string,
  receivedAt: number,
  protocol: IngestProtocol,
];
type DescriptionLine = readonly [
  kind: 'd',
  sensorId: SensorId,
  name: string | null,
  units: Readonly<Record<string, string>>,
];
type Line = EventLine | UndecodableLine | DescriptionLine | readonly [kind: 'f', fact: MeshFact];

/** One line, without its end. */
export const encodeEntry = (entry: StreamEntry): string => JSON.stringify(lineOf(entry));

function lineOf(entry: StreamEntry): Line {
  switch (entry.kind) {
    case 'event': {
      const { event } = entry;
      return [
        'e',
        event.eventId,
        event.sensorId,
        event.lane,
        event.readings.map(({ type, unit, value }) => [type, value, unit] as const),
        event.ts,
        event.sourceTs,
        event.receivedAt,
        event.seq,
        event.bootId,
        event.dedupKey,
        event.flags,
        event.protocol,
        event.qos,
        event.topic,
      ];
    }
    case 'undecodable': {
      const { payload, protocol, reason, receivedAt, sensorId, topic } = entry.undecodable;
      const base64 = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('base64');
      return ['u', sensorId, topic, base64, reason, receivedAt, protocol];
    }
    case 'description':
      return ['d', entry.description.sensorId, entry.description.name, entry.description.units];
    case 'fact':
      return ['f', entry.fact];
  }
}

/**
 * A line that a failing disk has changed must neither stop its shard nor vanish: it comes back as an undecodable payload,
 * which ends as a dead letter.
 */
export function decodeEntry(line: string, durableAt: number): StreamEntry {
  try {
    return entryOf(JSON.parse(line) as Line);
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return {
      kind: 'undecodable',
      undecodable: {
        sensorId: null,
        topic: null,
        payload: new TextEncoder().encode(line),
        reason: `The stream's own record of it is damaged; check the disk (${said})`,
        receivedAt: durableAt,
        protocol: 'internal',
      },
    };
  }
}

function entryOf(line: Line): StreamEntry {
  switch (line[0]) {
    case 'e':
      return {
        kind: 'event',
        event: {
          eventId: line[1],
          sensorId: line[2],
          lane: line[3],
          readings: line[4].map(([type, value, unit]) => ({ type, value, unit })),
          ts: line[5],
          sourceTs: line[6],
          receivedAt: line[7],
          seq: line[8],
          bootId: line[9],
          dedupKey: line[10],
          flags: line[11],
          protocol: line[12],
          qos: line[13],
          topic: line[14],
        },
      };
    case 'u':
      return {
        kind: 'undecodable',
        undecodable: {
          sensorId: line[1],
          topic: line[2],
          payload: new Uint8Array(Buffer.from(line[3], 'base64')),
          reason: line[4],
          receivedAt: line[5],
          protocol: line[6],
        },
      };
    case 'd':
      return { kind: 'description', description: { sensorId: line[1], name: line[2], units: line[3] } };
    case 'f':
      return { kind: 'fact', fact: line[1] };
    default:
      throw new Error('it is of no known kind');
  }
}
