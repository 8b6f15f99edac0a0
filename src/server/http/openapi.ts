/** The OpenAPI 3.1 document at `/openapi.json`, made from the routes' own schemas, and its browsable form at `/docs`. */
import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import { jsonSchemaTransform, jsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { type App, tags } from './route-schema.ts';

const tagDescriptions: Readonly<Record<keyof typeof tags, string>> = {
  scans: 'One scan asks all expected nodes once; every node ends in exactly one outcome.',
  topology: 'Nodes and links derived from scans, with the evidence for each.',
  borderRouters: 'The bridges between Thread meshes and this hub.',
  nodes: 'The Thread devices that scans ask.',
  connections: 'Sockets that are open now.',
  tokens: 'What border routers prove themselves with.',
  operation: 'Probes and metrics.',
};

export async function addOpenApi(app: App, { version }: { readonly version: string }): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Threadhub',
        version,
        description:
          'One self-hosted hub for a building’s Thread meshes. JSON is snake_case, times are ISO 8601 UTC, errors are ' +
          'RFC 9457 problem details with a stable `code`. Unknown parameters are rejected. Bodies are at most 1 MiB ' +
          'where nothing else is said.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      tags: Object.entries(tags).map(([key, name]) => ({
        name,
        description: tagDescriptions[key as keyof typeof tags],
      })),
    },
    transform: jsonSchemaTransform,
    transformObject: jsonSchemaTransformObject,
  });
  await app.register(fastifySwaggerUi, {
    routePrefix: '/docs',
    theme: { title: 'Threadhub API' },
    uiConfig: { deepLinking: true, displayRequestDuration: true },
  });
  app.get('/openapi.json', { schema: { hide: true } as never }, (_request, reply) =>
    reply.send(app.swagger()),
  );
}
