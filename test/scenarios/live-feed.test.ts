/** Live clients of a hub: many of them, one that stops reading, all of them coming back at once, and nonsense. */
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { connectLive, type LiveConnection } from '../../src/client/connect-live.ts';
import type { GapMessage } from '../../src/protocol/live.ts';
import { HubClient } from '../support/hub-client.ts';
import { type HubProcess, startHubProcess, until } from '../support/hub-process.ts';
import { liveEvent } from '../support/live-feed-messages.ts';
import { startTestServer, type TestServer, type TestServerOptions } from '../support/test-server.ts';

const seqPattern = /"seq":(\d+)/g;
const gapPattern = /"type":"gap".*?"dropped":(\d+)/g;
const numbersIn = (text: string, pattern: RegExp): number[] =>
  [...text.matchAll(pattern)].map(([, digits]) => Number(digits));
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

/** Of Node itself, as a browser's; what it is given can be cut off. */
class CutWebSocket extends globalThis.WebSocket {
  static readonly open = new Set<CutWebSocket>();

  constructor(url: string | URL) {
    super(url);
    CutWebSocket.open.add(this);
    this.addEventListener('close', () => CutWebSocket.open.delete(this));
  }
}

describe('the live feed', () => {
  const servers: TestServer[] = [];
  const hubs: HubProcess[] = [];
  const sockets: WebSocket[] = [];
  const connections: LiveConnection[] = [];

  afterEach(async () => {
    for (const connection of connections.splice(0)) connection.close();
    for (const socket of sockets.splice(0)) socket.terminate();
    for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
    for (const hub of hubs.splice(0)) await hub.stop();
  });

  async function start(options: TestServerOptions = {}): Promise<TestServer> {
    const server = await startTestServer(options);
    servers.push(server);
    return server;
  }

  /** Counts what comes without taking it apart: there are thousands of these. */
  async function reader(
    server: TestServer,
  ): Promise<{ socket: WebSocket; seqs: number[]; gaps: number[]; frames: () => number }> {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws/live`, { perMessageDeflate: false });
    sockets.push(socket);
    const seqs: number[] = [];
    const gaps: number[] = [];
    let frames = 0;
    socket.on('error', () => undefined);
    socket.on('message', (data: Buffer) => {
      const text = data.toString('latin1');
      frames += 1;
      seqs.push(...numbersIn(text, seqPattern));
      gaps.push(...numbersIn(text, gapPattern));
      socket.send(`{"type":"ack","batch":${frames}}`);
    });
    await once(socket, 'open');
    socket.send('{"type":"subscribe","topics":["events"]}');
    await once(socket, 'message');
    return { socket, seqs, gaps, frames: () => frames };
  }

  it('gives a thousand clients every message while one of them has stopped reading, and that one an account of what it missed', async () => {
    const server = await start({ config: { live: { unacknowledged_bytes: 16_384 } } });
    const readers = [];
    for (let group = 0; group < 20; group += 1)
      readers.push(...(await Promise.all(range(1, 50).map(() => reader(server)))));
    const [paused, ...others] = readers as [(typeof readers)[0], ...typeof readers];
    await until(async () => (await server.get('/api/connections?limit=1000')).ok);
    paused.socket.pause();
    for (let seq = 1; seq <= 1_000; seq += 20) {
      server.world.liveFeed.append(
        range(seq, seq + 19).map((number) => liveEvent('kitchen', { seq: number })),
      );
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await until(() => others.every(({ seqs }) => seqs.length >= 1_000), 60_000);
    for (const { gaps, seqs } of others) {
      expect(gaps).toEqual([]);
      expect(seqs).toEqual(range(1, 1_000));
    }
    const { items } = (await (await server.get('/api/connections?sort=queue_messages&limit=2')).json()) as {
      items: { kind: string; queue_messages: number }[];
    };
    expect(items.map(({ queue_messages: waiting }) => waiting > 400)).toEqual([true, false]);

    paused.socket.resume();
    await until(() => paused.seqs.length > 400);
    server.world.liveFeed.append([liveEvent('kitchen', { seq: 1_001 })]);
    await until(() => paused.seqs.at(-1) === 1_001);
    const missed = paused.gaps.reduce((sum, dropped) => sum + dropped, 0);
    expect(missed).toBeGreaterThan(0);
    expect(paused.seqs.length + missed).toBe(1_001);
    expect(paused.seqs).toEqual(paused.seqs.toSorted((one, other) => one - other));
  });

  it('takes two hundred clients back at once, and each then has had every message once and in order', async () => {
    const server = await start();
    const clients = range(1, 200).map(() => {
      const seqs: (number | null)[] = [];
      const gaps: GapMessage[] = [];
      const connection = connectLive({
        url: server.url,
        topics: ['events'],
        onMessage: (message) => {
          if (message.type === 'event') seqs.push(message.seq);
        },
        onGap: (gap) => void gaps.push(gap),
        webSocket: CutWebSocket,
      });
      connections.push(connection);
      return { connection, seqs, gaps };
    });
    const allLive = (): boolean => clients.every(({ connection }) => connection.state === 'live');
    await until(allLive, 30_000);
    for (let seq = 1; seq <= 600; seq += 1) {
      server.world.liveFeed.append([liveEvent('kitchen', { seq })]);
      if (seq === 200 || seq === 400) for (const socket of CutWebSocket.open) socket.close();
      if (seq % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await until(() => clients.every(({ seqs }) => seqs.length >= 600), 30_000);
    expect(allLive()).toBe(true);
    for (const { gaps, seqs } of clients) {
      expect(gaps).toEqual([]);
      expect(seqs).toEqual(range(1, 600));
    }
  });

  it('keeps serving others while clients send nonsense, flood it, or vanish in the middle of a frame', async () => {
    const server = await start();
    const good = await reader(server);
    const hostile = range(1, 30).map(() => {
      const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws/live`);
      sockets.push(socket);
      socket.on('error', () => undefined);
      return socket;
    });
    await Promise.all(hostile.map((socket) => once(socket, 'open')));
    const closed = Promise.all(hostile.map((socket) => once(socket, 'close')));
    hostile.forEach((socket, index) => {
      const nonsense = [
        '{',
        '[]',
        '{"type":"subscribe","topics":["__proto__"]}',
        '\u0000',
        '{"type":"ack","batch":1e308}',
      ];
      if (index % 3 === 0)
        for (let sent = 0; sent < 200; sent += 1) socket.send(nonsense[sent % nonsense.length] ?? '');
      else if (index % 3 === 1) socket.send('x'.repeat(100_000));
      else {
        socket.send('{"type":"subscribe","topics":["events"]}');
        // A header that promises more than ever comes.
        (socket as unknown as { _socket: { end(bytes: Buffer): void } })._socket.end(
          Buffer.from([0x81, 0xfe, 0xff, 0xff, 1, 2]),
        );
      }
    });
    for (let seq = 1; seq <= 200; seq += 1) {
      server.world.liveFeed.append([liveEvent('kitchen', { seq })]);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await closed;
    await until(() => good.seqs.length === 200);
    expect(good.seqs).toEqual(range(1, 200));
    const { items } = (await (await server.get('/api/connections')).json()) as { items: unknown[] };
    expect(items).toHaveLength(1);
  });

  it('shows an event that came in over HTTP, and says after a restart of the hub that nobody knows what was missed', async () => {
    const hub = await startHubProcess();
    hubs.push(hub);
    const seen: unknown[] = [];
    const gaps: GapMessage[] = [];
    const live = connectLive({
      url: hub.url,
      topics: ['events'],
      sensors: ['kitchen-*'],
      onMessage: (message) => {
        if (message.type === 'event') seen.push(message.readings[0]?.value);
      },
      onGap: (gap) => void gaps.push(gap),
    });
    connections.push(live);
    await until(() => live.state === 'live');
    const post = async (url: string, sensorId: string, value: number): Promise<void> => {
      const body = { sensor_id: sensorId, type: 'temperature', value, unit: '°C' };
      const { status, text } = await new HubClient(url).request('POST', '/event', body);
      if (status >= 300) throw new Error(text);
    };
    await post(hub.url, 'attic-1', 1);
    await post(hub.url, 'kitchen-1', 21.5);
    await until(() => seen.length === 1);
    expect(seen).toEqual([21.5]);
    const { position } = live;
    live.close();

    const another = await startHubProcess();
    hubs.push(another);
    const back = connectLive({
      url: another.url,
      topics: ['events'],
      ...(position === null ? {} : { position }),
      onMessage: () => undefined,
      onGap: (gap) => void gaps.push(gap),
    });
    connections.push(back);
    await until(() => gaps.length === 1);
    expect(gaps[0]).toMatchObject({ from: position, dropped: null, reason: 'position_unknown' });
  });
});
