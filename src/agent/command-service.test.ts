import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../test/support/fake-clock.ts';
import { FakeNodeSource } from '../../test/support/fake-node-source.ts';
import type { BorderRouterMessage, HubCommand, ScanNodeCommand } from '../protocol/border-router-messages.ts';
import { asNodeName, asRequestId } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';
import { type AgentFact, type AgentLimits, defaultAgentLimits } from './agent-options.ts';
import { CommandService } from './command-service.ts';

let clock: FakeClock;
let source: FakeNodeSource;
let service: CommandService;
let answers: { atMs: number; message: BorderRouterMessage }[];
let facts: AgentFact[];

function open(limits: Partial<AgentLimits> = {}): CommandService {
  return new CommandService({
    source,
    clock,
    limits: { ...defaultAgentLimits, ...limits },
    respond: (message) => answers.push({ atMs: clock.monotonicMs(), message }),
    onFact: (fact) => facts.push(fact),
  });
}

beforeEach(() => {
  clock = new FakeClock();
  source = new FakeNodeSource();
  answers = [];
  facts = [];
  service = open();
});

function scan(number: number, options: Partial<ScanNodeCommand> = {}): ScanNodeCommand {
  return {
    command: 'scan_node',
    requestId: asRequestId(`r${number}`),
    nodeName: asNodeName(`n${number}`),
    targetIpv6: `fd00::${number.toString(16)}` as Ipv6Address,
    deadlineMs: 5_000,
    ...options,
  };
}

const info = { role: 'router', rloc16: '0xa000' };
const success = { ok: true, networkInfo: info } as const;

function answered(): [string | null, string][] {
  return answers.map(({ message }) => {
    if (message.type !== 'scan_node_result') return ['', message.type];
    return [message.requestId, message.success ? 'success' : (message.errorCode ?? 'no code')];
  });
}

describe('the limits', () => {
  it('hold: 8 in flight, 16 contexts, 32 queued, and the 49th is refused at once with retry_after_ms', () => {
    for (let number = 1; number <= 49; number += 1) service.receive(scan(number));
    expect(source.scans).toHaveLength(8);
    expect(service.status()).toMatchObject({
      inFlight: 8,
      contexts: 16,
      queued: 32,
      commandsTotal: 49,
      refusedBacklogTotal: 1,
    });
    expect(answers).toEqual([
      {
        atMs: 0,
        message: {
          type: 'scan_node_result',
          success: false,
          requestId: 'r49',
          nodeName: 'n49',
          targetIpv6: 'fd00::31',
          error: 'the border router already holds 48 commands',
          errorCode: 'backlog_full',
          retryAfterMs: 50,
        },
      },
    ]);
  });

  it('spread the retries of those refused', () => {
    for (let number = 1; number <= 60; number += 1) service.receive(scan(number));
    const retries = answers.map(({ message }) =>
      message.type === 'scan_node_result' && !message.success ? message.retryAfterMs : null,
    );
    expect(retries).toHaveLength(12);
    expect(retries.at(-1)).toBeGreaterThan(retries[0] ?? 0);
  });

  it('let the next command start the moment that one is answered', async () => {
    for (let number = 1; number <= 20; number += 1) service.receive(scan(number));
    source.scans[3]?.answer(success);
    await settle();
    expect(source.scans).toHaveLength(9);
    expect(source.scans[8]?.request.targetIpv6).toBe('fd00::9');
    expect(service.status()).toMatchObject({ inFlight: 8, contexts: 16, queued: 3 });
    expect(answered()).toEqual([['r4', 'success']]);
  });

  it('of the token bucket let 32 start at once and then 10 a second, and refuse nothing', async () => {
    service = open({ inFlight: 100, contexts: 100 });
    const startedAtMs: number[] = [];
    source.scanNode = (_request, signal) => {
      startedAtMs.push(clock.monotonicMs());
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(success)));
    };
    for (let number = 1; number <= 40; number += 1) service.receive(scan(number));
    await clock.advance(2_000);
    expect(startedAtMs.slice(0, 32).every((atMs) => atMs === 0)).toBe(true);
    expect(startedAtMs.slice(32)).toEqual([100, 200, 300, 400, 500, 600, 700, 800]);
    expect(answers).toEqual([]);
  });

  it('count a discovery as two places', () => {
    service.receive({ command: 'discover', requestId: asRequestId('d') });
    for (let number = 1; number <= 10; number += 1) service.receive(scan(number));
    expect(source.scans).toHaveLength(6);
    expect(service.status()).toMatchObject({ inFlight: 7, contexts: 11 });
  });
});

describe('commands for the same node', () => {
  it('share one exchange, and the second takes no token and no context', async () => {
    service = open({ burst: 1 });
    service.receive(scan(1));
    service.receive(scan(1, { requestId: asRequestId('second'), targetIpv6: 'FD00:0::1' as Ipv6Address }));
    expect(source.scans).toHaveLength(1);
    expect(service.status()).toMatchObject({ contexts: 1, queued: 1 });
    source.scans[0]?.answer(success);
    await settle();
    expect(answered()).toEqual([
      ['r1', 'success'],
      ['second', 'success'],
    ]);
    // Its own spelling of the address comes back.
    expect(answers[1]?.message).toMatchObject({ targetIpv6: 'FD00:0::1' });
    expect(service.status()).toMatchObject({ sharedTotal: 1, contexts: 0, queued: 0 });
    expect(clock.pending).toBe(0);
  });

  it('keep the exchange when the deadline of the first passes', async () => {
    service.receive(scan(1, { deadlineMs: 1_000 }));
    await clock.advance(500);
    service.receive(scan(1, { requestId: asRequestId('second'), deadlineMs: 5_000 }));
    await clock.advance(1_000);
    expect(answered()).toEqual([['r1', 'timed_out']]);
    expect(source.openScans).toHaveLength(1);
    source.scans[0]?.answer(success);
    await settle();
    expect(answered().at(-1)).toEqual(['second', 'success']);
    expect(source.scans).toHaveLength(1);
  });

  it('do not share what may not be repeated', () => {
    const send = (id: string): HubCommand => ({
      command: 'send_coap',
      requestId: asRequestId(id),
      targetIpv6: 'fd00::1' as Ipv6Address,
      method: 'POST',
      path: 'led',
      confirmable: true,
    });
    service.receive(send('a'));
    service.receive(send('b'));
    expect(source.coaps).toHaveLength(2);
  });
});

describe('a deadline', () => {
  it('that passes in flight frees the place and is answered just in time, and nothing after it', async () => {
    for (let number = 1; number <= 9; number += 1)
      service.receive(scan(number, { deadlineMs: 1_000 * number }));
    await clock.advance(1_000);
    expect(answers).toMatchObject([
      {
        atMs: 950,
        message: {
          requestId: 'r1',
          errorCode: 'timed_out',
          error: 'no answer within the deadline of 1000 ms',
        },
      },
    ]);
    expect(source.scans[0]?.signal.aborted).toBe(true);
    expect(source.scans).toHaveLength(9);
    source.scans[0]?.answer(success);
    await settle();
    expect(answers).toHaveLength(1);
  });

  it('that passes in the queue says that the node was not asked', async () => {
    for (let number = 1; number <= 20; number += 1)
      service.receive(scan(number, { deadlineMs: number >= 16 ? 500 : 5_000 }));
    await clock.advance(500);
    expect(answered()).toEqual([16, 17, 18, 19, 20].map((number) => [`r${number}`, 'timed_out']));
    expect(answers[0]?.message).toMatchObject({
      error: "the deadline of 500 ms passed in the border router's queue, before the node was asked",
    });
    expect(service.status()).toMatchObject({ inFlight: 8, contexts: 15, queued: 0 });
  });

  it('is 5 s where the command names none', async () => {
    const { deadlineMs: _none, ...command } = scan(1);
    service.receive(command);
    await clock.advance(4_949);
    expect(answers).toEqual([]);
    await clock.advance(1);
    expect(answered()).toEqual([['r1', 'timed_out']]);
  });

  it('lets a discovery answer with what it has found', async () => {
    service.receive({ command: 'discover', requestId: asRequestId('d'), deadlineMs: 2_000 });
    source.discoveries[0]?.signal.addEventListener('abort', () =>
      source.discoveries[0]?.answer({ ok: true, network: {}, nodes: [] }),
    );
    await clock.advance(2_000);
    expect(answers).toEqual([
      { atMs: 1_900, message: { type: 'node_seen', requestId: 'd', network: {}, nodes: [] } },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('of a discovery that finds no end is a failure that names its request', async () => {
    service.receive({ command: 'discover', requestId: asRequestId('d'), deadlineMs: 2_000 });
    await clock.advance(2_000);
    expect(answers).toMatchObject([
      { atMs: 1_950, message: { requestId: 'd', network: { error_code: 'timed_out' }, nodes: [] } },
    ]);
    expect(service.status()).toMatchObject({ inFlight: 0, contexts: 0 });
  });
});

describe('every command is answered', () => {
  it('with the failure of its source', async () => {
    service.receive(scan(1));
    source.scans[0]?.answer({ ok: false, code: 'malformed', reason: 'the answer is empty' });
    await settle();
    expect(answers[0]?.message).toMatchObject({ errorCode: 'malformed', error: 'the answer is empty' });
  });

  it('as refused when the target is no address', () => {
    service.receive(scan(1, { targetIpv6: 'fd00::zz' as Ipv6Address }));
    expect(answers[0]?.message).toMatchObject({
      errorCode: 'refused',
      error: 'target_ipv6 "fd00::zz" is not an IPv6 address',
    });
    expect(source.scans).toHaveLength(0);
  });

  it('as refused when the source throws, which is reported', async () => {
    service.receive(scan(1));
    source.scans[0]?.fail(new Error('a bug'));
    await settle();
    expect(answers[0]?.message).toMatchObject({
      errorCode: 'refused',
      error: 'the border router failed: a bug',
    });
    expect(facts).toContainEqual(expect.objectContaining({ kind: 'command_failed', requestId: 'r1' }));
    source.scanNode = () => {
      throw new Error('at once');
    };
    service.receive(scan(2));
    await settle();
    expect(answered().at(-1)).toEqual(['r2', 'refused']);
  });

  it('with code and payload where it is a send_coap, and an error response is no success', async () => {
    const command: HubCommand = {
      command: 'send_coap',
      requestId: asRequestId('c'),
      targetIpv6: 'fd00::1' as Ipv6Address,
      method: 'PUT',
      path: 'led',
      payload: { on: true },
      confirmable: true,
    };
    service.receive(command);
    expect(source.coaps[0]?.request).toMatchObject({ method: 'PUT', path: 'led', payload: { on: true } });
    source.coaps[0]?.answer({ ok: true, code: '2.04', contentFormat: null, payload: null });
    service.receive(command);
    source.coaps[1]?.answer({ ok: true, code: '4.04', contentFormat: null, payload: null });
    await settle();
    expect(answers.map(({ message }) => message)).toMatchObject([
      { type: 'coap_response', requestId: 'c', success: true, code: '2.04', error: null },
      {
        type: 'coap_response',
        success: false,
        code: '4.04',
        error: 'the node answered 4.04',
        errorCode: 'refused',
      },
    ]);
  });
});

describe('a hub that has gone', () => {
  it('is answered nothing, and everything is free for the next', async () => {
    for (let number = 1; number <= 30; number += 1) service.receive(scan(number));
    expect(service.abandon()).toBe(30);
    expect(source.scans.every(({ signal }) => signal.aborted)).toBe(true);
    expect(clock.pending).toBe(0);
    service.receive(scan(31));
    for (const { answer } of source.scans.slice(0, 8)) answer(success);
    await settle();
    expect(answers).toEqual([]);
    expect(service.status()).toMatchObject({ inFlight: 1, contexts: 1, queued: 0, abandonedTotal: 30 });
  });
});

it('answers every command exactly once and in time, whatever comes in which order', async () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('scan' as const),
      node: fc.integer({ min: 1, max: 30 }),
      deadlineMs: fc.integer({ min: 1, max: 3_000 }),
    }),
    fc.record({ kind: fc.constant('discover' as const), deadlineMs: fc.integer({ min: 1, max: 3_000 }) }),
    fc.record({ kind: fc.constant('answer' as const), which: fc.nat(100) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 800 }) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      clock = new FakeClock();
      source = new FakeNodeSource();
      answers = [];
      facts = [];
      service = open();
      const dueMs = new Map<string, number>();
      for (const [index, next] of steps.entries()) {
        const requestId = asRequestId(`q${index}`);
        if (next.kind === 'scan') {
          dueMs.set(requestId, clock.monotonicMs() + next.deadlineMs);
          service.receive(scan(next.node, { requestId, deadlineMs: next.deadlineMs }));
        } else if (next.kind === 'discover') {
          dueMs.set(requestId, clock.monotonicMs() + next.deadlineMs);
          service.receive({ command: 'discover', requestId, deadlineMs: next.deadlineMs });
        } else if (next.kind === 'answer') {
          source.scans[next.which % Math.max(1, source.scans.length)]?.answer(success);
          await settle();
        } else {
          await clock.advance(next.ms);
        }
        const { inFlight, contexts, queued } = service.status();
        expect(inFlight).toBeLessThanOrEqual(8);
        expect(contexts).toBeLessThanOrEqual(16);
        expect(queued).toBeLessThanOrEqual(32);
      }
      await clock.advance(4_000);
      expect(service.status()).toMatchObject({ inFlight: 0, contexts: 0, queued: 0 });
      expect(
        answers.map(({ message }) => ('requestId' in message ? message.requestId : null)).sort(),
      ).toEqual([...dueMs.keys()].sort());
      for (const { atMs, message } of answers)
        if ('requestId' in message && message.requestId !== null)
          expect(atMs).toBeLessThanOrEqual(dueMs.get(message.requestId) ?? 0);
      expect(clock.pending).toBe(0);
    }),
    { numRuns: 200 },
  );
});

describe('a source that paces itself', () => {
  beforeEach(() => {
    source = new FakeNodeSource('shared');
    service = open();
  });

  it('is given every context’s command at once, and takes no tokens', async () => {
    for (let round = 0; round < 10; round += 1) {
      for (let number = 1; number <= 16; number += 1) service.receive(scan(100 * round + number));
      expect(source.openScans).toHaveLength(16 * (round + 1));
      for (const { answer } of source.scans.slice(16 * round)) answer(success);
      await settle();
    }
    expect(answers.map(({ atMs }) => atMs)).toEqual(Array.from({ length: 160 }, () => 0));
  });

  it('still has contexts, a queue behind them, and an end to it', () => {
    for (let number = 1; number <= 49; number += 1) service.receive(scan(number));
    expect(service.status()).toMatchObject({
      inFlight: 16,
      contexts: 16,
      queued: 32,
      refusedBacklogTotal: 1,
    });
  });
});
