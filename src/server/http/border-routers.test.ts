import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { json, problem } from '../../../test/support/http-answers.ts';
import { startTestServer, type TestServer } from '../../../test/support/test-server.ts';
import { LinkError } from '../../errors.ts';
import type { CoapResponseMessage } from '../../protocol/border-router-messages.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(() => server[Symbol.asyncDispose]());

describe('CoAP through a border router', () => {
  const answer = (fields: Partial<CoapResponseMessage>): CoapResponseMessage => ({
    type: 'coap_response',
    requestId: null,
    success: true,
    code: '2.05',
    contentFormat: 50,
    payload: { on: true },
    error: null,
    errorCode: null,
    ...fields,
  });
  const path = '/api/border_routers/BR-001/coap';
  const led = { target: 'd4E', method: 'PUT', path: '/led', payload: { on: true } };

  beforeEach(() => {
    server.world.addBorderRouter();
    server.world.addNode('d4E', 'fd78::1');
  });

  it('sends it to the named node and gives its answer', async () => {
    server.world.coap = () => Promise.resolve(answer({}));
    const body = await json(server.send('POST', path, led));
    expect(body).toEqual({
      code: '2.05',
      content_format: 50,
      payload: { on: true },
      payload_encoding: 'json',
      duration_ms: expect.any(Number) as number,
    });
    expect(server.world.coapCommands).toEqual([
      {
        id: 'BR-001',
        command: {
          targetIpv6: 'fd78::1',
          method: 'PUT',
          path: 'led',
          payload: { on: true },
          confirmable: true,
          timeoutMs: 5_000,
        },
      },
    ]);
  });

  it('takes an address as the target, and gives bytes in base64', async () => {
    server.world.coap = () =>
      Promise.resolve(answer({ payload: Uint8Array.of(1, 2, 255), contentFormat: 42 }));
    const body = await json(
      server.send('POST', path, { ...led, target: 'FD78:0::2', confirmable: false, timeout_ms: 250 }),
    );
    expect(body).toMatchObject({ payload: 'AQL/', payload_encoding: 'base64' });
    expect(server.world.coapCommands[0]?.command).toMatchObject({
      targetIpv6: 'fd78::2',
      confirmable: false,
      timeoutMs: 250,
    });
  });

  it('gives an error code of the node as an answer: it is one', async () => {
    server.world.coap = () => Promise.resolve(answer({ success: false, code: '4.04', payload: null }));
    const response = await server.send('POST', path, led);
    expect([response.status, (await json(response))['code']]).toEqual([200, '4.04']);
  });

  it.each([
    ['border_router_offline', 503],
    ['outbox_full', 503],
    ['border_router_lost', 502],
    ['command_timed_out', 504],
    ['command_too_large', 413],
  ] as const)('maps %s to %i', async (code, status) => {
    server.world.coap = () => Promise.reject(new LinkError(code, 'fewer than 1024 bytes'));
    const body = await problem(server.send('POST', path, led), status, code);
    expect(body['detail']).toContain('1024');
  });

  it.each([
    ['timed_out', 504, 'node_timed_out'],
    ['refused', 502, 'node_refused'],
    ['malformed', 502, 'node_malformed'],
    ['rate_limited', 503, 'border_router_busy'],
    ['backlog_full', 503, 'border_router_busy'],
  ] as const)('maps the failure %s to %i', async (errorCode, status, code) => {
    server.world.coap = () =>
      Promise.resolve(answer({ success: false, code: null, payload: null, error: 'no luck', errorCode }));
    const body = await problem(server.send('POST', path, led), status, code);
    expect(body['detail']).toContain('no luck');
  });

  it('answers 404 for a border router or a node that nobody knows', async () => {
    await problem(server.send('POST', '/api/border_routers/BR-9/coap', led), 404, 'border_router_not_found');
    await problem(server.send('POST', path, { ...led, target: 'nobody' }), 404, 'node_not_found');
  });

  it('lists border routers and gives one', async () => {
    server.world.addBorderRouter({ id: 'BR-000' });
    const page = await json(server.get('/api/border_routers?limit=1'));
    expect([page.items.map(({ id }) => id), page['next_cursor']]).toEqual([['BR-000'], 'BR-000']);
    const rest = await json(server.get('/api/border_routers?cursor=BR-000'));
    expect([rest.items.map(({ id }) => id), rest['next_cursor']]).toEqual([['BR-001'], null]);
    expect(await json(server.get('/api/border_routers/BR-001'))).toMatchObject({
      id: 'BR-001',
      online: true,
    });
    await problem(server.get('/api/border_routers/BR-9'), 404, 'border_router_not_found');
  });
});
