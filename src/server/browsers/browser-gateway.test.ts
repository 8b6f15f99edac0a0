import { connect, type Socket as TcpSocket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { emptyTopology, finishedScan, scanNode } from '../../../test/support/samples.ts';
import { nothingToScan, startTestServer, type TestServer } from '../../../test/support/test-server.ts';
import { asScanId } from '../../protocol/ids.ts';

let server: TestServer;
let clients: Socket[];
beforeEach(async () => {
  server = await startTestServer();
  clients = [];
});
afterEach(async () => {
  for (const client of clients) client.disconnect();
  await server[Symbol.asyncDispose]();
});

async function open(options: Parameters<typeof io>[1] = {}): Promise<Socket> {
  const client = io(server.url, { reconnection: false, forceNew: true, ...options });
  clients.push(client);
  await new Promise<void>((resolve, reject) => {
    client.once('connect', resolve).once('connect_error', reject);
  });
  await vi.waitFor(() => expect(server.browserCount()).toBeGreaterThan(0));
  return client;
}

const next = (client: Socket, event: string): Promise<Record<string, unknown>> =>
  new Promise((resolve) => client.once(event, resolve));

describe('trigger_scan', () => {
  it('is acknowledged with the scan', async () => {
    const client = await open();
    expect(await client.emitWithAck('trigger_scan')).toEqual({ scan_id: 'scan-new', joined: false });
    expect(await client.emitWithAck('trigger_scan', { nodes: ['d4E'], border_routers: ['BR-1'] })).toEqual({
      scan_id: 'scan-new',
      joined: true,
    });
    expect(server.world.triggered).toEqual([
      { filter: null, trigger: 'browser' },
      { filter: { nodes: ['d4E'], borderRouters: ['BR-1'] }, trigger: 'browser' },
    ]);
  });

  it('works without an acknowledgement, as old pages send it', async () => {
    const client = await open({ transports: ['polling'] });
    client.emit('trigger_scan');
    await vi.waitFor(() => expect(server.world.triggered).toHaveLength(1));
  });

  it('is answered with the error and its code', async () => {
    const client = await open({ transports: ['websocket'] });
    server.world.triggerFailure = nothingToScan;
    expect(await client.emitWithAck('trigger_scan')).toMatchObject({
      error: { code: 'nothing_to_scan', message: nothingToScan.message },
    });
    server.world.triggerFailure = new TypeError('secret');
    const answer: unknown = await client.emitWithAck('trigger_scan');
    expect(answer).toMatchObject({ error: { code: 'internal_error' } });
    expect(JSON.stringify(answer)).not.toContain('secret');
  });

  it.each([[{ node: 'x' }], [{ nodes: 'x' }], ['all'], [[]]])(
    'refuses the filter %j, naming what is valid',
    async (filter) => {
      const client = await open();
      expect(await client.emitWithAck('trigger_scan', filter)).toMatchObject({
        error: { code: 'invalid_request' },
      });
      expect(server.world.triggered).toEqual([]);
    },
  );
});

it('tells every browser what happens', async () => {
  const [a, b] = [await open({ transports: ['websocket'] }), await open({ transports: ['polling'] })];
  await vi.waitFor(() => expect(server.browserCount()).toBe(2));
  const results = Promise.all([next(a, 'scan_node_result'), next(b, 'scan_node_result')]);
  const maps = Promise.all([next(a, 'topology_update'), next(b, 'topology_update')]);
  const ends = Promise.all([next(a, 'scan_completed'), next(b, 'scan_completed')]);
  server.facts.emit('scan:node_decided', { scanId: asScanId('scan-1'), node: scanNode() });
  server.facts.emit('topology:updated', { topology: emptyTopology({ scanId: 'scan-1' }) });
  server.facts.emit('scan:finished', { scan: finishedScan() });
  for (const result of await results) expect(result).toMatchObject({ node_name: 'd4E', success: true });
  for (const topology of await maps) expect(topology).toMatchObject({ scan_id: 'scan-1', weak_points: [] });
  for (const end of await ends) expect(end).toMatchObject({ scan_id: 'scan-1', state: 'partial' });
});

it('shows browsers among the connections and in the metrics', async () => {
  const client = await open({ transports: ['websocket'] });
  await client.emitWithAck('trigger_scan');
  const list = (await (await server.get('/api/connections')).json()) as { items: Record<string, unknown>[] };
  expect(list.items).toMatchObject([
    { id: client.id, kind: 'browser', remote_address: '127.0.0.1', received_messages: 1 },
  ]);
  expect(await (await server.get('/metrics')).text()).toContain('threadhub_connections{kind="browser"} 1');
  client.disconnect();
  await vi.waitFor(() => expect(server.browserCount()).toBe(0));
});

describe('who may connect', () => {
  it('refuses another site’s page', async () => {
    const extraHeaders = { origin: 'http://evil.example' };
    await expect(open({ extraHeaders, transports: ['websocket'] })).rejects.toThrow();
    const polling = await server.get('/socket.io/?EIO=4&transport=polling', {
      headers: { 'sec-fetch-site': 'cross-site' },
    });
    expect([polling.status, await polling.text()]).toEqual([
      403,
      expect.stringContaining('cross_origin_refused'),
    ]);
  });

  it('refuses everybody where the hub does not listen on loopback', async () => {
    await using closed = await startTestServer({ config: { server: { host: '0.0.0.0' } } });
    const answer = await closed.get('/socket.io/?EIO=4&transport=polling');
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringContaining('setup_required')]);
  });

  it('refuses everybody while the hub stops', async () => {
    server.world.stopping = true;
    await expect(open()).rejects.toThrow();
  });

  it('serves no client of its own: the pages bring theirs', async () => {
    expect((await server.get('/socket.io/socket.io.js')).status).toBe(400);
  });
});

it('keeps one map, not fifty, for a browser that does not read', async () => {
  const reading = await open({ transports: ['websocket'] });
  const deaf = await openDeaf(server.url);
  await vi.waitFor(() => expect(server.browserCount()).toBe(2));
  let maps = 0;
  reading.on('topology_update', () => (maps += 1));
  // 4 MiB each: more than the kernel takes in for somebody who does not read.
  const nodes = Array.from({ length: 4_096 }, (_, index) => ({ id: `${index}`, error: 'x'.repeat(1_000) }));
  for (let number = 0; number < 10; number += 1) {
    server.facts.emit('topology:updated', {
      topology: emptyTopology({ scanId: `scan-${number}`, nodes: nodes as never }),
    });
    await vi.waitFor(() => expect(maps).toBe(number + 1), { timeout: 5_000 });
  }
  const list = (await (await server.get('/api/connections')).json()) as {
    items: { id: string; queue_messages: number; sent_messages: number }[];
  };
  const slow = list.items.find(({ id }) => id !== reading.id);
  expect(slow?.sent_messages).toBeLessThanOrEqual(2);
  expect(slow?.queue_messages).toBeLessThanOrEqual(1);
  deaf.destroy();
});

it('does not wait at its end for a browser that does not read', async () => {
  const clock = new FakeClock();
  const stopping = await startTestServer({ clock });
  const deaf = await openDeaf(stopping.url);
  await vi.waitFor(() => expect(stopping.browserCount()).toBe(1));
  const nodes = Array.from({ length: 16_384 }, (_, index) => ({ id: `${index}`, error: 'x'.repeat(1_000) }));
  stopping.facts.emit('topology:updated', { topology: emptyTopology({ nodes: nodes as never }) });
  await pause(50);
  let ended = false;
  const end = stopping[Symbol.asyncDispose]().then(() => (ended = true));
  await pause(50);
  expect(ended).toBe(false);
  await clock.advance(2_000);
  await end;
  deaf.destroy();
});

/** A Socket.IO client over a bare socket that connects and then reads no more. */
async function openDeaf(url: string): Promise<TcpSocket> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
  socket.write(
    'GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n' +
      'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await new Promise((resolve) => socket.once('data', resolve));
  // A masked text frame "40" with an all-zero mask: join the namespace `/`.
  socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x34, 0x30]));
  await pause(50);
  socket.pause();
  return socket;
}
