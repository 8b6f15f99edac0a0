/**
 * Test alarms: events that are marked, and that name the rule they are for. They take the whole way of a real one; the
 * sensor that they come from is none, so that no history and no latest value of a real one is touched.
 */
import { asSensorId, type SensorId } from '../../protocol/ids.ts';
import type { Reading, ReadingValue, SensorEvent } from '../../protocol/sensor-event.ts';
import type { AlertRule, LevelTest } from './alert-rule.ts';
import { fits } from './rule-memory.ts';
import type { Sighting } from './tracked-subject.ts';

const topicStart = 'drill/';
/** Every drill's; the states of drills are told apart by their events. */
const drillSensor = asSensorId('drill');

export interface DrillEventParts {
  readonly rule: AlertRule;
  /** Also that of its alert. */
  readonly eventId: string;
  readonly nowMs: number;
}

export function drillEvent({ eventId, nowMs, rule }: DrillEventParts): SensorEvent {
  return {
    eventId,
    sensorId: drillSubject(rule),
    lane: 'critical',
    readings: [drillReading(rule)],
    ts: nowMs,
    sourceTs: null,
    receivedAt: nowMs,
    seq: null,
    bootId: null,
    dedupKey: eventId,
    flags: ['drill'],
    protocol: 'internal',
    qos: null,
    topic: `${topicStart}${rule.name}`,
  };
}

/** The name of the rule that it tests; null where it names none. */
export const drilledRule = ({ topic }: Pick<SensorEvent, 'topic'>): string | null =>
  topic?.startsWith(topicStart) === true ? topic.slice(topicStart.length) : null;

/** What the rule sees in it; null where the rule would not fire for it. */
export function drillSighting(rule: AlertRule, event: SensorEvent, durableAt: number): Sighting | null {
  const { condition } = rule;
  const reading = event.readings[0];
  const times = { atMs: event.receivedAt, receivedAt: event.receivedAt, durableAt };
  if (condition.kind !== 'reading' || !isLevel(condition.test)) return { ...times, value: null, unit: null };
  if (reading?.type !== condition.type || fits(condition.test, reading.value) !== true) return null;
  return { ...times, value: reading.value, unit: reading.unit };
}

/** A name that the rule's own pattern fits, where that can be a sensor's. */
function drillSubject({ condition }: AlertRule): SensorId {
  if (condition.kind !== 'reading' && condition.kind !== 'silent') return drillSensor;
  return condition.subject === '*' || !condition.subject.includes('*')
    ? drillSensor
    : asSensorId(condition.subject.replaceAll('*', drillSensor));
}

function drillReading({ condition }: AlertRule): Reading {
  if (condition.kind !== 'reading') return { type: 'drill', value: true, unit: null };
  return { type: condition.type, value: isLevel(condition.test) ? valueFor(condition.test) : 0, unit: null };
}

function valueFor(test: LevelTest): ReadingValue {
  switch (test.kind) {
    case 'equals':
      return test.value;
    case 'above':
      return test.limit + Math.max(0.001, Math.abs(test.limit) / 1_000);
    case 'below':
      return test.limit - Math.max(0.001, Math.abs(test.limit) / 1_000);
    case 'between':
      return test.low;
  }
}

const isLevel = (test: { readonly kind: string }): test is LevelTest =>
  test.kind !== 'changes_by' && test.kind !== 'rate';
