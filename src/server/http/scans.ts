/** Scans: trigger, list, look at, cancel. */
import { z } from 'zod';
import { ScanError } from '../../errors.ts';
import { asScanId, type ScanId } from '../../protocol/ids.ts';
import {
  type Scan,
  scanFilterSchema,
  scanSchema,
  scanStates,
  type ScanState,
  type ScanSummary,
  scanSummarySchema,
  triggeredScanSchema,
} from '../../protocol/scan.ts';
import { fromWire, toWire } from '../../protocol/wire.ts';
import type { ServerOptions } from '../server.ts';
import { type App, cursorParameter, describeRoute, limitParameter, listOf, tags } from './route-schema.ts';

type Dependencies = Pick<ServerOptions, 'orchestrator' | 'scans'>;

export const scanIdParameters = z.strictObject({ id: z.string().min(1).max(100).describe('Scan id') });

/** Pages of the store read for one page of a filtered list; what is then missing comes with the next cursor. */
const maxPagesRead = 50;

export function addScanRoutes(app: App, { orchestrator, scans }: Dependencies): void {
  app.post(
    '/api/trigger_scan',
    {
      schema: describeRoute({
        tag: tags.scans,
        id: 'triggerScan',
        summary: 'Start a scan',
        description:
          'Asks every registered node, or those that the body names. Joins a running scan that already covers them: ' +
          '`joined` is then true and `scan_id` that scan. Returns at once; progress comes over Socket.IO or from ' +
          '`GET /api/scans/{id}`.',
        body: scanFilterSchema.nullish(),
        answers: { 202: { description: 'The scan runs', body: triggeredScanSchema } },
        problems: ['nothing_to_scan', 'hub_stopping'],
      }),
    },
    (request, reply) => {
      const filter = request.body == null ? null : fromWire(request.body);
      const fromCli = request.headers['user-agent']?.startsWith('threadhub-cli') === true;
      return reply
        .code(202)
        .send(toWire(orchestrator.trigger({ filter, trigger: fromCli ? 'cli' : 'rest' })));
    },
  );

  app.get(
    '/api/scans',
    {
      schema: describeRoute({
        tag: tags.scans,
        id: 'listScans',
        summary: 'List scans',
        description: 'Newest first, running ones included, without their nodes.',
        query: z.strictObject({
          limit: limitParameter(50, 500),
          cursor: cursorParameter,
          state: z.enum(scanStates).optional().describe('Only scans in this state'),
        }),
        answers: { 200: { description: 'A page of scans', body: listOf(scanSummarySchema) } },
        problems: ['store_failed'],
      }),
    },
    async (request, reply) => {
      const { cursor = null, limit, state = null } = request.query;
      return reply.send(toWire(await listScans({ limit, cursor, state })));
    },
  );

  app.get(
    '/api/scans/:id',
    {
      schema: describeRoute({
        tag: tags.scans,
        id: 'getScan',
        summary: 'One scan with its nodes',
        description: 'The outcome of every node, with what it answered. A running scan as it stands now.',
        params: scanIdParameters,
        answers: { 200: { description: 'The scan', body: scanSchema } },
        problems: ['scan_not_found', 'store_failed'],
      }),
    },
    async (request, reply) => reply.send(toWire(await findScan(asScanId(request.params.id), { scans }))),
  );

  app.delete(
    '/api/scans/:id',
    {
      schema: describeRoute({
        tag: tags.scans,
        id: 'cancelScan',
        summary: 'Cancel a running scan',
        description: 'The scan ends as `cancelled`, its open nodes with it. Outcomes that are decided stay.',
        params: scanIdParameters,
        answers: { 204: { description: 'The scan has ended', body: null } },
        problems: ['scan_not_found', 'scan_already_finished'],
      }),
    },
    async (request, reply) => {
      const id = asScanId(request.params.id);
      if (orchestrator.get(id) === null) {
        const { state } = await findScan(id, { scans });
        throw new ScanError('scan_already_finished', `scan ${id} has already ended as ${state}`);
      }
      orchestrator.cancel(id);
      return reply.code(204).send();
    },
  );

  async function listScans(wanted: {
    limit: number;
    cursor: string | null;
    state: ScanState | null;
  }): Promise<{ items: ScanSummary[]; nextCursor: string | null }> {
    const items: ScanSummary[] = [];
    let { cursor } = wanted;
    for (let pages = 0; pages < maxPagesRead; pages += 1) {
      const page = await scans.list({ limit: wanted.limit - items.length, cursor });
      items.push(...page.items.filter(({ state }) => wanted.state === null || state === wanted.state));
      cursor = page.nextCursor;
      if (cursor === null || items.length >= wanted.limit) break;
    }
    return { items, nextCursor: cursor };
  }
}

/** Running or stored. Throws ScanError `scan_not_found`. */
export async function findScan(id: ScanId, { scans }: Pick<Dependencies, 'scans'>): Promise<Scan> {
  const scan = await scans.get(id);
  if (scan !== null) return scan;
  throw new ScanError('scan_not_found', `there is no scan ${JSON.stringify(id)}; GET /api/scans lists them`);
}
