import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../../test/support/test-server.ts';

const html = { headers: { accept: 'text/html,*/*' } };
let folder: string;
let server: TestServer;
beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'threadhub-pages-'));
  const webRoot = path.join(folder, 'web');
  mkdirSync(path.join(webRoot, 'assets'), { recursive: true });
  writeFileSync(path.join(webRoot, 'index.html'), '<!doctype html><title>the app</title>');
  writeFileSync(path.join(webRoot, 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  writeFileSync(path.join(webRoot, 'assets', 'index-a1b2.js'), 'export {};');
  writeFileSync(path.join(folder, 'secret.txt'), 'secret');
  server = await startTestServer({ webRoot });
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe('the web build', () => {
  it.each(['/', '/network-map', '/scans/some-id', '/border-routers', '/settings?tab=1'])(
    'opens %s with the app, never from a cache unasked',
    async (address) => {
      const answer = await server.get(address);
      expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-cache']);
      expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
      expect(await answer.text()).toContain('the app');
    },
  );

  it('lets browsers keep files whose name holds their hash', async () => {
    const asset = await server.get('/assets/index-a1b2.js');
    expect([asset.status, asset.headers.get('cache-control')]).toEqual([
      200,
      'public, max-age=31536000, immutable',
    ]);
    expect(asset.headers.get('content-type')).toMatch(/javascript/);
    expect((await server.get('/favicon.svg')).headers.get('cache-control')).toBe('no-cache');
  });

  it('answers again with 304 where nothing has changed', async () => {
    const first = await rawGet(server.url, '/');
    const again = await rawGet(server.url, '/', { 'if-none-match': first.headers.etag ?? '' });
    expect([first.status, again.status]).toEqual([200, 304]);
  });

  it('shows a mistyped address to people in the app, and as a problem to programs', async () => {
    const person = await server.get('/netwerk-map', html);
    expect([person.status, await person.text()]).toEqual([404, expect.stringContaining('the app')]);
    const program = await server.get('/netwerk-map');
    expect([program.status, await program.json()]).toEqual([
      404,
      expect.objectContaining({ code: 'route_not_found' }),
    ]);
  });

  it.each(['/api', '/api/nope', '/assets/gone.js', '/ws/other', '/assets/', '/robots.txt'])(
    'never gives the app for %s',
    async (address) => {
      const answer = await server.get(address, html);
      expect(await answer.text()).not.toContain('<title>the app');
      expect(answer.status).toBe(404);
    },
  );

  it('answers a wrong method at a page with 404, not with the page', async () => {
    expect((await server.send('POST', '/network-map')).status).toBe(404);
  });

  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/assets/%2e%2e/%2e%2e/secret.txt',
    '/%00.txt',
    '/....//secret.txt',
    '/%5c..%5csecret.txt',
  ])('gives nothing outside its folder: %s', async (address) => {
    const { status, text } = await rawGet(server.url, address);
    expect(text).not.toBe('secret');
    expect([400, 403, 404]).toContain(status);
  });
});

it('forbids inline scripts, framing and guessing of types, and asks for no https on http', async () => {
  for (const address of ['/', '/api/topology', '/api/nope', '/docs']) {
    const { headers } = await server.get(address);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("worker-src 'self' blob:");
    expect(policy).not.toContain('upgrade-insecure-requests');
    expect(headers.get('strict-transport-security')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  }
});

it('says how to build the pages where they have not been built, and notices when they have', async () => {
  const webRoot = path.join(folder, 'later');
  await using bare = await startTestServer({ webRoot });
  const before = await bare.get('/network-map', html);
  expect([before.status, await before.text()]).toEqual([503, expect.stringContaining('npm run build')]);
  mkdirSync(webRoot);
  writeFileSync(path.join(webRoot, 'index.html'), 'built');
  expect(await (await bare.get('/network-map', html)).text()).toBe('built');
});

interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Without the tidying that `fetch` does to an address. */
function rawGet(url: string, address: string, headers: OutgoingHttpHeaders = {}): Promise<RawAnswer> {
  const { hostname, port } = new URL(url);
  const { promise, reject, resolve } = Promise.withResolvers<RawAnswer>();
  request({ hostname, port, path: address, headers, agent: false }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (part: string) => (text += part));
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
  })
    .on('error', reject)
    .end();
  return promise;
}
