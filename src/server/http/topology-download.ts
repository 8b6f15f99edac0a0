/** A topology as the format that was asked for. */
import { randomBytes } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import { ScanError } from '../../errors.ts';
import { asScanId } from '../../protocol/ids.ts';
import {
  type Topology,
  type TopologyFormat,
  topologyFormats,
  topologySchema,
} from '../../protocol/topology.ts';
import type { Scan } from '../../protocol/scan.ts';
import { borderRoutersOf } from '../../topology/border-routers-of.ts';
import { toBundle } from '../../topology/bundle.ts';
import { exportTopology } from '../../topology/export/export-topology.ts';
import type { ServerOptions } from '../server.ts';
import { topologyJson } from '../topology-json.ts';
import { findScan } from './scans.ts';

export const formatParameter = z
  .enum(topologyFormats)
  .default('json')
  .describe('`bundle` is the anonymised scan behind the topology; `POST /api/scans/import` reads it back');

export const topologyAnswer = {
  description: 'The topology, in the format asked for',
  body: topologySchema,
  contentTypes: [
    'application/json',
    'application/graphml+xml',
    'text/vnd.graphviz',
    'text/csv',
    'image/svg+xml',
  ],
} as const;

/** Sends the answer. */
export async function sendTopology(
  reply: FastifyReply,
  topology: Topology,
  format: TopologyFormat,
  dependencies: Pick<ServerOptions, 'scans'>,
): Promise<FastifyReply> {
  switch (format) {
    case 'json':
      return sendText(reply, 'application/json; charset=utf-8', topologyJson(topology));
    case 'bundle':
      if (topology.scanId === null)
        throw new ScanError('scan_not_found', 'no scan has run yet, so there is none to put into a bundle');
      return sendBundle(reply, await findScan(asScanId(topology.scanId), dependencies), topology);
    default: {
      const { body, contentType, fileName } = exportTopology(topology, format);
      void reply.header('content-disposition', `inline; filename="${fileName}"`);
      return sendText(reply, contentType, body);
    }
  }
}

/** `topology` is the one of that scan; null where none was made. */
export function sendBundle(reply: FastifyReply, scan: Scan, topology: Topology | null): FastifyReply {
  // Its time, which the bundle keeps; its id is replaced in there.
  const time = new Date(scan.startedAt).toISOString().replaceAll(/[^0-9TZ]/g, '');
  const fileName = `scan-${time}.bundle.json`;
  const borderRouters = topology === null ? [] : borderRoutersOf(topology);
  const text = toBundle(scan, { salt: randomBytes(32), borderRouters });
  void reply.header('content-disposition', `attachment; filename="${fileName}"`);
  return sendText(reply, 'application/json; charset=utf-8', text);
}

function sendText(reply: FastifyReply, contentType: string, text: string): FastifyReply {
  return reply
    .header('cache-control', 'no-cache')
    .type(contentType)
    .serializer((value: unknown) => String(value))
    .send(text);
}
