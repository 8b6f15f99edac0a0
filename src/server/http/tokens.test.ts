import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problem } from '../../../test/support/http-answers.ts';
import { startTestServer, type TestServer } from '../../../test/support/test-server.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server[Symbol.asyncDispose]());

describe('tokens', () => {
  it('shows a token once, lists it without, and revokes it once', async () => {
    const created = await server.send('POST', '/api/tokens', { border_router_id: 'BR-001' });
    expect(created.headers.get('cache-control')).toBe('no-store');
    expect([created.status, await created.json()]).toEqual([
      201,
      { id: 'token-1', border_router_id: 'BR-001', token: 'secret-token-1' },
    ]);
    const list = await (await server.get('/api/tokens')).text();
    expect(JSON.parse(list)).toMatchObject({ items: [{ id: 'token-1', border_router_id: 'BR-001' }] });
    expect(list).not.toContain('secret');
    expect((await server.send('DELETE', '/api/tokens/token-1')).status).toBe(204);
    await problem(server.send('DELETE', '/api/tokens/token-1'), 404, 'token_not_found');
    await problem(server.send('POST', '/api/tokens', { border_router_id: 'a b' }), 400, 'invalid_request');
  });
});
