/** The newest log records of this hub. */
import { z } from 'zod';
import { logLevels, type RecentLogs } from '../../observability/recent-logs.ts';
import { type App, describeRoute, limitParameter, listOf, tags, timeParameter } from './route-schema.ts';

const logRecordSchema = z
  .looseObject({ level: z.enum(logLevels), time: z.iso.datetime(), msg: z.string() })
  .meta({ id: 'LogRecord' });

export function addLogRoutes(app: App, { logs }: { readonly logs: Pick<RecentLogs, 'list'> }): void {
  app.get(
    '/api/logs',
    {
      schema: describeRoute({
        tag: tags.operation,
        id: 'listLogs',
        summary: 'The newest log records',
        description:
          'Newest first, from `info` on. The hub keeps some thousands; the whole log is on its stderr.',
        query: z.strictObject({
          border_router: z.string().min(1).max(64).optional().describe('Id of a border router'),
          node: z.string().min(1).max(64).optional().describe('Name of a node'),
          sensor: z.string().min(1).max(128).optional().describe('Sensor id'),
          level: z.enum(logLevels).optional().describe('This level and above'),
          from: timeParameter.optional().describe('At this time or later, ISO 8601'),
          limit: limitParameter(200, 1_000),
        }),
        answers: { 200: { description: 'Log records', body: listOf(logRecordSchema) } },
      }),
    },
    (request, reply) => {
      const { border_router, from, level, limit, node, sensor } = request.query;
      const items = logs.list({
        borderRouter: border_router ?? null,
        node: node ?? null,
        sensor: sensor ?? null,
        level: level ?? null,
        fromMs: from ?? null,
        limit,
      });
      return reply.send({ items, next_cursor: null });
    },
  );
}
