/** The map, as it is or as it was. */
import { z } from 'zod';
import type { ServerOptions } from '../server.ts';
import { EdgeError } from './problem.ts';
import { type App, describeRoute, tags, timeParameter } from './route-schema.ts';
import { formatParameter, sendTopology, topologyAnswer } from './topology-download.ts';

type Dependencies = Pick<ServerOptions, 'topologies' | 'scans'>;

export function addTopologyRoutes(app: App, dependencies: Dependencies): void {
  const { topologies } = dependencies;
  app.get(
    '/api/topology',
    {
      schema: describeRoute({
        tag: tags.topology,
        id: 'getTopology',
        summary: 'The topology',
        description:
          'Of the running scan where there is one, else of the last; with `at`, of the last scan that had finished then.',
        query: z.strictObject({
          at: timeParameter.optional().describe('A past time, ISO 8601'),
          format: formatParameter,
        }),
        answers: { 200: topologyAnswer },
        problems: ['topology_not_found', 'scan_not_found', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const { at, format } = request.query;
      const topology = at === undefined ? topologies.current() : await topologies.at(at);
      if (topology === null)
        throw new EdgeError(
          'topology_not_found',
          `no scan had finished by ${at === undefined ? 'then' : new Date(at).toISOString()}; ask for a later time`,
        );
      return sendTopology(reply, topology, format, dependencies);
    },
  );
}
