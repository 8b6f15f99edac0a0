/** The agent against a bare WebSocket server on loopback; time is a fake where a test is about time. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { FakeNodeSource } from '../../test/support/fake-node-source.ts';
import { decodeCbor, encodeCbor } from '../protocol/cbor.ts';
import { asBorderRouterId } from '../protocol/ids.ts';
import type { Agent, AgentFact, AgentOptions } from './agent-options.ts';
import { createAgent } from './agent.ts';

type Wire = Record<string, unknown>;

const release: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of release.splice(0).reverse()) await close();
});

interface Connection {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  readonly received: Wire[];
  readonly closed: { code: number; reason: string } | null;
}

/** A hub that accepts everybody, or refuses with a status. */
class BareHub {
  readonly connections: Connection[] = [];
  refuseWith: { status: number; body: string } | null = null;
  refused = 0;
  readonly #server: Server = createServer();
  readonly #sockets: WebSocketServer;

  constructor({ cbor = true }: { cbor?: boolean } = {}) {
    this.#sockets = new WebSocketServer({
      noServer: true,
      handleProtocols: (offered) => (cbor && offered.has('threadhub.cbor') ? 'threadhub.cbor' : false),
    });
    this.#server.on('upgrade', (request, socket, head) => {
      if (this.refuseWith !== null) {
        const { status, body } = this.refuseWith;
        this.refused += 1;
        socket.end(
          `HTTP/1.1 ${status} Refused\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
        );
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const connection = {
          socket: webSocket,
          request,
          received: [] as Wire[],
          closed: null as Connection['closed'],
        };
        webSocket.on('message', (data: Buffer, isBinary) => {
          connection.received.push((isBinary ? decodeCbor(data) : JSON.parse(data.toString())) as Wire);
        });
        webSocket.on('close', (code, reason) => (connection.closed = { code, reason: reason.toString() }));
        this.connections.push(connection);
      });
    });
    release.push(async () => {
      for (const { socket } of this.connections) socket.terminate();
      this.#server.closeAllConnections();
      await new Promise((resolve) => this.#server.close(resolve));
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get latest(): Connection {
    const connection = this.connections.at(-1);
    if (connection === undefined) throw new Error('nobody has connected');
    return connection;
  }

  /** What the latest connection sent, heartbeats left out. */
  get answers(): Wire[] {
    return this.latest.received.filter(({ type }) => type !== 'heartbeat');
  }

  send(command: Wire): void {
    this.latest.socket.send(JSON.stringify(command));
  }
}

interface Setup {
  readonly hub: BareHub;
  readonly agent: Agent;
  readonly source: FakeNodeSource;
  readonly facts: AgentFact[];
}

async function setUp(options: Partial<AgentOptions> = {}, hub = new BareHub()): Promise<Setup> {
  const url = await hub.listen();
  const source = new FakeNodeSource();
  const facts: AgentFact[] = [];
  const agent = createAgent({
    hub: url,
    id: asBorderRouterId('BR-001'),
    token: 'secret-token',
    networkPrefix: 'fd78:8e78:3bfe:1::/64',
    source,
    onFact: (fact) => facts.push(fact),
    random: () => 0,
    ...options,
  });
  release.push(() => agent.close());
  return { hub, agent, source, facts };
}

async function connected(setup: Setup, count = 1): Promise<void> {
  await vi.waitFor(() => {
    expect(setup.hub.connections).toHaveLength(count);
    expect(setup.agent.status().state).toBe('connected');
    expect(setup.hub.latest.received.length).toBeGreaterThan(0);
  });
}

const kinds = (facts: readonly AgentFact[]): string[] => facts.map(({ kind }) => kind);
const scanCommand = (id: string): Wire => ({
  command: 'scan_node',
  target_ipv6: 'fd78:8e78:3bfe:1::5',
  node_name: 'd4E',
  request_id: id,
  deadline_ms: 5_000,
});

describe('connecting', () => {
  it('names itself, brings its token in a header and sends a heartbeat first', async () => {
    const setup = await setUp({
      identity: () => ({
        extAddress: '5339695e8f14acf6',
        rloc16: 0xa000,
        role: 'leader',
        partitionId: 7,
        nodesCount: 2,
      }),
    });
    setup.agent.start();
    await connected(setup);
    const { request, received } = setup.hub.latest;
    const url = new URL(request.url ?? '', 'ws://hub');
    expect(url.pathname).toBe('/ws/br');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      br_id: 'BR-001',
      network_prefix: 'fd78:8e78:3bfe:1::/64',
    });
    expect(request.headers.authorization).toBe('Bearer secret-token');
    expect(received[0]).toEqual({
      type: 'heartbeat',
      br_id: 'BR-001',
      timestamp: expect.any(Number) as number,
      nodes_count: 2,
      status: 'online',
      queue_size: 0,
      coap_in_flight: 0,
      coap_retries_total: 7,
      partition_id: 7,
      firmware: 'threadhub/0.1.0',
      ext_addr: '5339695e8f14acf6',
      rloc16: 0xa000,
      role: 'leader',
    });
    expect(setup.facts).toEqual([{ kind: 'connected', encoding: 'json' }]);
  });

  it('can bring its token in the address', async () => {
    const setup = await setUp({ tokenIn: 'query' });
    setup.agent.start();
    await connected(setup);
    expect(setup.hub.latest.request.url).toContain('auth_token=secret-token');
    expect(setup.hub.latest.request.headers.authorization).toBeUndefined();
  });

  it('speaks CBOR where both sides do', async () => {
    const setup = await setUp({ encoding: 'cbor' });
    setup.agent.start();
    await connected(setup);
    expect(setup.facts).toEqual([{ kind: 'connected', encoding: 'cbor' }]);
    setup.hub.latest.socket.send(encodeCbor(scanCommand('r1')));
    await vi.waitFor(() => expect(setup.source.scans).toHaveLength(1));
    setup.source.scans[0]?.answer({ ok: true, networkInfo: { role: 'router', rloc16: '0xa000' } });
    await vi.waitFor(() => expect(setup.hub.answers).toMatchObject([{ request_id: 'r1', success: true }]));
  });

  it('falls back to JSON at once with a hub that knows no CBOR', async () => {
    const setup = await setUp({ encoding: 'cbor' }, new BareHub({ cbor: false }));
    setup.agent.start();
    await vi.waitFor(() => expect(setup.facts).toEqual([{ kind: 'connected', encoding: 'json' }]));
    await connected(setup, 2);
  });

  it('keeps trying slowly and says why when the hub refuses it', async () => {
    const clock = new FakeClock();
    const setup = await setUp({ clock });
    setup.hub.refuseWith = { status: 401, body: '{"code":"token_invalid"}' };
    setup.agent.start();
    await vi.waitFor(() => expect(kinds(setup.facts)).toEqual(['refused', 'reconnecting']));
    expect(setup.facts[0]).toEqual({ kind: 'refused', status: 401, body: '{"code":"token_invalid"}' });
    expect(setup.facts[1]).toEqual({ kind: 'reconnecting', delayMs: 15_000 });
    expect(JSON.stringify(setup.facts)).not.toContain('secret-token');
    await clock.advance(14_999);
    expect(setup.hub.refused).toBe(1);
    setup.hub.refuseWith = null;
    await clock.advance(1);
    await connected(setup);
  });

  it('waits longer each time while nobody listens, and soon again after a good connection', async () => {
    const clock = new FakeClock();
    const { agent, facts } = await setUp({ clock, hub: 'ws://127.0.0.1:1' });
    agent.start();
    for (const delayMs of [500, 1_000, 2_000]) {
      await vi.waitFor(() => expect(facts.at(-1)).toEqual({ kind: 'reconnecting', delayMs }));
      await clock.advance(delayMs);
    }
    expect(facts[0]).toMatchObject({ kind: 'connect_failed' });
  });

  it('refuses to start with an address that is none', () => {
    const options = {
      id: asBorderRouterId('x'),
      token: null,
      networkPrefix: null,
      source: new FakeNodeSource(),
    };
    for (const hub of ['hub:5001', 'ftp://hub', ''])
      expect(() => createAgent({ ...options, hub })).toThrow('is not a WebSocket address');
  });

  it('survives a token that no header can carry', async () => {
    const clock = new FakeClock();
    const { agent, facts } = await setUp({ clock, token: 'line\nbreak' });
    agent.start();
    expect(kinds(facts)).toEqual(['connect_failed', 'reconnecting']);
    expect(JSON.stringify(facts)).not.toContain('break');
    await agent.close();
  });
});

describe('commands', () => {
  it('are answered on the connection that they came on', async () => {
    const setup = await setUp();
    setup.agent.start();
    await connected(setup);
    setup.hub.send(scanCommand('r1'));
    await vi.waitFor(() => expect(setup.source.scans).toHaveLength(1));
    expect(setup.source.scans[0]?.request).toEqual({ targetIpv6: 'fd78:8e78:3bfe:1::5', nodeName: 'd4E' });
    setup.source.scans[0]?.answer({ ok: true, networkInfo: { role: 'router', rloc16: '0xa000' } });
    await vi.waitFor(() =>
      expect(setup.hub.answers).toEqual([
        {
          type: 'scan_node_result',
          target_ipv6: 'fd78:8e78:3bfe:1::5',
          node_name: 'd4E',
          request_id: 'r1',
          success: true,
          network_info: { role: 'router', rloc16: '0xa000' },
          error: null,
        },
      ]),
    );
  });

  it('that cannot be read are refused by their request id, and ignored without one', async () => {
    const setup = await setUp();
    setup.agent.start();
    await connected(setup);
    setup.hub.latest.socket.send('{"command":');
    setup.hub.send({ command: 'scan_node', node_name: 'x' });
    setup.hub.send({ command: 'scan_node', request_id: 'a' });
    setup.hub.send({ command: 'send_coap', request_id: 'b', method: 'STEAL' });
    setup.hub.send({ command: 'reboot', request_id: 'c' });
    setup.hub.send({ ...scanCommand('d'), target_ipv6: '10.0.0.1' });
    await vi.waitFor(() => expect(setup.hub.answers).toHaveLength(4));
    expect(setup.hub.answers).toMatchObject([
      { type: 'scan_node_result', request_id: 'a', success: false, error_code: 'malformed' },
      { type: 'coap_response', request_id: 'b', success: false, error_code: 'malformed' },
      {
        type: 'scan_node_result',
        request_id: 'c',
        error_code: 'refused',
        error: expect.stringContaining('"reboot"') as string,
      },
      {
        type: 'scan_node_result',
        request_id: 'd',
        error_code: 'refused',
        error: expect.stringContaining('"10.0.0.1"') as string,
      },
    ]);
    expect(setup.agent.status().state).toBe('connected');
  });

  it('whose answer is larger than a frame become a failure, not a lost link', async () => {
    const setup = await setUp();
    setup.agent.start();
    await connected(setup);
    setup.hub.send(scanCommand('r1'));
    await vi.waitFor(() => expect(setup.source.scans).toHaveLength(1));
    // 60 KB that JSON writes six times as long.
    setup.source.scans[0]?.answer({ ok: true, networkInfo: { text: '\u0001'.repeat(60_000) } });
    await vi.waitFor(() =>
      expect(setup.hub.answers).toMatchObject([
        { request_id: 'r1', success: false, error_code: 'malformed' },
      ]),
    );
  });

  it('in flight when the hub goes are dropped, and never answered to the next connection', async () => {
    const setup = await setUp({ limits: { reconnectMinMs: 1 } });
    setup.agent.start();
    await connected(setup);
    setup.hub.send(scanCommand('r1'));
    await vi.waitFor(() => expect(setup.source.scans).toHaveLength(1));
    setup.hub.latest.socket.terminate();
    await vi.waitFor(() => expect(setup.source.scans[0]?.signal.aborted).toBe(true));
    expect(setup.facts).toContainEqual(
      expect.objectContaining({ kind: 'disconnected', code: 1006, abandoned: 1 }),
    );
    await connected(setup, 2);
    setup.source.scans[0]?.answer({ ok: true, networkInfo: {} });
    setup.hub.send(scanCommand('r2'));
    await vi.waitFor(() => expect(setup.source.scans).toHaveLength(2));
    setup.source.scans[1]?.answer({ ok: true, networkInfo: {} });
    await vi.waitFor(() => expect(setup.hub.answers).toHaveLength(1));
    expect(setup.hub.answers).toMatchObject([{ request_id: 'r2' }]);
  });
});

describe('the link', () => {
  it('carries a heartbeat every 10 s', async () => {
    const clock = new FakeClock();
    const setup = await setUp({ clock });
    setup.agent.start();
    await connected(setup);
    for (let beats = 2; beats <= 4; beats += 1) {
      await clock.advance(9_999);
      setup.hub.latest.socket.ping();
      await clock.advance(1);
      await vi.waitFor(() => expect(setup.hub.latest.received).toHaveLength(beats));
    }
    expect(setup.hub.latest.received.map(({ timestamp }) => timestamp)).toEqual([0, 10_000, 20_000, 30_000]);
  });

  it('is given up after 45 s without a byte from the hub, pings included', async () => {
    const clock = new FakeClock();
    const setup = await setUp({ clock });
    setup.agent.start();
    await connected(setup);
    await clock.advance(30_000);
    const pinged = new Promise((resolve) => setup.hub.latest.socket.once('pong', resolve));
    setup.hub.latest.socket.ping();
    await pinged;
    await clock.advance(44_999);
    expect(setup.agent.status().state).toBe('connected');
    await clock.advance(1);
    expect(setup.agent.status().state).toBe('waiting');
    expect(setup.facts).toContainEqual({
      kind: 'disconnected',
      code: 1006,
      reason: 'the hub was silent for 45000 ms',
      abandoned: 0,
    });
    await clock.advance(500);
    await connected(setup, 2);
  });

  it('is opened again slowly when another agent has the same name', async () => {
    const clock = new FakeClock();
    const setup = await setUp({ clock });
    setup.agent.start();
    await connected(setup);
    setup.hub.latest.socket.close(4001, 'replaced');
    await vi.waitFor(() =>
      expect(setup.facts.slice(1)).toEqual([
        { kind: 'disconnected', code: 4001, reason: 'replaced', abandoned: 0 },
        { kind: 'replaced' },
        { kind: 'reconnecting', delayMs: 15_000 },
      ]),
    );
  });

  it('is ended when the hub does not read what it is sent', async () => {
    const setup = await setUp({
      limits: { maxBufferedBytes: 100_000, reconnectMinMs: 60_000, reconnectMaxMs: 60_000 },
    });
    setup.agent.start();
    await connected(setup);
    setup.hub.latest.socket.pause();
    const text = 'x'.repeat(200_000);
    for (let number = 0; number < 100 && setup.agent.status().state === 'connected'; number += 1) {
      setup.hub.send({ ...scanCommand(`r${number}`), target_ipv6: `fd00::${number}` });
      await vi.waitFor(() => expect(setup.source.scans).toHaveLength(number + 1));
      setup.source.scans[number]?.answer({ ok: true, networkInfo: { text } });
      await vi.waitFor(() => expect(setup.agent.status().inFlight).toBe(0));
    }
    expect(setup.facts.find(({ kind }) => kind === 'disconnected')).toMatchObject({
      reason: expect.stringContaining('unread') as string,
    });
  });

  it('is closed with a close frame, and left without a word by a crash', async () => {
    const setup = await setUp();
    setup.agent.start();
    await connected(setup);
    await setup.agent.close();
    await vi.waitFor(() =>
      expect(setup.hub.latest.closed).toEqual({ code: 1000, reason: 'border router stopping' }),
    );
    expect(setup.agent.status().state).toBe('closed');
    setup.agent.start();
    await connected(setup, 2);
    setup.agent.crash();
    await vi.waitFor(() => expect(setup.hub.latest.closed?.code).toBe(1006));
    expect(setup.agent.status().connectionsTotal).toBe(2);
  });

  it('that is closed while it opens or waits leaves no timer behind', async () => {
    const clock = new FakeClock();
    const setup = await setUp({ clock });
    setup.agent.start();
    await setup.agent.close();
    expect(clock.pending).toBe(0);
    setup.hub.refuseWith = { status: 503, body: '{}' };
    setup.agent.start();
    await vi.waitFor(() => expect(setup.agent.status().state).toBe('waiting'));
    await vi.waitFor(() => expect(clock.pending).toBe(1));
    await setup.agent.close();
    expect(clock.pending).toBe(0);
  });
});

describe('what a source tells unasked', () => {
  const seen = {
    kind: 'seen',
    network: { name: 'Home' },
    nodes: [{ ipv6: 'fd00::1', extAddress: null, rloc16: null, name: null, networkInfo: null }],
  } as const;

  it('goes to the hub: devices as node_seen, and a reading of the mesh as a heartbeat', async () => {
    const setup = await setUp();
    const { hub, source } = setup;
    setup.agent.start();
    await connected(setup);
    source.tell({ kind: 'collected' });
    source.tell({ ...seen, nodes: [...seen.nodes] });
    await vi.waitFor(() => expect(hub.latest.received).toHaveLength(3));
    expect(hub.latest.received.slice(1)).toMatchObject([
      { type: 'heartbeat' },
      { type: 'node_seen', network: { name: 'Home' }, nodes: [{ ipv6: 'fd00::1' }] },
    ]);
    expect(hub.answers[0]).not.toHaveProperty('request_id');
  });

  it('is cut to what a frame holds: a larger one would end the link again and again', async () => {
    const setup = await setUp();
    setup.agent.start();
    await connected(setup);
    const nodes = Array.from({ length: 4_000 }, (_, index) => ({
      ...{ extAddress: index.toString(16).padStart(16, '0'), name: null, rloc16: null },
      ...{ ipv6: 'fd7c:8336:ffd4:1:542c:9087:dedf:3c87', networkInfo: { role: 'router' } },
    }));
    setup.source.tell({ ...seen, nodes });
    await vi.waitFor(() =>
      expect(setup.hub.answers).toMatchObject([{ type: 'node_seen', nodes: { length: 2_000 } }]),
    );
    expect(setup.agent.status().state).toBe('connected');
  });

  it('is told again to a hub that connects later, and to nobody after the agent is closed', async () => {
    const setup = await setUp();
    const { agent, hub, source } = setup;
    agent.start();
    await connected(setup);
    source.tell({ ...seen, nodes: [...seen.nodes] });
    await vi.waitFor(() => expect(hub.answers).toHaveLength(1));
    hub.latest.socket.terminate();
    await vi.waitFor(() => expect(hub.connections).toHaveLength(2));
    await vi.waitFor(() => expect(hub.answers).toMatchObject([{ type: 'node_seen' }]));
    await agent.close();
    expect(source.listeners).toBe(0);
  });
});
