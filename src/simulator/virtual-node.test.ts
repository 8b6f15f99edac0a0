import { createSocket, type Socket } from 'node:dgram';
import { Decoder } from 'cbor-x';
import { Agent, type IncomingMessage, type OptionValue, request } from 'coap';
import { type CoapMethod, generate, type NamedOption, parse, type ParsedPacket } from 'coap-packet';
import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { systemClock } from '../clock.ts';
import type { JsonObject } from '../protocol/json.ts';
import { blockOption, uintOption } from './coap-server.ts';
import { malformations } from './node-fault.ts';
import { createRandom } from './random.ts';
import { VirtualNode, type VirtualNodeOptions } from './virtual-node.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function openNode(
  options: Partial<VirtualNodeOptions> = {},
): Promise<{ node: VirtualNode; port: number }> {
  const node = new VirtualNode({
    clock: systemClock,
    random: createRandom(1),
    networkInfo: () => ({ role: 'router', rloc16: '0xa000' }),
    encoding: 'json',
    wholeAnswerBytes: 1_024,
    blockBytes: 1_024,
    pollDelayMs: () => 0,
    ...options,
  });
  closers.push(() => node.close());
  return { node, port: await node.open() };
}

interface Asked {
  readonly method?: CoapMethod;
  readonly path?: string;
  readonly payload?: Buffer;
  readonly options?: Record<string, OptionValue>;
}

/** Asks with an independent CoAP client. */
function ask(port: number, { method = 'GET', path = '/network-info', payload, options }: Asked = {}) {
  const agent = new Agent({ type: 'udp6' });
  closers.push(() => agent.close());
  return new Promise<IncomingMessage>((resolve, reject) => {
    const asked = request({
      hostname: '::1',
      port,
      method,
      pathname: path,
      confirmable: true,
      agent,
      ...(options === undefined ? {} : { options }),
    });
    asked.on('response', resolve);
    asked.on('error', reject);
    asked.end(payload);
  });
}

/** Sends raw datagrams, and hands out what comes back one by one. */
async function openRawClient(port: number) {
  const socket: Socket = createSocket('udp6');
  closers.push(() => socket.close());
  await new Promise<void>((resolve) => socket.bind(0, '::1', resolve));
  const received: ParsedPacket[] = [];
  let wake: () => void = () => undefined;
  socket.on('message', (datagram) => {
    received.push(parse(datagram));
    wake();
  });
  return {
    send: (datagram: Buffer) => socket.send(datagram, port, '::1'),
    received,
    async next(): Promise<ParsedPacket> {
      for (;;) {
        const packet = received.shift();
        if (packet !== undefined) return packet;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

const getNetworkInfo = (messageId: number, options: NamedOption[] = [], confirmable = true): Buffer =>
  generate({
    confirmable,
    code: 'GET',
    messageId,
    token: Buffer.from([messageId]),
    options: [{ name: 'Uri-Path', value: Buffer.from('network-info') }, ...options],
  });

const largeAnswer: JsonObject = {
  role: 'router',
  rloc16: '0xa000',
  neighbors: Array.from({ length: 60 }, (_, index) => ({ rloc16: index * 1_024, rssi: -40 - index })),
};

describe('a virtual node', () => {
  it('answers /network-info as JSON, content format 50', async () => {
    const { port } = await openNode();
    const response = await ask(port);
    expect(response.code).toBe('2.05');
    expect(response.headers['Content-Format']).toBe('application/json');
    expect(JSON.parse(response.payload.toString())).toEqual({ role: 'router', rloc16: '0xa000' });
  });

  it('answers as CBOR, content format 60, where it is set to or asked for it', async () => {
    const decoder = new Decoder({ mapsAsObjects: true });
    const { port } = await openNode({ encoding: 'cbor' });
    const response = await ask(port);
    expect(response.headers['Content-Format']).toBe('application/cbor');
    expect(decoder.decode(response.payload)).toEqual({ role: 'router', rloc16: '0xa000' });

    const json = await openNode();
    const asked = await ask(json.port, { options: { Accept: 'application/cbor' } });
    expect(decoder.decode(asked.payload)).toEqual({ role: 'router', rloc16: '0xa000' });
    expect((await ask(json.port, { options: { Accept: 'text/plain' } })).code).toBe('4.06');
  });

  it('sends a large answer block by block, whole and of one piece for a client that puts it together', async () => {
    let answers = 0;
    const { port } = await openNode({
      blockBytes: 256,
      networkInfo: () => ({ ...largeAnswer, answer: (answers += 1) }),
    });
    const response = await ask(port);
    expect(JSON.parse(response.payload.toString())).toEqual({ ...largeAnswer, answer: 1 });
    expect(answers).toBe(1);
  });

  it('uses smaller blocks for a client that asks for them', async () => {
    const { port } = await openNode({ networkInfo: () => largeAnswer });
    const client = await openRawClient(port);
    const parts: Buffer[] = [];
    for (let number = 0, more = true; more; number += 1) {
      client.send(getNetworkInfo(number + 1, [blockOption('Block2', { number, more: false, bytes: 64 })]));
      const packet = await client.next();
      expect(packet.ack).toBe(true);
      const value = packet.options.find((option) => option.name === 'Block2')?.value ?? Buffer.alloc(0);
      const block = value.reduce((sum, byte) => sum * 256 + byte, 0);
      expect([block >> 4, block & 7]).toEqual([number, 2]);
      more = (block & 8) !== 0;
      expect(packet.payload.length).toBe(more ? 64 : packet.payload.length);
      parts.push(packet.payload);
    }
    expect(JSON.parse(Buffer.concat(parts).toString())).toEqual(largeAnswer);
    expect(parts.length).toBeGreaterThan(20);
  });

  it('sends an answer of any size whole where it is told to', async () => {
    const { port } = await openNode({ wholeAnswerBytes: 60_000, networkInfo: () => largeAnswer });
    const client = await openRawClient(port);
    client.send(getNetworkInfo(1));
    const packet = await client.next();
    expect(packet.options.some((option) => option.name === 'Block2')).toBe(false);
    expect(JSON.parse(packet.payload.toString())).toEqual(largeAnswer);
  });

  it('answers a repeated request with the same bytes and works on it once', async () => {
    let answers = 0;
    const { port } = await openNode({
      networkInfo: () => ({ role: 'router', rloc16: '0xa000', answer: (answers += 1) }),
    });
    const client = await openRawClient(port);
    client.send(getNetworkInfo(7));
    const first = await client.next();
    client.send(getNetworkInfo(7));
    const second = await client.next();
    expect(second).toEqual(first);
    client.send(getNetworkInfo(8));
    await client.next();
    expect(answers).toBe(2);
  });

  it('answers a non-confirmable request with a non-confirmable message of its own', async () => {
    const { port } = await openNode();
    const client = await openRawClient(port);
    client.send(getNetworkInfo(9, [], false));
    const packet = await client.next();
    expect([packet.confirmable, packet.ack, packet.code, [...packet.token]]).toEqual([
      false,
      false,
      '2.05',
      [9],
    ]);
  });

  it('answers a CoAP ping with a reset and stays silent to what is no CoAP', async () => {
    const { port } = await openNode();
    const client = await openRawClient(port);
    client.send(Buffer.from('not CoAP at all'));
    client.send(generate({ confirmable: true, code: '0.00', messageId: 5 }));
    const packet = await client.next();
    expect([packet.reset, packet.messageId]).toEqual([true, 5]);
  });

  it('switches its led, and refuses what it cannot read', async () => {
    const { port } = await openNode();
    const put = (payload: string) =>
      ask(port, { method: 'PUT', path: '/led', payload: Buffer.from(payload) });
    expect((await ask(port, { path: '/led' })).payload.toString()).toBe('{"on":false}');
    expect((await put('{"on":true}')).code).toBe('2.04');
    expect((await ask(port, { path: '/led' })).payload.toString()).toBe('{"on":true}');
    expect((await put('{"on":')).code).toBe('4.00');
    expect((await put('{"on":"yes"}')).code).toBe('4.00');
    expect((await ask(port, { method: 'DELETE', path: '/led' })).code).toBe('4.05');
    expect((await ask(port, { path: '/somewhere-else' })).code).toBe('4.04');
  });
});

describe('a faulty node', () => {
  it('stays silent while dead and answers once it is back', async () => {
    const { node, port } = await openNode();
    node.setFault({ kind: 'dead' });
    const client = await openRawClient(port);
    client.send(getNetworkInfo(1));
    // Sent after it, to another node: an answer to the first would have come before.
    const other = await openNode();
    await ask(other.port);
    expect(client.received).toEqual([]);
    node.setFault(null);
    client.send(getNetworkInfo(1));
    expect((await client.next()).code).toBe('2.05');
  });

  it('answers later by as much as it is slow, in the acknowledgement', async () => {
    const clock = new FakeClock();
    const { node, port } = await openNode({ clock, pollDelayMs: () => 100 });
    node.setFault({ kind: 'slow', byMs: 2_000 });
    const client = await openRawClient(port);
    client.send(getNetworkInfo(1));
    await pendingTimer(clock);
    await clock.advance(2_099);
    expect(clock.pending).toBe(1);
    await clock.advance(1);
    const packet = await client.next();
    expect([packet.ack, packet.code, packet.messageId]).toEqual([true, '2.05', 1]);
  });

  it('acknowledges at once and answers late with a message that it repeats until acknowledged', async () => {
    const clock = new FakeClock();
    const { node, port } = await openNode({ clock });
    node.setFault({ kind: 'late', afterMs: 6_000 });
    const client = await openRawClient(port);
    client.send(getNetworkInfo(1));
    const acknowledgement = await client.next();
    expect([acknowledgement.ack, acknowledgement.code]).toEqual([true, '0.00']);
    await clock.advance(6_000);
    const response = await client.next();
    expect([response.confirmable, response.code, [...response.token]]).toEqual([true, '2.05', [1]]);
    await clock.advance(2_000);
    expect(await client.next()).toEqual(response);
    client.send(generate({ ack: true, code: '0.00', messageId: response.messageId }));
    await noTimer(clock);
  });

  it('answers nonsense in as many ways as there are, and only for its network_info', async () => {
    const { node, port } = await openNode({ networkInfo: () => largeAnswer, wholeAnswerBytes: 60_000 });
    const client = await openRawClient(port);
    const answers: Record<string, string> = {};
    for (const [index, how] of malformations.entries()) {
      node.setFault({ kind: 'malformed', how });
      client.send(getNetworkInfo(index + 1));
      const { code, reset, payload, options } = await client.next();
      const parses = (): boolean => {
        try {
          JSON.parse(payload.toString());
          return true;
        } catch {
          return false;
        }
      };
      const size = options.find((option) => option.name === 'Size2')?.value.readUIntBE(0, 3);
      answers[how] = reset
        ? 'reset'
        : [code, payload.length === 0 ? 'empty' : parses() ? 'JSON' : 'no JSON', size ?? ''].join(' ').trim();
      expect((await ask(port, { path: '/led' })).code).toBe('2.05');
    }
    expect(answers).toEqual({
      broken_json: '2.05 no JSON',
      empty: '2.05 empty',
      not_found: '4.04 empty',
      reset: 'reset',
      huge: '2.05 no JSON 1048576',
      wrong_fields: '2.05 JSON',
    });
  });

  it('encodes unsigned options in as few bytes as they need', () => {
    expect(uintOption('Size2', 0).value).toHaveLength(0);
    expect(uintOption('Size2', 255).value).toHaveLength(1);
    expect([...uintOption('Size2', 1_048_576).value]).toEqual([16, 0, 0]);
  });
});

/** Datagrams arrive by the event loop: turns of it until the clock has a timer, or none. */
async function pendingTimer(clock: FakeClock): Promise<void> {
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
}
async function noTimer(clock: FakeClock): Promise<void> {
  while (clock.pending > 0) await new Promise((resolve) => setImmediate(resolve));
}
