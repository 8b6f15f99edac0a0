import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { FakeLinks, type SentCommand } from '../../test/support/fake-links.ts';
import { FactBus } from '../facts.ts';
import type { NodeAnswer } from '../links/border-router-links.ts';
import { asBorderRouterId, asNodeName, asScanId, type BorderRouterId } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';
import { parseNetworkInfo } from '../protocol/network-info.ts';
import type { Scan, ScanNode } from '../protocol/scan.ts';
import type { RegisteredNode } from './registered-node.ts';
import { ScanOrchestrator, type ScanLimits } from './scan-orchestrator.ts';

const limits: ScanLimits = { perBorderRouter: 16, total: 256, nodeTimeoutMs: 5_000, scanTimeoutMs: 30_000 };

const answered: NodeAnswer = (() => {
  const parsed = parseNetworkInfo({ role: 'router', rloc16: '0x0400', ext_addr: '0011223344556677' });
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed;
})();
const refused: NodeAnswer = { ok: false, outcome: 'refused', error: '4.04 Not Found', retryAfterMs: null };
const busy = (retryAfterMs: number): NodeAnswer => ({
  ok: false,
  outcome: 'refused',
  error: 'backlog full',
  retryAfterMs,
});

function node(network: number, index: number, borderRouterId: string | null = null): RegisteredNode {
  return {
    name: asNodeName(`n${network}-${index}`),
    ipv6: `fd00:${network}::${(index + 1).toString(16)}` as Ipv6Address,
    extAddress: null,
    borderRouterId: borderRouterId === null ? null : asBorderRouterId(borderRouterId),
    origins: ['rest'],
  };
}

const nodes = (network: number, count: number): RegisteredNode[] =>
  Array.from({ length: count }, (_, index) => node(network, index));

function setUp(registered: readonly RegisteredNode[], overrides: Partial<ScanLimits> = {}) {
  const clock = new FakeClock();
  const links = new FakeLinks();
  const facts = new FactBus({
    onListenerError: (_, error) => {
      throw error;
    },
  });
  const decided: ScanNode[] = [];
  const finished: Scan[] = [];
  facts.on('scan:node_decided', (fact) => decided.push(fact.node));
  facts.on('scan:finished', (fact) => finished.push(fact.scan));
  let id = 0;
  const orchestrator = new ScanOrchestrator({
    links,
    nodes: { list: () => registered },
    limits: { ...limits, ...overrides },
    clock,
    newId: () => `id-${(id += 1)}`,
    facts,
  });
  const trigger = () => orchestrator.trigger({ filter: null, trigger: 'rest' });
  const outcomesByName = () =>
    Object.fromEntries((finished.at(-1)?.nodes ?? []).map(({ name, outcome }) => [name, outcome]));
  return { clock, links, facts, decided, finished, orchestrator, trigger, outcomesByName };
}

const sentTo = (links: FakeLinks, id: BorderRouterId): SentCommand[] =>
  links.sent.filter(({ borderRouterId }) => borderRouterId === id);
const at = <T>(items: readonly T[], index: number): T => {
  const item = items.at(index);
  if (item === undefined) throw new RangeError(`no item ${index}`);
  return item;
};

describe('ScanOrchestrator', () => {
  it('asks every node through the border router whose prefix holds it and completes when all have answered', () => {
    const { finished, links, trigger } = setUp([...nodes(1, 2), ...nodes(2, 1)]);
    const first = links.connect('BR-1', 'fd00:1::/64');
    const second = links.connect('BR-2', 'fd00:2::/64');
    expect(trigger()).toMatchObject({ joined: false, nodes: 3, borderRouters: 2 });
    expect(sentTo(links, first).map(({ command }) => command.nodeName)).toEqual(['n1-0', 'n1-1']);
    expect(sentTo(links, second).map(({ command }) => command.nodeName)).toEqual(['n2-0']);
    for (const sent of links.sent) links.answer(sent, answered);
    expect(finished).toHaveLength(1);
    expect(finished[0]).toMatchObject({ state: 'completed', undecided: 0, outcomes: { answered: 3 } });
  });

  it('prefers the longest prefix and shares the nodes among the border routers of one prefix', () => {
    const { links, trigger } = setUp(nodes(1, 4));
    links.connect('wide', 'fd00::/16');
    const a = links.connect('a', 'fd00:1::/64');
    const b = links.connect('b', 'fd00:1::/64');
    trigger();
    expect(sentTo(links, a)).toHaveLength(2);
    expect(sentTo(links, b)).toHaveLength(2);
  });

  it('asks a node only through the border router that is named for it', () => {
    const { finished, links, trigger } = setUp([node(1, 0, 'absent'), node(1, 1)]);
    links.connect('BR-1', 'fd00:1::/64');
    trigger();
    links.answer(at(links.sent, 0), answered);
    expect(finished[0]?.nodes.map(({ outcome }) => outcome)).toEqual(['unreachable', 'answered']);
  });

  it('ends a scan at once, as failed, where no border router is online', () => {
    const { finished, trigger } = setUp(nodes(1, 3));
    trigger();
    expect(finished[0]).toMatchObject({ state: 'failed', outcomes: { unreachable: 3 } });
  });

  it('says why there is nothing to scan', () => {
    const empty = setUp([]);
    expect(() => empty.trigger()).toThrow(/no node is registered/);
    const { orchestrator } = setUp(nodes(1, 1));
    expect(() => orchestrator.trigger({ filter: { nodes: ['cellar'] }, trigger: 'rest' })).toThrow(/cellar/);
  });

  it('gives nodes behind a border router that reads its whole mesh the time of such a reading, and ends all by the hard stop', async () => {
    const { clock, finished, links, trigger } = setUp([...nodes(1, 2), ...nodes(2, 1), ...nodes(3, 1)]);
    const slow = links.connect('BR-1', 'fd00:1::/64');
    links.connect('BR-2', 'fd00:2::/64');
    links.connect('BR-3', 'fd00:3::/64');
    links.readingMs.set('BR-1', 6_000).set('BR-2', 1_000).set('BR-3', 86_400_000);
    trigger();
    expect(links.sent.map(({ command }) => [command.nodeName, command.deadlineMs]).sort()).toEqual([
      ['n1-0', 10_000],
      ['n1-1', 10_000],
      ['n2-0', 5_000],
      ['n3-0', 60_000],
    ]);
    await clock.advance(9_000);
    links.answer(at(sentTo(links, slow), 0), answered);
    await clock.advance(1_000);
    await clock.advance(20_000);
    expect(finished[0]).toMatchObject({ state: 'partial', durationMs: 30_000 });
    expect(finished[0]?.nodes.map(({ durationMs, error, outcome }) => [outcome, durationMs, error])).toEqual([
      ['answered', 9_000, null],
      ['timed_out', 10_000, 'no answer within 10000 ms'],
      ['timed_out', 5_000, 'no answer within 5000 ms'],
      ['timed_out', 30_000, expect.any(String)],
    ]);
  });

  it('holds the limits per border router and in all, and gives each slot back', () => {
    const { finished, links, trigger } = setUp([...nodes(1, 10), ...nodes(2, 10)], {
      perBorderRouter: 4,
      total: 6,
    });
    const first = links.connect('BR-1', 'fd00:1::/64');
    const second = links.connect('BR-2', 'fd00:2::/64');
    trigger();
    expect([sentTo(links, first).length, sentTo(links, second).length]).toEqual([3, 3]);
    for (let index = 0; index < 20; index += 1) {
      links.answer(at(links.sent, index), index % 2 === 0 ? answered : refused);
      expect(links.sent.length - index - 1).toBeLessThanOrEqual(6);
    }
    expect(finished[0]?.outcomes).toMatchObject({ answered: 10, refused: 10 });
  });

  it('times a silent node out at its own deadline, not later, and lets the next one have its slot', async () => {
    const { clock, decided, finished, links, trigger } = setUp(nodes(1, 2), { perBorderRouter: 1 });
    links.connect('BR-1', 'fd00:1::/64');
    trigger();
    await clock.advance(4_999);
    expect(decided).toEqual([]);
    await clock.advance(1);
    expect(decided).toMatchObject([{ name: 'n1-0', outcome: 'timed_out' }]);
    expect(links.givenUp).toHaveLength(1);
    links.answer(at(links.sent, 1), answered);
    expect(finished[0]).toMatchObject({ state: 'completed', outcomes: { answered: 1, timed_out: 1 } });
  });

  it('is not led astray by a wall clock that jumps', async () => {
    const { clock, finished, links, trigger } = setUp(nodes(1, 2));
    links.connect('BR-1', 'fd00:1::/64');
    const startedAt = clock.nowMs();
    trigger();
    clock.jumpWall(-86_400_000);
    await clock.advance(100);
    links.answer(at(links.sent, 0), answered);
    clock.jumpWall(3 * 86_400_000);
    await clock.advance(4_900);
    expect(finished[0]).toMatchObject({
      startedAt,
      finishedAt: startedAt + 5_000,
      durationMs: 5_000,
      nodes: [
        { outcome: 'answered', durationMs: 100, decidedAt: startedAt + 100 },
        { outcome: 'timed_out', durationMs: 5_000 },
      ],
    });
  });

  it('takes a late answer that comes before the scan ends, and marks it', async () => {
    const { clock, finished, links, trigger } = setUp(nodes(1, 2), { perBorderRouter: 1 });
    links.connect('BR-1', 'fd00:1::/64');
    trigger();
    await clock.advance(6_000);
    links.answer(at(links.sent, 0), answered);
    links.answer(at(links.sent, 1), answered);
    expect(finished[0]).toMatchObject({ late: 1, outcomes: { answered: 2, timed_out: 0 } });
    expect(finished[0]?.nodes[0]).toMatchObject({ outcome: 'answered', late: true });
  });

  it('lets a second answer change nothing', () => {
    const { decided, links, trigger } = setUp(nodes(1, 2));
    links.connect('BR-1', 'fd00:1::/64');
    trigger();
    links.answer(at(links.sent, 0), answered);
    links.answer(at(links.sent, 0), refused);
    expect(decided).toHaveLength(1);
  });

  it('ends by its hard stop as partial, names the limits and says how long it would have needed', async () => {
    const { clock, finished, links, trigger } = setUp(nodes(1, 20), { perBorderRouter: 1 });
    links.connect('BR-1', 'fd00:1::/64');
    trigger();
    await clock.advance(30_000);
    expect(finished[0]).toMatchObject({
      state: 'failed',
      undecided: 0,
      outcomes: { timed_out: 20 },
      durationMs: 30_000,
    });
    // Dispatches at 0, 5, … 25 s, and one in the same millisecond as the stop.
    expect(finished[0]?.rateLimited?.nodes).toBeGreaterThanOrEqual(13);
    expect(finished[0]?.rateLimited?.neededMs).toBeGreaterThan(30_000);
    expect(finished[0]?.notes.join()).toMatch(/would have needed/);
  });

  it('is partial where the hard stop cut some nodes off and others answered', async () => {
    const { clock, finished, links, trigger } = setUp(nodes(1, 10), { perBorderRouter: 1 });
    links.connect('BR-1', 'fd00:1::/64');
    trigger();
    links.answer(at(links.sent, 0), answered);
    await clock.advance(30_000);
    expect(finished[0]).toMatchObject({ state: 'partial', outcomes: { answered: 1, timed_out: 9 } });
  });

  it('moves the nodes of a lost border router to another on the same prefix, and says so', () => {
    const { finished, links, trigger } = setUp(nodes(1, 6));
    const a = links.connect('a', 'fd00:1::/64');
    const b = links.connect('b', 'fd00:1::/64');
    trigger();
    const lost = sentTo(links, a);
    links.lose(
      a,
      lost.map(({ command }) => command.requestId),
    );
    expect(sentTo(links, b)).toHaveLength(6);
    for (const sent of sentTo(links, b)) links.answer(sent, answered);
    expect(finished[0]).toMatchObject({ state: 'completed', failovers: 3, outcomes: { answered: 6 } });
    expect(finished[0]?.notes).toEqual([
      'a was lost (closed_by_peer) while 3 of its nodes were open: all moved',
    ]);
  });

  it('ends the nodes of a lost border router at once where no other serves them', () => {
    const { finished, links, trigger } = setUp(nodes(1, 20));
    const a = links.connect('a', 'fd00:1::/64');
    trigger();
    links.lose(
      a,
      links.sent.map(({ command }) => command.requestId),
      'silent',
    );
    expect(finished[0]).toMatchObject({
      state: 'failed',
      durationMs: 0,
      outcomes: { border_router_lost: 20 },
    });
  });

  it('asks again on the new connection of a border router that replaced its own, within the old deadline', async () => {
    const { clock, links, outcomesByName, trigger } = setUp(nodes(1, 1));
    const a = links.connect('a', 'fd00:1::/64');
    trigger();
    await clock.advance(3_000);
    links.replace(a, [at(links.sent, 0).command.requestId]);
    expect(at(links.sent, 1).command).toMatchObject({ nodeName: 'n1-0', deadlineMs: 2_000 });
    await clock.advance(2_000);
    expect(outcomesByName()).toEqual({ 'n1-0': 'timed_out' });
  });

  it('does not ask again on a border router that flaps', () => {
    const { links, outcomesByName, trigger } = setUp(nodes(1, 1));
    const a = links.connect('a', 'fd00:1::/64', false);
    trigger();
    links.replace(a, [at(links.sent, 0).command.requestId]);
    expect(outcomesByName()).toEqual({ 'n1-0': 'border_router_lost' });
  });

  it('tries again when a busy border router asked for that, within the deadline', async () => {
    const { clock, finished, links, trigger } = setUp(nodes(1, 1));
    links.connect('a', 'fd00:1::/64');
    trigger();
    links.answer(at(links.sent, 0), busy(800));
    await clock.advance(799);
    expect(links.sent).toHaveLength(1);
    await clock.advance(1);
    expect(at(links.sent, 1).command.deadlineMs).toBe(4_200);
    links.answer(at(links.sent, 1), answered);
    expect(finished[0]?.nodes[0]).toMatchObject({ outcome: 'answered', attempts: 2 });
  });

  it('goes to another border router when one is full, once', () => {
    const { finished, links, trigger } = setUp(nodes(1, 1));
    const a = links.connect('a', 'fd00:1::/64');
    const b = links.connect('b', 'fd00:1::/64');
    trigger();
    links.answer(at(sentTo(links, a), 0), busy(900));
    links.answer(at(sentTo(links, b), 0), answered);
    expect(finished[0]).toMatchObject({ failovers: 1, outcomes: { answered: 1 } });
  });

  it('asks a busy border router again in 50 ms at the earliest, however soon it wants to be asked', async () => {
    const { clock, links, trigger } = setUp(nodes(1, 1));
    links.connect('a', 'fd00:1::/64');
    trigger();
    links.answer(at(links.sent, 0), busy(0));
    await clock.advance(49);
    expect(links.sent).toHaveLength(1);
    await clock.advance(1);
    expect(links.sent).toHaveLength(2);
  });

  it('moves or ends a node at once that waits to be tried again by a border router that is lost', () => {
    const { finished, links, trigger } = setUp([...nodes(1, 1), node(1, 1, 'a')]);
    const a = links.connect('a', 'fd00:1::/64');
    trigger();
    const [first, named] = links.sent;
    if (first === undefined || named === undefined) throw new RangeError('two commands');
    links.answer(first, busy(4_000));
    links.answer(named, busy(4_000));
    const b = links.connect('b', 'fd00:1::/64');
    links.lose(a, []);
    expect(sentTo(links, b).map(({ command }) => command.nodeName)).toEqual(['n1-0']);
    links.answer(at(sentTo(links, b), 0), answered);
    expect(finished[0]).toMatchObject({ durationMs: 0, outcomes: { answered: 1, border_router_lost: 1 } });
  });

  it('never asks another border router than those it was restricted to', () => {
    const { finished, links, orchestrator } = setUp(nodes(1, 2));
    const a = links.connect('a', 'fd00:1::/64');
    const b = links.connect('b', 'fd00:1::/64');
    orchestrator.trigger({ filter: { borderRouters: ['a'] }, trigger: 'rest' });
    links.answer(at(links.sent, 0), busy(9_000));
    links.lose(a, [at(links.sent, 1).command.requestId]);
    expect(sentTo(links, b)).toEqual([]);
    expect(finished[0]?.outcomes).toMatchObject({ refused: 1, border_router_lost: 1 });
  });

  it('ends a scan whose last border router goes in the moment of being asked', async () => {
    const { clock, finished, links, trigger } = setUp(nodes(1, 1));
    const a = links.connect('a', 'fd00:1::/64');
    links.fill(a);
    trigger();
    links.vanish(a);
    links.empty(a);
    await clock.advance(0);
    expect(finished[0]).toMatchObject({ state: 'failed', outcomes: { border_router_lost: 1 } });
  });

  it('ends a scan of which all border routers have gone before anybody was told', async () => {
    const { clock, finished, links, trigger } = setUp(nodes(1, 3));
    const ids = [links.connect('a', 'fd00:1::/64'), links.connect('b', 'fd00:1::/64')];
    for (const id of ids) links.fill(id);
    trigger();
    for (const id of ids) links.vanish(id);
    for (const id of ids) links.empty(id);
    await clock.advance(0);
    expect(finished[0]).toMatchObject({ state: 'failed', outcomes: { border_router_lost: 3 } });
  });

  it('refuses a node whose border router is busy past the deadline, and says how long it would have needed', () => {
    const { finished, links, trigger } = setUp(nodes(1, 1));
    links.connect('a', 'fd00:1::/64');
    trigger();
    links.answer(at(links.sent, 0), busy(9_000));
    expect(finished[0]).toMatchObject({
      outcomes: { refused: 1 },
      rateLimited: { nodes: 1, neededMs: 9_000 },
    });
  });

  it('waits for a full outbox inside the deadline and drops nothing', async () => {
    const { clock, decided, links, trigger } = setUp(nodes(1, 3));
    const a = links.connect('a', 'fd00:1::/64');
    links.fill(a);
    trigger();
    expect(links.sent).toEqual([]);
    await clock.advance(2_000);
    links.empty(a);
    await clock.advance(0);
    expect(links.sent.map(({ command }) => [command.nodeName, command.deadlineMs])).toEqual([
      ['n1-0', 3_000],
      ['n1-1', 5_000],
      ['n1-2', 5_000],
    ]);
    expect(decided).toEqual([]);
  });

  it('gives the nodes of a border router whose outbox is full to another that serves them', async () => {
    const { clock, finished, links, trigger } = setUp([...nodes(1, 6), node(1, 9, 'a')]);
    const a = links.connect('a', 'fd00:1::/64');
    const b = links.connect('b', 'fd00:1::/64');
    links.fill(a);
    trigger();
    expect(
      sentTo(links, b)
        .map(({ command }) => command.nodeName)
        .toSorted(),
    ).toEqual(nodes(1, 6).map(({ name }) => name));
    for (const sent of sentTo(links, b)) links.answer(sent, answered);
    await clock.advance(1_000);
    links.empty(a);
    await clock.advance(0);
    links.answer(at(sentTo(links, a), 0), answered);
    expect(finished[0]).toMatchObject({ state: 'completed', outcomes: { answered: 7 } });
    expect(finished[0]?.failovers).toBeGreaterThan(0);
  });

  it('keeps nodes waiting where every border router that serves them is full', async () => {
    const { clock, links, trigger } = setUp(nodes(1, 4));
    const ids = [links.connect('a', 'fd00:1::/64'), links.connect('b', 'fd00:1::/64')];
    for (const id of ids) links.fill(id);
    trigger();
    expect(links.sent).toEqual([]);
    await clock.advance(1_000);
    for (const id of ids) links.empty(id);
    await clock.advance(0);
    expect(new Set(links.sent.map(({ command }) => command.nodeName)).size).toBe(4);
  });

  it('times a node out whose border router never reads', async () => {
    const { clock, finished, links, trigger } = setUp(nodes(1, 1));
    links.fill(links.connect('a', 'fd00:1::/64'));
    trigger();
    await clock.advance(5_000);
    expect(finished[0]?.nodes[0]).toMatchObject({
      outcome: 'timed_out',
      error: expect.stringContaining('no room') as string,
    });
  });

  it('joins a thousand triggers into one scan', () => {
    const { finished, links, orchestrator, trigger } = setUp([...nodes(1, 5), node(9, 0)]);
    links.connect('a', 'fd00:1::/64');
    const first = trigger();
    links.answer(at(links.sent, 0), answered);
    for (let index = 0; index < 999; index += 1)
      expect(trigger()).toMatchObject({ scanId: first.scanId, joined: true });
    expect(links.sent).toHaveLength(5);
    expect(orchestrator.runningCount).toBe(1);
    expect(finished).toEqual([]);
  });

  it('starts a new scan where a node of the running one was decided a while ago', async () => {
    const { clock, links, trigger } = setUp(nodes(1, 2));
    links.connect('a', 'fd00:1::/64');
    const first = trigger();
    links.answer(at(links.sent, 0), answered);
    await clock.advance(5_001);
    const second = trigger();
    expect(second.joined).toBe(false);
    expect(second.scanId).not.toBe(first.scanId);
  });

  it('restricts a scan to networks, border routers and nodes', () => {
    const { links, orchestrator } = setUp([...nodes(1, 3), ...nodes(2, 2)]);
    links.connect('a', 'fd00:1::/64');
    const b = links.connect('b', 'fd00:2::/64');
    expect(orchestrator.trigger({ filter: { borderRouters: ['b'] }, trigger: 'rest' }).nodes).toBe(2);
    expect(sentTo(links, b)).toHaveLength(2);
    expect(orchestrator.trigger({ filter: { networks: ['fd00:1::/64'] }, trigger: 'rest' }).nodes).toBe(3);
    expect(orchestrator.trigger({ filter: { nodes: ['n1-2'] }, trigger: 'rest' })).toMatchObject({
      nodes: 1,
      joined: true,
    });
  });

  it('keeps nothing of scans that were cancelled while a border router took no commands', () => {
    const registered = nodes(1, 3);
    const { links, orchestrator, trigger } = setUp(registered);
    const a = links.connect('a', 'fd00:1::/64');
    links.fill(a);
    for (let time = 0; time < 10; time += 1) orchestrator.cancel(asScanId(trigger().scanId));
    const b = links.connect('b', 'fd00:1::/64');
    trigger();
    // What still waited for the first would count as its load.
    expect(sentTo(links, b).length).toBeLessThan(3);
  });

  it('cancels a scan: open nodes end as cancelled, decided ones keep their outcome', () => {
    const { clock, finished, links, orchestrator, trigger } = setUp(nodes(1, 2));
    links.connect('a', 'fd00:1::/64');
    const { scanId } = trigger();
    links.answer(at(links.sent, 0), answered);
    orchestrator.cancel(asScanId(scanId));
    expect(finished[0]).toMatchObject({ state: 'cancelled', outcomes: { answered: 1, cancelled: 1 } });
    expect(clock.pending).toBe(0);
    expect(() => orchestrator.cancel(asScanId(scanId))).toThrow(/no scan/);
  });

  it('can be cancelled by whoever hears of its start or of its first node', () => {
    for (const fact of ['scan:started', 'scan:node_decided'] as const) {
      const { clock, facts, finished, links, orchestrator, trigger } = setUp([...nodes(1, 3), node(2, 0)]);
      links.connect('a', 'fd00:1::/64');
      facts.on(fact, () => {
        for (const { id } of orchestrator.running()) orchestrator.cancel(asScanId(id));
      });
      trigger();
      expect(finished).toHaveLength(1);
      expect(finished[0]).toMatchObject({ state: 'cancelled', undecided: 0 });
      expect([links.sent.length, orchestrator.runningCount, clock.pending]).toEqual([0, 0, 0]);
    }
  });

  it('ends everything as cancelled when the hub stops, and takes no more', () => {
    const { finished, links, orchestrator, trigger } = setUp(nodes(1, 2));
    links.connect('a', 'fd00:1::/64');
    trigger();
    orchestrator.close();
    expect(finished[0]).toMatchObject({ state: 'cancelled', outcomes: { cancelled: 2 } });
    expect(() => trigger()).toThrow(/stopping/);
  });

  it('gives every expected node exactly one outcome by the deadline, whatever comes in whatever order', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('answer' as const), index: fc.nat(200), ok: fc.boolean() }),
      fc.record({
        kind: fc.constant('busy' as const),
        index: fc.nat(200),
        ms: fc.integer({ min: 0, max: 7_000 }),
      }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 4_000 }) }),
      fc.record({ kind: fc.constant('lose' as const), borderRouter: fc.nat(2) }),
      fc.record({ kind: fc.constant('replace' as const), borderRouter: fc.nat(2) }),
      fc.record({ kind: fc.constant('connect' as const), borderRouter: fc.nat(2) }),
      fc.record({ kind: fc.constant('fill' as const), borderRouter: fc.nat(2) }),
      fc.record({ kind: fc.constant('empty' as const), borderRouter: fc.nat(2) }),
      fc.record({ kind: fc.constant('vanish' as const), borderRouter: fc.nat(2) }),
    );
    const prefixes = ['fd00:1::/64', 'fd00:1::/64', 'fd00:2::/64'];
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 12 }),
        async (steps, perBorderRouter) => {
          const registered = [...nodes(1, 12), ...nodes(2, 6), node(3, 0)];
          const { clock, finished, links, orchestrator, trigger } = setUp(registered, {
            perBorderRouter,
            total: 14,
          });
          const ids = prefixes.map((prefix, index) => links.connect(`BR-${index}`, prefix));
          trigger();
          const openOf = (id: BorderRouterId) => sentTo(links, id).map(({ command }) => command.requestId);
          for (const current of steps) {
            switch (current.kind) {
              case 'answer': {
                const sent = links.sent[current.index % Math.max(1, links.sent.length)];
                if (sent !== undefined) links.answer(sent, current.ok ? answered : refused);
                break;
              }
              case 'busy': {
                const sent = links.sent[current.index % Math.max(1, links.sent.length)];
                if (sent !== undefined) links.answer(sent, busy(current.ms));
                break;
              }
              case 'wait':
                await clock.advance(current.ms);
                break;
              case 'lose':
                links.lose(at(ids, current.borderRouter), openOf(at(ids, current.borderRouter)));
                break;
              case 'replace':
                links.replace(at(ids, current.borderRouter), openOf(at(ids, current.borderRouter)));
                break;
              case 'connect':
                links.connect(`BR-${current.borderRouter}`, at(prefixes, current.borderRouter));
                break;
              case 'fill':
                links.fill(at(ids, current.borderRouter));
                break;
              case 'empty':
                links.empty(at(ids, current.borderRouter));
                break;
              case 'vanish':
                links.vanish(at(ids, current.borderRouter));
                break;
            }
          }
          await clock.advance(30_000);
          expect(finished).toHaveLength(1);
          const scan = at(finished, 0);
          expect(scan.durationMs).toBeLessThanOrEqual(30_000);
          expect(scan.nodes.map(({ name }) => name)).toEqual(registered.map(({ name }) => name));
          expect(scan.nodes.every(({ outcome }) => outcome !== null)).toBe(true);
          expect(Object.values(scan.outcomes).reduce((sum, count) => sum + count, 0)).toBe(registered.length);
          expect(scan.undecided).toBe(0);
          expect(orchestrator.runningCount).toBe(0);
          expect(clock.pending).toBe(0);
          // No slot was kept: a new scan asks up to the limit at once.
          for (const id of ids) links.empty(id);
          ids.forEach((_, index) => links.connect(`BR-${index}`, at(prefixes, index)));
          await clock.advance(0);
          const before = links.sent.length;
          trigger();
          expect(links.sent.length - before).toBe(Math.min(14, Math.min(perBorderRouter, 6) * 3));
        },
      ),
      { numRuns: 300 },
    );
  });
});
