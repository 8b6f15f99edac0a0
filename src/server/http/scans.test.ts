import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { json, problem } from '../../../test/support/http-answers.ts';
import { finishedScan, sampleTimeMs } from '../../../test/support/samples.ts';
import { nothingToScan, startTestServer, type TestServer } from '../../../test/support/test-server.ts';
import { asScanId } from '../../protocol/ids.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server[Symbol.asyncDispose]());

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
      cursor = `&cursor=${page['next_cursor'] as string}`;
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
