/** What scans found: their topologies, what changed between two, and scans as files. */
import { z } from 'zod';
import { asScanId } from '../../protocol/ids.ts';
import type { Topology } from '../../protocol/topology.ts';
import { topologyDiffSchema } from '../../protocol/topology.ts';
import { toWire } from '../../protocol/wire.ts';
import { diffTopologies } from '../../topology/diff-topologies.ts';
import type { ServerOptions } from '../server.ts';
import { EdgeError } from './problem.ts';
import { type App, describeRoute, tags } from './route-schema.ts';
import { findScan, scanIdParameters } from './scans.ts';
import { formatParameter, sendBundle, sendTopology, topologyAnswer } from './topology-download.ts';

type Dependencies = Pick<ServerOptions, 'topologies' | 'scans'>;

/** A bundle of a thousand nodes with their tables is a few MiB. */
const bundleLimitBytes = 32 * 1_024 * 1_024;

const importedSchema = z.object({ scan_id: z.string() }).meta({ id: 'ImportedScan' });
const bundleSchema = z.looseObject({}).describe('A bundle as `GET /api/scans/{id}/bundle` gives it');

export function addScanTopologyRoutes(app: App, dependencies: Dependencies): void {
  const { topologies } = dependencies;

  app.get(
    '/api/scans/:a/diff/:b',
    {
      schema: describeRoute({
        tag: tags.scans,
        id: 'diffScans',
        summary: 'What changed between two scans',
        description:
          'From `a` to `b`: nodes added and removed, roles, parents and RLOC16s that changed, links better or worse. A node ' +
          'keeps its identity by its extended address when its RLOC16 moves.',
        params: z.strictObject({
          a: z.string().min(1).max(100).describe('Id of the earlier scan'),
          b: z.string().min(1).max(100).describe('Id of the later scan'),
        }),
        answers: { 200: { description: 'The changes', body: topologyDiffSchema } },
        problems: ['scan_not_found', 'topology_not_found', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const { a, b } = request.params;
      const [from, to] = await Promise.all([topologyOf(a), topologyOf(b)]);
      return reply.send(toWire(diffTopologies(from, to)));
    },
  );

  app.get(
    '/api/scans/:id/topology',
    {
      schema: describeRoute({
        tag: tags.scans,
        id: 'getScanTopology',
        summary: 'The topology that a scan found',
        description: 'Of a running scan, as far as it is known.',
        params: scanIdParameters,
        query: z.strictObject({ format: formatParameter }),
        answers: { 200: topologyAnswer },
        problems: ['scan_not_found', 'topology_not_found', 'store_failed'],
      }),
    },
    async (request, reply) =>
      sendTopology(reply, await topologyOf(request.params.id), request.query.format, dependencies),
  );

  app.get(
    '/api/scans/:id/bundle',
    {
      schema: describeRoute({
        tag: tags.scans,
        id: 'getScanBundle',
        summary: 'A scan as an anonymised file',
        description:
          'Addresses and names are replaced, structure and measurements stay: fit to be shown to strangers.',
        params: scanIdParameters,
        answers: { 200: { description: 'The bundle', body: bundleSchema } },
        problems: ['scan_not_found', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const id = asScanId(request.params.id);
      const scan = await findScan(id, dependencies);
      return sendBundle(reply, scan, await dependencies.topologies.ofScan(id));
    },
  );

  app.post(
    '/api/scans/import',
    {
      bodyLimit: bundleLimitBytes,
      schema: describeRoute({
        tag: tags.scans,
        id: 'importScan',
        summary: 'Read a bundle back as a finished scan',
        description:
          'It becomes a scan of its own; the map and the registered nodes stay as they are. At most 32 MiB.',
        body: bundleSchema,
        answers: { 201: { description: 'Imported', body: importedSchema } },
        problems: ['bundle_invalid', 'bundle_unsupported', 'store_failed', 'store_full'],
      }),
    },
    async (request, reply) => reply.code(201).send(toWire(await topologies.importBundle(request.body))),
  );

  async function topologyOf(scanId: string): Promise<Topology> {
    const id = asScanId(scanId);
    const topology = await topologies.ofScan(id);
    if (topology !== null) return topology;
    const { state } = await findScan(id, dependencies);
    throw new EdgeError('topology_not_found', `scan ${scanId} is ${state} and has no topology`);
  }
}
