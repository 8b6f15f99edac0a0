import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import { FakeDatagramTransport } from '../../../test/support/fake-datagram-transport.ts';
import { CoapError } from '../../errors.ts';
import { encodeBlock } from './block-wise.ts';
import type { CoapClient, CoapClientLimits, CoapRequest, CoapResponse } from './coap-client-options.ts';
import { createCoapClient } from './coap-client.ts';
import { type CoapMessage, encodeEmpty, encodeMessage, noBytes, optionNumbers } from './message.ts';
import type { CoapEndpoint } from './transport.ts';

const node = 'fd00::1';
const nodeEndpoint: CoapEndpoint = { address: node, port: 5683 };
const get: CoapRequest = { target: node, method: 'GET', path: 'network-info' };

let clock: FakeClock;
let transport: FakeDatagramTransport;
let client: CoapClient;

function open(limits: Partial<CoapClientLimits> = {}): CoapClient {
  let seed = 1;
  return createCoapClient({
    openTransport: () => transport,
    clock,
    random: () => (seed = (seed * 48_271) % 0x7fff_ffff) / 0x7fff_ffff,
    limits,
  });
}

beforeEach(() => {
  clock = new FakeClock();
  transport = new FakeDatagramTransport();
  client = open();
});

afterEach(async () => {
  client.close();
  await settle();
  expect(client.counters()).toMatchObject({ openExchanges: 0, inFlight: 0, waiting: 0 });
  expect(clock.pending).toBe(0);
});

/** The result, however it ends. */
function outcomeOf(
  promise: Promise<CoapResponse>,
): Promise<{ ok: true; response: CoapResponse } | { ok: false; error: unknown }> {
  return promise.then(
    (response) => ({ ok: true, response }),
    (error: unknown) => ({ ok: false, error }),
  );
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'resolved';
  } catch (error) {
    return error instanceof CoapError ? error.code : `not a CoapError: ${String(error)}`;
  }
}

function lastSent(): CoapMessage {
  const message = transport.messages.at(-1);
  if (message === undefined) throw new Error('nothing was sent');
  return message;
}

function error(code: string): Error {
  return Object.assign(new Error(code), { code });
}

describe('tries of a confirmable request', () => {
  it('start at 0, 1,200 and 2,700 ms and end at 3,700 ms with timed_out', async () => {
    const sentAtMs: number[] = [];
    transport.onSent = () => sentAtMs.push(clock.monotonicMs());
    const result = codeOf(client.request(get));
    let endedAtMs: number | null = null;
    void result.then(() => (endedAtMs = clock.monotonicMs()));
    await clock.advance(3_699);
    expect(endedAtMs).toBeNull();
    await clock.advance(1_000);
    expect(sentAtMs).toEqual([0, 1_200, 2_700]);
    expect(endedAtMs).toBe(3_700);
    await expect(result).resolves.toBe('timed_out');
    expect(client.counters()).toMatchObject({ retriesTotal: 2, timeoutsTotal: 1, openExchanges: 0 });
  });

  it('repeat the same message id and token', async () => {
    void codeOf(client.request(get));
    await clock.advance(3_000);
    const [first, second, third] = transport.sent.map(({ datagram }) =>
      Buffer.from(datagram).toString('hex'),
    );
    expect(first).toBe(second);
    expect(second).toBe(third);
    expect(lastSent().token).toHaveLength(8);
  });

  it('stop at a piggybacked response', async () => {
    const response = client.request(get);
    await clock.advance(1_300);
    const { messageId, token } = lastSent();
    transport.deliverMessage({ type: 'ack', messageId, token, payload: Buffer.from('hello') }, nodeEndpoint);
    await expect(response).resolves.toMatchObject({ code: '2.05', contentFormat: null });
    expect(Buffer.from((await response).payload).toString()).toBe('hello');
    await clock.advance(5_000);
    expect(transport.sent).toHaveLength(2);
  });

  it('stop at an empty acknowledgement, after which the answer is awaited until the deadline', async () => {
    const result = outcomeOf(client.request({ ...get, timeoutMs: 20_000 }));
    await settle();
    transport.deliver(encodeEmpty('ack', lastSent().messageId), nodeEndpoint);
    await clock.advance(19_000);
    expect(transport.sent).toHaveLength(1);
    const { token } = lastSent();
    transport.deliverMessage(
      { type: 'con', messageId: 77, token, payload: Buffer.from('late') },
      nodeEndpoint,
    );
    await expect(result).resolves.toMatchObject({ ok: true });
    expect(Buffer.from(transport.sent[1]?.datagram ?? [])).toEqual(Buffer.from(encodeEmpty('ack', 77)));
  });

  it('end at the deadline when the answer promised by an empty acknowledgement never comes', async () => {
    const result = codeOf(client.request({ ...get, timeoutMs: 20_000 }));
    await settle();
    transport.deliver(encodeEmpty('ack', lastSent().messageId), nodeEndpoint);
    await clock.advance(19_999);
    expect(client.counters().openExchanges).toBe(1);
    await clock.advance(1);
    await expect(result).resolves.toBe('timed_out');
  });

  it('end with reset at RST', async () => {
    const result = codeOf(client.request(get));
    await settle();
    transport.deliver(encodeEmpty('rst', lastSent().messageId), nodeEndpoint);
    await expect(result).resolves.toBe('reset');
    expect(client.counters().resetsTotal).toBe(1);
  });

  it('are not ended by a message from another endpoint, with another id or with another token', async () => {
    const result = codeOf(client.request(get));
    await settle();
    const { messageId, token } = lastSent();
    const payload = Buffer.from('{}');
    const elsewhere = { address: 'fd00::2', port: 5683 };
    transport.deliver(encodeEmpty('rst', messageId), elsewhere);
    transport.deliver(encodeEmpty('rst', messageId), { ...nodeEndpoint, port: 5684 });
    transport.deliver(encodeEmpty('rst', (messageId + 1) & 0xffff), nodeEndpoint);
    transport.deliverMessage({ type: 'ack', messageId, token, payload }, elsewhere);
    transport.deliverMessage({ type: 'ack', messageId, token: Buffer.from('other'), payload }, nodeEndpoint);
    transport.deliverMessage({ type: 'non', messageId: 1, token, payload }, elsewhere);
    await settle();
    expect(client.counters()).toMatchObject({ openExchanges: 1, unmatchedTotal: 6 });
    await clock.advance(3_700);
    await expect(result).resolves.toBe('timed_out');
  });

  it('take an answer from the same address spelled otherwise', async () => {
    const response = client.request(get);
    await settle();
    const { messageId, token } = lastSent();
    transport.deliverMessage({ type: 'ack', messageId, token }, { address: 'fd00:0:0::1%wpan0', port: 5683 });
    await expect(response).resolves.toMatchObject({ code: '2.05' });
  });
});

describe('what comes in', () => {
  it('a copy of a separate response is acknowledged again and changes nothing', async () => {
    const response = client.request(get);
    await settle();
    const { token } = lastSent();
    const copy = { type: 'con', messageId: 9, token, payload: Buffer.from('{}') } as const;
    transport.deliverMessage(copy, nodeEndpoint);
    await response;
    transport.deliverMessage(copy, nodeEndpoint);
    expect(transport.messages.slice(1).map(({ type, messageId }) => [type, messageId])).toEqual([
      ['ack', 9],
      ['ack', 9],
    ]);
    expect(client.counters().duplicatesTotal).toBe(1);
  });

  it('a response to nothing is rejected, and a request or a ping too', async () => {
    void codeOf(client.request(get));
    await settle();
    transport.deliverMessage({ type: 'con', messageId: 5, token: Buffer.from('stray') }, nodeEndpoint);
    transport.deliverMessage({ type: 'con', code: '0.01', messageId: 6 }, nodeEndpoint);
    transport.deliverMessage({ type: 'con', code: '0.00', messageId: 7 }, nodeEndpoint);
    transport.deliverMessage({ type: 'non', messageId: 8, token: Buffer.from('stray') }, nodeEndpoint);
    expect(transport.messages.filter(({ type }) => type === 'rst').map(({ messageId }) => messageId)).toEqual(
      [5, 6, 7],
    );
  });

  it('undecodable datagrams are counted and change nothing', async () => {
    const response = client.request(get);
    await settle();
    const { messageId, token } = lastSent();
    for (const bytes of [
      [],
      [0x40],
      [0x80, 0x45, 0, 0],
      [0x4f, 0x45, 0, 0],
      [0x48, 0x45, 0, 0, 1],
      [0x40, 0x61, 0, 0],
    ])
      transport.deliver(Uint8Array.from(bytes), nodeEndpoint);
    expect(client.counters()).toMatchObject({ undecodableTotal: 6, openExchanges: 1 });
    transport.deliverMessage({ type: 'ack', messageId, token }, nodeEndpoint);
    await response;
  });

  it('random datagrams never crash the client nor leave anything open', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 }),
        // Headers that look like ours reach deeper than noise does.
        fc.array(
          fc.tuple(
            fc.integer({ min: 0x40, max: 0x7f }),
            fc.integer({ min: 0, max: 255 }),
            fc.uint8Array({ maxLength: 30 }),
          ),
          {
            maxLength: 20,
          },
        ),
        async (noise, crafted) => {
          clock = new FakeClock();
          transport = new FakeDatagramTransport();
          client = open();
          const result = codeOf(client.request(get));
          await settle();
          const { messageId, token } = lastSent();
          for (const bytes of noise) transport.deliver(bytes, nodeEndpoint);
          for (const [first, code, rest] of crafted) {
            const head = Buffer.from([first, code, messageId >> 8, messageId & 0xff]);
            transport.deliver(
              Buffer.concat([head, (first & 0x0f) === 8 ? token : noBytes, rest]),
              nodeEndpoint,
            );
          }
          await clock.advance(10_000);
          expect(await result).toMatch(/^(resolved|timed_out|reset|malformed|too_large)$/);
          expect(client.counters()).toMatchObject({ openExchanges: 0, inFlight: 0 });
          expect(clock.pending).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('sending', () => {
  it('is tried again after 200, 500 and 1,000 ms when the stack has no buffers', async () => {
    transport.errors.push(error('ENOBUFS'), error('EAGAIN'), error('ENOBUFS'));
    const result = outcomeOf(client.request(get));
    await clock.advance(199);
    expect(transport.errors).toHaveLength(2);
    await clock.advance(1);
    expect(transport.errors).toHaveLength(1);
    await clock.advance(500);
    expect(transport.errors).toHaveLength(0);
    expect(transport.sent).toHaveLength(0);
    await clock.advance(1_000);
    expect(transport.sent).toHaveLength(1);
    const { messageId, token } = lastSent();
    transport.deliverMessage({ type: 'ack', messageId, token }, nodeEndpoint);
    await expect(result).resolves.toMatchObject({ ok: true });
    expect(client.counters()).toMatchObject({ noBufferRetriesTotal: 3, retriesTotal: 0 });
  });

  it('ends with no_buffers when there still are none', async () => {
    transport.errors.push(...Array.from({ length: 4 }, () => error('ENOBUFS')));
    const result = codeOf(client.request(get));
    await clock.advance(1_700);
    await expect(result).resolves.toBe('no_buffers');
  });

  it('ends at once with unreachable at any other error', async () => {
    transport.errors.push(error('EHOSTUNREACH'));
    await expect(client.request(get)).rejects.toMatchObject({
      code: 'unreachable',
      message: 'CoAP GET /network-info from fd00::1: could not be sent (EHOSTUNREACH)',
    });
  });
});

describe('a request', () => {
  it('that is non-confirmable is sent once and answered by token', async () => {
    const response = client.request({ ...get, confirmable: false, timeoutMs: 10_000 });
    await clock.advance(9_000);
    expect(transport.messages.map(({ type }) => type)).toEqual(['non']);
    transport.deliverMessage({ type: 'non', messageId: 3, token: lastSent().token }, nodeEndpoint);
    await expect(response).resolves.toMatchObject({ code: '2.05' });
  });

  it('that its caller cancels ends at once and sends nothing more', async () => {
    const abort = new AbortController();
    const result = codeOf(client.request({ ...get, signal: abort.signal }));
    await clock.advance(100);
    abort.abort();
    await expect(result).resolves.toBe('cancelled');
    await clock.advance(10_000);
    expect(transport.sent).toHaveLength(1);
    await expect(codeOf(client.request({ ...get, signal: abort.signal }))).resolves.toBe('cancelled');
    expect(transport.sent).toHaveLength(1);
  });

  it('beyond the limit waits for its place, in order, and can end while it waits', async () => {
    client = open({ maxInFlight: 2 });
    const results = [1, 2, 3, 4].map((number) =>
      codeOf(client.request({ ...get, target: `fd00::${number}`, timeoutMs: number === 3 ? 500 : 10_000 })),
    );
    await settle();
    expect(client.counters()).toMatchObject({ inFlight: 2, waiting: 2 });
    await clock.advance(500);
    await expect(results[2]).resolves.toBe('timed_out');
    await clock.advance(3_200);
    expect(transport.sent.at(-1)?.endpoint.address).toBe('fd00::4');
    expect(client.counters()).toMatchObject({ inFlight: 1, waiting: 0 });
    await clock.advance(10_000);
  });

  it('fails with closed when the client is closed, open or waiting', async () => {
    client = open({ maxInFlight: 1 });
    const results = [codeOf(client.request(get)), codeOf(client.request(get))];
    await settle();
    client.close();
    await expect(Promise.all(results)).resolves.toEqual(['closed', 'closed']);
    expect(transport.closed).toBe(true);
    await expect(codeOf(client.request(get))).resolves.toBe('closed');
  });

  it('carries path, query and content format as options', async () => {
    void codeOf(
      client.request({
        ...get,
        method: 'PUT',
        path: '/a%20b/led?x=1&y',
        payload: Buffer.from('1'),
        contentFormat: 50,
      }),
    );
    await settle();
    expect(lastSent().code).toBe('0.03');
    expect(
      lastSent().options.map(({ number, value }) => [number, Buffer.from(value).toString('latin1')]),
    ).toEqual([
      [optionNumbers.uriPath, 'a b'],
      [optionNumbers.uriPath, 'led'],
      [optionNumbers.contentFormat, '2'],
      [optionNumbers.uriQuery, 'x=1'],
      [optionNumbers.uriQuery, 'y'],
    ]);
  });

  it('to one node never repeats a message id, whatever other nodes are asked', async () => {
    client = open({ maxInFlight: 1_000, retryPausesMs: [] });
    for (let number = 0; number < 300; number += 1)
      void codeOf(client.request({ ...get, target: number % 2 === 0 ? node : 'fd00::2' }));
    await settle();
    const ids = transport.messages.map(
      ({ messageId }, at) => `${transport.sent[at]?.endpoint.address ?? ''} ${messageId}`,
    );
    expect(new Set(ids).size).toBe(300);
    const tokens = transport.messages.map(({ token }) => token.toString('hex'));
    expect(new Set(tokens).size).toBe(300);
    await clock.advance(10_000);
  });
});

describe('a multicast', () => {
  const group = { group: 'ff03::1', path: 'network-info', windowMs: 1_000 };

  it('collects the first answer of each endpoint until its window ends', async () => {
    const answers = client.collect(group);
    await settle();
    expect(lastSent()).toMatchObject({ type: 'non', code: '0.01' });
    expect(transport.sent[0]?.endpoint.address).toBe('ff03::1');
    const { token } = lastSent();
    transport.deliverMessage({ type: 'non', messageId: 1, token, payload: Buffer.from('a') }, nodeEndpoint);
    transport.deliverMessage({ type: 'non', messageId: 2, token, payload: Buffer.from('b') }, nodeEndpoint);
    const more = [{ number: optionNumbers.block2, value: encodeBlock({ num: 0, more: true, size: 64 }) }];
    transport.deliverMessage(
      { type: 'con', messageId: 3, token, options: more, payload: Buffer.alloc(64) },
      { address: 'fd00::2', port: 5683 },
    );
    await clock.advance(999);
    expect(client.counters().openExchanges).toBe(1);
    await clock.advance(1);
    expect((await answers).map(({ from, partial }) => [from.address, partial])).toEqual([
      [node, false],
      ['fd00::2', true],
    ]);
    expect(lastSent()).toMatchObject({ type: 'ack', messageId: 3 });
  });

  it('tries again while the stack has no buffers, and leaves nothing behind when its window ends first', async () => {
    transport.errors.push(error('ENOBUFS'), error('ENOBUFS'), error('ENOBUFS'));
    const answers = client.collect(group);
    await clock.advance(1_000);
    await expect(answers).resolves.toEqual([]);
    expect(clock.pending).toBe(0);
  });
});

describe('block-wise transfers', () => {
  /** Serves a body in blocks, as node firmware does. */
  function serve(
    body: Uint8Array,
    {
      size = 64,
      change,
    }: { size?: number; change?: (num: number, asked: number) => Partial<CoapMessage> } = {},
  ): { asked: number[] } {
    const asked: number[] = [];
    transport.onSent = (request, endpoint) => {
      if (request.type !== 'con') return;
      const option = request.options.find(({ number }) => number === optionNumbers.block2);
      const num =
        option === undefined ? 0 : Buffer.from(option.value).reduce((sum, byte) => sum * 256 + byte, 0) >> 4;
      asked.push(num);
      const chunk = body.subarray(num * size, (num + 1) * size);
      const more = (num + 1) * size < body.length;
      transport.deliverMessage(
        {
          type: 'ack',
          messageId: request.messageId,
          token: request.token,
          options: [{ number: optionNumbers.block2, value: encodeBlock({ num, more, size }) }],
          payload: chunk,
          ...change?.(num, asked.length),
        },
        endpoint,
      );
    };
    return { asked };
  }

  const etag = (text: string, num: number, more = true): Partial<CoapMessage> => ({
    options: [
      { number: optionNumbers.etag, value: Buffer.from(text) },
      { number: optionNumbers.block2, value: encodeBlock({ num, more, size: 64 }) },
    ],
  });

  it('put a large answer together', async () => {
    const body = Buffer.from('0123456789'.repeat(100));
    const { asked } = serve(body);
    const response = await client.request(get);
    expect(Buffer.from(response.payload).equals(body)).toBe(true);
    expect(asked).toEqual(Array.from({ length: 16 }, (_, num) => num));
  });

  it('stop at the limit when the blocks never end', async () => {
    serve(Buffer.alloc(0), {
      size: 1_024,
      change: (num) => ({
        ...etag('x', num),
        options: [{ number: optionNumbers.block2, value: encodeBlock({ num, more: true, size: 1_024 }) }],
        payload: Buffer.alloc(1_024),
      }),
    });
    await expect(codeOf(client.request(get))).resolves.toBe('too_large');
    expect(transport.sent).toHaveLength(65);
  });

  it('stop before the first block is followed when the announced size is over the limit', async () => {
    serve(Buffer.alloc(200), {
      change: (num) => ({
        options: [
          { number: optionNumbers.block2, value: encodeBlock({ num, more: true, size: 64 }) },
          { number: optionNumbers.size2, value: Uint8Array.of(0x01, 0, 1) },
        ],
      }),
    });
    await expect(codeOf(client.request(get))).resolves.toBe('too_large');
    expect(transport.sent).toHaveLength(1);
  });

  it('start again when the answer changes half-way, and give up when it keeps changing', async () => {
    const body = Buffer.from('x'.repeat(200));
    const { asked } = serve(body, { change: (num, count) => etag(count <= 2 ? 'old' : 'new', num, num < 3) });
    const response = await client.request(get);
    expect(response.payload).toHaveLength(200);
    expect(asked).toEqual([0, 1, 2, 0, 1, 2, 3]);
    serve(body, { change: (num, count) => etag(`${count}`, num, num < 3) });
    await expect(codeOf(client.request(get))).resolves.toBe('malformed');
  });

  it.each<[string, (num: number) => Partial<CoapMessage>]>([
    [
      'a block is missing',
      (num) =>
        num === 1
          ? {
              options: [
                { number: optionNumbers.block2, value: encodeBlock({ num: 2, more: true, size: 64 }) },
              ],
            }
          : {},
    ],
    ['a block is short', (num) => (num === 1 ? { payload: Buffer.alloc(63) } : {})],
    ['the block option is gone', (num) => (num === 1 ? { options: [] } : {})],
    [
      'the block size is reserved',
      (num) => (num === 1 ? { options: [{ number: optionNumbers.block2, value: Uint8Array.of(0x1f) }] } : {}),
    ],
    [
      'the first block is not the first',
      (num) =>
        num === 0
          ? {
              options: [
                { number: optionNumbers.block2, value: encodeBlock({ num: 1, more: true, size: 64 }) },
              ],
            }
          : {},
    ],
  ])('are malformed when %s', async (_what, change) => {
    serve(Buffer.alloc(300), { change });
    await expect(codeOf(client.request(get))).resolves.toBe('malformed');
  });

  it('end with the error that the node answers half-way', async () => {
    serve(Buffer.alloc(300), {
      change: (num) => (num === 2 ? { code: '4.08', options: [], payload: noBytes } : {}),
    });
    await expect(client.request(get)).resolves.toMatchObject({ code: '4.08' });
  });

  it('repeat a lost block by the schedule of any other try', async () => {
    const body = Buffer.alloc(200, 1);
    serve(body);
    const answering = transport.onSent;
    let lost = false;
    transport.onSent = (message, endpoint) => {
      if (transport.sent.length === 3 && !lost) lost = true;
      else answering(message, endpoint);
    };
    const response = client.request(get);
    await clock.advance(1_200);
    expect((await response).payload).toHaveLength(200);
    expect(client.counters().retriesTotal).toBe(1);
  });

  it('send a large payload in blocks, smaller ones when the node asks for them', async () => {
    const payload = Buffer.from('abcdefghij'.repeat(300));
    const received: Buffer[] = [];
    const blocks: string[] = [];
    transport.onSent = (request, endpoint) => {
      const value =
        request.options.find(({ number }) => number === optionNumbers.block1)?.value ?? new Uint8Array();
      const number = Buffer.from(value).reduce((sum, byte) => sum * 256 + byte, 0);
      const [num, more, szx] = [number >> 4, (number & 8) !== 0, number & 7];
      blocks.push(`${num}/${more ? 1 : 0}/${2 ** (szx + 4)}`);
      received.push(Buffer.from(request.payload));
      transport.deliverMessage(
        {
          type: 'ack',
          code: more ? '2.31' : '2.04',
          messageId: request.messageId,
          token: request.token,
          options: [{ number: optionNumbers.block1, value: encodeBlock({ num, more, size: 512 }) }],
        },
        endpoint,
      );
    };
    await expect(client.request({ ...get, method: 'PUT', payload })).resolves.toMatchObject({ code: '2.04' });
    expect(Buffer.concat(received).equals(payload)).toBe(true);
    expect(blocks).toEqual(['0/1/1024', '2/1/512', '3/1/512', '4/1/512', '5/0/512']);
  });

  it('start again with the size that a node offers with 4.13', async () => {
    const sizes: number[] = [];
    transport.onSent = (request, endpoint) => {
      sizes.push(request.payload.length);
      const value = request.options.find(({ number }) => number === optionNumbers.block1)?.value;
      const number =
        value === undefined ? null : Buffer.from(value).reduce((sum, byte) => sum * 256 + byte, 0);
      const more = number !== null && (number & 8) !== 0;
      transport.deliverMessage(
        {
          type: 'ack',
          code: number === null ? '4.13' : more ? '2.31' : '2.04',
          messageId: request.messageId,
          token: request.token,
          options: [
            {
              number: optionNumbers.block1,
              value: encodeBlock({ num: (number ?? 0) >> 4, more, size: 128 }),
            },
          ],
        },
        endpoint,
      );
    };
    await expect(
      client.request({ ...get, method: 'PUT', payload: Buffer.alloc(300) }),
    ).resolves.toMatchObject({ code: '2.04' });
    expect(sizes).toEqual([300, 128, 128, 44]);
  });
});

it('writes messages that it reads back', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('con', 'non', 'ack' as const),
      fc.constantFrom('2.05', '4.04', '0.01'),
      fc.integer({ min: 0, max: 0xffff }),
      fc.uint8Array({ maxLength: 8 }),
      fc.array(
        fc.tuple(fc.constantFrom(...Object.values(optionNumbers)), fc.uint8Array({ maxLength: 300 })),
        { maxLength: 5 },
      ),
      fc.uint8Array({ maxLength: 100 }),
      (type, code, messageId, token, options, payload) => {
        const sorted = options
          .map(([number, value]) => ({ number, value }))
          .sort((a, b) => a.number - b.number);
        transport.deliver(
          encodeMessage({ type, code, messageId, token: Buffer.from(token), options: sorted, payload }),
          nodeEndpoint,
        );
        transport.sent.length = 0;
        transport.send(
          encodeMessage({ type, code, messageId, token: Buffer.from(token), options: sorted, payload }),
          nodeEndpoint,
          () => undefined,
        );
        const read = lastSent();
        expect({ ...read, token: Buffer.from(read.token), payload: Buffer.from(read.payload) }).toMatchObject(
          {
            type,
            code,
            messageId,
            token: Buffer.from(token),
            payload: Buffer.from(payload),
          },
        );
        expect(read.options.map(({ number, value }) => [number, Buffer.from(value).toString('hex')])).toEqual(
          sorted.map(({ number, value }) => [number, Buffer.from(value).toString('hex')]),
        );
      },
    ),
  );
});
