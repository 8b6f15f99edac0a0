import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { json, problem } from '../../../test/support/http-answers.ts';
import { startTestServer, type TestServer } from '../../../test/support/test-server.ts';
import { StoreError } from '../../errors.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server[Symbol.asyncDispose]());

describe('probes and metrics', () => {
  it('is ready while the store answers and the hub is not stopping', async () => {
    expect(await json(server.get('/readyz'))).toEqual({ ready: true, not_ready: [] });
    server.world.storeFailure = new StoreError('store_failed', 'the disk does not answer');
    server.world.stopping = true;
    const answer = await server.get('/readyz');
    expect([answer.status, await answer.json()]).toEqual([
      503,
      {
        ready: false,
        not_ready: [
          { name: 'hub', detail: 'the hub is stopping' },
          { name: 'store', detail: 'the disk does not answer' },
        ],
      },
    ]);
    expect(await json(server.get('/healthz'))).toEqual({ status: 'ok' });
  });

  it('is not ready while scans wait to be saved, though what was saved can be read', async () => {
    server.world.saveFailure = new StoreError('store_full', 'there is no room left');
    const answer = await server.get('/readyz');
    expect([answer.status, await answer.json()]).toEqual([
      503,
      { ready: false, not_ready: [{ name: 'store', detail: 'there is no room left' }] },
    ]);
  });

  it('gives metrics as text', async () => {
    const answer = await server.get('/metrics');
    expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(await answer.text()).toContain('threadhub_build_info{version="1.2.3"');
  });

  it('tells a plain request to /ws/br that it is for WebSockets', async () => {
    await problem(server.get('/ws/br?br_id=BR-001'), 426, 'upgrade_required');
  });
});
