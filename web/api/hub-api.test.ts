import { afterEach, expect, test, vi } from 'vitest';
import { hubApi } from './hub-api.ts';

afterEach(() => void vi.unstubAllGlobals());

function hubAnswers(body: string, status: number): void {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(body, { status })));
}

test('maps an answer to camelCase', async () => {
  hubAnswers('{"scan_id":"s1","joined":true,"nodes":4,"border_routers":2}', 202);
  await expect(hubApi.triggerScan()).resolves.toEqual({
    scanId: 's1',
    joined: true,
    nodes: 4,
    borderRouters: 2,
  });
});

test('says what the problem details say', async () => {
  hubAnswers('{"title":"Conflict","detail":"No node is registered.","code":"nothing_to_scan"}', 409);
  await expect(hubApi.triggerScan()).rejects.toMatchObject({
    code: 'nothing_to_scan',
    status: 409,
    message: 'No node is registered.',
  });
});

test('names the status where something else than the hub answered', async () => {
  hubAnswers('<html>Bad gateway</html>', 502);
  await expect(hubApi.topology()).rejects.toMatchObject({
    status: 502,
    message: 'The hub answered with status 502.',
  });
});

test('tells an unreadable answer from an unreachable hub', async () => {
  hubAnswers('<html>', 200);
  await expect(hubApi.topology()).rejects.toMatchObject({ code: 'answer_unreadable' });
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  await expect(hubApi.topology()).rejects.toMatchObject({ code: 'hub_unreachable', status: 0 });
});
