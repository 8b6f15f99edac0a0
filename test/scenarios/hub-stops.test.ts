/** A hub that is stopped, killed, started twice, or cannot start. */
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { HubClient } from '../support/hub-client.ts';
import { freePort, type HubProcess, runThreadhub, startHubProcess, until } from '../support/hub-process.ts';

describe('a hub that stops', () => {
  const hubs: HubProcess[] = [];
  const sockets: WebSocket[] = [];

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate();
    for (const hub of hubs.splice(0)) await hub.stop();
  });

  /** A hub with a border router that takes commands and never answers, and a scan that waits for it. */
  async function hubInMidScan(): Promise<{ hub: HubProcess; scanId: string; closed: Promise<number> }> {
    const hub = await startHubProcess();
    hubs.push(hub);
    const client = new HubClient(hub.url);
    await client.importNodes({ one: 'fd00::1', two: 'fd00::2' });
    const socket = new WebSocket(`ws://127.0.0.1:${hub.port}/ws/br?br_id=BR-1&network_prefix=fd00::/64`);
    sockets.push(socket);
    const closed = new Promise<number>((resolve) => socket.once('close', (code: number) => resolve(code)));
    let asked = 0;
    socket.on('message', (data: Buffer) => {
      if (data.toString().includes('scan_node')) asked += 1;
    });
    await new Promise((open) => socket.once('open', open));
    const { scan_id: scanId } = await client.trigger();
    await until(() => asked === 2);
    return { hub, scanId, closed };
  }

  it('ends its scan as cancelled on SIGTERM, closes links with 1001 and exits 0', async () => {
    const { closed, hub, scanId } = await hubInMidScan();
    const before = performance.now();
    hub.signal('SIGTERM');
    expect(await hub.exited).toBe(0);
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(await closed).toBe(1001);
    const again = await startHubProcess({ dataDir: hub.dataDir });
    hubs.push(again);
    expect(await new HubClient(again.url).scan(scanId)).toMatchObject({
      state: 'cancelled',
      outcomes: { cancelled: 2 },
    });
  });

  it('has the scan that kill -9 cut off as cancelled after a restart, and its nodes and tokens', async () => {
    const { hub, scanId } = await hubInMidScan();
    const token = await new HubClient(hub.url).request('POST', '/api/tokens', { border_router_id: 'BR-7' });
    expect(token.status).toBe(201);
    // The start of a scan is written beside its first commands, not before them.
    await new Promise((done) => setTimeout(done, 500));
    hub.signal('SIGKILL');
    await hub.exited;
    const again = await startHubProcess({ dataDir: hub.dataDir });
    hubs.push(again);
    const client = new HubClient(again.url);
    const scan = await client.scan(scanId);
    expect(scan).toMatchObject({ state: 'cancelled', undecided: 0, outcomes: { cancelled: 2 } });
    expect(scan.notes.length).toBeGreaterThan(0);
    expect(
      (await client.get<{ items: { name: string }[] }>('/api/nodes')).items.map(({ name }) => name),
    ).toEqual(['one', 'two']);
    expect((await client.get<{ items: unknown[] }>('/api/tokens')).items).toHaveLength(1);
  });

  it('says which port is taken and exits 1', async () => {
    const port = await freePort();
    const other = createServer();
    await new Promise<void>((done) => other.listen(port, '127.0.0.1', done));
    const dataDir = await mkdtemp(join(tmpdir(), 'threadhub-'));
    const { code, output } = await runThreadhub(['serve', '--port', String(port), '--data-dir', dataDir]);
    await new Promise((done) => other.close(done));
    await rm(dataDir, { recursive: true });
    expect(code).toBe(1);
    expect(output).toContain(String(port));
    expect(output).not.toContain('    at ');
  });

  it('says that another hub has the data folder and exits 1, and the first one goes on', async () => {
    const hub = await startHubProcess();
    hubs.push(hub);
    const { code, output } = await runThreadhub([
      'serve',
      '--port',
      String(await freePort()),
      '--data-dir',
      hub.dataDir,
    ]);
    expect(code).toBe(1);
    expect(output).toContain(hub.dataDir);
    expect((await fetch(`${hub.url}/readyz`)).status).toBe(200);
  });

  it('says which data folder it cannot write and exits 1', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'threadhub-'));
    // A file where the folder should be stops even root.
    const dataDir = join(folder, 'data');
    if (userInfo().uid === 0) await writeFile(dataDir, 'not a folder');
    else await chmod(folder, 0o500);
    const { code, output } = await runThreadhub([
      'serve',
      '--port',
      String(await freePort()),
      '--data-dir',
      dataDir,
    ]);
    await chmod(folder, 0o700);
    await rm(folder, { recursive: true });
    expect(code).toBe(1);
    expect(output).toContain(dataDir);
    expect(output).not.toContain('    at ');
  });
});
