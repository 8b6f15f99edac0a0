/** Border routers of the local network that could be connected: looked for when somebody asks. */
import { z } from 'zod';
import type { Candidate } from '../../discovery/border-router-candidates.ts';
import {
  type BorderRouterCandidate,
  borderRouterCandidateSchema,
} from '../../protocol/border-router-candidate.ts';
import { toWire } from '../../protocol/wire.ts';
import type { ServerOptions } from '../server.ts';
import { EdgeError } from './problem.ts';
import { type App, describeRoute, listOf, tags } from './route-schema.ts';

type Dependencies = Pick<ServerOptions, 'candidates' | 'links' | 'config'>;

export function addBorderRouterCandidateRoutes(app: App, { candidates, config, links }: Dependencies): void {
  app.get(
    '/api/border_router_candidates',
    {
      schema: describeRoute({
        tag: tags.borderRouters,
        id: 'listBorderRouterCandidates',
        summary: 'Look for border routers on the local network',
        description:
          'Asks by multicast DNS (`_meshcop._udp`) and tries their REST APIs once, which takes about three seconds; the answer is ' +
          'kept for 30 s. Nothing is connected by this.',
        query: z.strictObject({}),
        answers: { 200: { description: 'All that were found', body: listOf(borderRouterCandidateSchema) } },
        problems: ['discovery_off', 'discovery_failed'],
      }),
    },
    async (request, reply) => {
      if (candidates === undefined)
        throw new EdgeError('discovery_off', 'discovery.mdns is false in the configuration of this hub');
      const found = await candidates.find();
      if (!found.ok) throw new EdgeError('discovery_failed', found.reason);
      const connected = new Map(
        links
          .list()
          .flatMap(({ extAddr, id, online }) => (online && extAddr !== null ? [[extAddr, id]] : [])),
      );
      const port = Number(request.host.split(':').at(-1)) || config.server.port;
      const items = found.candidates.map((candidate) =>
        itemOf(candidate, connected.get(candidate.extAddress ?? '') ?? null, {
          port,
          foundAt: found.foundAtMs,
        }),
      );
      return reply.send(toWire({ items, nextCursor: null }));
    },
  );
}

function itemOf(
  { extAddress, ...candidate }: Candidate,
  connectedAs: string | null,
  { foundAt, port }: { readonly port: number; readonly foundAt: number },
): BorderRouterCandidate {
  const item = { ...candidate, addresses: [...candidate.addresses], restUrls: [...candidate.restUrls] };
  const common = { ...item, extAddr: extAddress, foundAt };
  if (connectedAs !== null) return { ...common, connectedAs, connectCommand: null, runOn: null };
  const id = borderRouterIdFor(candidate.host, extAddress);
  // Nothing of what the network says gets into the command but a name of harmless characters and an address.
  return candidate.restUrl === null
    ? {
        ...common,
        connectedAs,
        connectCommand: `threadhub border-router --id ${id} --hub ws://ADDRESS-OF-THE-HUB:${port}`,
        runOn: 'border_router',
      }
    : {
        ...common,
        connectedAs,
        connectCommand:
          `threadhub border-router --id ${id} --hub ws://127.0.0.1:${port} ` +
          `--source otbr-rest --otbr-url ${candidate.restUrl}`,
        runOn: 'hub',
      };
}

/** `otbr.local` → `otbr`. */
function borderRouterIdFor(host: string | null, extAddress: string | null): string {
  const name = (host ?? '')
    .replace(/\.local\.?$/i, '')
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 64);
  return name === '' ? (extAddress ?? 'border-router') : name;
}
