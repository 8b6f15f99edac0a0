import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { type Config, type ConfigInput, defaultConfig } from './config.ts';
import { createHub, type Hub } from './hub.ts';
import { silentLogger as logger } from './observability/logger.ts';

describe('a hub', () => {
  const hubs: Hub[] = [];
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeEach(async () => {
    folder = await temporaryFolder();
  });

  afterEach(async () => {
    for (const hub of hubs.splice(0)) await hub.stop();
    await folder.remove();
  });

  const configFor = (input: ConfigInput = {}): Config =>
    defaultConfig({
      data_dir: join(folder.path, 'data'),
      nodes: { file: join(folder.path, 'adresses.json') },
      ...input,
      mqtt: { port: 0, ...input.mqtt },
      server: { port: 0, ...input.server },
    });

  async function create(input: ConfigInput = {}): Promise<Hub> {
    const hub = await createHub(configFor(input), { logger });
    hubs.push(hub);
    return hub;
  }

  it('releases what it has opened where its port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const hub = await create({ server: { port } });
    await expect(hub.start()).rejects.toMatchObject({ code: 'port_in_use' });
    other.close();
    const again = await create();
    const { url } = await again.start();
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it('says so, and holds nothing, where its data folder is taken or cannot be made', async () => {
    await create();
    await expect(createHub(configFor(), { logger })).rejects.toMatchObject({ code: 'data_dir_in_use' });
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    await expect(createHub(configFor({ data_dir: join(file, 'data') }), { logger })).rejects.toMatchObject({
      code: 'data_dir_not_writable',
    });
  });

  it('has stopped when any of the promises to stop it resolves', async () => {
    const hub = await create();
    await hub.start();
    const first = hub.stop();
    await hub.stop();
    // The data folder is given back last.
    await create();
    await first;
  });

  it('does not listen where it is stopped while it starts', async () => {
    const hub = await create();
    const started = hub.start();
    await hub.stop();
    const result = await started.then(
      ({ url }) => fetch(`${url}/healthz`),
      (error: unknown) => error,
    );
    expect(result).toBeInstanceOf(Error);
  });

  it('answers the request that it is reading when it stops, and gives up one that never ends', async () => {
    const hub = await create();
    const { port } = await hub.start();
    const open = (text: string): Socket => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write(text);
      return socket;
    };
    const endless = open(
      'POST /api/nodes/import HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nContent-Type: application/json\r\n\r\n{',
    );
    const gone = once(endless, 'close');
    const slow = open(
      'PUT /api/nodes/d4E HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 18\r\nContent-Type: application/json\r\n\r\n{"ipv6":',
    );
    let answer = '';
    slow.on('data', (part: Buffer) => (answer += part.toString()));
    await once(slow, 'data');
    const stopped = hub.stop();
    slow.write('"fd00::1"}');
    await stopped;
    await gone;
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /);
    const again = await create();
    const { url } = await again.start();
    expect((await (await fetch(`${url}/api/nodes/d4E`)).json()) as object).toMatchObject({ ipv6: 'fd00::1' });
  });

  it('stores the scan that its stop has cut off, and tells border routers that it stops', async () => {
    const hub = await create();
    const { url } = await hub.start();
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws/br?br_id=BR-1&network_prefix=fd00::/64`);
    const closed = once(socket, 'close') as Promise<[number, Buffer]>;
    await once(socket, 'open');
    await fetch(`${url}/api/nodes/d4E`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: '{"ipv6":"fd00::1"}',
    });
    const asked = once(socket, 'message');
    const { scan_id: scanId } = (await (
      await fetch(`${url}/api/trigger_scan`, { method: 'POST' })
    ).json()) as { scan_id: string };
    await asked;
    await hub.stop();
    expect((await closed)[0]).toBe(1001);
    const again = await create();
    const started = await again.start();
    const scan = (await (await fetch(`${started.url}/api/scans/${scanId}`)).json()) as object;
    expect(scan).toMatchObject({ state: 'cancelled', nodes: [{ name: 'd4E', outcome: 'cancelled' }] });
  });
});
