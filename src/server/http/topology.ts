/** The map, as it is or as it was. */
import { z } from 'zod';
import { NodeError } from '../../errors.ts';
import { nearestWord } from '../../nearest-word.ts';
import { routeTraceSchema } from '../../protocol/route-trace.ts';
import type { Topology, TopologyNode } from '../../protocol/topology.ts';
import { toWire } from '../../protocol/wire.ts';
import { findTracedNode, tracedKeys, traceRoute } from '../../topology/trace-route.ts';
import type { ServerOptions } from '../server.ts';
import { EdgeError } from './problem.ts';
import { type App, describeRoute, tags, timeParameter } from './route-schema.ts';
import { formatParameter, sendTopology, topologyAnswer } from './topology-download.ts';

const nodeParameter = z.string().min(1).max(200);

type Dependencies = Pick<ServerOptions, 'topologies' | 'scans'>;

/** Names have at most 31 bytes, ids little more. */
const longestSuggested = 64;
/** Compared letter by letter: of a larger map, the first ones of a length that comes close. */
const mostCompared = 2_000;

/** "Did you mean": null where nothing on the map is written like it. */
function nearestKey(topology: Topology, typed: string): string | null {
  if (typed.length > longestSuggested) return null;
  const known: string[] = [];
  for (const key of tracedKeys(topology)) {
    if (key.toLowerCase() === typed.toLowerCase()) return key;
    if (known.length < mostCompared && Math.abs(key.length - typed.length) <= typed.length / 3)
      known.push(key);
  }
  return nearestWord(typed, known);
}

export function addTopologyRoutes(app: App, dependencies: Dependencies): void {
  const { topologies } = dependencies;
  const topologyAt = async (at: number | undefined): Promise<Topology> => {
    const topology = at === undefined ? topologies.current() : await topologies.at(at);
    if (topology !== null) return topology;
    throw new EdgeError(
      'topology_not_found',
      `no scan had finished by ${at === undefined ? 'then' : new Date(at).toISOString()}; ask for a later time`,
    );
  };

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
      return sendTopology(reply, await topologyAt(at), format, dependencies);
    },
  );

  app.get(
    '/api/topology/route',
    {
      schema: describeRoute({
        tag: tags.topology,
        id: 'traceRoute',
        summary: 'The way from one node to another',
        description:
          'Over the route tables that routers told in the scan. Where a router names no next hop, it is the neighbour for ' +
          'which the costs add up; ties and contradictions are told in `problems`.',
        query: z.strictObject({
          from: nodeParameter.describe('Id or name of a node, or id of a border router'),
          to: nodeParameter.describe('The same'),
          at: timeParameter.optional().describe('A past time, ISO 8601'),
        }),
        answers: { 200: { description: 'The way', body: routeTraceSchema } },
        problems: ['topology_not_found', 'node_not_found', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const { at, from, to } = request.query;
      const topology = await topologyAt(at);
      const nodeOf = (key: string): TopologyNode => {
        const node = findTracedNode(topology, key);
        if (node !== null) return node;
        const nearest = nearestKey(topology, key);
        throw new NodeError(
          'node_not_found',
          `${JSON.stringify(key)} is neither id nor name of a node on that map${nearest === null ? '' : `; did you mean ${JSON.stringify(nearest)}?`}`,
        );
      };
      return reply.send(toWire(traceRoute(topology, nodeOf(from), nodeOf(to))));
    },
  );
}
