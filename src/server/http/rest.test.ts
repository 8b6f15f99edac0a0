import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LinkError, StoreError } from '../../errors.ts';
import type { CoapResponseMessage } from '../../protocol/border-router-messages.ts';
import { asScanId } from '../../protocol/ids.ts';
import { emptyTopology, finishedScan, sampleTimeMs } from '../../../test/support/samples.ts';
import { nothingToScan, startTestServer, type TestServer } from '../../../test/support/test-server.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server[Symbol.asyncDispose]());

type Body = Record<string, unknown> & { items: Record<string, unknown>[]; errors: Record<string, unknown>[] };

const json = async (response: Response | Promise<Response>): Promise<Body> =>
  (await (await response).json()) as Body;

async function problem(response: Promise<Response>, status: number, code: string): Promise<Body> {
  const answer = await response;
  const body = await json(answer);
  expect([answer.status, body['status'], body['code']]).toEqual([status, status, code]);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(body).toMatchObject({ title: expect.any(String) as string, detail: expect.any(String) as string });
  return body;
}

describe('triggering a scan', () => {
  it('answers 202 with the scan, whatever little the client sends', async () => {
    server.world.addNode('d4E', 'fd78::1');
    const bare = await server.send('POST', '/api/trigger_scan');
    expect(bare.status).toBe(202);
    expect(await bare.json()).toEqual({ scan_id: 'scan-new', joined: false, nodes: 1, border_routers: 0 });
    const emptyJson = await server.get('/api/trigger_scan', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
    });
    expect(await json(emptyJson)).toMatchObject({ joined: true });
    expect((await server.send('POST', '/api/trigger_scan', null)).status).toBe(202);
    expect(server.world.triggered.map(({ filter }) => filter)).toEqual([null, null, null]);
  });

  it('passes the filter on and says where it came from', async () => {
    await server.send('POST', '/api/trigger_scan', { border_routers: ['BR-001'], nodes: ['d4E'] });
    await server.get('/api/trigger_scan', {
      method: 'POST',
      headers: { 'user-agent': 'threadhub-cli/1.2.3' },
    });
    expect(server.world.triggered).toEqual([
      { filter: { borderRouters: ['BR-001'], nodes: ['d4E'] }, trigger: 'rest' },
      { filter: null, trigger: 'cli' },
    ]);
  });

  it('answers 409 with the reason where there is nothing to scan', async () => {
    server.world.triggerFailure = nothingToScan;
    const body = await problem(server.send('POST', '/api/trigger_scan'), 409, 'nothing_to_scan');
    expect(body['detail']).toContain('import adresses.json');
    expect(body['instance']).toBe('/api/trigger_scan');
  });

  it('takes a thousand triggers at once from one address', async () => {
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, () => server.send('POST', '/api/trigger_scan')),
    );
    expect(answers.map(({ status }) => status).filter((status) => status !== 202)).toEqual([]);
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
  });
});

describe('reading scans', () => {
  const running = finishedScan({ id: 'scan-9', state: 'running', undecided: 1, finishedAt: null });

  it('lists page by page, running scans as they stand', async () => {
    server.world.runningScans.set(asScanId('scan-9'), running);
    server.world.storedScans.push(
      { ...running, undecided: 2 },
      finishedScan({ id: 'scan-8' }),
      finishedScan(),
    );
    const first = await json(server.get('/api/scans?limit=2'));
    expect(first.items.map(({ id, undecided }) => [id, undecided])).toEqual([
      ['scan-9', 1],
      ['scan-8', 0],
    ]);
    expect(first.items[0]).not.toHaveProperty('nodes');
    const second = await json(server.get(`/api/scans?limit=2&cursor=${String(first['next_cursor'])}`));
    expect(second.items.map(({ id }) => id)).toEqual(['scan-1']);
    expect(second['next_cursor']).toBeNull();
  });

  it('filters by state across pages of the store', async () => {
    for (let number = 20; number > 0; number -= 1)
      server.world.storedScans.push(
        finishedScan({ id: `scan-${number}`, state: number % 5 === 0 ? 'failed' : 'completed' }),
      );
    const ids: unknown[] = [];
    for (let cursor = ''; ;) {
      const page = await json(server.get(`/api/scans?limit=3&state=failed${cursor}`));
      ids.push(...page.items.map(({ id }) => id));
      if (page['next_cursor'] === null) break;
      cursor = `&cursor=${String(page['next_cursor'])}`;
    }
    expect(ids).toEqual(['scan-20', 'scan-15', 'scan-10', 'scan-5']);
  });

  it('gives one with its nodes, what a node said untouched and times as ISO 8601', async () => {
    server.world.storedScans.push(finishedScan());
    const scan = await json(server.get('/api/scans/scan-1'));
    expect(scan).toMatchObject({
      id: 'scan-1',
      started_at: new Date(sampleTimeMs).toISOString(),
      nodes: [{ name: 'd4E', network_info: { someKey: { innerKey: 1 } } }, { outcome: 'timed_out' }],
    });
  });

  it('cancels a running scan, and says of a finished one that it has finished', async () => {
    server.world.runningScans.set(asScanId('scan-9'), running);
    server.world.storedScans.push(finishedScan());
    const cancelled = await server.send('DELETE', '/api/scans/scan-9');
    expect([cancelled.status, await cancelled.text()]).toEqual([204, '']);
    expect(server.world.cancelled).toEqual(['scan-9']);
    const body = await problem(server.send('DELETE', '/api/scans/scan-1'), 409, 'scan_already_finished');
    expect(body['detail']).toContain('partial');
    await problem(server.send('DELETE', '/api/scans/nope'), 404, 'scan_not_found');
  });
});

describe('topologies', () => {
  it('gives the current one, and the one of a past time', async () => {
    expect(await json(server.get('/api/topology'))).toMatchObject({
      scan_id: null,
      final: true,
      weak_points: [],
    });
    expect((await server.get('/api/topology?at=2026-02-01T00:00:00Z')).status).toBe(200);
    await problem(server.get('/api/topology?at=2020-01-01T00:00:00Z'), 404, 'topology_not_found');
    const body = await problem(server.get('/api/topology?at=yesterday'), 400, 'invalid_request');
    expect(body['detail']).toContain('2026-01-31T14:00:00Z');
  });

  it.each([
    ['graphml', 'application/graphml+xml'],
    ['dot', 'text/vnd.graphviz'],
    ['csv', 'text/csv'],
    ['svg', 'image/svg+xml'],
    ['json', 'application/json'],
  ])('exports %s as %s', async (format, contentType) => {
    const answer = await server.get(`/api/topology?format=${format}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain(contentType);
    expect((await answer.text()).length).toBeGreaterThan(10);
  });

  it('compares two scans and gives the topology of one', async () => {
    server.world.topologies.set(asScanId('a'), emptyTopology({ scanId: 'a' }));
    server.world.topologies.set(asScanId('b'), emptyTopology({ scanId: 'b' }));
    server.world.storedScans.push(finishedScan({ id: 'c', state: 'cancelled' }));
    expect(await json(server.get('/api/scans/a/diff/b'))).toMatchObject({
      from_scan_id: 'a',
      to_scan_id: 'b',
      added: [],
    });
    expect(await json(server.get('/api/scans/b/topology'))).toMatchObject({ scan_id: 'b' });
    await problem(server.get('/api/scans/a/diff/nope'), 404, 'scan_not_found');
    await problem(server.get('/api/scans/c/topology'), 404, 'topology_not_found');
  });

  it('exports a scan as a bundle and imports one', async () => {
    server.world.storedScans.push(finishedScan());
    server.world.topology = emptyTopology({ scanId: 'scan-1' });
    const bundle = await server.get('/api/scans/scan-1/bundle');
    expect(bundle.headers.get('content-disposition')).toBe('attachment; filename="scan-scan-1.bundle.json"');
    expect(await (await server.get('/api/topology?format=bundle')).text()).toBe(await bundle.text());
    const imported = await server.send('POST', '/api/scans/import', { anything: 1 });
    expect([imported.status, await imported.json()]).toEqual([201, { scan_id: 'scan-imported' }]);
  });

  it('says that there is no bundle before the first scan', async () => {
    await problem(server.get('/api/topology?format=bundle'), 404, 'scan_not_found');
  });
});

describe('CoAP through a border router', () => {
  const answer = (fields: Partial<CoapResponseMessage>): CoapResponseMessage => ({
    type: 'coap_response',
    requestId: null,
    success: true,
    code: '2.05',
    contentFormat: 50,
    payload: { on: true },
    error: null,
    errorCode: null,
    ...fields,
  });
  const path = '/api/border_routers/BR-001/coap';
  const led = { target: 'd4E', method: 'PUT', path: '/led', payload: { on: true } };

  beforeEach(() => {
    server.world.addBorderRouter();
    server.world.addNode('d4E', 'fd78::1');
  });

  it('sends it to the named node and gives its answer', async () => {
    server.world.coap = () => Promise.resolve(answer({}));
    const body = await json(server.send('POST', path, led));
    expect(body).toEqual({
      code: '2.05',
      content_format: 50,
      payload: { on: true },
      payload_encoding: 'json',
      duration_ms: expect.any(Number) as number,
    });
    expect(server.world.coapCommands).toEqual([
      {
        id: 'BR-001',
        command: {
          targetIpv6: 'fd78::1',
          method: 'PUT',
          path: 'led',
          payload: { on: true },
          confirmable: true,
          timeoutMs: 5_000,
        },
      },
    ]);
  });

  it('takes an address as the target, and gives bytes in base64', async () => {
    server.world.coap = () =>
      Promise.resolve(answer({ payload: Uint8Array.of(1, 2, 255), contentFormat: 42 }));
    const body = await json(
      server.send('POST', path, { ...led, target: 'FD78:0::2', confirmable: false, timeout_ms: 250 }),
    );
    expect(body).toMatchObject({ payload: 'AQL/', payload_encoding: 'base64' });
    expect(server.world.coapCommands[0]?.command).toMatchObject({
      targetIpv6: 'fd78::2',
      confirmable: false,
      timeoutMs: 250,
    });
  });

  it('gives an error code of the node as an answer: it is one', async () => {
    server.world.coap = () => Promise.resolve(answer({ success: false, code: '4.04', payload: null }));
    const response = await server.send('POST', path, led);
    expect([response.status, (await json(response))['code']]).toEqual([200, '4.04']);
  });

  it.each([
    ['border_router_offline', 503],
    ['outbox_full', 503],
    ['border_router_lost', 502],
    ['command_timed_out', 504],
    ['command_too_large', 413],
  ] as const)('maps %s to %i', async (code, status) => {
    server.world.coap = () => Promise.reject(new LinkError(code, 'fewer than 1024 bytes'));
    const body = await problem(server.send('POST', path, led), status, code);
    expect(body['detail']).toContain('1024');
  });

  it.each([
    ['timed_out', 504, 'node_timed_out'],
    ['refused', 502, 'node_refused'],
    ['malformed', 502, 'node_malformed'],
    ['rate_limited', 503, 'border_router_busy'],
    ['backlog_full', 503, 'border_router_busy'],
  ] as const)('maps the failure %s to %i', async (errorCode, status, code) => {
    server.world.coap = () =>
      Promise.resolve(answer({ success: false, code: null, payload: null, error: 'no luck', errorCode }));
    const body = await problem(server.send('POST', path, led), status, code);
    expect(body['detail']).toContain('no luck');
  });

  it('answers 404 for a border router or a node that nobody knows', async () => {
    await problem(server.send('POST', '/api/border_routers/BR-9/coap', led), 404, 'border_router_not_found');
    await problem(server.send('POST', path, { ...led, target: 'nobody' }), 404, 'node_not_found');
  });

  it('lists border routers and gives one', async () => {
    server.world.addBorderRouter({ id: 'BR-000' });
    const page = await json(server.get('/api/border_routers?limit=1'));
    expect([page.items.map(({ id }) => id), page['next_cursor']]).toEqual([['BR-000'], 'BR-000']);
    const rest = await json(server.get('/api/border_routers?cursor=BR-000'));
    expect([rest.items.map(({ id }) => id), rest['next_cursor']]).toEqual([['BR-001'], null]);
    expect(await json(server.get('/api/border_routers/BR-001'))).toMatchObject({
      id: 'BR-001',
      online: true,
    });
    await problem(server.get('/api/border_routers/BR-9'), 404, 'border_router_not_found');
  });
});

describe('nodes', () => {
  it('registers with 201, changes with 200, removes with 204', async () => {
    const created = await server.send('PUT', '/api/nodes/d4E', { ipv6: 'fd78::1' });
    expect([created.status, (await json(created))['ipv6']]).toEqual([201, 'fd78::1']);
    expect((await server.send('PUT', '/api/nodes/d4E', { ipv6: 'fd78::2' })).status).toBe(200);
    expect((await server.send('DELETE', '/api/nodes/d4E')).status).toBe(204);
    await problem(server.send('DELETE', '/api/nodes/d4E'), 404, 'node_not_found');
    await problem(server.get('/api/nodes/d4E'), 404, 'node_not_found');
    await problem(server.send('PUT', '/api/nodes/d4E', { ipv6: 'x' }), 400, 'node_invalid');
  });

  it('answers a removal with what the node file still says', async () => {
    server.world.addNode('d4E', 'fd78::1', ['file']);
    const removed = await server.send('DELETE', '/api/nodes/d4E');
    expect([removed.status, (await json(removed))['origins']]).toEqual([200, ['file']]);
  });

  it('shows last outcome, last seen and latencies', async () => {
    server.world.addNode('d4E', 'fd78::1');
    server.world.addNode('fresh', 'fd78::2');
    server.world.storedScans.push(finishedScan());
    const { items } = await json(server.get('/api/nodes'));
    expect(items).toMatchObject([
      {
        name: 'd4E',
        last_outcome: 'answered',
        last_scan_id: 'scan-1',
        last_seen_at: new Date(sampleTimeMs).toISOString(),
        latencies: [{ scan_id: 'scan-1', duration_ms: 80 }],
      },
      { name: 'fresh', last_outcome: null, last_seen_at: null, latencies: [] },
    ]);
    expect((await json(server.get('/api/nodes/d4E?latencies=0')))['latencies']).toEqual([]);
  });

  it('takes names with any character, percent-encoded', async () => {
    const name = 'Küche/1 %';
    await server.send('PUT', `/api/nodes/${encodeURIComponent(name)}`, { ipv6: 'fd78::1' });
    expect(await json(server.get(`/api/nodes/${encodeURIComponent(name)}`))).toMatchObject({ name });
  });

  it('imports what is valid and names the rest', async () => {
    const body = await json(server.send('POST', '/api/nodes/import', { d4E: 'fd78::1', bad: 7 }));
    expect(body).toEqual({ accepted: 1, problems: ['bad has no IPv6 address'] });
    await problem(server.send('POST', '/api/nodes/import', ['fd78::1']), 400, 'invalid_request');
  });
});

describe('tokens', () => {
  it('shows a token once, lists it without, and closes its connections when it is revoked', async () => {
    const created = await server.send('POST', '/api/tokens', { border_router_id: 'BR-001' });
    expect(created.headers.get('cache-control')).toBe('no-store');
    expect([created.status, await created.json()]).toEqual([
      201,
      { id: 'token-1', border_router_id: 'BR-001', token: 'secret-token-1' },
    ]);
    const list = await (await server.get('/api/tokens')).text();
    expect(JSON.parse(list)).toMatchObject({ items: [{ id: 'token-1', border_router_id: 'BR-001' }] });
    expect(list).not.toContain('secret');
    expect((await server.send('DELETE', '/api/tokens/token-1')).status).toBe(204);
    expect(server.world.closedTokens).toEqual(['token-1']);
    await problem(server.send('DELETE', '/api/tokens/token-1'), 404, 'token_not_found');
    await problem(server.send('POST', '/api/tokens', { border_router_id: 'a b' }), 400, 'invalid_request');
  });
});

describe('connections', () => {
  it('gives the fullest first', async () => {
    const connection = {
      kind: 'border_router' as const,
      remoteAddress: null,
      connectedAt: 0,
      sentMessages: 0,
      receivedMessages: 0,
    };
    server.world.connections.push(
      { ...connection, id: 'idle', queueBytes: 0, queueMessages: 9 },
      { ...connection, id: 'slow', queueBytes: 900, queueMessages: 3 },
      { ...connection, id: 'busy', queueBytes: 50, queueMessages: 1 },
    );
    const { items } = await json(server.get('/api/connections?sort=queue_bytes&limit=2'));
    expect(items.map(({ id }) => id)).toEqual(['slow', 'busy']);
    const byMessages = await json(server.get('/api/connections?sort=queue_messages&limit=1'));
    expect(byMessages.items.map(({ id }) => id)).toEqual(['idle']);
  });
});

describe('what is wrong with a request', () => {
  it('names an unknown query parameter and the valid ones', async () => {
    const body = await problem(server.get('/api/scans?limt=3'), 400, 'invalid_request');
    expect(body['detail']).toBe('query limt: unknown parameter "limt"; valid: limit, cursor, state');
    expect(body.errors).toEqual([
      { in: 'query', parameter: 'limt', message: 'unknown parameter "limt"; valid: limit, cursor, state' },
    ]);
  });

  it('says so where a route takes no parameter at all, probes and metrics included', async () => {
    for (const path of ['/api/border_routers/BR-1', '/api/tokens', '/healthz', '/metrics']) {
      const body = await problem(server.get(`${path}?x=1`), 400, 'invalid_request');
      expect(body['detail']).toContain('none is taken here');
    }
  });

  it('names an unknown property and the valid ones', async () => {
    const body = await problem(
      server.send('POST', '/api/trigger_scan', { node: ['a'] }),
      400,
      'invalid_request',
    );
    expect(body['detail']).toBe('body node: unknown property "node"; valid: networks, border_routers, nodes');
  });

  it('reports every value that is wrong at once', async () => {
    const body = await problem(server.get('/api/scans?limit=0&state=odd'), 400, 'invalid_request');
    expect(body.errors.map(({ parameter }) => parameter)).toEqual(['limit', 'state']);
  });

  it('tells a wrong method from a wrong path', async () => {
    const answer = server.send('PATCH', '/api/scans/scan-1');
    await problem(answer, 405, 'method_not_allowed');
    expect((await answer).headers.get('allow')).toBe('DELETE, GET, HEAD');
    await problem(server.get('/api/nope'), 404, 'route_not_found');
    await problem(server.send('POST', '/nope'), 404, 'route_not_found');
  });

  it('refuses bodies that are too large, not JSON, or of another type', async () => {
    const large = { nodes: ['x'.repeat(1_024 * 1_024)] };
    const body = await problem(server.send('POST', '/api/trigger_scan', large), 413, 'body_too_large');
    expect(body['detail']).toContain('1048576');
    const send = (contentType: string, text: string) =>
      server.get('/api/trigger_scan', {
        method: 'POST',
        headers: { 'content-type': contentType },
        body: text,
      });
    await problem(send('application/json', '{"nodes":'), 400, 'malformed_json');
    await problem(send('application/json', '{"__proto__":{"nodes":[]}}'), 400, 'malformed_json');
    await problem(send('text/plain', 'hello'), 415, 'unsupported_media_type');
    await problem(send('application/xml', '<a/>'), 415, 'unsupported_media_type');
  });

  it('takes a bundle that is larger than other bodies may be', async () => {
    const answer = await server.send('POST', '/api/scans/import', { text: 'x'.repeat(2 * 1_024 * 1_024) });
    expect(answer.status).toBe(201);
  });

  it('tells nothing of its own failures but where the cause is', async () => {
    server.world.triggerFailure = new TypeError('secret path /etc/threadhub');
    const body = await problem(server.send('POST', '/api/trigger_scan'), 500, 'internal_error');
    expect(JSON.stringify(body)).not.toContain('secret');
    expect(body['detail']).toContain(String(body['request_id']));
  });

  it('refuses a foreign Host and a foreign Origin before anything else', async () => {
    const refused = await rawRequest(server.url, '/api/topology', { host: 'evil.example' });
    expect([refused.status, refused.body['code']]).toEqual([403, 'host_not_allowed']);
    const cross = await rawRequest(
      server.url,
      '/api/trigger_scan',
      { origin: 'http://evil.example' },
      'POST',
    );
    expect([cross.status, cross.body['code']]).toEqual([403, 'cross_origin_refused']);
    expect(server.world.triggered).toEqual([]);
  });

  it('answers malformed HTTP and lives on', async () => {
    await problem(server.get('/api/nodes/%E0%A4%A'), 400, 'malformed_http');
    expect(await rawText(server.url, 'NONSENSE\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 .*application\/problem\+json.*"code":"malformed_http"/s,
    );
    expect((await server.get('/healthz')).status).toBe(200);
  });
});

it('limits requests per address, but not the probes', async () => {
  await using limited = await startTestServer({ config: { server: { rate_limit: 5 } } });
  const statuses: number[] = [];
  for (let count = 0; count < 12; count += 1) statuses.push((await limited.get('/api/tokens')).status);
  expect(statuses.slice(0, 10)).toEqual(Array(10).fill(200));
  expect(statuses.slice(10)).toEqual([429, 429]);
  const body = await problem(limited.get('/api/tokens'), 429, 'rate_limited');
  expect(body['detail']).toContain('5 requests a second');
  for (const path of ['/healthz', '/readyz', '/metrics']) expect((await limited.get(path)).status).toBe(200);
});

describe('probes and metrics', () => {
  it('is ready while the store answers and the hub is not stopping', async () => {
    expect(await json(server.get('/readyz'))).toEqual({ ready: true, not_ready: [] });
    server.world.storeFailure = new StoreError('store_failed', 'the disk does not answer');
    server.world.stopping = true;
    const answer = await server.get('/readyz');
    expect([answer.status, await answer.json()]).toEqual([
      503,
      {
        ready: false,
        not_ready: [
          { name: 'hub', detail: 'the hub is stopping' },
          { name: 'store', detail: 'the disk does not answer' },
        ],
      },
    ]);
    expect(await json(server.get('/healthz'))).toEqual({ status: 'ok' });
  });

  it('gives metrics as text', async () => {
    const answer = await server.get('/metrics');
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await answer.text()).toContain('threadhub_build_info{version="1.2.3"');
  });

  it('tells a plain request to /ws/br that it is for WebSockets', async () => {
    await problem(server.get('/ws/br?br_id=BR-001'), 426, 'upgrade_required');
  });
});

describe('a hub that does not listen on loopback', () => {
  it('answers nothing but the probes, and says what to do', async () => {
    await using closed = await startTestServer({ config: { server: { host: '0.0.0.0' } } });
    for (const path of ['/', '/api/topology', '/metrics', '/docs', '/openapi.json', '/assets/x.js']) {
      const body = await problem(closed.get(path), 403, 'setup_required');
      expect(body['detail']).toContain('ssh -L');
    }
    await problem(closed.send('POST', '/api/tokens', { border_router_id: 'BR-1' }), 403, 'setup_required');
    expect((await closed.get('/healthz')).status).toBe(200);
    expect((await closed.get('/readyz')).status).toBe(200);
  });
});

function rawRequest(
  url: string,
  path: string,
  headers: Record<string, string>,
  method = 'GET',
): Promise<{ status: number; body: Record<string, unknown> }> {
  const { promise, reject, resolve } = Promise.withResolvers<{
    status: number;
    body: Record<string, unknown>;
  }>();
  httpRequest(url + path, { method, headers, agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (part: string) => (text += part));
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Record<string, unknown> }),
    );
  })
    .on('error', reject)
    .end();
  return promise;
}

function rawText(url: string, text: string): Promise<string> {
  const { promise, reject, resolve } = Promise.withResolvers<string>();
  let answer = '';
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) }, () => socket.write(text));
  socket.setEncoding('utf8').on('data', (part: string) => (answer += part));
  socket.on('close', () => resolve(answer)).on('error', reject);
  return promise;
}
