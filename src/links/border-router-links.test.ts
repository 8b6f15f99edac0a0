import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { FakeSocket } from '../../test/support/fake-socket.ts';
import { FactBus, type Facts } from '../facts.ts';
import { OutboxBudget } from '../outbox/outbox-budget.ts';
import { silentOutboxObserver } from '../outbox/outbox-observer.ts';
import { encodeFrame } from '../protocol/border-router-codec.ts';
import type { ScanNodeCommand } from '../protocol/border-router-messages.ts';
import { asBorderRouterId, asNodeName, asRequestId, type BorderRouterId } from '../protocol/ids.ts';
import { type Ipv6Address, parseIpv6Prefix } from '../protocol/ipv6.ts';
import type { LinkLimits } from './border-router-link.ts';
import { BorderRouterLinks, type LinkEvent } from './border-router-links.ts';

const limits: LinkLimits = {
  pingIntervalMs: 15_000,
  silenceTimeoutMs: 30_000,
  inFlightPingMs: 1_000,
  inFlightTimeoutMs: 3_000,
  outboxMessages: 256,
  outboxBytes: 256 * 1_024,
  framesPerSecond: 200,
  frameBurst: 400,
};
const id = asBorderRouterId('BR-001');
const ipv6 = 'fd00::1' as Ipv6Address;
const networkInfo = { role: 'router', rloc16: '0xa000' };

function command(requestId: string, nodeName = 'd4E'): ScanNodeCommand {
  return {
    command: 'scan_node',
    requestId: asRequestId(requestId),
    nodeName: asNodeName(nodeName),
    targetIpv6: ipv6,
  };
}

describe('BorderRouterLinks', () => {
  let clock: FakeClock;
  let links: BorderRouterLinks;
  let events: LinkEvent[];
  let facts: [string, unknown][];

  beforeEach(() => {
    clock = new FakeClock();
    const bus = new FactBus({
      onListenerError: (_, error) => {
        throw error;
      },
    });
    links = new BorderRouterLinks({
      limits,
      clock,
      random: () => 0.5,
      facts: bus,
      outboxObserver: silentOutboxObserver,
      outboxBudget: new OutboxBudget(10_000_000),
    });
    events = [];
    facts = [];
    links.subscribe((event) => events.push(event));
    const names = [
      'border_router:disconnected',
      'border_router:protocol_error',
      'border_router:flapping',
      'border_router:nodes_seen',
    ] as const;
    for (const name of names) bus.on(name, (fact: Facts[typeof name]) => facts.push([name, fact]));
  });

  function connect(
    borderRouterId: BorderRouterId = id,
    encoding: 'json' | 'cbor' = 'json',
    corks: { cork?: () => void; uncork?: () => void } = {},
  ): FakeSocket {
    const socket = Object.assign(new FakeSocket(), corks);
    const handshake = {
      id: borderRouterId,
      networkPrefix: parseIpv6Prefix('fd00::/64'),
      encoding,
      remoteAddress: '127.0.0.1',
      tokenId: 'token-1',
    };
    links.accept(socket.asWebSocket(), handshake, socket);
    return socket;
  }

  const answers = () => events.filter((event) => event.type === 'answer');
  const lost = () => events.filter((event) => event.type === 'lost');
  const protocolErrors = () =>
    facts
      .filter(([name]) => name === 'border_router:protocol_error')
      .map(([, fact]) => (fact as { kind: string }).kind);

  it('sends a command with `command`, one object a frame, and reports the answer of its request', () => {
    const socket = connect();
    expect(links.sendScanNode(id, command('r1'))).toBe('queued');
    expect(socket.json()).toEqual([
      { command: 'scan_node', target_ipv6: 'fd00::1', node_name: 'd4E', request_id: 'r1' },
    ]);
    socket.receive({
      type: 'scan_node_result',
      request_id: 'r1',
      success: true,
      network_info: networkInfo,
      error: null,
    });
    expect(answers()).toMatchObject([
      { requestId: 'r1', borderRouterId: id, answer: { ok: true, networkInfo: { rloc16: '0xa000' } } },
    ]);
  });

  it('lets the commands of one turn leave together, and those of the next by themselves', async () => {
    const turns: string[] = [];
    connect(id, 'json', { cork: () => turns.push('cork'), uncork: () => turns.push('uncork') });
    links.sendScanNode(id, command('r1'));
    links.sendScanNode(id, command('r2'));
    expect(turns).toEqual(['cork']);
    await settle();
    links.sendScanNode(id, command('r3'));
    await settle();
    expect(turns).toEqual(['cork', 'uncork', 'cork', 'uncork']);
  });

  it('speaks CBOR where that was negotiated', () => {
    const socket = connect(id, 'cbor');
    links.sendScanNode(id, command('r1'));
    expect(socket.sent[0]).toBeInstanceOf(Uint8Array);
    socket.receiveBinary(
      encodeFrame(
        { type: 'scan_node_result', request_id: 'r1', success: true, network_info: networkInfo },
        'cbor',
      ) as Uint8Array,
    );
    expect(answers()).toMatchObject([{ requestId: 'r1', answer: { ok: true } }]);
  });

  it('counts a binary frame on a JSON link as malformed', () => {
    connect().receiveBinary(new Uint8Array([0xa0]));
    expect(protocolErrors()).toEqual(['malformed']);
  });

  it('reads a well-formed answer without role or RLOC16 as malformed', () => {
    const socket = connect();
    links.sendScanNode(id, command('r1'));
    socket.receive({
      type: 'scan_node_result',
      request_id: 'r1',
      success: true,
      network_info: { role: 'router' },
    });
    expect(answers()).toMatchObject([{ answer: { ok: false, outcome: 'malformed' } }]);
  });

  it.each([
    [{ error: 'CoAP timeout' }, 'timed_out'],
    [{ error: 'CoAP timeout: node not reachable' }, 'timed_out'],
    [{ error: 'retransmissions exhausted' }, 'timed_out'],
    [{ error: 'Failed to initiate CoAP scan' }, 'refused'],
    [{ error: '4.04 Not Found' }, 'refused'],
    [{ error: 'reset' }, 'refused'],
    [{ error: 'cannot decode payload' }, 'malformed'],
    [{ error: 'CoAP timeout', error_code: 'refused' }, 'refused'],
  ])('reads the failure %j as %s', (failure, outcome) => {
    const socket = connect();
    links.sendScanNode(id, command('r1'));
    socket.receive({ type: 'scan_node_result', request_id: 'r1', success: false, ...failure });
    expect(answers()).toMatchObject([{ answer: { ok: false, outcome } }]);
  });

  it('gives a failure without a request id to the only request that is open', () => {
    const socket = connect();
    links.sendScanNode(id, command('r1'));
    socket.receive({ type: 'scan_node_result', success: false, error: 'CoAP timeout' });
    expect(answers()).toMatchObject([{ requestId: 'r1' }]);
  });

  it('counts a failure without a request id as unattributed where two requests are open', () => {
    const socket = connect();
    links.sendScanNode(id, command('r1'));
    links.sendScanNode(id, command('r2', 'other'));
    socket.receive({ type: 'scan_node_result', success: false, error: 'CoAP timeout' });
    expect(answers()).toEqual([]);
    expect(protocolErrors()).toEqual(['unattributed']);
  });

  it('still gives it to a request that timed out 93 s ago, and no longer after 100 s', async () => {
    const socket = connect();
    const alive = () => socket.emit('pong');
    const wait = async (ms: number) => {
      for (let waited = 0; waited < ms; waited += 1_000) {
        await clock.advance(1_000);
        alive();
      }
    };
    links.sendScanNode(id, command('r1'));
    await wait(5_000);
    links.giveUp(id, asRequestId('r1'), 'silent');
    await wait(93_000);
    socket.receive({ type: 'scan_node_result', success: false, error: 'CoAP timeout' });
    expect(answers()).toMatchObject([{ requestId: 'r1' }]);
    links.sendScanNode(id, command('r2'));
    await wait(5_000);
    links.giveUp(id, asRequestId('r2'), 'silent');
    await wait(101_000);
    socket.receive({ type: 'scan_node_result', success: false, error: 'CoAP timeout' });
    expect(answers()).toHaveLength(1);
    expect(protocolErrors()).toEqual(['unattributed']);
  });

  it('salvages the request id of a frame that a pasted payload broke: that node is malformed, the link lives', () => {
    const socket = connect();
    for (let index = 0; index < 150; index += 1) {
      links.sendScanNode(id, command(`r${index}`));
      socket.receive(
        `{"type":"scan_node_result","target_ipv6":"fd00::1","node_name":"d4E","request_id":"r${index}","success":true,"network_info":{"role":}`,
      );
    }
    expect(answers()).toHaveLength(150);
    expect(answers()[0]).toMatchObject({ requestId: 'r0', answer: { ok: false, outcome: 'malformed' } });
    expect(links.get(id)?.online).toBe(true);
  });

  it('never takes a request id out of the pasted payload itself', () => {
    const socket = connect();
    links.sendScanNode(id, command('victim'));
    socket.receive('{"type":"scan_node_result","success":true,"network_info":{"request_id":"victim",}');
    expect(answers()).toEqual([]);
    expect(protocolErrors()).toEqual(['malformed']);
  });

  it('closes with 1008 after 100 malformed frames in a minute, and not when they are spread out', async () => {
    const socket = connect();
    for (let index = 0; index < 150; index += 1) {
      socket.receive('not json');
      await clock.advance(700);
    }
    expect(socket.closedWith).toBeNull();
    await clock.advance(20_000);
    for (let index = 0; index < 100; index += 1) socket.receive('not json');
    await settle();
    expect(socket.closedWith?.code).toBe(1008);
    expect(links.get(id)?.online).toBe(false);
  });

  it('tells repeated answers from unknown ones and unknown types, and ignores them all', () => {
    const socket = connect();
    links.sendScanNode(id, command('r1'));
    const result = { type: 'scan_node_result', request_id: 'r1', success: true, network_info: networkInfo };
    socket.receive(result);
    socket.receive(result);
    socket.receive({ ...result, request_id: 'never-sent' });
    socket.receive({ type: 'firmware_gossip' });
    expect(answers()).toHaveLength(1);
    expect(protocolErrors()).toEqual(['duplicate', 'unknown_request', 'unknown_type']);
  });

  it('replaces a connection by a second one with the same id, and hands over what was in flight', async () => {
    const first = connect();
    links.sendScanNode(id, command('r1'));
    const second = connect();
    await settle();
    expect(first.closedWith?.code).toBe(4001);
    expect(events.slice(-2)).toMatchObject([
      { type: 'lost', reason: 'replaced', requestIds: ['r1'] },
      { type: 'online', borderRouterId: id },
    ]);
    links.sendScanNode(id, command('r2'));
    expect(second.json()).toMatchObject([{ request_id: 'r2' }]);
    first.peerCloses();
    expect(links.get(id)?.online).toBe(true);
  });

  it('says that a border router flaps from its sixth replacement within a minute on', () => {
    for (let index = 0; index < 6; index += 1) connect();
    expect(links.online()[0]?.steady).toBe(true);
    connect();
    expect(links.online()[0]?.steady).toBe(false);
    expect(facts.filter(([name]) => name === 'border_router:flapping')).toHaveLength(1);
    expect(links.get(id)).toMatchObject({ flapping: true, replacements: 6 });
    for (let index = 0; index < 10; index += 1) connect();
    expect(facts.filter(([name]) => name === 'border_router:flapping')).toHaveLength(1);
  });

  it('pings a quiet link about every 15 s and ends it with 4000 after 30 s of silence', async () => {
    const socket = connect();
    await clock.advance(16_600);
    expect(socket.pings).toBe(1);
    socket.emit('pong');
    await clock.advance(29_000);
    expect(links.get(id)?.online).toBe(true);
    await clock.advance(2_100);
    expect(links.get(id)?.online).toBe(false);
    expect(socket.closedWith?.code ?? (socket.terminated ? 4000 : 0)).toBe(4000);
    expect(lost()).toMatchObject([{ reason: 'silent' }]);
  });

  it('pings after 1 s of silence while a command is in flight and gives the link up after 3 s', async () => {
    const socket = connect();
    await clock.advance(10_000);
    links.sendScanNode(id, command('r1'));
    await clock.advance(900);
    expect(socket.pings).toBe(0);
    await clock.advance(200);
    expect(socket.pings).toBe(1);
    await clock.advance(1_700);
    expect(lost()).toEqual([]);
    await clock.advance(300);
    expect(lost()).toMatchObject([{ reason: 'lost_in_flight', requestIds: ['r1'] }]);
  });

  it('keeps a link whose frame takes longer to arrive than a silent one lives', async () => {
    const socket = connect();
    links.sendScanNode(id, command('r1'));
    for (let second = 0; second < 8; second += 1) {
      await clock.advance(1_000);
      socket.bytesRead += 1_000;
    }
    expect(links.get(id)?.online).toBe(true);
    await clock.advance(3_200);
    expect(lost()).toMatchObject([{ reason: 'lost_in_flight' }]);
  });

  it('takes no jump of the wall clock for silence', async () => {
    connect();
    links.sendScanNode(id, command('r1'));
    clock.jumpWall(86_400_000);
    await clock.advance(2_500);
    expect(links.get(id)?.online).toBe(true);
  });

  it('keeps a link whose border router answers pings however long its node takes', async () => {
    const socket = connect();
    links.sendScanNode(id, command('r1'));
    for (let second = 0; second < 20; second += 1) {
      await clock.advance(1_100);
      socket.emit('pong');
    }
    expect(links.get(id)?.online).toBe(true);
  });

  it('throttles a link that sends too fast and closes one that does not stop with 4029', async () => {
    const socket = connect();
    for (let index = 0; index < 401; index += 1) socket.receive({ type: 'heartbeat' });
    expect(socket.paused).toBe(true);
    for (let second = 0; second < 200 && links.get(id)?.online; second += 1) {
      await clock.advance(110);
      for (let index = 0; index < 30; index += 1) socket.receive({ type: 'heartbeat' });
    }
    await settle();
    expect(socket.closedWith?.code).toBe(4029);
  });

  it('lets a throttled link go on when it has calmed down, and does not take the pause for silence', async () => {
    const socket = connect();
    for (let index = 0; index < 1_100; index += 1) socket.receive({ type: 'heartbeat' });
    links.sendScanNode(id, command('r1'));
    await clock.advance(110);
    // What it had sent before it was paused is still owed: the next frame pauses it for longer than a silent link lives.
    socket.receive({ type: 'heartbeat' });
    expect(socket.paused).toBe(true);
    await clock.advance(3_400);
    expect(links.get(id)?.online).toBe(true);
    await clock.advance(400);
    expect(socket.paused).toBe(false);
  });

  it('sends a CoAP request and resolves with its response', async () => {
    const socket = connect();
    const response = links.sendCoap(id, {
      targetIpv6: ipv6,
      method: 'PUT',
      path: 'led',
      payload: { on: true },
      confirmable: true,
      timeoutMs: 5_000,
    });
    const sent = socket.json()[0] ?? {};
    expect(sent).toMatchObject({
      command: 'send_coap',
      method: 'PUT',
      path: 'led',
      payload: { on: true },
      confirmable: true,
    });
    socket.receive({
      type: 'coap_response',
      request_id: sent['request_id'],
      success: true,
      code: '2.04',
      payload: null,
    });
    expect(await response).toMatchObject({ success: true, code: '2.04' });
  });

  it('refuses a CoAP request over 1,024 bytes, to one that is gone, and one that stays unanswered', async () => {
    const request = {
      targetIpv6: ipv6,
      method: 'PUT' as const,
      path: 'led',
      confirmable: true,
      timeoutMs: 2_000,
    };
    await expect(links.sendCoap(id, request)).rejects.toMatchObject({ code: 'border_router_not_found' });
    const socket = connect();
    await expect(links.sendCoap(id, { ...request, payload: 'x'.repeat(1_024) })).rejects.toMatchObject({
      code: 'command_too_large',
    });
    const unanswered = links.sendCoap(id, request);
    const expectation = expect(unanswered).rejects.toMatchObject({ code: 'command_timed_out' });
    await clock.advance(2_000);
    await expectation;
    const cut = links.sendCoap(id, request);
    socket.peerCloses();
    await expect(cut).rejects.toMatchObject({ code: 'border_router_lost' });
    await expect(links.sendCoap(id, request)).rejects.toMatchObject({ code: 'border_router_offline' });
  });

  it('tells a person at once that the answer to their CoAP request broke its frame', async () => {
    const socket = connect();
    const response = links.sendCoap(id, {
      targetIpv6: ipv6,
      method: 'GET',
      path: 'state',
      confirmable: true,
      timeoutMs: 5_000,
    });
    const requestId = String(socket.json()[0]?.['request_id']);
    socket.receive(`{"type":"coap_response","request_id":"${requestId}","success":true,"payload":{"on":}`);
    expect(await response).toMatchObject({ success: false, code: null, errorCode: 'malformed' });
    expect(clock.pending).toBe(1);
  });

  it('ends a link with 4008 that talks but has taken nothing for 30 s', async () => {
    const socket = connect();
    socket.stuck = true;
    links.sendScanNode(id, command('r1'));
    for (let second = 0; second < 29; second += 1) {
      await clock.advance(1_000);
      socket.receive({ type: 'heartbeat' });
    }
    expect(links.get(id)?.online).toBe(true);
    await clock.advance(1_200);
    expect(lost()).toMatchObject([{ reason: 'too_slow', requestIds: ['r1'] }]);
    socket.unstick();
    await settle();
    expect(socket.closedWith?.code).toBe(4008);
  });

  it('keeps a link that takes its commands slowly', async () => {
    const socket = connect();
    socket.stuck = true;
    for (let index = 0; index < 40; index += 1) links.sendScanNode(id, command(`r${index}`));
    for (let second = 0; second < 60; second += 1) {
      await clock.advance(1_000);
      socket.receive({ type: 'heartbeat' });
      if (second % 20 === 0) socket.confirmOne();
    }
    expect(links.get(id)?.online).toBe(true);
  });

  it('counts a node as silent once, and never one that has answered', () => {
    const socket = connect();
    links.sendScanNode(id, command('r1'));
    links.sendScanNode(id, command('r2'));
    socket.receive({ type: 'scan_node_result', request_id: 'r1', success: true, network_info: networkInfo });
    for (let time = 0; time < 3; time += 1)
      for (const requestId of ['r1', 'r2']) links.giveUp(id, asRequestId(requestId), 'silent');
    expect(links.get(id)).toMatchObject({ answered: 1, failed: 1, successRate: 0.5 });
  });

  it('lets a frame of 256 KiB count as sixteen, so that large ones are throttled as well', () => {
    const socket = connect();
    const large = JSON.stringify({ type: 'node_seen', network: { filler: 'x'.repeat(250_000) }, nodes: [] });
    for (let index = 0; index < 25; index += 1) socket.receive(large);
    expect(socket.paused).toBe(false);
    socket.receive(large);
    expect(socket.paused).toBe(true);
  });

  it('forgets the border router that has been gone longest, beyond 20,000', () => {
    const name = (index: number) => asBorderRouterId(`BR-${index}`);
    const first = connect(name(0));
    for (let index = 1; index < 20_000; index += 1) connect(name(index)).peerCloses();
    first.peerCloses();
    connect(asBorderRouterId('one-more'));
    expect(links.get(name(0))).not.toBeNull();
    expect(links.get(name(1))).toBeNull();
    expect(links.get(name(2))).not.toBeNull();
  });

  it('asks for discovery without waiting for an answer that old firmware never sends', async () => {
    const socket = connect();
    expect(links.discover(id)).toBe(true);
    expect(socket.json()[0]).toMatchObject({ command: 'discover' });
    await clock.advance(10_000);
    expect(links.get(id)?.online).toBe(true);
    socket.receive({ type: 'node_seen', network: {}, nodes: [{ ipv6: 'fd00::9' }] });
    expect(facts).toContainEqual(['border_router:nodes_seen', expect.objectContaining({ id })]);
  });

  it('closes the links of a revoked token with 4003 and every link with 1001 when the hub stops', async () => {
    const first = connect();
    links.closeByToken('token-1');
    await settle();
    expect(first.closedWith?.code).toBe(4003);
    const second = connect();
    await links.close();
    expect(second.closedWith?.code).toBe(1001);
    const third = connect();
    expect(third.terminated).toBe(true);
  });

  it('shows what a border router said of itself, and that it is gone', () => {
    const socket = connect();
    socket.receive({
      type: 'heartbeat',
      br_id: 'BR-001',
      timestamp: 12345,
      nodes_count: 2,
      status: 'online',
      queue_size: 3,
      rloc16: 0,
    });
    expect(links.get(id)).toMatchObject({
      online: true,
      nodesCount: 2,
      queueSize: 3,
      uptime: 12345,
      rloc16: '0x0000',
      networkPrefix: 'fd00::/64',
    });
    socket.peerCloses();
    expect(links.list()).toMatchObject([{ id, online: false, disconnectReason: 'closed_by_peer' }]);
  });

  it('reads a hundred thousand random and mutated frames, and keeps nothing of them', async () => {
    links = new BorderRouterLinks({
      limits: { ...limits, framesPerSecond: 1e9, frameBurst: 1e9 },
      clock,
      random: () => 0.5,
      facts: new FactBus({ onListenerError: () => undefined }),
      outboxObserver: silentOutboxObserver,
      outboxBudget: new OutboxBudget(10_000_000),
    });
    const valid = [
      '{"type":"scan_node_result","request_id":"r1","target_ipv6":"fd00::1","success":true,"network_info":{"role":"router","rloc16":"0xa000","children":[{"rloc16":"0xa001"}]}}',
      '{"type":"scan_node_result","success":false,"error":"CoAP timeout","retry_after_ms":100}',
      '{"type":"node_seen","network":{},"nodes":[{"ipv6":"fd00::9","rloc16":"0x0400"}]}',
      '{"type":"heartbeat","br_id":"BR-001","timestamp":12345,"nodes_count":2,"status":"online"}',
      '{"type":"coap_response","request_id":"r1","success":true,"code":"2.05","payload":{"on":true}}',
    ];
    const mutated = fc
      .record({
        frame: fc.constantFrom(...valid),
        at: fc.nat(200),
        cut: fc.nat(6),
        insert: fc.string({ maxLength: 6 }),
      })
      .map(({ at, cut, frame, insert }) => frame.slice(0, at) + insert + frame.slice(at + cut));
    const frames = fc.sample(fc.oneof(mutated, fc.json({ maxDepth: 2 }), fc.uint8Array({ maxLength: 60 })), {
      numRuns: 20_000,
      seed: 1,
    });
    let received = 0;
    let socket = connect(id, 'cbor');
    while (received < 100_000) {
      for (const frame of frames) {
        if (links.connections().length === 0) {
          socket = connect(id, 'cbor');
          links.sendScanNode(id, command('r1'));
        }
        if (typeof frame === 'string') socket.receive(frame);
        else socket.receiveBinary(frame);
        received += 1;
      }
      await clock.advance(1_000);
    }
    expect(links.list()).toHaveLength(1);
    expect(links.get(id)?.protocolErrors).toBeGreaterThan(10_000);
    await links.close();
    await clock.advance(60_000);
    expect(clock.pending).toBe(0);
  });

  it('survives any frame, text or binary, and leaves no timer behind', async () => {
    const shaped = fc.record({
      type: fc.constantFrom('heartbeat', 'scan_node_result', 'coap_response', 'node_seen', 'x', 1, null),
      request_id: fc.anything(),
      success: fc.anything(),
      network_info: fc.anything(),
      nodes: fc.anything(),
      timestamp: fc.anything(),
      error: fc.anything(),
      retry_after_ms: fc.anything(),
    });
    let frames = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          shaped.map((value) => JSON.stringify(value)),
          fc.uint8Array({ maxLength: 200 }),
        ),
        (frame) => {
          frames += 1;
          if (frames % 50 === 1) connect();
          const socket = connect(id, 'cbor');
          links.sendScanNode(id, command(`r${frames}`));
          if (typeof frame === 'string') socket.receive(frame);
          else socket.receiveBinary(frame);
          expect(links.connections().length).toBe(1);
        },
      ),
      { numRuns: 3_000 },
    );
    await links.close();
    await clock.advance(60_000);
    expect(clock.pending).toBe(0);
  });
});
