/** Border routers: what the hub knows of them, and CoAP requests through them. */
import { z } from 'zod';
import { LinkError, NodeError } from '../../errors.ts';
import { coapMethods, type CoapResponseMessage } from '../../protocol/border-router-messages.ts';
import { borderRouterSchema } from '../../protocol/border-router.ts';
import { failureOutcome } from '../../protocol/failure-outcome.ts';
import { asBorderRouterId } from '../../protocol/ids.ts';
import { type Ipv6Address, parseIpv6 } from '../../protocol/ipv6.ts';
import type { JsonValue } from '../../protocol/json.ts';
import { toWire } from '../../protocol/wire.ts';
import type { Nodes } from '../ports.ts';
import type { ServerOptions } from '../server.ts';
import { EdgeError } from './problem.ts';
import {
  type App,
  cursorParameter,
  describeRoute,
  limitParameter,
  listOf,
  pageOf,
  tags,
} from './route-schema.ts';

type Dependencies = Pick<ServerOptions, 'links' | 'nodes' | 'clock' | 'config'>;

const borderRouterParameters = z.strictObject({ id: z.string().min(1).max(64).describe('Border router id') });

const coapRequestSchema = z
  .strictObject({
    target: z.string().min(1).max(64).describe('Name of a registered node, or an IPv6 address'),
    method: z.enum(coapMethods),
    path: z
      .string()
      .max(255)
      .transform((path) => path.replace(/^\/+/, ''))
      .pipe(z.string().min(1, 'name a path, such as network-info'))
      .describe('Path on the node, with or without the leading slash'),
    payload: z.unknown().optional().describe('JSON; the border router encodes it for the node'),
    confirmable: z.boolean().default(true).describe('Ask for an acknowledgement'),
    timeout_ms: z
      .number()
      .int()
      .min(100)
      .max(60_000)
      .optional()
      .describe('Time to wait for the answer, ms; `scan.node_timeout` where absent'),
  })
  .meta({ id: 'CoapRequest' });

const coapAnswerSchema = z
  .object({
    code: z.string().describe('CoAP response code, such as 2.05'),
    content_format: z.number().nullable().describe('CoAP content format, such as 50 for JSON'),
    payload: z.unknown().describe('As the border router decoded it; text in base64 where it is bytes'),
    payload_encoding: z.enum(['json', 'base64']),
    duration_ms: z.number().describe('From sending the command to the answer'),
  })
  .meta({ id: 'CoapAnswer' });

export function addBorderRouterRoutes(app: App, { clock, config, links, nodes }: Dependencies): void {
  app.get(
    '/api/border_routers',
    {
      schema: describeRoute({
        tag: tags.borderRouters,
        id: 'listBorderRouters',
        summary: 'List border routers',
        description: 'Every border router that is or was connected since the hub started, by id.',
        query: z.strictObject({ limit: limitParameter(1_000, 20_000), cursor: cursorParameter }),
        answers: { 200: { description: 'A page of border routers', body: listOf(borderRouterSchema) } },
      }),
    },
    (request, reply) => {
      const { cursor, limit } = request.query;
      return reply.send(toWire(pageOf(links.list(), ({ id }) => id, { limit, cursor })));
    },
  );

  app.get(
    '/api/border_routers/:id',
    {
      schema: describeRoute({
        tag: tags.borderRouters,
        id: 'getBorderRouter',
        summary: 'One border router',
        description: 'Its state, last heartbeat, queue, latency and success rate.',
        params: borderRouterParameters,
        answers: { 200: { description: 'The border router', body: borderRouterSchema } },
        problems: ['border_router_not_found'],
      }),
    },
    (request, reply) => reply.send(toWire(find(request.params.id))),
  );

  app.post(
    '/api/border_routers/:id/coap',
    {
      schema: describeRoute({
        tag: tags.borderRouters,
        id: 'sendCoap',
        summary: 'Send a CoAP request through a border router',
        description:
          'Any CoAP response is an answer, 4.04 and 5.00 included. What is no response is a problem: 503 where the ' +
          'border router is away or busy, 502 where it was lost or could not reach the node, 504 where nothing came in time.',
        params: borderRouterParameters,
        body: coapRequestSchema,
        answers: { 200: { description: 'The node answered', body: coapAnswerSchema } },
        problems: [
          'border_router_not_found',
          'node_not_found',
          'border_router_offline',
          'border_router_busy',
          'border_router_lost',
          'command_too_large',
          'command_timed_out',
          'outbox_full',
          'node_timed_out',
          'node_refused',
          'node_malformed',
        ],
      }),
    },
    async (request, reply) => {
      const { id } = find(request.params.id);
      const { confirmable, method, path, payload, target, timeout_ms: timeoutMs } = request.body;
      const startedMs = clock.monotonicMs();
      const response = await links.sendCoap(asBorderRouterId(id), {
        targetIpv6: resolveTarget(target, nodes),
        method,
        path,
        ...(payload === undefined ? {} : { payload: payload as JsonValue }),
        confirmable,
        timeoutMs: timeoutMs ?? config.scan.node_timeout,
      });
      const durationMs = Math.round(clock.monotonicMs() - startedMs);
      return reply.send(toWire(answerOf(response, durationMs, target)));
    },
  );

  function find(id: string) {
    const borderRouter = links.get(asBorderRouterId(id));
    if (borderRouter !== null) return borderRouter;
    throw new LinkError(
      'border_router_not_found',
      `no border router named ${JSON.stringify(id)} has connected; GET /api/border_routers lists them`,
    );
  }
}

function resolveTarget(target: string, nodes: Pick<Nodes, 'get'>): Ipv6Address {
  const address = nodes.get(target)?.ipv6 ?? parseIpv6(target);
  if (address !== null) return address;
  throw new NodeError(
    'node_not_found',
    `${JSON.stringify(target)} is neither a registered node nor an IPv6 address; GET /api/nodes lists the nodes`,
  );
}

function answerOf(response: CoapResponseMessage, durationMs: number, target: string) {
  const { code, contentFormat, payload } = response;
  // Even an error code is the node's own answer; without a code, nothing came from it.
  if (code === null) throw noAnswer(response, target);
  const bytes = payload instanceof Uint8Array;
  return {
    code,
    contentFormat,
    payload: bytes ? Buffer.from(payload).toString('base64') : payload,
    payloadEncoding: bytes ? 'base64' : 'json',
    durationMs,
  };
}

function noAnswer(response: CoapResponseMessage, target: string): EdgeError {
  const reason = response.error ?? 'the border router gave no reason';
  if (response.errorCode === 'rate_limited' || response.errorCode === 'backlog_full')
    return new EdgeError(
      'border_router_busy',
      `the border router is too busy: ${reason}; try again in a second`,
    );
  const outcome = failureOutcome({ error: reason, errorCode: response.errorCode });
  const codes = {
    timed_out: 'node_timed_out',
    refused: 'node_refused',
    malformed: 'node_malformed',
  } as const;
  return new EdgeError(codes[outcome], `no answer from ${target}: ${reason}`);
}
