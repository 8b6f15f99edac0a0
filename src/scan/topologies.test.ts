import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryScanStore } from '../../test/support/memory-scan-store.ts';
import { borderRouterView, finishedScan, scanNode } from '../../test/support/samples.ts';
import { FactBus } from '../facts.ts';
import type { BorderRouter } from '../protocol/border-router.ts';
import type { HeartbeatMessage } from '../protocol/border-router-messages.ts';
import { asBorderRouterId, asNodeName } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';
import { parseNetworkInfo } from '../protocol/network-info.ts';
import type { Scan, ScanNode } from '../protocol/scan.ts';
import type { Topology } from '../protocol/topology.ts';
import type { RegisteredNode } from './registered-node.ts';
import { Topologies } from './topologies.ts';

const updateIntervalMs = 500;

/** `a`, `b`, `c` with addresses and RLOC16s of their own. */
const names = ['a', 'b', 'c'] as const;
type Name = (typeof names)[number];
const ipv6Of = (name: Name): string => `fd00::${names.indexOf(name) + 1}`;
const extOf = (name: Name): string => `000000000000000${names.indexOf(name) + 1}`;

const registered = (name: Name, ipv6 = ipv6Of(name)): RegisteredNode => ({
  name: asNodeName(name),
  ipv6: ipv6 as Ipv6Address,
  extAddress: null,
  borderRouterId: null,
  origins: ['rest'],
});

function decided(name: Name, decidedAt: number, outcome: ScanNode['outcome'] = 'answered'): ScanNode {
  const answered = outcome === 'answered';
  return scanNode({
    name,
    ipv6: ipv6Of(name),
    extAddr: answered ? extOf(name) : null,
    outcome,
    decidedAt,
    networkInfo: answered
      ? { role: 'router', rloc16: (names.indexOf(name) + 1) << 10, ext_addr: extOf(name), partition_id: 1 }
      : null,
  });
}
const undecided = (name: Name): ScanNode => ({
  ...decided(name, 0, null),
  decidedAt: null,
  durationMs: null,
});

describe('Topologies', () => {
  let clock: FakeClock;
  let store: MemoryScanStore;
  let facts: FactBus;
  let nodes: RegisteredNode[];
  let running: Map<string, Scan>;
  let watched: boolean;
  /** Of border routers whose network is one of its own. */
  let prefixes: Map<string, string>;
  /** What the border router says of itself. */
  let told: Partial<BorderRouter>;
  let errors: unknown[];
  let updates: Topology[];
  let topologies: Topologies;

  beforeEach(() => {
    clock = new FakeClock();
    store = new MemoryScanStore();
    facts = new FactBus({
      onListenerError: (_, error) => {
        throw error;
      },
    });
    nodes = names.map((name) => registered(name));
    running = new Map();
    watched = true;
    prefixes = new Map();
    told = {};
    errors = [];
    updates = [];
    facts.on('topology:updated', ({ topology }) => updates.push(topology));
    topologies = open();
  });

  function open(): Topologies {
    return new Topologies({
      store,
      borderRouters: {
        list: () => [borderRouterView(told)],
        networkPrefixOf: (id) => prefixes.get(id) ?? 'fd00::/64',
      },
      nodes: { list: () => nodes },
      scans: { get: (id) => running.get(id) ?? null },
      facts,
      clock,
      updateIntervalMs,
      isWatched: () => watched,
      onStoreError: (error) => errors.push(error),
    });
  }

  function start(id: string, asked: readonly Name[]): void {
    const scan = finishedScan({
      id,
      state: 'running',
      startedAt: clock.nowMs(),
      finishedAt: null,
      nodes: asked.map(undecided),
    });
    running.set(id, scan);
    facts.emit('scan:started', { scan });
  }

  /** Decides a node of a running scan now. */
  function decide(scanId: string, name: Name, outcome: ScanNode['outcome'] = 'answered'): void {
    const node = decided(name, clock.nowMs(), outcome);
    const scan = running.get(scanId);
    if (scan === undefined) throw new RangeError(scanId);
    running.set(scanId, { ...scan, nodes: scan.nodes.map((other) => (other.name === name ? node : other)) });
    facts.emit('scan:node_decided', { scanId: scan.id as never, node });
  }

  /** Ends a scan as the orchestrator and the archive do it. */
  async function finish(id: string): Promise<Topology> {
    const scan = running.get(id);
    if (scan === undefined) throw new RangeError(id);
    running.delete(id);
    const finished: Scan = { ...scan, state: 'completed', finishedAt: clock.nowMs() };
    const topology = topologies.finish(finished);
    await store.saveFinished(finished, topology);
    return topology;
  }

  async function scanAll(
    id: string,
    outcomes: Partial<Record<Name, ScanNode['outcome']>> = {},
  ): Promise<void> {
    start(id, names);
    await clock.advance(100);
    for (const name of names) decide(id, name, outcomes[name] ?? 'answered');
    await finish(id);
    await clock.advance(1_000);
  }

  /** Without border routers. */
  const nodesOf = (topology: Topology | undefined) =>
    (topology?.nodes ?? []).filter(({ name }) => name !== null);
  const stateOf = (topology: Topology, name: Name) =>
    topology.nodes.find((node) => node.name === name)?.state;
  const staleOf = (topology: Topology, name: Name) =>
    topology.nodes.find((node) => node.name === name)?.stale;

  it('tells of changes while a scan runs at most every interval, and of the end at once', async () => {
    start('s', names);
    decide('s', 'a');
    await clock.advance(updateIntervalMs - 1);
    expect(updates).toEqual([]);
    await clock.advance(1);
    expect(updates).toMatchObject([{ scanId: 's', final: false }]);
    decide('s', 'b');
    decide('s', 'c');
    const final = await finish('s');
    expect(updates).toHaveLength(2);
    expect(final).toMatchObject({ final: true, outcomes: { answered: 3 } });
    await clock.advance(10 * updateIntervalMs);
    expect([updates.length, clock.pending]).toEqual([2, 0]);
  });

  it('makes no map while nobody looks, and the newest for whoever asks', async () => {
    watched = false;
    start('s', names);
    decide('s', 'a');
    expect(clock.pending).toBe(0);
    const map = topologies.current();
    expect([stateOf(map, 'a'), map.final]).toEqual(['answered', false]);
    expect(topologies.current()).toBe(map);
    decide('s', 'b', 'timed_out');
    expect(stateOf(topologies.current(), 'b')).toBe('silent');
    await clock.advance(10_000);
    expect(updates).toEqual([]);
  });

  it('tells the watchers of a change also where somebody has just asked for the map', async () => {
    start('s', names);
    decide('s', 'a');
    topologies.current();
    await clock.advance(updateIntervalMs);
    expect(updates).toHaveLength(1);
  });

  it('places a border router that says only after the scan which device it is', async () => {
    await scanAll('all');
    const before = updates.length;
    const heartbeat = async (): Promise<void> => {
      const network = told.network ?? null;
      const message = { extAddress: told.extAddr ?? null, network } as HeartbeatMessage;
      facts.emit('border_router:heartbeat', {
        ...{ id: asBorderRouterId('BR-001'), atMs: clock.nowMs() },
        heartbeat: message,
      });
      await clock.advance(10_000);
    };
    const extPanId = 'dead00beef00cafe';
    told = {
      ...{ extAddr: '000000000000000b', rloc16: '0x2000', role: 'router', partitionId: 1 },
      network: { extPanId, name: 'Home', panId: 1, channel: 15, meshLocalPrefix: 'fd00::/64' },
    };
    await heartbeat();
    expect(updates).toHaveLength(before + 1);
    expect(updates.at(-1)?.networks).toMatchObject([
      { key: extPanId, brIds: ['BR-001'], completeness: { expectedRouters: 4, answeredRouters: 4 } },
    ]);
    // The next ones say nothing new.
    told = { ...told, nodesCount: 7 };
    await heartbeat();
    expect([updates.length, clock.pending]).toEqual([before + 1, 0]);
  });

  it('leaves the nodes that a scan did not ask on the map, as stale', async () => {
    await scanAll('all');
    start('one', ['a']);
    await clock.advance(100);
    decide('one', 'a');
    const map = await finish('one');
    expect([staleOf(map, 'a'), staleOf(map, 'b'), staleOf(map, 'c')]).toEqual([false, true, true]);
  });

  it('lets a node that was removed, or has another address now, leave the map', async () => {
    await scanAll('all');
    nodes = [registered('a'), registered('b', 'fd00::99')];
    facts.emit('nodes:changed', { count: 2 });
    expect(nodesOf(topologies.current()).map(({ name }) => name)).toEqual(['a']);
    await clock.advance(updateIntervalMs);
    expect(nodesOf(updates.at(-1))).toHaveLength(1);
  });

  it('keeps the newest finding of a node where scans overlap, and each scan its own', async () => {
    start('long', names);
    await clock.advance(100);
    decide('long', 'a');
    decide('long', 'b');
    await clock.advance(6_000);
    start('short', ['a']);
    await clock.advance(100);
    decide('short', 'a', 'timed_out');
    const short = await finish('short');
    decide('long', 'c');
    const long = await finish('long');
    expect([stateOf(short, 'a'), stateOf(long, 'a')]).toEqual(['silent', 'answered']);
    facts.emit('nodes:changed', { count: 3 });
    expect(stateOf(topologies.current(), 'a')).toBe('silent');
  });

  it('shows after a restart what was found before, from as many scans as that takes', async () => {
    await scanAll('all');
    start('one', ['a']);
    await clock.advance(100);
    decide('one', 'a', 'timed_out');
    await finish('one');
    topologies.close();
    nodes = nodes.filter(({ name }) => name !== 'c');
    topologies = open();
    await topologies.load();
    const map = topologies.current();
    expect(map).toMatchObject({ scanId: 'one', final: true });
    expect(nodesOf(map).map(({ name, state, stale }) => [name, state, stale])).toEqual([
      ['a', 'silent', true],
      ['b', 'answered', true],
    ]);
    expect(errors).toEqual([]);
  });

  it('remembers after a restart when a silent node was last seen', async () => {
    await scanAll('first');
    await scanAll('second', { b: 'timed_out' });
    topologies.close();
    topologies = open();
    await topologies.load();
    const before = topologies.current().nodes.find(({ name }) => name === 'b');
    expect(before).toMatchObject({ state: 'silent', extAddr: extOf('b') });
    expect(before?.lastSeenAt).toBeLessThan(clock.nowMs() - 1_000);
  });

  it('starts without the scans that cannot be read, and reports them', async () => {
    await scanAll('first');
    await scanAll('second');
    store.damaged.add('second');
    topologies.close();
    topologies = open();
    await topologies.load();
    expect(errors).toHaveLength(2);
    expect(nodesOf(topologies.current())).toHaveLength(3);
  });

  it('does not let an imported scan touch the map', async () => {
    await scanAll('all');
    await store.saveFinished(
      finishedScan({ id: 'theirs', trigger: 'import', startedAt: clock.nowMs(), nodes: [] }),
      null,
    );
    topologies.close();
    topologies = open();
    await topologies.load();
    expect(topologies.current()).toMatchObject({ scanId: 'all' });
  });

  it('builds ahead the part of a network whose nodes are all decided, and leaves no timer', async () => {
    watched = false;
    prefixes.set('BR-9', 'fd09::/64');
    const ofOther = (node: ScanNode): ScanNode => ({ ...node, brId: 'BR-9' });
    for (const [id, waitMs] of [
      ['waits', 100],
      ['ends', 0],
    ] as const) {
      const asked = [undecided('a'), undecided('b'), ofOther(undecided('c'))];
      const startedAt = clock.nowMs();
      const scan = finishedScan({ id, state: 'running', startedAt, finishedAt: null, nodes: asked });
      running.set(id, scan);
      facts.emit('scan:started', { scan });
      const answer = (node: ScanNode): void => {
        facts.emit('scan:node_decided', { scanId: id as never, node });
      };
      await clock.advance(10);
      const [a, b, c] = [
        decided('a', clock.nowMs()),
        decided('b', clock.nowMs()),
        decided('c', clock.nowMs()),
      ];
      answer(a);
      expect(clock.pending).toBe(0);
      answer(ofOther(c));
      expect(clock.pending).toBe(1);
      await clock.advance(waitMs);
      answer(b);
      running.set(id, { ...scan, nodes: [a, b, ofOther(c)] });
      const map = await finish(id);
      expect(clock.pending).toBe(0);
      expect(map.networks.map(({ key }) => key)).toEqual(expect.arrayContaining(['fd00::/64', 'fd09::/64']));
      expect(names.map((name) => stateOf(map, name))).toEqual(['answered', 'answered', 'answered']);
      expect(map.final).toBe(true);
    }
  });

  it('takes an answer as it was read when its node was decided', async () => {
    start('s', ['a']);
    const node = decided('a', clock.nowMs());
    const read = parseNetworkInfo({ ...(node.networkInfo as object), battery: { voltage_mv: 2_900 } });
    if (!read.ok) throw new Error(read.reason);
    facts.emit('scan:node_decided', { scanId: 's' as never, node, networkInfo: read.networkInfo });
    running.set('s', { ...(running.get('s') as Scan), nodes: [node] });
    const map = await finish('s');
    expect(map.nodes.find(({ name }) => name === 'a')?.batteryMillivolts).toBe(2_900);
  });

  it('hears nothing more once closed, and leaves no timer', () => {
    start('s', names);
    expect(clock.pending).toBe(1);
    topologies.close();
    decide('s', 'a');
    expect(clock.pending).toBe(0);
  });
});
