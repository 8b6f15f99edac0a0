import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { json, problem } from '../../../test/support/http-answers.ts';
import { finishedScan, sampleTimeMs } from '../../../test/support/samples.ts';
import { startTestServer, type TestServer } from '../../../test/support/test-server.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server[Symbol.asyncDispose]());

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
    // One question for the page, and not of nodes that never answered.
    expect(server.world.latencyQuestions).toEqual([['d4E']]);
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
