import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { FakeClock } from '../../test/support/fake-clock.ts';
import {
  createLegacyFirmware,
  type LegacyFirmwareOptions,
  type LegacyNodeAnswer,
} from './legacy-firmware.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0).reverse()) close();
});

/** A hub that only writes down what it hears. */
async function openHub() {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  closers.push(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  await once(server, 'listening');
  const links: { readonly url: string; readonly socket: WebSocket }[] = [];
  const frames: string[] = [];
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const check of waiting) check();
  };
  server.on('connection', (socket, request) => {
    links.push({ url: request.url ?? '', socket });
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer, isBinary) => {
      expect(isBinary).toBe(false);
      frames.push(data.toString());
      wake();
    });
    wake();
  });
  return {
    url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    links,
    frames,
    until: (holds: () => boolean) =>
      new Promise<void>((resolve) => {
        const check = (): void => {
          if (!holds()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    send: (command: object | string) =>
      links.at(-1)?.socket.send(typeof command === 'string' ? command : JSON.stringify(command)),
  };
}

async function connect(answer: LegacyNodeAnswer, options: Partial<LegacyFirmwareOptions> = {}) {
  const hub = await openHub();
  const clock = new FakeClock();
  const firmware = createLegacyFirmware({
    hubUrl: hub.url,
    borderRouterId: 'BR-001',
    authToken: 'xxx',
    networkPrefix: 'fd78::/64',
    scanNode: () => answer,
    after: (delayMs, callback) => clock.after(delayMs, callback),
    ...options,
  });
  closers.push(() => firmware.stop());
  firmware.start();
  await hub.until(() => hub.frames.length === 1);
  return { hub, clock, firmware };
}

const scanNode = {
  command: 'scan_node',
  target_ipv6: 'fd78::acf6',
  node_name: 'd4E',
  request_id: 'a3f2c1b5',
};
const names = '"target_ipv6":"fd78::acf6","node_name":"d4E","request_id":"a3f2c1b5"';

describe('the legacy firmware', () => {
  it('connects with its token in the query and a heartbeat every 10 s of just its five fields', async () => {
    const { hub, clock } = await connect({ kind: 'silence' }, { nodesCount: 2 });
    expect(hub.links[0]?.url).toBe('/ws/br?br_id=BR-001&auth_token=xxx&network_prefix=fd78::/64');
    expect(hub.frames[0]).toMatch(
      /^\{"type":"heartbeat","br_id":"BR-001","timestamp":\d+,"nodes_count":2,"status":"online"\}$/,
    );
    await clock.advance(9_999);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    await hub.until(() => hub.frames.length === 2);
    expect(Object.keys(JSON.parse(hub.frames[1] ?? '') as object)).toEqual([
      'type',
      'br_id',
      'timestamp',
      'nodes_count',
      'status',
    ]);
  });

  it('pastes the node’s payload behind its own fields, without an error', async () => {
    const { hub } = await connect({ kind: 'payload', payload: '{"role":"router","rloc16":"0xa000"}' });
    hub.send(scanNode);
    await hub.until(() => hub.frames.length === 2);
    expect(hub.frames[1]).toBe(
      `{"type":"scan_node_result",${names},"success":true,"network_info":{"role":"router","rloc16":"0xa000"}}`,
    );
  });

  it('pastes a broken payload as it is, up to its first zero byte', async () => {
    const { hub } = await connect({ kind: 'payload', payload: '{"role":"rou\0ter"}' });
    hub.send(scanNode);
    await hub.until(() => hub.frames.length === 2);
    expect(hub.frames[1]).toBe(
      `{"type":"scan_node_result",${names},"success":true,"network_info":{"role":"rou}`,
    );
  });

  it('reports a CoAP timeout 93 s late, without saying of which request', async () => {
    const { hub, clock } = await connect({ kind: 'timeout' }, { heartbeatEveryMs: 1e9 });
    hub.send({ ...scanNode, deadline_ms: 5_000 });
    await untilPending(clock, 2);
    await clock.advance(92_999);
    expect(hub.frames).toHaveLength(1);
    await clock.advance(1);
    await hub.until(() => hub.frames.length === 2);
    expect(hub.frames[1]).toBe('{"type":"scan_node_result","success":false,"error":"CoAP timeout"}');
  });

  it('names the request of a timeout in the version that does, and of a failure to send in both', async () => {
    const named = await connect({ kind: 'timeout' }, { failures: 'named', timeoutAfterMs: 0 });
    named.hub.send(scanNode);
    await untilPending(named.clock, 2);
    await named.clock.advance(0);
    await named.hub.until(() => named.hub.frames.length === 2);
    expect(named.hub.frames[1]).toBe(
      `{"type":"scan_node_result",${names},"success":false,"error":"CoAP timeout"}`,
    );

    const { hub } = await connect({ kind: 'not_sent' });
    hub.send(scanNode);
    await hub.until(() => hub.frames.length === 2);
    expect(hub.frames[1]).toBe(
      `{"type":"scan_node_result",${names},"success":false,"error":"Failed to initiate CoAP scan"}`,
    );
  });

  it('drops a command that does not fit its buffer and ignores those that it does not know', async () => {
    const { hub, firmware } = await connect({ kind: 'payload', payload: '{}' });
    hub.send({ ...scanNode, padding: 'x'.repeat(1_024) });
    hub.send({ command: 'discover', request_id: 'b' });
    hub.send({ type: 'scan_node', request_id: 'c' });
    hub.send('no JSON');
    hub.send(scanNode);
    await hub.until(() => hub.frames.length === 2);
    expect(firmware.counters()).toEqual({
      connections: 1,
      scanCommands: 1,
      ignoredCommands: 3,
      droppedFrames: 1,
    });
  });

  it('cuts names to its fixed fields', async () => {
    const { hub } = await connect({ kind: 'payload', payload: '{}' });
    hub.send({ ...scanNode, node_name: 'n'.repeat(40), request_id: 'r'.repeat(80) });
    await hub.until(() => hub.frames.length === 2);
    const { node_name, request_id } = JSON.parse(hub.frames[1] ?? '') as Record<string, string>;
    expect([node_name, request_id]).toEqual(['n'.repeat(31), 'r'.repeat(63)]);
  });

  it('connects anew after a reboot while its old connection stays open, and forgets what it was asked', async () => {
    const { hub, clock, firmware } = await connect({ kind: 'timeout' }, { timeoutAfterMs: 100 });
    hub.send(scanNode);
    await untilPending(clock, 2);
    firmware.reboot();
    await hub.until(() => hub.frames.length === 2);
    expect(hub.links).toHaveLength(2);
    expect(hub.links[0]?.socket.readyState).toBe(1);
    await clock.advance(1_000);
    hub.send({ command: 'nothing' });
    expect(hub.frames.every((frame) => frame.includes('heartbeat'))).toBe(true);
  });

  it('connects again 10 s after its connection ended, with one heartbeat loop only', async () => {
    const { hub, clock, firmware } = await connect({ kind: 'silence' }, { heartbeatEveryMs: 1e9 });
    hub.links[0]?.socket.terminate();
    await eventually(() => !firmware.connected && clock.pending === 1);
    await clock.advance(9_999);
    expect(hub.links).toHaveLength(1);
    // The end of the connection may be noticed a little after its state says so.
    while (hub.links.length < 2) {
      await clock.advance(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await hub.until(() => hub.frames.length === 2);
    expect(firmware.counters().connections).toBe(2);
    expect(clock.pending).toBe(1);
  });
});

/** Frames arrive by the event loop: turns of it until something holds. */
async function eventually(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
const untilPending = (clock: FakeClock, timers: number): Promise<void> =>
  eventually(() => clock.pending >= timers);
