/**
 * Events over HTTP: many at once, or the short form for one. Answered when they are durable.
 *
 * Bodies are checked by hand: a schema would cost more than the rest of the request. The schemas here are for the OpenAPI
 * document. No rate limit: what comes faster than the disk takes is held or refused with 503 by the stream itself, and a
 * site's gateways share one address.
 */
import { isUtf8 } from 'node:buffer';
import type { FastifyReply, FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { EventError, StreamError } from '../../errors.ts';
import { parseNumber, parseScalar } from '../../events/ingest/decoders/payload.ts';
import { decodeEventJson } from '../../events/ingest/event-json.ts';
import type { DecodedEvent, EventIntake, TakenEvent } from '../../events/ingest/event-intake.ts';
import { FieldProblem } from '../../events/ingest/field-problem.ts';
import { EdgeError } from './problem.ts';
import { type App, describeRoute, tags } from './route-schema.ts';
import { validateRequest } from './validation.ts';

interface Dependencies {
  readonly intake: Pick<EventIntake, 'take'>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

const maxEvents = 10_000;
/** The stream is full or its disk fails: neither ends within a second, and both are looked at often. */
const retryAfterSeconds = 2;

const readingValue = z.union([z.number(), z.boolean(), z.string().max(256)]);
const timeInput = z
  .union([z.string(), z.number()])
  .describe('When it was measured: ISO 8601, Unix s or ms; absent: the time of arrival');

const newEventSchema = z
  .strictObject({
    sensor_id: z.string().max(128).optional().describe('Absent: the type'),
    type: z.string().max(64).optional().describe('What `value` is'),
    value: readingValue.optional(),
    unit: z.string().max(32).optional(),
    readings: z
      .record(
        z.string().max(64),
        z.union([readingValue, z.strictObject({ value: readingValue, unit: z.string().optional() })]),
      )
      .optional()
      .describe('Several readings by type, in place of `type` and `value`; at most 64'),
    ts: timeInput.optional(),
    seq: z.number().int().min(0).optional().describe('Counts this sensor’s events'),
    boot_id: z.string().max(128).optional().describe('Changes when the source starts again'),
    event_id: z.string().max(128).optional().describe('The same in every delivery of the same event'),
    priority: z.enum(['critical', 'bulk']).optional(),
  })
  .meta({ id: 'NewSensorEvent' });

const takenEventSchema = z
  .object({ event_id: z.string(), sensor_id: z.string() })
  .meta({ id: 'TakenEvent', description: 'An event that is durable' });

const streamProblems = ['event_invalid', 'stream_full', 'stream_unavailable', 'stream_closed'] as const;

/** A body in lines, before they are read. */
class Lines {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** The body's schema is documentation; the query is checked as on every route. */
const validateAllButBody: FastifySchemaCompiler<z.ZodType> = (part) =>
  part.httpPart === 'body' ? (data: unknown) => ({ value: data }) : validateRequest(part);

export function addEventIngestRoutes(app: App, { clock, intake }: Dependencies): void {
  const options = {
    config: { rateLimit: false },
    // It says nothing about JSON, and would be built anew for each answer: a tenth of what a request costs.
    helmet: { contentSecurityPolicy: false },
    validatorCompiler: validateAllButBody as never,
  } as const;

  const take = async (events: readonly DecodedEvent[], reply: FastifyReply) => {
    try {
      return await intake.take(events, { protocol: 'http', receivedAt: clock.nowMs() });
    } catch (error) {
      if (error instanceof StreamError) void reply.header('retry-after', retryAfterSeconds);
      throw error;
    }
  };

  // A context of its own, for its own ways to read bodies.
  void app.register((scope: App, _options, done) => {
    scope.removeContentTypeParser('application/json');
    const parseText = (contentTypes: string | string[], parse: (text: string) => unknown): void => {
      scope.addContentTypeParser(contentTypes, { parseAs: 'buffer' }, (_request, bytes: Buffer, parsed) => {
        const body = isUtf8(bytes)
          ? parse(bytes.toString())
          : new EdgeError('malformed_json', 'the body is not UTF-8; send it as UTF-8');
        parsed(body instanceof EdgeError ? body : null, body);
      });
    };
    parseText('application/json', (text) => parseBody(text, 'the body'));
    parseText(['application/x-ndjson', 'application/ndjson', 'application/jsonl'], (text) => new Lines(text));
    parseText('application/x-www-form-urlencoded', (text) => new URLSearchParams(text));

    scope.post(
      '/api/events',
      {
        ...options,
        schema: describeRoute({
          tag: tags.events,
          id: 'takeEvents',
          summary: 'Take in events',
          description:
            'One event, a list of them, or one a line (`application/x-ndjson`); at most 10,000. Answered when all of ' +
            'them are durable. Where one is wrong none is taken, and the problem says which. With `event_id`, or `seq` ' +
            'with `boot_id` or `ts`, sending again after a lost answer stores nothing twice.',
          body: z.union([newEventSchema, z.array(newEventSchema).max(maxEvents)]),
          consumes: ['application/json', 'application/x-ndjson'],
          answers: {
            202: {
              description: 'All are durable',
              body: z.object({ accepted: z.number().int(), events: z.array(takenEventSchema) }),
            },
          },
          problems: streamProblems,
        }),
      },
      async (request, reply) => {
        const events = await take(decodeAll(itemsOf(request.body)), reply);
        return reply.code(202).send({ accepted: events.length, events: events.map(takenToWire) });
      },
    );

    scope.post(
      '/event',
      {
        ...options,
        schema: describeRoute({
          tag: tags.events,
          id: 'takeEvent',
          summary: 'Take in one event',
          description:
            'The short form for small devices: one event, as JSON or as a form (`type=temperature&value=21`). Answered ' +
            'when it is durable.',
          body: newEventSchema,
          consumes: ['application/json', 'application/x-www-form-urlencoded'],
          answers: { 200: { description: 'It is durable', body: takenEventSchema } },
          problems: streamProblems,
        }),
      },
      async (request, reply) => {
        const body: unknown = request.body;
        if (body instanceof Lines)
          throw new EventError('event_invalid', 'POST /event takes one event; send several to /api/events');
        const json = body instanceof URLSearchParams ? formToJson(body) : body;
        const [taken] = await take(decodeAll([json]), reply);
        return reply.send(taken === undefined ? null : takenToWire(taken));
      },
    );
    done();
  });
}

function itemsOf(body: unknown): readonly unknown[] {
  if (body instanceof URLSearchParams)
    throw new EventError('event_invalid', 'POST /api/events takes JSON; forms go to /event');
  if (!(body instanceof Lines)) return Array.isArray(body) ? body : [body];
  const items: unknown[] = [];
  let line = 0;
  for (const text of body.text.split('\n')) {
    line += 1;
    if (text.trim() === '') continue;
    const item = parseBody(text, `line ${line}`);
    if (item instanceof EdgeError) throw item;
    items.push(item);
  }
  return items;
}

/** Throws EventError for the first that is no event. */
function decodeAll(items: readonly unknown[]): readonly DecodedEvent[] {
  if (items.length > maxEvents)
    throw new EventError(
      'event_invalid',
      `the body has ${items.length} events; send at most ${maxEvents} at a time`,
    );
  return items.map((item, index) => {
    const decoded = decodeEventJson(item, { sensorId: null, type: null, unknownProperties: 'refuse' });
    if (!(decoded instanceof FieldProblem)) return decoded;
    const place = items.length === 1 ? '' : `event ${index + 1} of ${items.length}, `;
    throw new EventError('event_invalid', place + String(decoded));
  });
}

/** A form has text alone; what is written as a number or a switch is one where one may be. */
function formToJson(form: URLSearchParams): Record<string, unknown> {
  const json: Record<string, unknown> = Object.fromEntries(form);
  const value = form.get('value');
  const seq = form.get('seq');
  if (value !== null) json['value'] = parseScalar(value) ?? value;
  if (seq !== null) json['seq'] = parseNumber(seq) ?? seq;
  return json;
}

function parseBody(text: string, place: string): unknown {
  if (text.trim() === '') return new EdgeError('malformed_json', `${place} is empty; send an event as JSON`);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const reason = error instanceof Error ? error.message : 'undecodable';
    return new EdgeError('malformed_json', `${place} is not JSON: ${reason.slice(0, 200)}`);
  }
}

const takenToWire = ({ eventId, sensorId }: TakenEvent) => ({ event_id: eventId, sensor_id: sensorId });
