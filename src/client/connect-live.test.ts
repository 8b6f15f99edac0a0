import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { connectLive, type LiveConnection, type LiveOptions, type LiveState } from './connect-live.ts';

/** A `WebSocket` without a network; each one made is kept. */
class FakeWebSocket {
  static readonly made: FakeWebSocket[] = [];
  readonly OPEN = 1;
  readonly url: string;
  readyState = 0;
  readonly sent: Record<string, unknown>[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(url: string) {
    this.url = url;
    FakeWebSocket.made.push(this);
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.closed = true;
    this.readyState = 3;
  }

  opens(): this {
    this.readyState = 1;
    this.onopen?.();
    return this;
  }

  says(...messages: object[]): void {
    this.onmessage?.({ data: messages.map((message) => JSON.stringify(message)).join('\n') });
  }

  drops(): void {
    this.readyState = 3;
    this.onerror?.();
    this.onclose?.();
  }
}

const topology = (number: number): object => ({
  type: 'topology',
  scan_id: null,
  nodes: number,
  links: 0,
  position: `feed-${number}`,
});
const subscribed = (number: number): object => ({
  type: 'subscribed',
  id: 1,
  position: `feed-${number}`,
  ack_bytes: 32_768,
});

describe('connectLive', () => {
  let connection: LiveConnection | null = null;

  afterEach(() => {
    connection?.close();
    FakeWebSocket.made.length = 0;
  });

  function setUp(options: Partial<LiveOptions> = {}) {
    const clock = new FakeClock();
    const nodes: number[] = [];
    const gaps: unknown[] = [];
    const errors: unknown[] = [];
    const states: LiveState[] = [];
    connection = connectLive({
      url: 'http://127.0.0.1:5001',
      topics: ['topology'],
      onMessage: (message) => void nodes.push(message.type === 'topology' ? message.nodes : -1),
      onGap: (gap) => void gaps.push(gap),
      onError: (error) => void errors.push(error),
      onState: (state) => void states.push(state),
      webSocket: FakeWebSocket as unknown as typeof WebSocket,
      clock,
      random: () => 0,
      ...options,
    });
    const socket = (): FakeWebSocket => FakeWebSocket.made.at(-1) as FakeWebSocket;
    return { clock, connection, errors, gaps, nodes, socket, states };
  }

  it('subscribes to what was asked for and gives the messages on, several or one to a frame', () => {
    const { nodes, socket, states } = setUp({ sensors: ['kitchen-*'], mode: 'latest' });
    expect(socket().url).toBe('ws://127.0.0.1:5001/ws/live');
    expect(socket().opens().sent).toEqual([
      { type: 'subscribe', id: 1, topics: ['topology'], sensors: ['kitchen-*'], mode: 'latest' },
    ]);
    socket().says(subscribed(0), topology(1), topology(2));
    socket().onmessage?.({ data: `\n${JSON.stringify(topology(3))}\n \n` });
    expect(nodes).toEqual([1, 2, 3]);
    expect(states).toEqual(['live']);
  });

  it('comes back by itself and resumes after the last message that it has', async () => {
    const { clock, connection, nodes, socket, states } = setUp();
    socket().opens().says(subscribed(0), topology(1));
    socket().drops();
    expect(connection.state).toBe('waiting');
    await clock.advance(125);
    expect(socket().opens().sent).toEqual([
      { type: 'subscribe', id: 1, topics: ['topology'], position: 'feed-1' },
    ]);
    socket().says(subscribed(1), topology(2));
    expect(nodes).toEqual([1, 2]);
    expect(states).toEqual(['live', 'waiting', 'connecting', 'live']);
  });

  it('resumes from where it subscribed where nothing has come yet', async () => {
    const { clock, socket } = setUp();
    socket().opens().says(subscribed(7));
    socket().drops();
    await clock.advance(125);
    expect(socket().opens().sent[0]).toMatchObject({ position: 'feed-7' });
  });

  it('waits longer after each failure, with jitter, up to 30 s', async () => {
    const { clock, socket } = setUp({ random: () => 0.5 });
    const waits: number[] = [];
    for (let attempt = 0; attempt < 10; attempt += 1) {
      const made = FakeWebSocket.made.length;
      socket().drops();
      let waitedMs = 0;
      for (; FakeWebSocket.made.length === made; waitedMs += 1) await clock.advance(1);
      waits.push(waitedMs);
    }
    expect(waits).toEqual([188, 375, 750, 1_500, 3_000, 6_000, 12_000, 22_500, 22_500, 22_500]);
  });

  it('tells of gaps and goes on after them', async () => {
    const { clock, connection, gaps, nodes, socket } = setUp();
    const gap = { type: 'gap', from: 'feed-1', to: 'feed-8', dropped: 7, reason: 'slow_consumer' };
    socket().opens().says(subscribed(0), topology(1), gap);
    expect([gaps, connection.position]).toEqual([[gap], 'feed-8']);
    socket().drops();
    await clock.advance(125);
    expect(socket().opens().sent[0]).toMatchObject({ position: 'feed-8' });
    expect(nodes).toEqual([1]);
  });

  it('gives no message on twice', () => {
    const { nodes, socket } = setUp();
    socket().opens().says(subscribed(0), topology(1), topology(2), topology(3));
    socket().says(topology(2), topology(3), topology(4));
    expect(nodes).toEqual([1, 2, 3, 4]);
  });

  it('acknowledges the first frame at once, then after as many bytes as the hub says', () => {
    const { socket } = setUp();
    socket().opens().says(subscribed(0));
    const acks = (): unknown[] => socket().sent.flatMap(({ batch }) => batch ?? []);
    expect(acks()).toEqual([1]);
    socket().says(topology(1));
    expect(acks()).toEqual([1]);
    socket().says({ ...topology(2), padding: 'x'.repeat(40_000) });
    expect(acks()).toEqual([1, 3]);
    socket().says(topology(3));
    expect(acks()).toEqual([1, 3]);
  });

  it('gives errors on and stays connected', () => {
    const { connection, errors, socket } = setUp();
    const error = { type: 'error', id: 1, code: 'invalid_request', message: 'no' };
    socket().opens().says(subscribed(0), error);
    expect([errors, connection.state]).toEqual([[error], 'live']);
  });

  it('gives up a socket that never answers, and one that speaks no JSON, and tries another', async () => {
    const { clock, socket } = setUp();
    socket().opens();
    await clock.advance(10_000);
    expect([FakeWebSocket.made[0]?.closed, FakeWebSocket.made.length]).toEqual([true, 1]);
    await clock.advance(125);
    socket().opens().onmessage?.({ data: '<html>' });
    expect(FakeWebSocket.made[1]?.closed).toBe(true);
    await clock.advance(250);
    expect(FakeWebSocket.made).toHaveLength(3);
  });

  it('does nothing more once closed, also where that happens while it gives a message on', async () => {
    const { clock, connection, nodes, socket, states } = setUp({
      onMessage: ({ type }) => {
        if (type === 'topology') nodes.push(1);
        connection.close();
      },
    });
    socket().opens().says(subscribed(0), topology(1), topology(2));
    socket().drops();
    await clock.advance(120_000);
    expect([nodes, FakeWebSocket.made.length, clock.pending]).toEqual([[1], 1, 0]);
    expect(states).toEqual(['live', 'closed']);
  });
});
