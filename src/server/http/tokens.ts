/** Tokens of border routers: each is good for one id, is shown once, and ends its connections when it is revoked. */
import { z } from 'zod';
import { parseBorderRouterId } from '../../protocol/ids.ts';
import { toWire } from '../../protocol/wire.ts';
import type { ServerOptions } from '../server.ts';
import { type App, describeRoute, listOf, tags } from './route-schema.ts';

type Dependencies = Pick<ServerOptions, 'tokens'>;

const time = z.iso.datetime().describe('ISO 8601, UTC');

const tokenSchema = z
  .object({
    id: z.string(),
    border_router_id: z.string(),
    created_at: time,
    last_used_at: time.nullable().describe('Null where no border router has come with it'),
  })
  .meta({ id: 'Token' });

const createdTokenSchema = z
  .object({
    id: z.string(),
    border_router_id: z.string(),
    token: z.string().describe('Shown here and never again'),
  })
  .meta({ id: 'CreatedToken' });

const tokenRequestSchema = z
  .strictObject({
    border_router_id: z
      .string()
      .transform((text, context) => {
        const id = parseBorderRouterId(text);
        if (id !== null) return id;
        context.addIssue({ code: 'custom', message: 'is not 1 to 64 of A-Z a-z 0-9 . _ -' });
        return z.NEVER;
      })
      .describe('The border router that may come with it'),
  })
  .meta({ id: 'TokenRequest' });

export function addTokenRoutes(app: App, { tokens }: Dependencies): void {
  app.get(
    '/api/tokens',
    {
      schema: describeRoute({
        tag: tags.tokens,
        id: 'listTokens',
        summary: 'List border-router tokens',
        description: 'Without the tokens themselves: the hub keeps only their hashes.',
        answers: { 200: { description: 'All tokens', body: listOf(tokenSchema) } },
      }),
    },
    (_request, reply) => reply.send(toWire({ items: tokens.list(), nextCursor: null })),
  );

  app.post(
    '/api/tokens',
    {
      schema: describeRoute({
        tag: tags.tokens,
        id: 'createToken',
        summary: 'Create a token for a border router',
        description: 'It is good for that border router only and as long as it is not revoked.',
        body: tokenRequestSchema,
        answers: { 201: { description: 'The token, this one time', body: createdTokenSchema } },
        problems: ['token_conflict', 'store_failed'],
      }),
    },
    async (request, reply) => {
      const borderRouterId = request.body.border_router_id;
      const { id, token } = await tokens.create(borderRouterId);
      return reply.code(201).header('cache-control', 'no-store').send(toWire({ id, borderRouterId, token }));
    },
  );

  app.delete(
    '/api/tokens/:id',
    {
      schema: describeRoute({
        tag: tags.tokens,
        id: 'revokeToken',
        summary: 'Revoke a token',
        description: 'At once: connections that came with it are closed with 4003.',
        params: z.strictObject({ id: z.string().min(1).max(100).describe('Token id') }),
        answers: { 204: { description: 'Revoked', body: null } },
        problems: ['token_not_found', 'store_failed'],
      }),
    },
    async (request, reply) => {
      await tokens.revoke(request.params.id);
      return reply.code(204).send();
    },
  );
}
