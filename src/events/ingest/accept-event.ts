/**
 * What a decoded event must be before anything of it becomes durable, and what the hub adds: the time that counts, the
 * lane, the id, the key that tells deliveries apart. What its readings may be is not here but in `type-rules.ts`.
 */
import { parseSensorId } from '../../protocol/ids.ts';
import type { EventFlag, IngestProtocol, Lane, SensorEvent } from '../../protocol/sensor-event.ts';
import type { DecodedEvent } from './event-intake.ts';
import { FieldProblem, shown } from './field-problem.ts';

export interface AcceptanceRules {
  readonly criticalTypes: ReadonlySet<string>;
  /** A source's time may be so far ahead of the arrival … */
  readonly maxClockSkewMs: number;
  /** … and so far behind it. Both bounds are inclusive. */
  readonly maxAgeMs: number;
  /** Ids of events that bring none; unique. */
  readonly newId: () => string;
}

export interface EventOrigin {
  readonly protocol: IngestProtocol;
  /** Unix ms. */
  readonly receivedAt: number;
  readonly qos: 0 | 1 | 2 | null;
  readonly topic: string | null;
}

export const maxReadings = 64;
export const maxTypeLength = 64;
export const maxTextLength = 256;
const maxUnitLength = 32;
const maxIdLength = 128;
/** The largest and smallest time that a `Date` can be, ms. */
const dateRangeMs = 8.64e15;
/** Below, a number is Unix seconds (until the year 5138), from here on milliseconds (since 1973). */
const firstMilliseconds = 1e11;

const noFlags: readonly EventFlag[] = [];
const skewed: readonly EventFlag[] = ['clock_skew'];
const tooOld: readonly EventFlag[] = ['too_old'];

export function acceptEvent(
  decoded: DecodedEvent,
  origin: EventOrigin,
  rules: AcceptanceRules,
): SensorEvent | FieldProblem {
  const { bootId, eventId, readings, seq } = decoded;
  const { receivedAt } = origin;
  const sensorId = parseSensorId(decoded.sensorId);
  if (sensorId === null || !sensorId.isWellFormed()) {
    return new FieldProblem(
      'sensor_id',
      `${shown(decoded.sensorId)} is none: 1 to ${maxIdLength} characters without spaces around, control characters, + or #`,
    );
  }
  const problem = checkReadings(readings) ?? checkIds(eventId, bootId, seq);
  if (problem !== null) return problem;

  const sourceTs = decoded.ts === null ? null : parseTime(decoded.ts);
  if (sourceTs instanceof FieldProblem) return sourceTs;
  let flags = noFlags;
  if (sourceTs !== null) {
    if (sourceTs > receivedAt + rules.maxClockSkewMs) flags = skewed;
    else if (sourceTs < receivedAt - rules.maxAgeMs) flags = tooOld;
  }
  const replaced = flags !== noFlags;
  return {
    eventId: eventId ?? rules.newId(),
    sensorId,
    lane: laneOf(decoded, rules.criticalTypes),
    readings: readings.map(({ type, unit, value }) => ({
      type,
      // No -0: JSON has none, and an event is the same wherever it has been.
      value: value === 0 ? 0 : value,
      unit: unit === '' ? null : unit,
    })),
    ts: sourceTs === null || replaced ? receivedAt : sourceTs,
    sourceTs: replaced ? sourceTs : null,
    receivedAt,
    seq,
    bootId,
    dedupKey: dedupKeyOf(decoded, sourceTs),
    flags,
    protocol: origin.protocol,
    qos: origin.qos,
    topic: origin.topic,
  };
}

function laneOf({ critical, readings }: DecodedEvent, criticalTypes: ReadonlySet<string>): Lane {
  if (critical) return 'critical';
  for (const { type } of readings) if (criticalTypes.has(type)) return 'critical';
  return 'bulk';
}

/** The strongest that the source gives. The letter in front keeps the kinds apart. */
function dedupKeyOf({ bootId, eventId, seq }: DecodedEvent, sourceTs: number | null): string | null {
  if (eventId !== null) return `e:${eventId}`;
  if (seq === null) return null;
  if (bootId !== null) return `b:${bootId}:${seq}`;
  return sourceTs === null ? null : `t:${sourceTs}:${seq}`;
}

function checkReadings(readings: DecodedEvent['readings']): FieldProblem | null {
  if (readings.length === 0) return new FieldProblem('readings', 'there is none; give at least one');
  if (readings.length > maxReadings)
    return new FieldProblem('readings', `${readings.length} are too many; give at most ${maxReadings}`);
  const seen = readings.length > 1 ? new Set<string>() : null;
  for (const { type, unit, value } of readings) {
    if (!isReadingType(type)) {
      return new FieldProblem(
        'type',
        `${shown(type)} is none: 1 to ${maxTypeLength} characters without spaces around, control characters, + or #`,
      );
    }
    if (seen?.has(type) === true) return new FieldProblem(`readings.${type}`, 'it is there twice');
    seen?.add(type);
    if (typeof value === 'number' && !Number.isFinite(value))
      return new FieldProblem(type, `${value} is no finite number`);
    if (
      typeof value === 'string' &&
      (value.length > maxTextLength || value.includes('\0') || !value.isWellFormed())
    )
      return new FieldProblem(
        type,
        `text has at most ${maxTextLength} characters of valid Unicode, none of them NUL`,
      );
    if (unit !== null && (unit.length > maxUnitLength || !isPlain(unit)))
      return new FieldProblem(`${type}.unit`, `a unit has at most ${maxUnitLength} characters`);
  }
  return null;
}

// eslint-disable-next-line no-control-regex -- control characters are what it keeps out
const controlCharacters = /[\u0000-\u001f\u007f]/;
const isPlain = (text: string): boolean => !controlCharacters.test(text) && text.isWellFormed();

// eslint-disable-next-line no-control-regex -- control characters are what it keeps out
const typePattern = /^[^\u0000-\u0020\u007f+#](?:[^\u0000-\u001f\u007f+#]{0,62}[^\u0000-\u0020\u007f+#])?$/;
/** `__proto__` could become the prototype of any object that is keyed by type. */
const isReadingType = (type: string): boolean =>
  typePattern.test(type) && type !== '__proto__' && type.isWellFormed();

function checkIds(eventId: string | null, bootId: string | null, seq: number | null): FieldProblem | null {
  if (eventId !== null && !isId(eventId)) return idProblem('event_id', eventId);
  if (bootId !== null && !isId(bootId)) return idProblem('boot_id', bootId);
  if (seq !== null && (!Number.isSafeInteger(seq) || seq < 0))
    return new FieldProblem('seq', `${seq} is no whole number from 0 to ${Number.MAX_SAFE_INTEGER}`);
  return null;
}

const isId = (id: string): boolean => id.length >= 1 && id.length <= maxIdLength && isPlain(id);
const idProblem = (field: string, id: string): FieldProblem =>
  new FieldProblem(field, `${shown(id)} is none: 1 to ${maxIdLength} characters without control characters`);

function parseTime(ts: number | string): number | FieldProblem {
  const timeMs = typeof ts === 'number' ? unixTimeMs(ts) : textTimeMs(ts);
  // `>` is false for NaN.
  if (Math.abs(timeMs) <= dateRangeMs) return timeMs === 0 ? 0 : timeMs;
  return new FieldProblem('ts', `${shown(ts)} is no time; write ISO 8601 or Unix time in s or ms`);
}

const unixTimeMs = (time: number): number =>
  Math.round(Math.abs(time) < firstMilliseconds ? time * 1_000 : time);

const isoPattern =
  /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(?:([Zz])|([+-]\d\d):?(\d\d)?)?)?$/;

/** NaN for what is no time. Without a zone it is UTC: the hub's own zone says nothing about a sensor. */
function textTimeMs(text: string): number {
  const [, date, time, , hours, minutes] = isoPattern.exec(text) ?? [];
  if (date === undefined)
    return /^-?\d{1,16}(?:\.\d{1,9})?$/.test(text) ? unixTimeMs(Number(text)) : Number.NaN;
  const zone = hours === undefined ? 'Z' : `${hours}:${minutes ?? '00'}`;
  return Date.parse(`${date}T${time ?? '00:00'}${zone}`);
}
