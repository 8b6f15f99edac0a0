/** Open connections, the fullest queue first: who is slow. */
import { z } from 'zod';
import { type Connection, connectionSchema } from '../../protocol/border-router.ts';
import { toWire } from '../../protocol/wire.ts';
import type { ServerOptions } from '../server.ts';
import { type App, describeRoute, limitParameter, listOf, tags } from './route-schema.ts';

/** The browsers that Socket.IO holds. */
export interface BrowserConnections {
  connections(): Connection[];
}

interface Dependencies {
  readonly links: Pick<ServerOptions['links'], 'connections'>;
  readonly browsers: BrowserConnections;
}

const orders = {
  queue_bytes: (a: Connection, b: Connection) => b.queueBytes - a.queueBytes,
  queue_messages: (a: Connection, b: Connection) => b.queueMessages - a.queueMessages,
  connected_at: (a: Connection, b: Connection) => b.connectedAt - a.connectedAt,
} as const;

export function addConnectionRoutes(app: App, { browsers, links }: Dependencies): void {
  app.get(
    '/api/connections',
    {
      schema: describeRoute({
        tag: tags.connections,
        id: 'listConnections',
        summary: 'List open connections',
        description: 'The first ones in the order asked for; there is no second page.',
        query: z.strictObject({
          sort: z
            .enum(['queue_bytes', 'queue_messages', 'connected_at'])
            .default('queue_bytes')
            .describe('The largest, or the newest, first'),
          limit: limitParameter(50, 1_000),
        }),
        answers: { 200: { description: 'The connections', body: listOf(connectionSchema) } },
      }),
    },
    (request, reply) => {
      const { limit, sort } = request.query;
      const items = [...links.connections(), ...browsers.connections()].sort(orders[sort]).slice(0, limit);
      return reply.send(toWire({ items, nextCursor: null }));
    },
  );
}
