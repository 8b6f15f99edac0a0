/**
 * A border router written from docs/protocol.md with nothing but a WebSocket library: what a firmware author would do,
 * quirks of firmware in the field included.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { HubClient } from '../support/hub-client.ts';
import { type HubProcess, startHubProcess, until } from '../support/hub-process.ts';

type Command = Record<string, string>;

describe('a border router by hand', () => {
  let hub: HubProcess;
  let client: HubClient;
  const sockets: WebSocket[] = [];

  beforeEach(async () => {
    hub = await startHubProcess();
    client = new HubClient(hub.url);
    await client.importNodes({
      d4E: 'fd78:8e78:3bfe:1:5339:695e:8f14:acf6',
      d5F: { ipv6: 'fd78:8e78:3bfe:1::5' },
    });
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate();
    await hub.stop();
  });

  /** Connects and calls back for every command. */
  async function connect(
    onCommand: (command: Command, send: (text: string) => void) => void,
    id = 'BR-001',
  ): Promise<WebSocket> {
    const socket = new WebSocket(
      `ws://127.0.0.1:${hub.port}/ws/br?br_id=${id}&network_prefix=fd78:8e78:3bfe:1::/64`,
    );
    sockets.push(socket);
    socket.on('message', (data: Buffer, isBinary) => {
      expect(isBinary).toBe(false);
      expect(data.length).toBeLessThan(1_024);
      const command = JSON.parse(data.toString()) as Command;
      expect(command['type']).toBeUndefined();
      if (command['command'] === 'scan_node') onCommand(command, (text) => socket.send(text));
    });
    await new Promise((open, fail) => socket.once('open', open).once('error', fail));
    return socket;
  }

  const infoOf = (command: Command, extra = '') =>
    `{"role":"router","rloc16":"${command['node_name'] === 'd4E' ? '0xa000' : '0x7000'}","ext_addr":"${command['node_name'] === 'd4E' ? '5339695e8f14acf6' : '7aeb6e45c8970785'}"${extra}}`;

  it('heartbeats, answers, and is on the map', async () => {
    const socket = await connect((command, send) => {
      send(
        `{"type":"scan_node_result","target_ipv6":"${command['target_ipv6']}","node_name":"${command['node_name']}",` +
          `"request_id":"${command['request_id']}","success":true,"network_info":${infoOf(command, ',"children":[],"neighbors":[{"rloc16":"0x7000","rssi":-42,"lqi":3}]')}}`,
      );
    });
    socket.send('{"type":"heartbeat","br_id":"BR-001","timestamp":12345,"nodes_count":2,"status":"online"}');
    const scan = await client.scanToEnd();
    expect(scan).toMatchObject({ state: 'completed', outcomes: { answered: 2 }, border_routers: ['BR-001'] });
    await until(async () => (await client.borderRouters())[0]?.nodes_count === 2);
    const topology = await client.topology();
    expect(
      topology.nodes
        .filter(({ kind, state }) => kind === 'node' && state === 'answered')
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['d4E', 'd5F']);
  });

  it('has its anonymous failure taken for the one request that is open, and the rest decided by their deadline', async () => {
    await connect((command, send) => {
      if (command['node_name'] === 'd4E') {
        send(
          `{"type":"scan_node_result","request_id":"${command['request_id']}","success":true,"network_info":${infoOf(command)}}`,
        );
      } else
        setTimeout(() => send('{"type":"scan_node_result","success":false,"error":"CoAP timeout"}'), 100);
    });
    const scan = await client.scanToEnd();
    expect(scan.nodes).toMatchObject([
      { name: 'd4E', outcome: 'answered' },
      { name: 'd5F', outcome: 'timed_out', error: 'CoAP timeout' },
    ]);
    expect(scan.duration_ms).toBeLessThan(4_000);
  });

  it('has a node whose payload broke the frame end as malformed at once', async () => {
    await connect((command, send) => {
      const payload = command['node_name'] === 'd4E' ? '{"role":"router","rloc16":' : infoOf(command);
      send(
        `{"type":"scan_node_result","target_ipv6":"x","node_name":"x","request_id":"${command['request_id']}","success":true,"network_info":${payload}}`,
      );
    });
    const scan = await client.scanToEnd();
    expect(scan.nodes).toMatchObject([
      { name: 'd4E', outcome: 'malformed' },
      { name: 'd5F', outcome: 'answered' },
    ]);
  });

  it('reconnects under its own name before its old socket has died, and is asked again', async () => {
    let asked = 0;
    const first = await connect(() => (asked += 1));
    const closed = new Promise<number>((resolve) => first.once('close', (code: number) => resolve(code)));
    const { scan_id: id } = await client.trigger();
    await until(() => asked === 2);
    await connect((command, send) =>
      send(
        `{"type":"scan_node_result","request_id":"${command['request_id']}","success":true,"network_info":${infoOf(command)}}`,
      ),
    );
    expect(await closed).toBe(4001);
    expect(await client.finished(id)).toMatchObject({ state: 'completed', outcomes: { answered: 2 } });
  });

  it('is lost 3 s after its last byte while commands are in flight, not after the node timeout', async () => {
    const socket = await connect(() => undefined);
    socket.pause();
    const scan = await client.scanToEnd();
    expect(scan.outcomes).toMatchObject({ border_router_lost: 2 });
    expect(scan.duration_ms).toBeLessThan(4_500);
  });

  it('sends a CoAP request for a person and gets the answer back to them', async () => {
    const socket = await connect(() => undefined);
    socket.on('message', (data: Buffer) => {
      const command = JSON.parse(data.toString()) as Record<string, unknown>;
      if (command['command'] !== 'send_coap') return;
      expect(command).toMatchObject({ method: 'PUT', path: 'led', payload: { on: true }, confirmable: true });
      socket.send(
        JSON.stringify({
          type: 'coap_response',
          request_id: command['request_id'],
          success: true,
          code: '2.04',
        }),
      );
    });
    const request = { target: 'd4E', method: 'PUT', path: 'led', payload: { on: true } };
    expect(await client.request('POST', '/api/border_routers/BR-001/coap', request)).toMatchObject({
      status: 200,
      body: { code: '2.04' },
    });
    const large = await client.request('POST', '/api/border_routers/BR-001/coap', {
      ...request,
      payload: 'x'.repeat(2_000),
    });
    expect(large).toMatchObject({ status: 413, body: { code: 'command_too_large' } });
    expect(large.text).toContain('1024');
  });

  it('is told in plain words why it is refused', async () => {
    const refusal = (query: string) =>
      new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
        const socket = new WebSocket(`ws://127.0.0.1:${hub.port}/ws/br${query}`);
        socket.once('open', () => reject(new Error('it was let in')));
        socket.once('error', () => undefined);
        socket.once('unexpected-response', (_request, response) => {
          let body = '';
          response.on('data', (chunk: Buffer) => (body += chunk.toString()));
          response.on('end', () => resolve({ status: response.statusCode, body }));
        });
      });
    expect(await refusal('')).toMatchObject({
      status: 400,
      body: expect.stringContaining('br_id') as string,
    });
    expect(await refusal('?br_id=a%20b')).toMatchObject({ status: 400 });
    expect(await refusal('?br_id=BR-1&network_prefix=10.0.0.0')).toMatchObject({
      status: 400,
      body: expect.stringContaining('network_prefix') as string,
    });
    expect(await refusal('?br_id=BR-1&auth_token=wrong')).toMatchObject({ status: 401 });
  });

  it('comes in with a token of its own, and is put out when that is revoked', async () => {
    const created = await client.request('POST', '/api/tokens', { border_router_id: 'BR-9' });
    const { id, token } = created.body as { id: string; token: string };
    const socket = new WebSocket(`ws://127.0.0.1:${hub.port}/ws/br?br_id=BR-9&auth_token=${token}`);
    sockets.push(socket);
    await new Promise((open, fail) => socket.once('open', open).once('error', fail));
    const closed = new Promise<number>((resolve) => socket.once('close', (code: number) => resolve(code)));
    expect((await client.request('DELETE', `/api/tokens/${id}`)).status).toBe(204);
    expect(await closed).toBe(4003);
    expect(hub.output()).not.toContain(token);
  });
});
