import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  borderRouterView,
  emptyTopology,
  finishedScan,
  sampleTopology,
  scanNode,
} from '../../../test/support/samples.ts';
import {
  fakeServerOptions,
  startTestServer,
  type TestServer,
  TestWorld,
} from '../../../test/support/test-server.ts';
import { asScanId } from '../../protocol/ids.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { createAccessPolicy } from '../access.ts';
import { createApp } from './app.ts';
import { problemStatuses } from './problem.ts';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: string[];
  readonly parameters?: { readonly name: string; readonly in: string; readonly description?: string }[];
  readonly requestBody?: {
    readonly required?: boolean;
    readonly content: Record<string, { schema: JsonObject }>;
  };
  readonly responses: Record<
    string,
    { description: string; content?: Record<string, { schema: JsonObject }> }
  >;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly tags: { readonly name: string; readonly description: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, JsonObject> };
}

let server: TestServer;
let document: Document;
beforeAll(async () => {
  server = await startTestServer();
  document = (await (await server.get('/openapi.json')).json()) as Document;
});
afterAll(() => server[Symbol.asyncDispose]());

const operations = (): { path: string; method: string; operation: Operation }[] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method, operation })),
  );

/** Routes that are not part of the API: pages, the documentation itself, the signpost at the WebSocket's address. */
const undocumented = [/^\/docs(\/|$)/, /^\/openapi\.json$/, /^\/ws\/br$/];

describe('the OpenAPI document', () => {
  it('has every route that the server registers', async () => {
    const { app, routes } = await createApp({
      ...fakeServerOptions(new TestWorld(), {}),
      access: createAccessPolicy('127.0.0.1'),
      browsers: { connections: () => [] },
      serverFactory: (handler) => createServer(handler as never),
    });
    await app.close();
    const registered = routes
      .all()
      .filter(({ url }) => !undocumented.some((pattern) => pattern.test(url)))
      .flatMap(({ methods, url }) =>
        methods
          .filter((method) => method !== 'HEAD')
          .map((method) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`),
      );
    const documented = operations().map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(documented.sort()).toEqual(registered.sort());
    expect(documented.length).toBeGreaterThan(20);
  });

  it('is OpenAPI 3.1 with unique operation ids and known tags', () => {
    expect(document.openapi).toBe('3.1.0');
    expect(document.info).toMatchObject({ title: 'Threadhub', version: '1.2.3' });
    const ids = operations().map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const known = document.tags.map(({ name }) => name);
    for (const { operation } of operations()) expect(known).toContain(operation.tags[0]);
  });

  it('describes every operation, parameter and answer, problems included', () => {
    for (const { operation, path } of operations()) {
      expect(operation.summary.length, path).toBeGreaterThan(5);
      expect(operation.description.length, path).toBeGreaterThan(5);
      for (const parameter of operation.parameters ?? [])
        expect(parameter.description, `${path} ${parameter.name}`).toBeTruthy();
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const declared = (operation.parameters ?? [])
        .filter((one) => one.in === 'path')
        .map(({ name }) => name);
      expect(declared, path).toEqual(inPath);
      const statuses = Object.keys(operation.responses);
      expect(
        statuses.some((status) => status.startsWith('2')),
        path,
      ).toBe(true);
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(response.description, `${path} ${status}`).not.toBe('Default Response');
        if (Number(status) < 400 || response.content?.['application/json'] !== undefined) continue;
        expect(response.content).toEqual({
          'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } },
        });
        for (const [, code] of response.description.matchAll(/`(\w+)`/g))
          expect(problemStatuses[code as keyof typeof problemStatuses]).toBe(Number(status));
      }
    }
  });

  it('has no dangling or unused schema, and no name that says how it was made', () => {
    const text = JSON.stringify(document);
    const used = new Set([...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name));
    expect([...used].sort()).toEqual(Object.keys(document.components.schemas).sort());
    expect([...used].filter((name) => name?.endsWith('Input') === true)).toEqual([]);
  });

  it('lets the body be absent where it may be', () => {
    expect(document.paths['/api/trigger_scan']?.['post']?.requestBody?.required).toBe(false);
    expect(document.paths['/api/nodes/{name}']?.['put']?.requestBody?.required).toBe(true);
  });

  it('is browsable at /docs, with nothing that the content security policy forbids', async () => {
    const page = await server.get('/docs');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toMatch(/script-src 'self';/);
    const html = await page.text();
    const scripts = [...html.matchAll(/<script\b([^>]*)>([^]*?)<\/script>/g)];
    expect(scripts.length).toBeGreaterThan(1);
    for (const [, attributes = '', inline = ''] of scripts) {
      const source = /src="([^"]+)"/.exec(attributes)?.[1] ?? '';
      expect([inline.trim(), (await server.get(source)).status]).toEqual(['', 200]);
    }
  });
});

describe('what the server answers', () => {
  beforeAll(() => {
    const { world } = server;
    world.addBorderRouter();
    world.addBorderRouter({
      ...borderRouterView({ id: 'BR-2', online: false }),
      latencyMs: { p50: 1, p95: 2, max: 3 },
    });
    world.addNode('d4E', 'fd78::1');
    world.storedScans.push(
      finishedScan(),
      finishedScan({
        id: 'scan-0',
        rateLimited: { nodes: 2, neededMs: 9_000 },
        nodes: [scanNode({ outcome: null, decidedAt: null, durationMs: null, networkInfo: null })],
      }),
    );
    world.topology = sampleTopology();
    world.topologies.set(asScanId('scan-0'), emptyTopology({ scanId: 'scan-0' }));
    world.topologies.set(asScanId('scan-1'), sampleTopology());
    world.connections.push({
      id: 'BR-001',
      kind: 'border_router',
      remoteAddress: '127.0.0.1',
      connectedAt: 0,
      queueMessages: 0,
      queueBytes: 0,
      sentMessages: 1,
      receivedMessages: 2,
    });
    world.coap = () =>
      Promise.resolve({
        type: 'coap_response',
        requestId: null,
        success: true,
        code: '2.05',
        contentFormat: null,
        payload: null,
        error: null,
        errorCode: null,
      });
  });

  it.each([
    ['GET', '/api/scans', '/api/scans', 200],
    ['GET', '/api/scans/{id}', '/api/scans/scan-1', 200],
    ['GET', '/api/scans/{id}', '/api/scans/scan-0', 200],
    ['GET', '/api/scans/{id}', '/api/scans/none', 404],
    ['GET', '/api/scans/{a}/diff/{b}', '/api/scans/scan-0/diff/scan-1', 200],
    ['GET', '/api/scans/{id}/topology', '/api/scans/scan-1/topology', 200],
    ['GET', '/api/scans/{id}/bundle', '/api/scans/scan-1/bundle', 200],
    ['GET', '/api/topology', '/api/topology', 200],
    ['GET', '/api/topology', '/api/topology?format=odd', 400],
    ['GET', '/api/topology/route', '/api/topology/route?from=76c2&to=d4E', 200],
    ['GET', '/api/topology/route', '/api/topology/route?from=76c2&to=nobody', 404],
    ['GET', '/api/border_routers', '/api/border_routers', 200],
    ['GET', '/api/border_routers/{id}', '/api/border_routers/BR-2', 200],
    ['GET', '/api/nodes', '/api/nodes', 200],
    ['GET', '/api/nodes/{name}', '/api/nodes/d4E', 200],
    ['GET', '/api/connections', '/api/connections', 200],
    ['GET', '/healthz', '/healthz', 200],
    ['GET', '/readyz', '/readyz', 200],
    ['POST', '/api/trigger_scan', '/api/trigger_scan', 202],
    ['POST', '/api/scans/import', '/api/scans/import', 201, {}],
    ['POST', '/api/nodes/import', '/api/nodes/import', 200, { x: 1 }],
    ['PUT', '/api/nodes/{name}', '/api/nodes/new', 201, { ipv6: 'fd78::9' }],
    ['PUT', '/api/nodes/{name}', '/api/nodes/new', 400, { ipv6: 5, x: 1 }],
    ['POST', '/api/tokens', '/api/tokens', 201, { border_router_id: 'BR-001' }],
    ['GET', '/api/tokens', '/api/tokens', 200],
    [
      'POST',
      '/api/border_routers/{id}/coap',
      '/api/border_routers/BR-001/coap',
      200,
      { target: 'd4E', method: 'GET', path: 'x' },
    ],
  ] as const)(
    '%s %s is as the document says (%s → %i)',
    async (method, route, path, status, body?: unknown) => {
      const answer = await server.send(method, path, body);
      const text = await answer.text();
      expect(answer.status, text).toBe(status);
      const type = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
      const schema =
        document.paths[route]?.[method.toLowerCase()]?.responses[String(status)]?.content?.[type]?.schema;
      if (schema === undefined) throw new Error(`${route} has no ${type} at ${status}`);
      const result = validatorOf(schema).safeParse(JSON.parse(text));
      expect(result.error?.issues ?? []).toEqual([]);
    },
  );

  it('would not pass with a wrong answer', () => {
    const schema =
      document.paths['/api/scans/{id}']?.['get']?.responses['200']?.content?.['application/json']?.schema;
    const wrong = { ...(JSON.parse(JSON.stringify(finishedScan())) as object), started_at: 7 };
    expect(validatorOf(schema ?? {}).safeParse(wrong).success).toBe(false);
  });
});

function validatorOf(schema: JsonObject): z.ZodType {
  const definitions = document.components.schemas;
  return z.fromJSONSchema(local({ ...schema, $defs: definitions }) as Parameters<typeof z.fromJSONSchema>[0]);
}

/** References into the document's components, as references into the schema's own definitions. */
function local(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(local);
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [
      key,
      key === '$ref' && typeof entry === 'string'
        ? entry.replace('#/components/schemas/', '#/$defs/')
        : local(entry),
    ]),
  );
}
