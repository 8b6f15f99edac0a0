import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { otbrRecording } from '../../../test/support/otbr-recordings.ts';
import { systemClock } from '../../clock.ts';
import { type OtbrAnswer, OtbrHttpClient, type OtbrResource } from './otbr-http-client.ts';
import type { ReadResult } from '../mesh/mesh-reader.ts';

interface RawServer extends AsyncDisposable {
  readonly url: string;
  /** What came, one entry for each connection. */
  readonly received: string[];
}

/** Answers each connection with bytes, once the head of a request is there. */
async function openRawServer(answer: (socket: Socket, connection: number) => void): Promise<RawServer> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    const connection = received.push('') - 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk) => {
      const before = received[connection] ?? '';
      received[connection] = before + chunk.toString('latin1');
      if (!before.includes('\r\n\r\n') && received[connection].includes('\r\n\r\n'))
        answer(socket, connection);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const never = new AbortController().signal;

async function answerTo(
  bytes: string | Buffer,
  options: { timeoutMs?: number; maxBodyBytes?: number } = {},
): Promise<ReadResult<OtbrAnswer>> {
  await using server = await openRawServer((socket) => socket.end(bytes));
  const client = new OtbrHttpClient({
    baseUrl: server.url,
    clock: systemClock,
    timeoutMs: 2_000,
    ...options,
  });
  return await client.get('/node', never);
}

const json = (body: string, type = 'application/json'): string =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

describe('OtbrHttpClient', () => {
  it('trap 8: sends exactly the headers that otbr-agent takes, on a connection of its own', async () => {
    await using server = await openRawServer((socket) =>
      socket.end(json('{"data":[]}', 'application/vnd.api+json')),
    );
    const client = new OtbrHttpClient({ baseUrl: server.url, clock: systemClock });
    await client.postTask('getNetworkDiagnosticTask', { destination: '00', types: [] }, never);
    await client.get('/api/devices', never);
    const [post = '', get = ''] = server.received.map((text) => text.toLowerCase());
    expect(post).toMatch(/^post \/api\/actions http\/1\.1\r\n/);
    expect(post).toContain('\r\ncontent-type: application/vnd.api+json\r\n');
    expect(post).toMatch(/\r\ncontent-length: \d+\r\n/);
    expect(post).not.toContain('transfer-encoding');
    expect(get).toContain('\r\naccept: application/vnd.api+json\r\n');
    for (const request of [post, get]) expect(request).toContain('\r\nconnection: close\r\n');
  });

  it('trap 9: cannot ask for keys, nor delete or put anything', async () => {
    await using server = await openRawServer((socket) => socket.end(json('{}')));
    const client = new OtbrHttpClient({ baseUrl: server.url, clock: systemClock });
    const forbidden = [
      '/node/dataset/active',
      '/node/dataset/pending',
      '/node/ba-epskc/key',
      '/api/node',
      '/api/devices/../../node/dataset/active',
      '/api/actions/../../node/dataset/active',
      '/api/actions/x?y=/node/dataset/active',
      '/api/actions/%2e%2e',
      '/node/',
    ];
    for (const resource of forbidden)
      await expect(client.get(resource as OtbrResource, never)).rejects.toThrow('never asked for');
    await fc.assert(
      fc.asyncProperty(fc.string(), async (text) => {
        if (/^[A-Za-z0-9-]{1,64}$/.test(text)) return;
        await expect(client.get(`/api/actions/${text}`, never)).rejects.toThrow('never asked for');
      }),
      { numRuns: 50 },
    );
    expect(server.received).toEqual([]);
    const methods = Object.getOwnPropertyNames(OtbrHttpClient.prototype).filter(
      (name) => !name.startsWith('_'),
    );
    expect(methods.sort()).toEqual(['address', 'constructor', 'get', 'postTask']);
  });

  it.each([
    ['rest/10-err-get-no-accept.response.http', 406, 'Not Acceptable'],
    ['rest/10-err-post-charset.response.http', 415, 'Unsupported Media Type'],
    ['rest/10-err-post-bad-type.response.http', 422, 'Unprocessable Content'],
    ['rest/10-err-post-bad-json.response.http', 400, 'Bad Request'],
    ['rest/10-err-action-not-found.response.http', 404, 'Not Found'],
    ['legacy/brrouter-api_devices.response.http', 404, ''],
  ])('trap 8: reads the refusal in %s', async (name, status, detail) => {
    expect(await answerTo(otbrRecording(name))).toEqual({
      ok: true,
      value: { kind: 'refused', status, detail },
    });
  });

  it.each([
    ['text', 'HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>'],
    ['no type', 'HTTP/1.1 200 OK\r\n\r\n{}'],
    ['half of its JSON', json('{"a":')],
    ['less than it announced', json('{"a":1}').replace(/Content-Length: \d+/, 'Content-Length: 100')],
    ['what is nested without end', json('['.repeat(100_000))],
    ['what is nested too deep', json('['.repeat(100) + ']'.repeat(100))],
    ['nothing of HTTP', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
  ])('calls %s malformed', async (_, bytes) => {
    expect(await answerTo(bytes)).toMatchObject({ ok: false, code: 'malformed' });
  });

  it('reads no more than its limit, announced or not', async () => {
    const body = JSON.stringify('x'.repeat(5_000));
    expect(await answerTo(json(body), { maxBodyBytes: 1_000 })).toMatchObject({
      ok: false,
      code: 'malformed',
    });
    const unannounced = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n${body}`;
    expect(await answerTo(unannounced, { maxBodyBytes: 1_000 })).toMatchObject({
      ok: false,
      code: 'malformed',
    });
    expect(await answerTo(unannounced, { maxBodyBytes: 10_000 })).toMatchObject({ ok: true });
  });

  it('follows no redirect', async () => {
    const answer = await answerTo(
      'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/node\r\nContent-Length: 0\r\n\r\n',
    );
    expect(answer).toMatchObject({ ok: true, value: { kind: 'refused', status: 302 } });
  });

  it('tries once more where the server says that it failed', async () => {
    const failed = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n';
    await using once503 = await openRawServer((socket, connection) =>
      socket.end(connection === 0 ? failed : json('{}')),
    );
    const client = new OtbrHttpClient({ baseUrl: once503.url, clock: systemClock });
    expect(await client.get('/node', never)).toMatchObject({ ok: true, value: { kind: 'json' } });
    await using always503 = await openRawServer((socket) => socket.end(failed));
    const other = new OtbrHttpClient({ baseUrl: always503.url, clock: systemClock });
    expect(await other.get('/node', never)).toMatchObject({
      ok: true,
      value: { kind: 'refused', status: 503 },
    });
    expect(always503.received).toHaveLength(2);
  });

  it('asks once more where an answer broke off, but never posts a task twice', async () => {
    const cut = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"a":';
    await using onceCut = await openRawServer((socket, connection) =>
      socket.end(connection === 0 ? cut : json('{}')),
    );
    const client = new OtbrHttpClient({ baseUrl: onceCut.url, clock: systemClock });
    expect(await client.get('/node', never)).toMatchObject({ ok: true, value: { kind: 'json' } });
    await using alwaysCut = await openRawServer((socket) => socket.end(cut));
    const other = new OtbrHttpClient({ baseUrl: alwaysCut.url, clock: systemClock });
    expect(await other.get('/node', never)).toMatchObject({ ok: false, code: 'malformed' });
    expect(alwaysCut.received).toHaveLength(2);
    const posted = await other.postTask('updateDeviceCollectionTask', {}, never);
    expect(posted).toMatchObject({ ok: false, code: 'malformed' });
    expect(alwaysCut.received).toHaveLength(3);
  });

  it('says off where the host answers and nobody listens, and how to change that', async () => {
    const server = await openRawServer(() => undefined);
    await server[Symbol.asyncDispose]();
    const client = new OtbrHttpClient({ baseUrl: server.url, clock: systemClock });
    const answer = await client.get('/node', never);
    expect(answer).toMatchObject({ ok: false, code: 'off' });
    expect(answer.ok ? '' : answer.reason).toContain('127.0.0.1:8081');
  });

  it('says unreachable of silence, of a slow drip and of names that nobody has', async () => {
    await using silent = await openRawServer(() => undefined);
    const client = new OtbrHttpClient({ baseUrl: silent.url, clock: systemClock, timeoutMs: 60 });
    expect(await client.get('/node', never)).toMatchObject({ ok: false, code: 'unreachable' });
    await using dripping = await openRawServer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n');
      const timer = setInterval(() => socket.write(' '), 10);
      socket.on('close', () => clearInterval(timer));
    });
    const patient = new OtbrHttpClient({ baseUrl: dripping.url, clock: systemClock, timeoutMs: 100 });
    expect(await patient.get('/node', never)).toMatchObject({ ok: false, code: 'unreachable' });
    const nameless = new OtbrHttpClient({ baseUrl: 'http://nobody.invalid:1', clock: systemClock });
    expect(await nameless.get('/node', never)).toMatchObject({ ok: false, code: 'unreachable' });
  });

  it('ends with its signal, before the request and during it', async () => {
    await using server = await openRawServer(() => undefined);
    const client = new OtbrHttpClient({ baseUrl: server.url, clock: systemClock });
    expect(await client.get('/node', AbortSignal.abort())).toMatchObject({ ok: false, code: 'cancelled' });
    const stop = new AbortController();
    const answer = client.get('/node', stop.signal);
    await expect.poll(() => server.received.length).toBe(1);
    stop.abort();
    expect(await answer).toMatchObject({ ok: false, code: 'cancelled' });
  });

  it('shows no credentials from its address', () => {
    const client = new OtbrHttpClient({ baseUrl: 'http://user:secret@127.0.0.1:8081/x', clock: systemClock });
    expect(client.address).toBe('http://127.0.0.1:8081');
  });

  it('makes a value of whatever a server sends', async () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
      fc.string({ unit: 'binary', maxLength: 400 }).map((text) => Buffer.from(json(text))),
      fc
        .tuple(
          fc.constantFrom('rest/01-before-node.response.http', 'legacy/brrouter-node.response.http'),
          fc.nat(800),
        )
        .map(([name, length]) => otbrRecording(name).subarray(0, length)),
    );
    await fc.assert(
      fc.asyncProperty(garbage, async (bytes) => {
        const answer = await answerTo(bytes);
        expect(answer.ok || answer.code === 'malformed' || answer.code === 'unreachable').toBe(true);
      }),
      { numRuns: 60 },
    );
  });
});
