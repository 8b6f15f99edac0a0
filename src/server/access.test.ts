import { describe, expect, it } from 'vitest';
import { createAccessPolicy } from './access.ts';

const policy = createAccessPolicy('127.0.0.1');
const code = (refusal: { code: string } | null): string | null => refusal?.code ?? null;
const request = (headers: Record<string, string | undefined>, method = 'GET', path = '/api/topology') => ({
  headers,
  method,
  path,
});

describe('a hub on loopback', () => {
  it.each([
    'localhost',
    'localhost:5001',
    '127.0.0.1:5001',
    '127.8.9.10',
    '[::1]:5001',
    'hub.localhost:80',
    'LOCALHOST',
  ])('answers to Host %s', (host) => expect(policy.checkRequest(request({ host }))).toBeNull());

  it.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.1@evil.example',
    '192.168.1.10:5001',
    '127.0.0.999',
    '[::1',
    '[fe80::1]',
    '',
  ])('refuses Host %j, which a page that rebinds its name would send', (host) =>
    expect(code(policy.checkRequest(request({ host })))).toBe('host_not_allowed'),
  );

  it('refuses a request without Host', () => {
    expect(code(policy.checkRequest(request({})))).toBe('host_not_allowed');
  });

  it('takes a change from a program, which sends no Origin', () => {
    expect(policy.checkRequest(request({ host: 'localhost' }, 'POST'))).toBeNull();
  });

  it('takes a change from its own pages', () => {
    const headers = {
      host: 'localhost:5001',
      origin: 'http://localhost:5001',
      'sec-fetch-site': 'same-origin',
    };
    expect(policy.checkRequest(request(headers, 'DELETE'))).toBeNull();
  });

  it.each([
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:8080' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'http://localhost:5001', 'sec-fetch-site': 'cross-site' },
  ])('refuses a change from another site: %j', (headers) => {
    expect(code(policy.checkRequest(request({ host: 'localhost:5001', ...headers }, 'POST')))).toBe(
      'cross_origin_refused',
    );
  });

  it('answers a read with a foreign Origin: without CORS headers the browser hides the answer from the page', () => {
    const headers = { host: 'localhost', origin: 'http://evil.example' };
    expect(policy.checkRequest(request(headers, 'GET'))).toBeNull();
  });

  it('refuses WebSockets from another site, for browsers and border routers alike', () => {
    const headers = { host: 'localhost:5001', origin: 'http://evil.example' };
    expect(code(policy.checkBrowser({ headers }))).toBe('cross_origin_refused');
    expect(code(policy.checkBorderRouter({ headers }))).toBe('cross_origin_refused');
    expect(policy.checkBorderRouter({ headers: { host: 'localhost:5001' } })).toBeNull();
  });
});

describe('a hub on any other address', () => {
  const closed = createAccessPolicy('0.0.0.0');

  it('answers only the probes', () => {
    expect(closed.checkRequest(request({}, 'GET', '/healthz'))).toBeNull();
    expect(closed.checkRequest(request({}, 'GET', '/readyz'))).toBeNull();
    for (const path of ['/', '/api/topology', '/metrics', '/docs', '/healthz/x'])
      expect(code(closed.checkRequest(request({ host: 'localhost' }, 'GET', path)))).toBe('setup_required');
  });

  it('refuses browsers and lets border routers come to show their token', () => {
    expect(code(closed.checkBrowser({ headers: { host: 'localhost' } }))).toBe('setup_required');
    expect(closed.checkBorderRouter({ headers: { host: '192.168.1.150:5001' } })).toBeNull();
  });
});
