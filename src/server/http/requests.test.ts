import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problem } from '../../../test/support/http-answers.ts';
import { startTestServer, type TestServer } from '../../../test/support/test-server.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server[Symbol.asyncDispose]());

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
    expect(body.errors[0]?.message).toBe('write a whole number from 1 to 500');
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
