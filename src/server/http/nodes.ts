/** The nodes that scans ask, with what became of them. */
import { z } from 'zod';
import { NodeError } from '../../errors.ts';
import { type RegisteredNodeView, registeredNodeSchema } from '../../protocol/border-router.ts';
import { toWire } from '../../protocol/wire.ts';
import type { RegisteredNode } from '../../scan/registered-node.ts';
import type { ServerOptions } from '../server.ts';
import {
  type App,
  cursorParameter,
  describeRoute,
  limitParameter,
  listOf,
  pageOf,
  tags,
  wholeNumber,
} from './route-schema.ts';

type Dependencies = Pick<ServerOptions, 'nodes' | 'scans'>;

const nodeParameters = z.strictObject({ name: z.string().min(1).max(100).describe('Node name') });
const latenciesParameter = (defaultCount: number) =>
  z.coerce
    .number(wholeNumber(0, 1_000))
    .int(wholeNumber(0, 1_000))
    .min(0, wholeNumber(0, 1_000))
    .max(1_000, wholeNumber(0, 1_000))
    .default(defaultCount)
    .describe('Latencies a node, newest first');

const nodeEntrySchema = z
  .strictObject({
    ipv6: z.string().describe('IPv6 address'),
    br_id: z
      .string()
      .nullish()
      .describe('Border router that it must be asked through; absent: any that serves its prefix'),
    ext_addr: z.string().nullish().describe('Extended address; absent: learned from its first answer'),
  })
  .meta({ id: 'NodeEntry' });

const importSchema = z
  .record(z.string(), z.unknown())
  .describe(
    'The format of `adresses.json`: `{"name": "ipv6"}` or `{"name": {"ipv6": …, "br_id": …, "ext_addr": …}}`',
  );

const importedSchema = z
  .object({
    accepted: z.number(),
    problems: z.array(z.string()).describe('A sentence for each entry that was skipped'),
  })
  .meta({ id: 'ImportedNodes' });

export function addNodeRoutes(app: App, { nodes, scans }: Dependencies): void {
  app.get(
    '/api/nodes',
    {
      schema: describeRoute({
        tag: tags.nodes,
        id: 'listNodes',
        summary: 'List the nodes to scan',
        description:
          'By name, each with its last outcome, CoAP latency over time, and when it last answered.',
        query: z.strictObject({
          limit: limitParameter(1_000, 10_000),
          cursor: cursorParameter,
          latencies: latenciesParameter(5),
        }),
        answers: { 200: { description: 'A page of nodes', body: listOf(registeredNodeSchema) } },
        problems: ['store_failed'],
      }),
    },
    async (request, reply) => {
      const { cursor, latencies, limit } = request.query;
      const page = pageOf(nodes.list(), ({ name }) => name, { limit, cursor });
      return reply.send(toWire({ items: await viewsOf(page.items, latencies), nextCursor: page.nextCursor }));
    },
  );

  app.get(
    '/api/nodes/:name',
    {
      schema: describeRoute({
        tag: tags.nodes,
        id: 'getNode',
        summary: 'One node',
        description: 'With its last outcome, CoAP latency over time, and when it last answered.',
        params: nodeParameters,
        query: z.strictObject({ latencies: latenciesParameter(100) }),
        answers: { 200: { description: 'The node', body: registeredNodeSchema } },
        problems: ['node_not_found', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const node = nodes.get(request.params.name);
      if (node === null) throw nodeNotFound(request.params.name);
      return reply.send(toWire(await viewOf(node, request.query.latencies)));
    },
  );

  app.put(
    '/api/nodes/:name',
    {
      schema: describeRoute({
        tag: tags.nodes,
        id: 'putNode',
        summary: 'Register or change a node',
        description:
          'Names and addresses must fit what firmware can read: a name 31 bytes of UTF-8, an address 47 characters.',
        params: nodeParameters,
        body: nodeEntrySchema,
        answers: {
          200: { description: 'Changed', body: registeredNodeSchema },
          201: { description: 'Registered', body: registeredNodeSchema },
        },
        problems: ['node_invalid', 'node_limit_exceeded', 'node_conflict', 'node_read_only', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const { name } = request.params;
      const known = nodes.get(name) !== null;
      const node = await nodes.put(name, request.body);
      return reply.code(known ? 200 : 201).send(toWire(await viewOf(node, 100)));
    },
  );

  app.delete(
    '/api/nodes/:name',
    {
      schema: describeRoute({
        tag: tags.nodes,
        id: 'deleteNode',
        summary: 'Remove a node',
        description:
          'Scans no longer ask it; past scans keep it. A node that the node file also lists stays as the file has it, ' +
          'and is then the answer.',
        params: nodeParameters,
        answers: {
          200: { description: 'What the node file still says of it', body: registeredNodeSchema },
          204: { description: 'Removed', body: null },
        },
        problems: ['node_not_found', 'node_read_only', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const left = await nodes.remove(request.params.name);
      return left === null ? reply.code(204).send() : reply.send(toWire(await viewOf(left, 100)));
    },
  );

  app.post(
    '/api/nodes/import',
    {
      schema: describeRoute({
        tag: tags.nodes,
        id: 'importNodes',
        summary: 'Register many nodes',
        description: 'Entries that are not valid are skipped and named in `problems`; the others are taken.',
        body: importSchema,
        answers: { 200: { description: 'What was taken and what was not', body: importedSchema } },
        problems: ['node_invalid', 'store_failed'],
      }),
    },
    async (request, reply) => reply.send(toWire(await nodes.importNodes(request.body))),
  );

  async function viewOf(node: RegisteredNode, latencies: number): Promise<RegisteredNodeView | undefined> {
    return (await viewsOf([node], latencies))[0];
  }

  /** With one question to the store, however many nodes. */
  async function viewsOf(
    registered: readonly RegisteredNode[],
    latencies: number,
  ): Promise<RegisteredNodeView[]> {
    const histories = scans.lastOutcomes();
    // Of a node that never answered there are none, and the store would search all scans to find that out.
    const answered = registered.filter(({ name }) => histories.get(name)?.lastSeenAt != null);
    const measured = await scans.latencies(
      answered.map(({ name }) => name),
      latencies,
    );
    return registered.map((node) => {
      const history = histories.get(node.name);
      return {
        name: node.name,
        ipv6: node.ipv6,
        extAddr: node.extAddress,
        brId: node.borderRouterId,
        origins: [...node.origins],
        lastOutcome: history?.lastOutcome ?? null,
        lastScanId: history?.lastScanId ?? null,
        lastSeenAt: history?.lastSeenAt ?? null,
        latencies: measured.get(node.name) ?? [],
      };
    });
  }
}

const nodeNotFound = (name: string): NodeError =>
  new NodeError(
    'node_not_found',
    `no node named ${JSON.stringify(name)} is registered; GET /api/nodes lists them`,
  );
