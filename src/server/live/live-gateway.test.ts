import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { liveEvent, topologyMessage } from '../../../test/support/live-feed-messages.ts';
import {
  startTestServer,
  type TestServer,
  type TestServerOptions,
} from '../../../test/support/test-server.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';

type Message = Record<string, unknown>;

/** A client that speaks the protocol by hand. */
class HandClient {
  readonly socket: WebSocket;
  readonly frames: string[] = [];

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/ws/live`, options);
    this.socket.on('message', (data: Buffer) => this.frames.push(data.toString()));
    this.socket.on('error', () => undefined);
  }

  get messages(): Message[] {
    return this.frames.flatMap((frame) => frame.split('\n')).map((line) => JSON.parse(line) as Message);
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Resolves when so many messages have come. */
  async received(count: number): Promise<Message[]> {
    while (this.messages.length < count) await once(this.socket, 'message');
    return this.messages;
  }

  async closed(): Promise<number> {
    const [code] = (await once(this.socket, 'close')) as [number];
    return code;
  }
}

describe('LiveGateway', () => {
  let server: TestServer;
  const clients: HandClient[] = [];

  async function start(options: TestServerOptions = {}): Promise<void> {
    await server[Symbol.asyncDispose]();
    server = await startTestServer(options);
  }

  beforeEach(async () => {
    server = await startTestServer();
  });

  afterEach(async () => {
    for (const { socket } of clients.splice(0)) socket.terminate();
    await server[Symbol.asyncDispose]();
  });

  async function connect(options: ClientOptions = {}): Promise<HandClient> {
    const client = new HandClient(server.url, options);
    clients.push(client);
    await once(client.socket, 'open');
    return client;
  }

  async function subscribe(request: object = {}): Promise<HandClient> {
    const client = await connect();
    client.send({ type: 'subscribe', id: 1, topics: ['events', 'topology'], ...request });
    await client.received(1);
    return client;
  }

  const append = (...messages: Parameters<typeof server.world.liveFeed.append>[0]): void =>
    server.world.liveFeed.append(messages);
  const seqs = (client: HandClient): unknown[] => client.messages.flatMap(({ seq }) => seq ?? []);
  const connections = async (): Promise<Message[]> =>
    ((await (await server.get('/api/connections')).json()) as { items: Message[] }).items;

  it('confirms a subscription with the position that it begins at, and sends what comes after', async () => {
    append(liveEvent('kitchen', { seq: 1 }));
    const client = await subscribe();
    expect(client.messages).toEqual([
      { type: 'subscribed', id: 1, position: server.world.liveFeed.head, ack_bytes: 65_536 },
    ]);
    append(liveEvent('kitchen', { seq: 2 }), topologyMessage(3));
    await client.received(3);
    expect(client.frames).toHaveLength(2);
    expect(client.messages.slice(1)).toMatchObject([
      { type: 'event', sensor_id: 'kitchen', seq: 2 },
      { type: 'topology', nodes: 3, position: server.world.liveFeed.head },
    ]);
  });

  it('sends only the topics and sensors that a client asked for', async () => {
    const kitchen = await subscribe({ topics: ['events'], sensors: ['kitchen-*'] });
    const maps = await subscribe({ topics: ['topology'] });
    append(liveEvent('attic', { seq: 1 }), liveEvent('kitchen-2', { seq: 2 }), topologyMessage(4));
    await kitchen.received(2);
    await maps.received(2);
    expect([kitchen.messages.length, maps.messages.length]).toEqual([2, 2]);
    expect([kitchen.messages[1]?.['sensor_id'], maps.messages[1]?.['nodes']]).toEqual(['kitchen-2', 4]);
  });

  it('lets a second subscription take the place of the first, and an end end it', async () => {
    const client = await subscribe({ topics: ['topology'] });
    client.send({ type: 'subscribe', id: 2, topics: ['events'] });
    await client.received(2);
    append(topologyMessage(1), liveEvent('kitchen', { seq: 7 }));
    await client.received(3);
    expect(client.messages[2]).toMatchObject({ type: 'event', seq: 7 });
    client.send({ type: 'unsubscribe', id: 'end' });
    expect((await client.received(4))[3]).toEqual({ type: 'unsubscribed', id: 'end' });
    append(liveEvent('kitchen', { seq: 8 }));
    client.send({ type: 'ping' });
    expect((await client.received(5))[4]).toEqual({ type: 'pong', id: null });
  });

  it('rule 9: sends a client that comes back what it missed, then what is new, each once and in order', async () => {
    append(liveEvent('kitchen', { seq: 1 }));
    const position = server.world.liveFeed.head;
    append(...Array.from({ length: 3_000 }, (_, index) => liveEvent('kitchen', { seq: index + 2 })));
    append(topologyMessage(1));
    const client = await subscribe({ topics: ['events'], position });
    expect(client.messages[0]).toMatchObject({ type: 'subscribed', position });
    append(liveEvent('kitchen', { seq: 3_002 }));
    await client.received(3_002);
    expect(seqs(client)).toEqual(Array.from({ length: 3_001 }, (_, index) => index + 2));
  });

  it('rule 9: tells a client of a gap where its position is unknown, and goes on from now', async () => {
    append(liveEvent('kitchen', { seq: 1 }));
    const client = await subscribe({ position: 'another-hub-12' });
    await client.received(2);
    const { head } = server.world.liveFeed;
    expect(client.messages).toEqual([
      { type: 'subscribed', id: 1, position: head, ack_bytes: 65_536 },
      { type: 'gap', from: 'another-hub-12', to: head, dropped: null, reason: 'position_unknown' },
    ]);
    append(liveEvent('kitchen', { seq: 2 }));
    await client.received(3);
    expect(seqs(client)).toEqual([2]);
  });

  it.each<[string, string | Buffer, string]>([
    ['text that is not JSON', '{"type":', 'malformed'],
    ['JSON that is no object', '[1]', 'malformed'],
    ['a binary frame', Buffer.from('{"type":"ping"}'), 'malformed'],
    ['a type that there is not', '{"type":"__proto__","id":1}', 'unknown_type'],
    ['no type', '{}', 'unknown_type'],
    ['a topic that there is not', '{"type":"subscribe","topics":["everything"]}', 'invalid_request'],
    ['no topic', '{"type":"subscribe","topics":[]}', 'invalid_request'],
    ['a property that there is not', '{"type":"ping","now":true}', 'invalid_request'],
    ['an acknowledgement of what was never sent', '{"type":"ack","batch":99}', 'invalid_request'],
    ['the end of no subscription', '{"type":"unsubscribe"}', 'not_subscribed'],
  ])('answers %s with an error and stays open', async (_what, frame, code) => {
    const client = await connect();
    client.socket.send(frame);
    expect((await client.received(1))[0]).toMatchObject({ type: 'error', code });
    client.send({ type: 'ping', id: 'still here' });
    expect((await client.received(2))[1]).toEqual({ type: 'pong', id: 'still here' });
  });

  it('names the request in its error where the request has a name', async () => {
    const client = await connect();
    client.send({ type: 'subscribe', id: 'abc', topics: 1 });
    expect((await client.received(1))[0]).toMatchObject({ id: 'abc', code: 'invalid_request' });
  });

  it('closes with 1008 after a hundred bad requests within a minute', async () => {
    const client = await connect();
    const closed = client.closed();
    for (let request = 0; request < 100; request += 1) client.send('nonsense');
    expect(await closed).toBe(1008);
    expect(client.messages).toHaveLength(100);
  });

  it('closes with 1009 where a frame is larger than 64 KiB', async () => {
    const client = await connect();
    const closed = client.closed();
    client.send('x'.repeat(65_537));
    expect(await closed).toBe(1009);
  });

  it('rule 10: compresses nothing, also where a client offers to', async () => {
    const client = await connect();
    expect(client.socket.extensions).toBe('');
  });

  it('lists live clients among the connections, with what they were sent', async () => {
    const client = await subscribe();
    append(liveEvent('kitchen'), liveEvent('attic'));
    await client.received(3);
    expect(await connections()).toEqual([
      expect.objectContaining({ kind: 'live', sent_messages: 3, received_messages: 1, queue_bytes: 0 }),
    ]);
    client.socket.close();
    await client.closed();
    expect(await connections()).toEqual([]);
  });

  it('refuses other sites and foreign names before the upgrade', async () => {
    const foreign: Record<string, string>[] = [{ origin: 'http://evil.example' }, { host: 'evil.example' }];
    for (const headers of foreign) {
      const client = new HandClient(server.url, { headers });
      const [, response] = (await once(client.socket, 'unexpected-response')) as [
        unknown,
        { statusCode: number },
      ];
      expect(response.statusCode).toBe(403);
      client.socket.terminate();
    }
  });

  it('sends what is being gathered before it closes with 1001 when the hub stops', async () => {
    const client = await subscribe();
    const closed = client.closed();
    append(...Array.from({ length: 300 }, (_, index) => liveEvent('kitchen', { seq: index })));
    await start();
    expect(await closed).toBe(1001);
    expect(seqs(client)).toHaveLength(300);
  });

  it('pings a silent client and ends it when it stays silent; any byte counts as life', async () => {
    const clock = new FakeClock();
    await start({ clock });
    const silent = await connect({ autoPong: false });
    const alive = await connect();
    let pings = 0;
    silent.socket.on('ping', () => (pings += 1));
    for (let second = 0; second < 58; second += 1) {
      await clock.advance(1_000);
      if (second % 10 === 0) {
        alive.send({ type: 'ping', id: second });
        await alive.received(second / 10 + 1);
      }
    }
    const closed = silent.closed();
    await clock.advance(13_000);
    await closed;
    expect(pings).toBeGreaterThan(0);
    expect(alive.socket.readyState).toBe(WebSocket.OPEN);
    expect(await connections()).toHaveLength(1);
  });
});
