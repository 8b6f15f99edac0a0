/** Alerts with their proof of delivery, silences, rules and drills. */
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { alertSchema, alertStates, severities, silenceSchema } from '../../protocol/alert.ts';
import { asAlertId } from '../../protocol/ids.ts';
import { toWire } from '../../protocol/wire.ts';
import type { SensorEvents } from '../ports.ts';
import { EdgeError } from './problem.ts';
import {
  type App,
  cursorParameter,
  describeRoute,
  limitParameter,
  listOf,
  tags,
  timeParameter,
} from './route-schema.ts';

interface Dependencies {
  readonly events: Pick<SensorEvents, 'alerts'>;
  readonly clock: Pick<Clock, 'nowMs'>;
}

const alertParameters = z.strictObject({ id: z.string().min(1).max(100).describe('Alert id') });
const silenceParameters = z.strictObject({ id: z.string().min(1).max(100).describe('Silence id') });
const drillParameters = z.strictObject({ id: z.string().min(1).max(100).describe('Drill id') });
const person = z.string().trim().min(1).max(100);
const pattern = z.string().min(1).max(256);

const rulesSchema = z
  .object({
    source: z.string().nullable().describe('The file that they are in; null: the built-in ones'),
    items: z.array(z.record(z.string(), z.unknown())).describe('The rules in force'),
    problems: z
      .array(z.string())
      .describe('What is wrong with the file now, each with its line; the last good rules are then in force'),
    next_cursor: z.null(),
  })
  .meta({ id: 'AlertRules' });

const drillSchema = z.object({ drill_id: z.string(), rules: z.array(z.string()) }).meta({ id: 'Drill' });

/** A snooze or a silence longer than this is a rule that should be taken out. */
const longestSilenceMs = 366 * 86_400_000;
const defaultSnoozeMs = 3_600_000;

export function addAlertRoutes(app: App, { clock, events: { alerts } }: Dependencies): void {
  app.get(
    '/api/alerts',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'listAlerts',
        summary: 'List alerts',
        description: 'Newest first; without `state`, those that are not resolved.',
        query: z.strictObject({
          state: z
            .enum([...alertStates, 'all'])
            .optional()
            .describe('`all` has the resolved ones too'),
          severity: z.enum(severities).optional().describe('Of its rule'),
          rule: z.string().min(1).max(256).optional().describe('Name of the rule'),
          subject: z.string().min(1).max(256).optional().describe('What it is about'),
          limit: limitParameter(100, 1_000),
          cursor: cursorParameter,
        }),
        answers: { 200: { description: 'A page of alerts', body: listOf(alertSchema) } },
        problems: ['cursor_invalid', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const { cursor = null, limit, rule = null, severity = null, state, subject = null } = request.query;
      const states =
        state === 'all'
          ? null
          : state === undefined
            ? alertStates.filter((candidate) => candidate !== 'resolved')
            : [state];
      return reply.send(toWire(await alerts.list({ states, severity, rule, subject, limit, cursor })));
    },
  );

  app.get(
    '/api/alerts/:id',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'getAlert',
        summary: 'One alert with its proof of delivery',
        description: 'Every stage with its time, every step with who took it, every notification.',
        params: alertParameters,
        answers: { 200: { description: 'The alert', body: alertSchema } },
        problems: ['alert_not_found', 'store_failed'],
      }),
    },
    async (request, reply) => reply.send(toWire(await alerts.get(asAlertId(request.params.id)))),
  );

  app.post(
    '/api/alerts/:id/acknowledge',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'acknowledgeAlert',
        summary: 'Acknowledge an alert',
        description: 'Somebody takes care of it: it is not repeated and does not escalate any more.',
        params: alertParameters,
        body: z
          .strictObject({
            by: person.optional().describe('Who does'),
            note: z.string().trim().max(1_000).optional(),
          })
          .nullish(),
        answers: { 200: { description: 'The alert', body: alertSchema } },
        problems: ['alert_not_found', 'alert_not_active', 'shard_unavailable', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const by = request.body?.by ?? somebodyAt(request.ip);
      const note = request.body?.note ?? null;
      return reply.send(toWire(await alerts.acknowledge(asAlertId(request.params.id), { by, note })));
    },
  );

  app.post(
    '/api/alerts/:id/snooze',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'snoozeAlert',
        summary: 'Snooze an alert',
        description: 'It stays as it is and tells nobody until then; for an hour where no time is given.',
        params: alertParameters,
        body: z
          .strictObject({
            by: person.optional(),
            until: timeParameter.optional().describe('ISO 8601'),
          })
          .nullish(),
        answers: { 200: { description: 'The alert', body: alertSchema } },
        problems: ['alert_not_found', 'alert_not_active', 'shard_unavailable', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const untilMs = request.body?.until ?? clock.nowMs() + defaultSnoozeMs;
      checkFuture('until', untilMs, clock.nowMs());
      const by = request.body?.by ?? somebodyAt(request.ip);
      return reply.send(toWire(await alerts.snooze(asAlertId(request.params.id), { by, untilMs })));
    },
  );

  app.get(
    '/api/silences',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'listSilences',
        summary: 'List silences and maintenance windows',
        description: 'Those in force and to come; with `ended`, past ones too.',
        query: z.strictObject({
          ended: z.enum(['true', 'false']).default('false').describe('Past ones too'),
        }),
        answers: { 200: { description: 'The silences', body: listOf(silenceSchema) } },
        problems: ['store_failed'],
      }),
    },
    async (request, reply) =>
      reply.send(
        toWire({
          items: await alerts.silences({ endedToo: request.query.ended === 'true' }),
          nextCursor: null,
        }),
      ),
  );

  app.post(
    '/api/silences',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'createSilence',
        summary: 'Silence alerts for a time',
        description:
          'Alerts of the rules and subjects that fit keep their state and tell nobody. One that starts later is a maintenance window.',
        body: z.strictObject({
          rule: pattern.optional().describe('Pattern of rule names, `*` fits any part; absent: every rule'),
          subject: pattern.optional().describe('Pattern of subjects; absent: every subject'),
          starts_at: timeParameter.optional().describe('ISO 8601; absent: now'),
          ends_at: timeParameter.describe('ISO 8601'),
          reason: z.string().trim().min(1).max(1_000),
          created_by: person.optional(),
        }),
        answers: { 201: { description: 'The silence', body: silenceSchema } },
        problems: ['store_failed'],
      }),
    },
    async (request, reply) => {
      const { created_by, ends_at, reason, rule, starts_at, subject } = request.body;
      const startsAt = starts_at ?? clock.nowMs();
      checkFuture('ends_at', ends_at, Math.max(startsAt, clock.nowMs()));
      const silence = await alerts.createSilence({
        rule: rule ?? null,
        subject: subject ?? null,
        startsAt,
        endsAt: ends_at,
        reason,
        createdBy: created_by ?? somebodyAt(request.ip),
      });
      return reply.code(201).send(toWire(silence));
    },
  );

  app.delete(
    '/api/silences/:id',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'endSilence',
        summary: 'End a silence now',
        description: 'Alerts that still fire tell so at once.',
        params: silenceParameters,
        answers: { 204: { description: 'It has ended', body: null } },
        problems: ['silence_not_found', 'store_failed'],
      }),
    },
    async (request, reply) => {
      await alerts.endSilence(request.params.id);
      return reply.code(204).send();
    },
  );

  app.get(
    '/api/alert_rules',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'listAlertRules',
        summary: 'The alert rules in force',
        description: 'And what is wrong with their file, if anything is.',
        answers: { 200: { description: 'The rules', body: rulesSchema } },
      }),
    },
    (_request, reply) => {
      const { problems, rules, source } = alerts.rules();
      return reply.send({ source, items: rules, problems, next_cursor: null });
    },
  );

  app.post(
    '/api/drills',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'startDrill',
        summary: 'Fire a test alarm',
        description:
          'A marked alarm of one rule, or of every critical rule, goes the whole way: through the stream, the store, the rule and its channels.',
        body: z.strictObject({ rule: z.string().min(1).max(256).optional() }).nullish(),
        answers: { 202: { description: 'It is on its way', body: drillSchema } },
        problems: ['alert_rule_not_found', 'stream_full', 'stream_unavailable'],
      }),
    },
    async (request, reply) => reply.code(202).send(toWire(await alerts.drill(request.body?.rule ?? null))),
  );

  app.get(
    '/api/drills/:id',
    {
      schema: describeRoute({
        tag: tags.alerts,
        id: 'getDrill',
        summary: 'What a drill has raised so far',
        description: 'Its alerts, with the time of every stage.',
        params: drillParameters,
        answers: { 200: { description: 'The alerts', body: listOf(alertSchema) } },
        problems: ['alert_not_found', 'store_failed'],
      }),
    },
    async (request, reply) =>
      reply.send(toWire({ items: await alerts.drillReport(request.params.id), nextCursor: null })),
  );
}

const somebodyAt = (address: string): string => `somebody at ${address}`;

function checkFuture(name: string, timeMs: number, afterMs: number): void {
  if (timeMs > afterMs && timeMs <= afterMs + longestSilenceMs) return;
  throw new EdgeError(
    'invalid_request',
    `${name} is ${new Date(timeMs).toISOString()}; write a time in the coming year`,
  );
}
