/** Dead letters: look at them, replay them, mended or as they are, or discard them. And the ledger, which counts them. */
import { z } from 'zod';
import type { DecodedEvent } from '../../events/ingest/event-intake.ts';
import { type DeadLetter, deadLetterReasons } from '../../events/store/event-store.ts';
import { lanes, sensorEventSchema, sensorEventToRest } from '../../protocol/sensor-event.ts';
import { toWire } from '../../protocol/wire.ts';
import type { SensorEvents } from '../ports.ts';
import { type App, cursorParameter, describeRoute, limitParameter, listOf, tags } from './route-schema.ts';

interface Dependencies {
  readonly events: Pick<SensorEvents, 'deadLetters' | 'ledger'>;
}

const deadLetterSchema = z
  .object({
    id: z.string(),
    reason: z.enum(deadLetterReasons),
    detail: z.string().describe('The rule that it broke, or the error'),
    state: z.enum(['dead', 'replayed', 'discarded']),
    sensor_id: z.string().nullable(),
    lane: z.enum(lanes),
    topic: z.string().nullable(),
    received_at: z.iso.datetime(),
    event: sensorEventSchema
      .omit({ stored_at: true })
      .nullable()
      .describe('Null where it never was an event'),
    payload: z.string().nullable().describe('Its bytes in base64, where it never was an event'),
    payload_text: z.string().nullable().describe('The same as text, where it is text'),
  })
  .meta({ id: 'DeadLetter' });

const replaySchema = z
  .strictObject({
    event: z
      .strictObject({
        sensor_id: z.string().min(1).max(128),
        readings: z
          .array(
            z.strictObject({
              type: z.string().min(1).max(64),
              value: z.union([z.number(), z.boolean(), z.string().max(256)]),
              unit: z.string().max(32).nullish(),
            }),
          )
          .min(1)
          .max(64),
        ts: z.union([z.number(), z.string().max(64)]).nullish(),
        critical: z.boolean().optional(),
      })
      .optional()
      .describe('The event to store in its place; absent: as it came'),
  })
  .meta({ id: 'Replay' });

const replayedSchema = z.object({ replayed: z.number() }).meta({ id: 'Replayed' });

const ledgerSchema = z
  .object({
    lanes: z.array(
      z.object({
        lane: z.enum(lanes),
        received: z.number().describe('Made durable, ever'),
        stored: z.number(),
        duplicate: z.number(),
        dead: z.number(),
        in_stream: z.number().describe('Wait for the store'),
        balanced: z.boolean().describe('received = stored + duplicate + dead + in_stream'),
      }),
    ),
    dropped: z
      .array(z.object({ reason: z.string(), events: z.number() }))
      .describe('Shed on purpose since the hub started; nothing of it was acknowledged as durable'),
    gaps: z
      .array(z.object({ sensor_id: z.string(), missed: z.number() }))
      .describe('Sensors whose sequence numbers show that events never arrived, the most first'),
  })
  .meta({ id: 'Ledger' });

const parameters = z.strictObject({ id: z.string().min(1).max(100).describe('Dead letter id') });

export function addDeadLetterRoutes(app: App, { events }: Dependencies): void {
  const { deadLetters } = events;
  app.get(
    '/api/dead_letters',
    {
      schema: describeRoute({
        tag: tags.events,
        id: 'listDeadLetters',
        summary: 'List dead letters',
        description: 'Events that could not be processed, newest first.',
        query: z.strictObject({
          sensor: z.string().min(1).max(128).optional().describe('Sensor id'),
          reason: z.enum(deadLetterReasons).optional().describe('Why it is one'),
          state: z
            .enum(['dead', 'replayed', 'discarded'])
            .default('dead')
            .describe('`dead`: still to be decided'),
          limit: limitParameter(100, 1_000),
          cursor: cursorParameter,
        }),
        answers: { 200: { description: 'A page of dead letters', body: listOf(deadLetterSchema) } },
        problems: ['cursor_invalid', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const { cursor = null, limit, reason = null, sensor = null, state } = request.query;
      const page = await deadLetters.list({ sensor, reason, state, limit, cursor });
      return reply.send({ items: page.items.map(deadLetterToWire), next_cursor: page.nextCursor });
    },
  );

  app.get(
    '/api/dead_letters/:id',
    {
      schema: describeRoute({
        tag: tags.events,
        id: 'getDeadLetter',
        summary: 'One dead letter',
        description: 'With its event, or its bytes where it never was one.',
        params: parameters,
        answers: { 200: { description: 'The dead letter', body: deadLetterSchema } },
        problems: ['dead_letter_not_found', 'store_failed'],
      }),
    },
    async (request, reply) => reply.send(deadLetterToWire(await deadLetters.get(request.params.id))),
  );

  app.post(
    '/api/dead_letters/:id/replay',
    {
      schema: describeRoute({
        tag: tags.events,
        id: 'replayDeadLetter',
        summary: 'Replay a dead letter',
        description:
          'Appends its event to the stream again, marked `replayed`: it is stored with the time it was measured and never replaces a newer value. It may become a dead letter again.',
        params: parameters,
        body: replaySchema.nullish(),
        answers: { 202: { description: 'It is durable in the stream', body: replayedSchema } },
        problems: [
          'dead_letter_not_found',
          'dead_letter_not_replayable',
          'event_invalid',
          'stream_full',
          'stream_unavailable',
        ],
      }),
    },
    async (request, reply) => {
      const edited = request.body?.event ?? null;
      await deadLetters.replay(request.params.id, edited === null ? null : editedEvent(edited));
      return reply.code(202).send({ replayed: 1 });
    },
  );

  app.post(
    '/api/dead_letters/replay',
    {
      schema: describeRoute({
        tag: tags.events,
        id: 'replayDeadLettersOfSensor',
        summary: 'Replay every dead letter of a sensor',
        description: 'In the order in which they came.',
        body: z.strictObject({ sensor: z.string().min(1).max(128) }),
        answers: { 202: { description: 'They are durable in the stream', body: replayedSchema } },
        problems: ['stream_full', 'stream_unavailable', 'store_failed'],
      }),
    },
    async (request, reply) =>
      reply.code(202).send({ replayed: await deadLetters.replaySensor(request.body.sensor) }),
  );

  app.delete(
    '/api/dead_letters/:id',
    {
      schema: describeRoute({
        tag: tags.events,
        id: 'discardDeadLetter',
        summary: 'Discard a dead letter',
        description: 'It stays counted in the ledger.',
        params: parameters,
        answers: { 204: { description: 'It is discarded', body: null } },
        problems: ['dead_letter_not_found', 'store_failed'],
      }),
    },
    async (request, reply) => {
      await deadLetters.discard(request.params.id);
      return reply.code(204).send();
    },
  );

  app.get(
    '/api/ledger',
    {
      schema: describeRoute({
        tag: tags.events,
        id: 'ledger',
        summary: 'What became of every event',
        description:
          'Counts since the data folder was made. Nothing that was acknowledged is missing from it.',
        answers: { 200: { description: 'The ledger', body: ledgerSchema } },
        problems: ['store_failed'],
      }),
    },
    async (_request, reply) => reply.send(toWire(await events.ledger())),
  );
}

function editedEvent(event: NonNullable<z.output<typeof replaySchema>['event']>): DecodedEvent {
  return {
    sensorId: event.sensor_id,
    readings: event.readings.map(({ type, unit, value }) => ({ type, value, unit: unit ?? null })),
    ts: event.ts ?? null,
    seq: null,
    bootId: null,
    eventId: null,
    critical: event.critical === true,
  };
}

function deadLetterToWire({ event, payload, ...letter }: DeadLetter): unknown {
  const bytes = payload === null ? null : Buffer.from(payload);
  const { stored_at: _storedAt, ...shownEvent } =
    event === null ? { stored_at: '' } : sensorEventToRest(event, event.receivedAt);
  return {
    ...(toWire(letter) as object),
    event: event === null ? null : shownEvent,
    payload: bytes?.toString('base64') ?? null,
    payload_text: bytes === null ? null : textOf(bytes),
  };
}

function textOf(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}
