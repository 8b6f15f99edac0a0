import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { json, problem } from '../../../test/support/http-answers.ts';
import { emptyTopology, finishedScan, sampleTopology } from '../../../test/support/samples.ts';
import { startTestServer, type TestServer } from '../../../test/support/test-server.ts';
import { asScanId } from '../../protocol/ids.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server[Symbol.asyncDispose]());

describe('topologies', () => {
  it('gives the current one, and the one of a past time', async () => {
    expect(await json(server.get('/api/topology'))).toMatchObject({
      scan_id: null,
      final: true,
      weak_points: [],
    });
    expect((await server.get('/api/topology?at=2026-02-01T00:00:00Z')).status).toBe(200);
    await problem(server.get('/api/topology?at=2020-01-01T00:00:00Z'), 404, 'topology_not_found');
    const body = await problem(server.get('/api/topology?at=yesterday'), 400, 'invalid_request');
    expect(body['detail']).toContain('2026-01-31T14:00:00Z');
  });

  it.each([
    ['graphml', 'application/graphml+xml'],
    ['dot', 'text/vnd.graphviz'],
    ['csv', 'text/csv'],
    ['svg', 'image/svg+xml'],
    ['json', 'application/json'],
  ])('exports %s as %s', async (format, contentType) => {
    const answer = await server.get(`/api/topology?format=${format}`);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain(contentType);
    expect((await answer.text()).length).toBeGreaterThan(10);
  });

  it('traces the way between two nodes, by name or id, now or then', async () => {
    server.world.topology = sampleTopology();
    const path = '/api/topology/route?from=76c2&to=d4E';
    expect(await json(server.get(path))).toMatchObject({
      from_id: '76c2',
      to_id: '5339695e8f14acf6',
      complete: true,
      hops: [{ evidence: 'parent', from_label: '0xa001', to_label: 'd4E' }],
      statement: '0xa001 to d4E in 1 hop: 0xa001 → d4E',
    });
    await problem(server.get(`${path}&at=2020-01-01T00:00:00Z`), 404, 'topology_not_found');
    const body = await problem(server.get('/api/topology/route?from=76c2&to=nobody'), 404, 'node_not_found');
    expect(body['detail']).toBe('"nobody" is neither id nor name of a node on that map');
    for (const [typed, meant] of [
      ['D4e', 'd4E'],
      ['d-4E', 'd4E'],
      ['5339695E8F14ACF7', '5339695e8f14acf6'],
    ] as const) {
      const near = await problem(
        server.get(`/api/topology/route?from=76c2&to=${typed}`),
        404,
        'node_not_found',
      );
      expect(near['detail']).toContain(`did you mean "${meant}"?`);
    }
    await problem(server.get('/api/topology/route?from=76c2'), 400, 'invalid_request');
  });

  it('compares two scans and gives the topology of one', async () => {
    server.world.topologies.set(asScanId('a'), emptyTopology({ scanId: 'a' }));
    server.world.topologies.set(asScanId('b'), emptyTopology({ scanId: 'b' }));
    server.world.storedScans.push(finishedScan({ id: 'c', state: 'cancelled' }));
    expect(await json(server.get('/api/scans/a/diff/b'))).toMatchObject({
      from_scan_id: 'a',
      to_scan_id: 'b',
      added: [],
    });
    expect(await json(server.get('/api/scans/b/topology'))).toMatchObject({ scan_id: 'b' });
    await problem(server.get('/api/scans/a/diff/nope'), 404, 'scan_not_found');
    await problem(server.get('/api/scans/c/topology'), 404, 'topology_not_found');
  });

  it('exports a scan as a bundle and imports one', async () => {
    server.world.storedScans.push(finishedScan());
    server.world.topology = emptyTopology({ scanId: 'scan-1' });
    const bundle = await server.get('/api/scans/scan-1/bundle');
    expect(bundle.headers.get('content-disposition')).toBe(
      'attachment; filename="scan-20260102T030405000Z.bundle.json"',
    );
    expect(await json(bundle)).toMatchObject({ format: 'threadhub-scan-bundle', scan: { state: 'partial' } });
    expect(await json(server.get('/api/topology?format=bundle'))).toMatchObject({
      format: 'threadhub-scan-bundle',
    });
    const imported = await server.send('POST', '/api/scans/import', { anything: 1 });
    expect([imported.status, await imported.json()]).toEqual([201, { scan_id: 'scan-imported' }]);
  });

  it('says that there is no bundle before the first scan', async () => {
    await problem(server.get('/api/topology?format=bundle'), 404, 'scan_not_found');
  });
});
