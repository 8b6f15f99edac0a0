/** Whole events, sensors and alerts for tests that care about a few of their fields. */
import type { SensorView } from '../../src/events/store/event-store.ts';
import type { Alert } from '../../src/protocol/alert.ts';
import { asSensorId } from '../../src/protocol/ids.ts';
import type { SensorEvent } from '../../src/protocol/sensor-event.ts';

/** 2026-01-31T14:00:00Z. */
export const sampleTimeMs = Date.UTC(2026, 0, 31, 14);

export const sensorEvent = (
  fields: Partial<Omit<SensorEvent, 'sensorId'>> & { readonly sensorId?: string } = {},
): SensorEvent => ({
  eventId: 'event-1',
  lane: 'bulk',
  readings: [{ type: 'temperature', value: 22.5, unit: '°C' }],
  ts: sampleTimeMs,
  sourceTs: null,
  receivedAt: sampleTimeMs,
  seq: null,
  bootId: null,
  dedupKey: null,
  flags: [],
  protocol: 'mqtt',
  qos: 1,
  topic: 'sensors/kitchen-1/temperature',
  ...fields,
  sensorId: asSensorId(fields.sensorId ?? 'kitchen-1'),
});

export const sensorView = (
  fields: Partial<Omit<SensorView, 'id'>> & { readonly id?: string } = {},
): SensorView => ({
  name: null,
  firstSeenAt: sampleTimeMs,
  lastSeenAt: sampleTimeMs,
  events: 1,
  qos0Events: 0,
  missedSeqs: 0,
  usualIntervalMs: null,
  readings: [{ type: 'temperature', value: 22.5, unit: '°C', ts: sampleTimeMs, receivedAt: sampleTimeMs }],
  ...fields,
  id: asSensorId(fields.id ?? 'kitchen-1'),
});

export const alertView = (fields: Partial<Alert> = {}): Alert => ({
  id: 'alert-1',
  rule: 'smoke',
  severity: 'critical',
  state: 'firing',
  subjectKind: 'sensor',
  subject: 'hall',
  summary: 'smoke is true at hall',
  value: true,
  drill: false,
  silenced: false,
  startedAt: sampleTimeMs,
  updatedAt: sampleTimeMs,
  snoozedUntilAt: null,
  resolvedAt: null,
  acknowledgedBy: null,
  stages: {
    receivedAt: sampleTimeMs,
    durableAt: sampleTimeMs,
    storedAt: sampleTimeMs,
    firedAt: sampleTimeMs,
    sentAt: null,
    deliveredAt: null,
    acknowledgedAt: null,
  },
  steps: [{ kind: 'fired', happenedAt: sampleTimeMs, by: null, note: null }],
  notifications: [],
  ...fields,
});
