/** The OpenAPI 3.1 document at `/openapi.json`, made from the routes' own schemas, and its browsable form at `/docs`. */
import fastifySwagger from '@fastify/swagger';
import fastifySwaggerUi from '@fastify/swagger-ui';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { type App, tags } from './route-schema.ts';

const tagDescriptions: Readonly<Record<keyof typeof tags, string>> = {
  scans: 'One scan asks all expected nodes once; every node ends in exactly one outcome.',
  topology: 'Nodes and links derived from scans, with the evidence for each.',
  borderRouters: 'The bridges between Thread meshes and this hub.',
  nodes: 'The Thread devices that scans ask.',
  events: 'What sensors sent: stored, kept aside, counted.',
  alerts: 'What the rules found, who was told, who took care of it.',
  connections: 'Sockets that are open now.',
  tokens: 'What border routers prove themselves with.',
  operation: 'Probes, metrics and logs.',
};

/** What zod says of a schema, without what only its own validator needs. */
const zodToJsonConfig = {
  override: ({ jsonSchema }: { jsonSchema: { format?: string; pattern?: string } }) => {
    if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
  },
};

export async function addOpenApi(app: App, { version }: { readonly version: string }): Promise<void> {
  const makeComponents = createJsonSchemaTransformObject({ zodToJsonConfig });
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
    transform: createJsonSchemaTransform({ zodToJsonConfig }),
    transformObject: (document) =>
      tidy(makeComponents(document) as unknown as JsonObject) as ReturnType<typeof makeComponents>,
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

const componentPrefix = '#/components/schemas/';

/**
 * Every schema comes twice, as it is sent (`ScanFilterInput`) and as it is answered (`ScanFilter`). Most are used one way
 * only: what is not used goes, and what is used one way only has the plain name. A body that may be null may be absent.
 */
function tidy(document: JsonObject): JsonObject {
  const components = objectAt(document, 'components');
  const schemas = objectAt(components, 'schemas');
  const used = new Set<string>();
  const follow = (value: JsonValue): void => {
    for (const name of referencesIn(value)) {
      if (used.has(name)) continue;
      used.add(name);
      follow(schemas[name] ?? null);
    }
  };
  follow({ ...document, components: null });

  const finalName = (name: string): string => {
    const plain = name.replace(/Input$/, '');
    return used.has(plain) ? name : plain;
  };
  const renamed = mapReferences({ ...document, components: null }, finalName) as JsonObject;
  const kept = Object.fromEntries(
    [...used].sort().map((name) => [finalName(name), mapReferences(schemas[name] ?? null, finalName)]),
  );
  for (const path of Object.values(objectAt(renamed, 'paths')))
    for (const operation of Object.values(isJsonObject(path) ? path : {})) markOptionalBody(operation);
  return { ...renamed, components: { ...components, schemas: kept } };
}

function markOptionalBody(operation: JsonValue): void {
  if (!isJsonObject(operation) || !isJsonObject(operation['requestBody'])) return;
  const body = operation['requestBody'];
  const schema = objectAt(objectAt(objectAt(body, 'content'), 'application/json'), 'schema');
  const choices = Array.isArray(schema['anyOf']) ? schema['anyOf'] : [];
  if (choices.some((choice) => isJsonObject(choice) && choice['type'] === 'null')) body['required'] = false;
}

function referencesIn(value: JsonValue): string[] {
  if (Array.isArray(value)) return value.flatMap(referencesIn);
  if (!isJsonObject(value)) return [];
  const own = componentName(value['$ref']);
  return [...(own === null ? [] : [own]), ...Object.values(value).flatMap(referencesIn)];
}

function mapReferences(value: JsonValue, rename: (name: string) => string): JsonValue {
  if (Array.isArray(value)) return value.map((item) => mapReferences(item, rename));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => {
      const name = key === '$ref' ? componentName(entry) : null;
      return [key, name === null ? mapReferences(entry, rename) : componentPrefix + rename(name)];
    }),
  );
}

const componentName = (reference: JsonValue | undefined): string | null =>
  typeof reference === 'string' && reference.startsWith(componentPrefix)
    ? reference.slice(componentPrefix.length)
    : null;

const objectAt = (object: JsonObject, key: string): JsonObject => {
  const value = object[key];
  return isJsonObject(value) ? value : {};
};
