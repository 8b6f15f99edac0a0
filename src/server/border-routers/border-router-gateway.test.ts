import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { startTestServer, type TestServer } from '../../../test/support/test-server.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server[Symbol.asyncDispose]());

/** Connects, and gives the open socket or the refusal. */
async function dial(
  hub: TestServer,
  query: string,
  { protocols = [], ...options }: ClientOptions & { protocols?: string[] } = {},
): Promise<
  { socket: WebSocket } | { status: number; headers: Record<string, unknown>; body: Record<string, unknown> }
> {
  const socket = new WebSocket(`${hub.url.replace('http', 'ws')}${query}`, protocols, options);
  const { promise, reject, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof dial>>>();
  socket.on('open', () => resolve({ socket }));
  socket.on('error', reject);
  socket.on('unexpected-response', (_request, response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (part: string) => (text += part));
    response.on('end', () =>
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: JSON.parse(text) as Record<string, unknown>,
      }),
    );
  });
  return promise;
}

async function refusal(hub: TestServer, query: string, options: ClientOptions = {}) {
  const result = await dial(hub, query, options);
  if ('socket' in result) throw new Error('it was let in');
  expect(result.headers['content-type']).toBe('application/problem+json');
  return [result.status, result.body['code']];
}

async function admitted(
  hub: TestServer,
  query: string,
  options: ClientOptions & { protocols?: string[] } = {},
) {
  const result = await dial(hub, query, options);
  if (!('socket' in result)) throw new Error(JSON.stringify(result.body));
  return { client: result.socket, ...hub.world.accepted.at(-1) };
}

describe('a border router', () => {
  it('is handed over with what it said of itself', async () => {
    const { client, handshake } = await admitted(
      server,
      '/ws/br?br_id=BR-001&network_prefix=fd78:8e78:3bfe:1::/64',
    );
    expect(handshake).toEqual({
      id: 'BR-001',
      networkPrefix: { address: 'fd78:8e78:3bfe:1::', length: 64 },
      encoding: 'json',
      remoteAddress: '127.0.0.1',
      tokenId: null,
    });
    client.terminate();
  });

  it('may leave its prefix out', async () => {
    const { client, handshake } = await admitted(server, '/ws/br?br_id=BR-001');
    expect(handshake?.networkPrefix).toBeNull();
    client.terminate();
  });

  it('gets CBOR where it offers it', async () => {
    const cbor = await admitted(server, '/ws/br?br_id=a', { protocols: ['threadhub.cbor'] });
    expect([cbor.client.protocol, cbor.handshake?.encoding]).toEqual(['threadhub.cbor', 'cbor']);
    cbor.client.terminate();
  });

  it('is never compressed for', async () => {
    const { client } = await admitted(server, '/ws/br?br_id=a', { perMessageDeflate: true });
    expect(client.extensions).toBe('');
    client.terminate();
  });

  it('loses its link with 1009 for a frame over 256 KiB', async () => {
    const { client, socket } = await admitted(server, '/ws/br?br_id=a');
    socket?.on('error', () => undefined);
    client.send('x'.repeat(256 * 1_024 + 1));
    const [code] = (await once(client, 'close')) as [number];
    expect(code).toBe(1009);
  });

  it('shares the port with Socket.IO and REST', async () => {
    const { client } = await admitted(server, '/ws/br?br_id=a');
    expect((await server.get('/healthz')).status).toBe(200);
    expect((await server.get('/socket.io/?EIO=4&transport=polling')).status).toBe(200);
    client.terminate();
  });
});

describe('a border router that may not come in', () => {
  it.each([
    ['/ws/br', [400, 'invalid_request']],
    ['/ws/br?br_id=a%2Fb', [400, 'invalid_request']],
    ['/ws/br?br_id=a&network_prefix=nonsense', [400, 'invalid_request']],
    ['/ws/br?br_id=a&auth_token=xxx', [401, 'token_invalid']],
    ['/ws/br?br_id=a&auth_token=', [401, 'token_invalid']],
    ['/ws/nope?br_id=a', [404, 'route_not_found']],
    ['/ws/br/?br_id=a', [404, 'route_not_found']],
  ])('at %s is told why before the upgrade', async (query, expected) => {
    expect(await refusal(server, query)).toEqual(expected);
    expect(server.world.accepted).toEqual([]);
  });

  it('is a fact, without its token', async () => {
    await refusal(server, '/ws/br?br_id=BR-001&auth_token=hunter2');
    expect(server.refused).toEqual([
      { status: 401, code: 'token_invalid', borderRouterId: 'BR-001', remoteAddress: '127.0.0.1' },
    ]);
  });

  it('does not read its token back in the refusal', async () => {
    const result = await dial(server, '/ws/br?br_id=BR-001&auth_token=hunter2');
    expect(JSON.stringify(result)).not.toContain('hunter2');
  });

  it('waits until the hub has started again', async () => {
    server.world.stopping = true;
    const result = await dial(server, '/ws/br?br_id=a');
    expect(result).toMatchObject({
      status: 503,
      body: { code: 'hub_stopping' },
      headers: { 'retry-after': '5' },
    });
  });

  it('is refused with a web page’s Origin, and with a foreign Host', async () => {
    const origin = { origin: 'http://evil.example' };
    expect(await refusal(server, '/ws/br?br_id=a', origin)).toEqual([403, 'cross_origin_refused']);
    const host = { headers: { host: 'evil.example' } };
    expect(await refusal(server, '/ws/br?br_id=a', host)).toEqual([403, 'host_not_allowed']);
  });

  it('is refused when too many come from its address', async () => {
    await using limited = await startTestServer({ config: { border_routers: { upgrade_rate: 2 } } });
    for (const id of ['a', 'b']) (await admitted(limited, `/ws/br?br_id=${id}`)).client.terminate();
    const result = await dial(limited, '/ws/br?br_id=c');
    expect(result).toMatchObject({
      status: 429,
      body: { code: 'rate_limited' },
      headers: { 'retry-after': '60' },
    });
  });
});

describe('tokens', () => {
  beforeEach(() => {
    for (const id of ['BR-001', 'BR-002'])
      server.world.tokens.set(`token-${id}`, { token: `secret-${id}`, borderRouterId: id as never });
  });

  it('are taken from the address or the header', async () => {
    const first = await admitted(server, '/ws/br?br_id=BR-001&auth_token=secret-BR-001');
    expect(first.handshake?.tokenId).toBe('token-BR-001');
    first.client.terminate();
    const headers = { authorization: 'Bearer secret-BR-002' };
    const second = await admitted(server, '/ws/br?br_id=BR-002', { headers });
    expect(second.handshake?.tokenId).toBe('token-BR-002');
    second.client.terminate();
  });

  it('are good for their own border router only', async () => {
    expect(await refusal(server, '/ws/br?br_id=BR-002&auth_token=secret-BR-001')).toEqual([
      401,
      'token_invalid',
    ]);
  });

  it('are asked for on loopback where the configuration says so', async () => {
    await using strict = await startTestServer({ config: { border_routers: { require_token: true } } });
    expect(await refusal(strict, '/ws/br?br_id=BR-001')).toEqual([401, 'token_missing']);
  });

  it('are asked for everywhere else', async () => {
    await using open = await startTestServer({ config: { server: { host: '0.0.0.0' } } });
    open.world.tokens.set('t', { token: 's', borderRouterId: 'BR-001' as never });
    expect(await refusal(open, '/ws/br?br_id=BR-001')).toEqual([401, 'token_missing']);
    const { client } = await admitted(open, '/ws/br?br_id=BR-001&auth_token=s');
    client.terminate();
  });
});

describe('a hostile client', () => {
  const raw = (lines: string[]) => {
    const socket = connect({
      host: '127.0.0.1',
      port: Number(new URL(server.url).port),
      allowHalfOpen: true,
    });
    socket.on('error', () => undefined);
    socket.write(`${lines.join('\r\n')}\r\n\r\n`);
    return socket;
  };
  const upgrade = (path: string, ...more: string[]) => [
    `GET ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    ...more,
  ];

  it('that keeps its half of a refused connection open is cut off', async () => {
    const socket = raw(upgrade('/ws/br'));
    let answer = '';
    socket.setEncoding('utf8').on('data', (part: string) => (answer += part));
    // Never ends its own side.
    await once(socket, 'end');
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    // Writing on is how it learns of the reset.
    for (let tries = 0; tries < 100 && !socket.destroyed; tries += 1) {
      socket.write('x');
      await pause(50);
    }
    await closed;
  });

  it('that sends no WebSocket key is told so in JSON', async () => {
    const socket = raw(upgrade('/ws/br?br_id=a', 'Sec-WebSocket-Version: 13'));
    let answer = '';
    socket.setEncoding('utf8').on('data', (part: string) => (answer += part));
    await once(socket, 'end');
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*"code":"malformed_http"/s);
    socket.destroy();
  });

  it('that resets in the middle of an upgrade stops nothing', async () => {
    for (const path of ['/ws/br', '/ws/br?br_id=a', '/nope', '/socket.io/?EIO=4&transport=websocket']) {
      const socket = raw(
        upgrade(path, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='),
      );
      await pause(5);
      socket.resetAndDestroy();
    }
    await pause(20);
    expect((await server.get('/healthz')).status).toBe(200);
  });
});
