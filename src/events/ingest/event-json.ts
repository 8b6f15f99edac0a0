/**
 * An event as JSON, the form that sources write: `{"sensor_id":…,"type":…,"value":…}`, or several readings in `readings`.
 * Read by hand and not by a schema, since every event passes here. Only the shape is checked; limits are those of
 * `accept-event.ts`.
 */
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import type { ReadingValue } from '../../protocol/sensor-event.ts';
import type { DecodedEvent } from './event-intake.ts';
import { FieldProblem, shown } from './field-problem.ts';

type DecodedReading = DecodedEvent['readings'][number];

export interface EventJsonContext {
  /** Of the topic; what the event says itself goes before. */
  readonly sensorId: string | null;
  readonly type: string | null;
  /** Firmware sends what it likes; whoever writes against the REST API wants to know of a misspelled name. */
  readonly unknownProperties: 'ignore' | 'refuse';
}

const eventProperties = [
  'sensor_id',
  'type',
  'value',
  'unit',
  'readings',
  'ts',
  'seq',
  'boot_id',
  'event_id',
  'priority',
] as const;
const knownProperties: ReadonlySet<string> = new Set(eventProperties);

export function decodeEventJson(json: unknown, context: EventJsonContext): DecodedEvent | FieldProblem {
  if (!isJsonObject(json)) {
    return new FieldProblem(
      '',
      `an event is an object such as {"type":"temperature","value":21}, not ${shown(json)}`,
    );
  }
  if (context.unknownProperties === 'refuse') {
    for (const name in json) {
      if (!knownProperties.has(name))
        return new FieldProblem(name.slice(0, 80), `unknown property; valid: ${eventProperties.join(', ')}`);
    }
  }
  const readings = decodeReadings(json, context.type);
  if (readings instanceof FieldProblem) return readings;

  const sensorId =
    json['sensor_id'] ?? context.sensorId ?? (readings.length === 1 ? readings[0]?.type : null);
  if (typeof sensorId !== 'string') {
    return sensorId == null
      ? new FieldProblem('sensor_id', 'it is missing, and several readings name none')
      : new FieldProblem('sensor_id', `write text, not ${shown(sensorId)}`);
  }
  const { event_id: eventId = null, priority = null, seq = null, ts = null } = json;
  const bootId = json['boot_id'] ?? null;
  if (ts !== null && typeof ts !== 'number' && typeof ts !== 'string')
    return new FieldProblem('ts', `write ISO 8601 or Unix time in s or ms, not ${shown(ts)}`);
  if (seq !== null && typeof seq !== 'number')
    return new FieldProblem('seq', `write a whole number, not ${shown(seq)}`);
  if (eventId !== null && typeof eventId !== 'string')
    return new FieldProblem('event_id', `write text, not ${shown(eventId)}`);
  if (bootId !== null && typeof bootId !== 'string' && typeof bootId !== 'number')
    return new FieldProblem('boot_id', `write text or a number, not ${shown(bootId)}`);
  const critical = priority === 'critical';
  if (!critical && priority !== null && priority !== 'bulk' && context.unknownProperties === 'refuse')
    return new FieldProblem('priority', `write "critical" or "bulk", not ${shown(priority)}`);
  return {
    sensorId,
    readings,
    ts,
    seq,
    bootId: typeof bootId === 'number' ? String(bootId) : bootId,
    eventId,
    critical,
  };
}

function decodeReadings(
  json: JsonObject,
  topicType: string | null,
): readonly DecodedReading[] | FieldProblem {
  const { readings, value } = json;
  if (readings != null) {
    if (value !== undefined) return new FieldProblem('value', 'give either value or readings, not both');
    return Array.isArray(readings) ? readingList(readings) : readingMap(readings);
  }
  const type = json['type'] ?? topicType;
  if (typeof type !== 'string') {
    return type == null
      ? new FieldProblem('type', 'it is missing; name what is measured, such as temperature')
      : new FieldProblem('type', `write text, not ${shown(type)}`);
  }
  if (!isReadingValue(value)) return valueProblem('value', value);
  const unit = json['unit'] ?? null;
  if (unit !== null && typeof unit !== 'string')
    return new FieldProblem('unit', `write text, not ${shown(unit)}`);
  return [{ type, value, unit }];
}

/** `{"temperature":22.5,"humidity":{"value":40,"unit":"%"}}` */
function readingMap(readings: unknown): readonly DecodedReading[] | FieldProblem {
  if (!isJsonObject(readings))
    return new FieldProblem(
      'readings',
      `write an object such as {"temperature":22.5}, not ${shown(readings)}`,
    );
  const decoded: DecodedReading[] = [];
  for (const [type, entry] of Object.entries(readings)) {
    const reading = isJsonObject(entry) ? readingOf(type, entry) : readingOf(type, { value: entry });
    if (reading instanceof FieldProblem) return reading;
    decoded.push(reading);
  }
  return decoded;
}

/** `[{"type":"temperature","value":22.5,"unit":"°C"}]`, as this hub gives events out. */
function readingList(readings: readonly unknown[]): readonly DecodedReading[] | FieldProblem {
  const decoded: DecodedReading[] = [];
  for (const [index, entry] of readings.entries()) {
    if (!isJsonObject(entry) || typeof entry['type'] !== 'string')
      return new FieldProblem(`readings.${index}`, 'write {"type":…,"value":…}');
    const reading = readingOf(entry['type'], entry);
    if (reading instanceof FieldProblem) return reading;
    decoded.push(reading);
  }
  return decoded;
}

function readingOf(type: string, { unit = null, value }: JsonObject): DecodedReading | FieldProblem {
  const place = `readings.${type.slice(0, 80)}`;
  if (!isReadingValue(value)) return valueProblem(place, value);
  if (unit !== null && typeof unit !== 'string')
    return new FieldProblem(`${place}.unit`, `write text, not ${shown(unit)}`);
  return { type, value, unit };
}

const valueProblem = (field: string, value: unknown): FieldProblem =>
  new FieldProblem(
    field,
    value === undefined ? 'it is missing' : `write a number, true, false or text, not ${shown(value)}`,
  );

const isReadingValue = (value: unknown): value is ReadingValue =>
  typeof value === 'number' || typeof value === 'boolean' || typeof value === 'string';
