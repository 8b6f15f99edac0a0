/** Our client against an independent CoAP server, over real UDP sockets on ::1. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type OutgoingMessage, type Server } from 'coap';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { CoapError } from '../../errors.ts';
import type { CoapClientLimits } from './coap-client-options.ts';
import { createCoapClient } from './coap-client.ts';
import { CoapNodeSource } from './coap-node-source.ts';
import { encodeEmpty } from './message.ts';
import { UdpTransport } from './udp-transport.ts';
import { asNodeName } from '../../protocol/ids.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';

const release: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of release.splice(0).reverse()) await close();
});

// A server of the other implementation sends from timers of its own and throws when its socket is closed by then.
const servers: Server[] = [];
afterAll(async () => {
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const server of servers) server.close();
});

const target = 'fd00::5' as Ipv6Address;
const request = { targetIpv6: target, nodeName: asNodeName('d4E') };
const never = new AbortController().signal;

/** A server of the other implementation; returns its port. */
async function serve(answer: (request: IncomingMessage, response: OutgoingMessage) => void): Promise<number> {
  const server: Server = createServer({ type: 'udp6' }, answer);
  const port = await new Promise<number>((resolve, reject) => {
    server.listen(0, '::1', (error?: Error) => {
      if (error !== undefined) reject(error);
      const socket = (server as unknown as { _sock: Socket })._sock;
      resolve(socket.address().port);
    });
  });
  servers.push(server);
  return port;
}

/** A bare socket that answers what the test says. */
async function answerRaw(answer: (datagram: Buffer) => Uint8Array | null): Promise<number> {
  const socket = createSocket('udp6');
  socket.on('message', (datagram, { port, address }) => {
    const reply = answer(datagram);
    if (reply !== null) socket.send(reply, port, address);
  });
  socket.bind(0, '::1');
  await once(socket, 'listening');
  release.push(() => socket.close());
  return socket.address().port;
}

function sourceFor(port: number, limits: Partial<CoapClientLimits> = {}): CoapNodeSource {
  const client = createCoapClient({
    openTransport: () => new UdpTransport({ address: '::1' }),
    resolveEndpoint: () => ({ address: '::1', port }),
    limits,
  });
  const source = new CoapNodeSource({ client, addressOf: () => target, discoverWindowMs: 200 });
  release.push(async () => {
    await source.close();
    expect(client.counters()).toMatchObject({ openExchanges: 0, inFlight: 0 });
  });
  return source;
}

describe('the CoAP source against another implementation', () => {
  it('reads a piggybacked answer', async () => {
    const port = await serve((incoming, response) => {
      expect(incoming.url).toBe('/network-info');
      response.setOption('Content-Format', 'application/json');
      response.end('{"role":"router","rloc16":"0xa000"}');
    });
    await expect(sourceFor(port).scanNode(request, never)).resolves.toEqual({
      ok: true,
      networkInfo: { role: 'router', rloc16: '0xa000' },
    });
  });

  it('awaits a separate answer and acknowledges it', async () => {
    const port = await serve((_incoming, response) => {
      setTimeout(() => response.end('{"role":"child","rloc16":"0xa001"}'), 300);
    });
    const source = sourceFor(port);
    await expect(source.scanNode(request, never)).resolves.toMatchObject({ ok: true });
    expect(source.counters()).toEqual({ coapInFlight: 0, coapRetriesTotal: 0 });
  });

  it('puts a large answer together', async () => {
    const neighbors = Array.from({ length: 200 }, (_, index) => ({ rloc16: index * 1_024, rssi: -50 }));
    const port = await serve((_incoming, response) => {
      response.end(JSON.stringify({ role: 'router', rloc16: 0, neighbors }));
    });
    await expect(sourceFor(port).scanNode(request, never)).resolves.toMatchObject({
      ok: true,
      networkInfo: { neighbors },
    });
  });

  it('sends a large payload and gives back the answer', async () => {
    const port = await serve((incoming, response) => {
      response.code = '2.04';
      response.end(JSON.stringify({ method: incoming.method, bytes: incoming.payload.length }));
    });
    const text = 'x'.repeat(3_000);
    await expect(
      sourceFor(port).sendCoap(
        { targetIpv6: target, method: 'PUT', path: 'config/long', payload: { text }, confirmable: true },
        never,
      ),
    ).resolves.toMatchObject({ ok: true, code: '2.04', payload: { method: 'PUT', bytes: 3_011 } });
  });

  it('names the code of an error', async () => {
    const port = await serve((_incoming, response) => {
      response.code = '4.04';
      response.end();
    });
    await expect(sourceFor(port).scanNode(request, never)).resolves.toEqual({
      ok: false,
      code: 'refused',
      reason: 'the node answered 4.04 Not Found',
    });
  });

  it('is answered by a non-confirmable exchange too', async () => {
    const port = await serve((_incoming, response) => response.end('plain words'));
    await expect(
      sourceFor(port).sendCoap({ targetIpv6: target, method: 'GET', path: 'x', confirmable: false }, never),
    ).resolves.toMatchObject({ ok: true, code: '2.05', payload: Buffer.from('plain words') });
  });

  it.each<[string, string, RegExp]>([
    ['empty', '', /^the answer is empty$/],
    ['broken JSON', '{"role":"router","rloc', /not JSON/],
    ['not an object', '[1]', /the answer is \[1\], not an object/],
  ])('calls an answer that is %s malformed', async (_what, body, reason) => {
    const port = await serve((_incoming, response) => response.end(body));
    await expect(sourceFor(port).scanNode(request, never)).resolves.toMatchObject({
      ok: false,
      code: 'malformed',
      reason: expect.stringMatching(reason) as string,
    });
  });
});

describe('the CoAP source against hand-made datagrams', () => {
  it('is refused by a reset', async () => {
    const port = await answerRaw((datagram) => encodeEmpty('rst', datagram.readUInt16BE(2)));
    await expect(sourceFor(port).scanNode(request, never)).resolves.toMatchObject({
      ok: false,
      code: 'refused',
      reason: expect.stringContaining('reset') as string,
    });
  });

  it('times out when only noise comes back', async () => {
    const port = await answerRaw(() => Buffer.from('certainly not CoAP'));
    const source = sourceFor(port, { ackTimeoutMs: 30, retryPausesMs: [10] });
    await expect(source.scanNode(request, never)).resolves.toMatchObject({ ok: false, code: 'timed_out' });
    expect(source.counters().coapRetriesTotal).toBe(1);
  });

  it('discovers who answers the multicast, and knows it the next time', async () => {
    const info = { role: 'router', rloc16: '0x2800', ext: '8e6bd211e1fa1927', name: 'sim-node-5' };
    const port = await serve((_incoming, response) => response.end(JSON.stringify(info)));
    await expect(sourceFor(port).discover(never)).resolves.toEqual({
      ok: true,
      network: {},
      nodes: [
        {
          ipv6: target,
          extAddress: '8e6bd211e1fa1927',
          rloc16: '0x2800',
          name: 'sim-node-5',
          networkInfo: info,
        },
      ],
    });
  });
});

describe('a UDP transport', () => {
  it('reports an error for a name instead of looking it up', async () => {
    const client = createCoapClient({
      openTransport: () => new UdpTransport(),
      resolveEndpoint: () => ({ address: 'localhost', port: 5683 }),
    });
    release.push(() => client.close());
    await expect(client.request({ target, method: 'GET', path: '' })).rejects.toMatchObject({
      code: 'unreachable',
    });
  });

  it('works again after its socket could not be opened', async () => {
    const blocker = createSocket('udp6');
    blocker.bind(0, '::1');
    await once(blocker, 'listening');
    const port = await serve((_incoming, response) => response.end('{}'));
    const transport = new UdpTransport({ address: '::1', port: blocker.address().port });
    const client = createCoapClient({
      openTransport: () => transport,
      resolveEndpoint: () => ({ address: '::1', port }),
    });
    release.push(() => client.close());
    const ask = (): Promise<unknown> => client.request({ target, method: 'GET', path: 'a' });
    await expect(ask()).rejects.toBeInstanceOf(CoapError);
    await new Promise<void>((resolve) => blocker.close(() => resolve()));
    await expect(ask()).resolves.toMatchObject({ code: '2.05' });
  });
});
