/** Stored events, sensors with their latest values, and their history. */
import { z } from 'zod';
import type { SensorView } from '../../events/store/event-store.ts';
import { EventError } from '../../errors.ts';
import { parseSensorId, type SensorId } from '../../protocol/ids.ts';
import { lanes, readingSchema, sensorEventSchema, sensorEventToRest } from '../../protocol/sensor-event.ts';
import { toWire } from '../../protocol/wire.ts';
import type { Clock } from '../../clock.ts';
import type { SensorEvents } from '../ports.ts';
import {
  type App,
  cursorParameter,
  describeRoute,
  limitParameter,
  listOf,
  tags,
  timeParameter,
  wholeNumber,
} from './route-schema.ts';

interface Dependencies {
  readonly events: Pick<SensorEvents, 'store' | 'latestValues'>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

const time = z.iso.datetime().describe('ISO 8601, UTC');

const sensorSchema = z
  .object({
    id: z.string(),
    name: z.string().nullable().describe('As its discovery message gives it'),
    first_seen_at: time,
    last_seen_at: time,
    events: z.number().describe('Stored, ever'),
    qos0_events: z.number().describe('… of them published with QoS 0, which cannot be made lossless'),
    missed_seqs: z.number().describe('Sequence numbers that never arrived'),
    usual_interval_ms: z.number().nullable().describe('Learned time between two events'),
    readings: z.array(readingSchema.extend({ ts: time.describe('When it was measured'), received_at: time })),
  })
  .meta({ id: 'Sensor' });

const historySchema = z
  .object({
    sensor_id: z.string(),
    type: z.string(),
    resolution: z.enum(['raw', 'minute', 'hour']).describe('What the points are made from'),
    step_ms: z.number().describe('Width of a point; 0 where each is one reading'),
    points: z.array(
      z.object({
        ts: time.describe('Of the reading, or the start of the step'),
        min: z.number().nullable(),
        max: z.number().nullable(),
        mean: z.number().nullable(),
        count: z.number(),
        value: readingSchema.shape.value
          .nullable()
          .describe('Text, or a boolean as it was; null where the point is a number'),
      }),
    ),
  })
  .meta({ id: 'History' });

const sensorParameters = z.strictObject({ id: z.string().min(1).max(512).describe('Sensor id') });
const dayMs = 86_400_000;

export function addEventRoutes(app: App, { clock, events }: Dependencies): void {
  app.get(
    '/api/events',
    {
      schema: describeRoute({
        tag: tags.events,
        id: 'listEvents',
        summary: 'List stored events',
        description: 'Newest first, by arrival.',
        query: z.strictObject({
          sensor: z.string().min(1).max(128).optional().describe('Sensor id'),
          type: z.string().min(1).max(64).optional().describe('With a reading of this type'),
          lane: z.enum(lanes).optional().describe('`critical` or `bulk`'),
          from: timeParameter.optional().describe('Arrived at this time or later, ISO 8601'),
          to: timeParameter.optional().describe('Arrived before this time'),
          limit: limitParameter(100, 1_000),
          cursor: cursorParameter,
        }),
        answers: { 200: { description: 'A page of events', body: listOf(sensorEventSchema) } },
        problems: ['cursor_invalid', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const { cursor, from, lane, limit, sensor, to, type } = request.query;
      const page = await events.store.events({
        sensor: sensor ?? null,
        type: type ?? null,
        lane: lane ?? null,
        fromMs: from ?? null,
        toMs: to ?? null,
        limit,
        cursor: cursor ?? null,
      });
      return reply.send({
        items: page.items.map(({ event, storedAt }) => sensorEventToRest(event, storedAt)),
        next_cursor: page.nextCursor,
      });
    },
  );

  app.get(
    '/api/sensors',
    {
      schema: describeRoute({
        tag: tags.events,
        id: 'listSensors',
        summary: 'List sensors with their latest values',
        description: 'By id.',
        query: z.strictObject({ limit: limitParameter(100, 1_000), cursor: cursorParameter }),
        answers: { 200: { description: 'A page of sensors', body: listOf(sensorSchema) } },
        problems: ['cursor_invalid'],
      }),
    },
    (request, reply) => {
      const { cursor = null, limit } = request.query;
      const page = events.latestValues.list({ limit, cursor });
      return reply.send({ items: page.items.map(sensorToWire), next_cursor: page.nextCursor });
    },
  );

  app.get(
    '/api/sensors/:id',
    {
      schema: describeRoute({
        tag: tags.events,
        id: 'getSensor',
        summary: 'One sensor with its latest values',
        description: 'Of every type of reading that it ever gave.',
        params: sensorParameters,
        answers: { 200: { description: 'The sensor', body: sensorSchema } },
        problems: ['sensor_not_found'],
      }),
    },
    (request, reply) => reply.send(sensorToWire(findSensor(request.params.id, events))),
  );

  app.get(
    '/api/sensors/:id/history',
    {
      schema: describeRoute({
        tag: tags.events,
        id: 'sensorHistory',
        summary: 'The history of one type of reading',
        description:
          'By the time of measuring, oldest first. The resolution follows from the width: readings as they came, by minute, or by hour; never more points than asked for, and none where nothing was measured.',
        params: sensorParameters,
        query: z.strictObject({
          type: z.string().min(1).max(64).describe('Type of reading'),
          from: timeParameter.optional().describe('ISO 8601; a day before `to` where absent'),
          to: timeParameter.optional().describe('ISO 8601; now where absent'),
          points: z.coerce
            .number(wholeNumber(1, 10_000))
            .int(wholeNumber(1, 10_000))
            .min(1, wholeNumber(1, 10_000))
            .max(10_000, wholeNumber(1, 10_000))
            .default(500)
            .describe('Points at most'),
        }),
        answers: { 200: { description: 'The history', body: historySchema } },
        problems: ['sensor_not_found', 'event_invalid', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const { id } = findSensor(request.params.id, events);
      const { points, type } = request.query;
      const toMs = request.query.to ?? clock.nowMs();
      const fromMs = request.query.from ?? toMs - dayMs;
      if (fromMs >= toMs)
        throw new EventError('event_invalid', 'from is not before to; ask for a time that passes');
      const history = await events.store.history({ sensor: id, type, fromMs, toMs, points });
      return reply.send({
        sensor_id: id,
        type,
        resolution: history.resolution,
        step_ms: history.stepMs,
        points: history.points.map((point) => ({ ...point, ts: new Date(point.ts).toISOString() })),
      });
    },
  );
}

function findSensor(text: string, { latestValues }: Pick<SensorEvents, 'latestValues'>): SensorView {
  const id: SensorId | null = parseSensorId(text);
  const sensor = id === null ? null : latestValues.get(id);
  if (sensor !== null) return sensor;
  throw new EventError(
    'sensor_not_found',
    `no event of a sensor ${JSON.stringify(text)} was ever stored; GET /api/sensors lists them`,
  );
}

function sensorToWire(sensor: SensorView): unknown {
  const readings = sensor.readings.map((reading) => ({
    ...reading,
    ts: new Date(reading.ts).toISOString(),
  }));
  return toWire({ ...sensor, readings });
}
