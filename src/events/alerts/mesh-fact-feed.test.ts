import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock, settle } from '../../../test/support/fake-clock.ts';
import {
  emptyTopology,
  finishedScan,
  sampleTimeMs,
  sampleTopology,
  scanNode,
} from '../../../test/support/samples.ts';
import { answered, ext, inputWith, silent } from '../../../test/fixtures/topology/observations.ts';
import { StreamError } from '../../errors.ts';
import { FactBus } from '../../facts.ts';
import { asBorderRouterId } from '../../protocol/ids.ts';
import type { LinkEvidence, Topology } from '../../protocol/topology.ts';
import { buildTopology } from '../../topology/build-topology.ts';
import type { TopologyObservation } from '../../topology/topology-input.ts';
import type { MeshFact } from '../mesh-fact.ts';
import { type NewStreamEntry, shardOf } from '../stream/durable-stream.ts';
import { MeshFactFeed } from './mesh-fact-feed.ts';
import { meshFactsOf } from './mesh-facts-of.ts';

const counts = { critical: 4, bulk: 8 };
const id = asBorderRouterId('BR-001');

describe('meshFactsOf', () => {
  const of = <Kind extends MeshFact['kind']>(facts: readonly MeshFact[], kind: Kind) =>
    facts.filter((fact): fact is Extract<MeshFact, { kind: Kind }> => fact.kind === kind);

  it('counts what each border router was answered, and how slowly', () => {
    const nodes = [
      ...Array.from({ length: 200 }, (_, index) => scanNode({ name: `n${index}`, durationMs: 100 + index })),
      scanNode({ name: 'silent', outcome: 'timed_out', durationMs: 5_000 }),
      scanNode({ name: 'other', brId: 'BR-002', outcome: 'unreachable', durationMs: null }),
      scanNode({ name: 'unasked', brId: null, outcome: 'border_router_lost' }),
      scanNode({ name: 'cancelled', outcome: 'cancelled' }),
    ];
    const [first, second, ...none] = of(
      meshFactsOf(finishedScan({ nodes }), emptyTopology()),
      'border_router_scan',
    );
    expect(first).toMatchObject({ subject: 'BR-001', answered: 200, failed: 1, latencyP99Ms: 297 });
    expect(first?.slowestMs).toEqual([299, 298, 297, 296, 295, 294, 293, 292]);
    expect(second).toMatchObject({ subject: 'BR-002', answered: 0, failed: 1, latencyP99Ms: null });
    expect(none).toEqual([]);
  });

  it('tells of each node whether it answered, and its battery where it did', () => {
    const facts = of(meshFactsOf(finishedScan(), sampleTopology()), 'node_scan');
    expect(facts).toEqual([
      {
        kind: 'node_scan',
        subject: 'd4E',
        happenedAt: finishedScan().finishedAt,
        answered: true,
        batteryMillivolts: 3_010,
        counters: {
          ...{ parentChanges: 2, partitionIdChanges: null, attachAttempts: null, trackedMs: null },
          readAt: scanNode().decidedAt,
        },
      },
      {
        kind: 'node_scan',
        subject: 'd5F',
        happenedAt: finishedScan().finishedAt,
        answered: false,
        batteryMillivolts: null,
      },
    ]);
  });

  it('names links by their ends, and tells of those that were measured', () => {
    const map = sampleTopology();
    expect(of(meshFactsOf(finishedScan(), map), 'link_scan')).toMatchObject([
      { subject: 'd4E|76c2', marginDb: 40 },
    ]);
    const stale = { ...map, links: map.links.map((link) => ({ ...link, state: 'stale' as const })) };
    expect(of(meshFactsOf(finishedScan(), stale), 'link_scan')).toEqual([]);
  });

  it('tells counters with the time at which they were read, and none where there are none', () => {
    const map = sampleTopology();
    const countersAt = sampleTimeMs - 90_000;
    const earlier = { ...map, nodes: map.nodes.map((node) => ({ ...node, countersAt })) };
    expect(of(meshFactsOf(finishedScan(), earlier), 'node_scan')[0]).toMatchObject({
      counters: { readAt: countersAt, parentChanges: 2 },
    });
    for (const counters of [
      {},
      { parent_changes: -1, mac_in_errors: 3 },
      JSON.parse('{"__proto__": 7}') as Record<string, number>,
    ]) {
      const without = { ...map, nodes: map.nodes.map((node) => ({ ...node, counters })) };
      const [fact] = of(meshFactsOf(finishedScan(), without), 'node_scan');
      expect(fact).not.toHaveProperty('counters');
    }
    const silent = finishedScan({ nodes: [scanNode({ outcome: 'timed_out', networkInfo: null })] });
    expect(of(meshFactsOf(silent, map), 'node_scan')[0]).not.toHaveProperty('counters');
  });

  it('tells both directions of a link, and its worse rate of lost frames', () => {
    const map = sampleTopology();
    const heard = (fields: Partial<LinkEvidence>): LinkEvidence[] =>
      (map.links[0]?.aHearsB ?? []).map((evidence) => ({ ...evidence, ...fields }));
    const facts = (aHearsB: LinkEvidence[], bHearsA: LinkEvidence[], linkMargin: number | null = 40) =>
      of(
        meshFactsOf(finishedScan(), {
          ...map,
          links: map.links.map((link) => ({ ...link, aHearsB, bHearsA, linkMargin })),
        }),
        'link_scan',
      );
    expect(
      facts(heard({ frameErrorRate: 0.1 }), heard({ linkMargin: null, rssi: -71, frameErrorRate: 0.4 })),
    ).toMatchObject([{ marginDb: 40, directionsDb: [40, 29], frameErrorRate: 0.4 }]);
    // What was measured earlier says nothing now.
    expect(facts(heard({}), heard({ state: 'stale', frameErrorRate: 0.9 }))).toMatchObject([
      { directionsDb: [40, null], frameErrorRate: null },
    ]);
    const unmeasured = { linkMargin: null, rssi: null };
    expect(facts(heard({ ...unmeasured, frameErrorRate: 0.2 }), [], null)).toMatchObject([
      { marginDb: null, frameErrorRate: 0.2 },
    ]);
    expect(facts(heard(unmeasured), [], null)).toEqual([]);
  });

  it('tells whether a map is complete where all of the network was asked', () => {
    const map = sampleTopology();
    const told = (topology: Topology, scan = finishedScan()) =>
      of(meshFactsOf(scan, topology), 'network_scan');
    expect(told(map)).toMatchObject([{ complete: false, missingRouters: 1, partitions: 1 }]);
    const other = { ...map.nodes[0], id: 'elsewhere', name: 'elsewhere' } as Topology['nodes'][number];
    expect(told({ ...map, nodes: [...map.nodes, other] })).toMatchObject([{ complete: null, partitions: 1 }]);
    // Nothing answered: it is incomplete, and how many partitions there are nobody knows.
    const silent = map.nodes.map((node) => ({ ...node, state: 'silent' as const }));
    expect(told({ ...map, nodes: silent })).toMatchObject([{ complete: false, partitions: null }]);
  });

  it('tells where border routers of a network disagree, at most a little of it', () => {
    const map = sampleTopology();
    const told = (statements: readonly string[]) => {
      const datasetConflicts = statements.map((statement) => ({
        ...{ brIds: ['BR-001', 'BR-002'], field: 'channel' as const, values: [], statement },
      }));
      const networks = map.networks.map((network) => ({ ...network, datasetConflicts }));
      return of(meshFactsOf(finishedScan(), { ...map, networks }), 'network_scan')[0]?.datasetConflicts;
    };
    expect(told(['BR-001 is on channel 15, BR-002 on 20'])).toEqual([
      'BR-001 is on channel 15, BR-002 on 20',
    ]);
    expect(told([])).toEqual([]);
    expect(JSON.stringify(told(Array.from({ length: 50 }, () => 'x'.repeat(5_000))))).toHaveLength(910);
    expect(of(meshFactsOf(finishedScan(), map), 'network_scan')[0]?.datasetConflicts).toEqual([]);
  });

  it('counts partitions in which something answered, and two at least where the network is split', () => {
    const map = sampleTopology();
    const [network] = map.networks;
    if (network === undefined) throw new Error('the sample has a network');
    const told = (fields: Partial<typeof network>) =>
      of(meshFactsOf(finishedScan(), { ...map, networks: [{ ...network, ...fields }] }), 'network_scan');
    const [partition] = network.partitions;
    if (partition === undefined) throw new Error('the sample has a partition');
    const reported = { ...partition, partitionId: 99, nodeIds: ['76c2'] };
    const stale = { ...partition, partitionId: 98, stale: true };
    expect(told({ partitions: [partition, reported, stale] })).toMatchObject([{ partitions: 1 }]);
    expect(told({ split: true })).toMatchObject([{ partitions: 2 }]);
  });

  it('does not take a split to be over where only one side of it was asked', () => {
    const router = (name: string, digit: number, partitionId: number, changes = {}) =>
      answered(
        name,
        {
          ...{ role: digit === partitionId ? 'leader' : 'router' },
          ...{ rloc16: digit << 10, ext_addr: ext(String(digit)) },
          partition_id: partitionId,
        },
        changes,
      );
    const told = (nodes: readonly TopologyObservation[]) => {
      const asked = nodes.filter(({ earlier }) => earlier !== true);
      const scan = finishedScan({
        nodes: asked.map(({ name, outcome }) => scanNode({ name, outcome, networkInfo: null })),
      });
      return of(meshFactsOf(scan, buildTopology(inputWith(nodes))), 'network_scan');
    };
    const [one, other] = [router('one', 1, 1), router('other', 2, 2)];
    expect(told([one, other])).toMatchObject([{ partitions: 2 }]);
    expect(told([one, { ...other, earlier: true }])).toMatchObject([{ partitions: null }]);
    // The other side was asked: it has joined again, or is gone.
    expect(told([one, router('other', 2, 1)])).toMatchObject([{ partitions: 1 }]);
    expect(told([one, silent('other')])).toMatchObject([{ partitions: 1 }]);
    // Who was not asked was on this side.
    expect(told([one, router('third', 3, 1, { earlier: true })])).toMatchObject([{ partitions: 1 }]);
  });

  it('counts the partitions of the networks that it asked', () => {
    const map = sampleTopology();
    expect(of(meshFactsOf(finishedScan(), map), 'network_scan')).toMatchObject([
      { subject: 'fd78:8e78:3bfe:1::/64', partitions: 1 },
    ]);
    const unasked = finishedScan({ nodes: [scanNode({ name: 'elsewhere' })] });
    expect(of(meshFactsOf(unasked, map), 'network_scan')).toEqual([]);
  });
});

describe('MeshFactFeed', () => {
  let facts: FactBus;
  let clock: FakeClock;
  let appended: NewStreamEntry[];
  let failure: Error | null;
  let errors: unknown[];
  let feed: MeshFactFeed;

  beforeEach(() => {
    facts = new FactBus({
      onListenerError: (_name, error) => {
        throw error;
      },
    });
    clock = new FakeClock();
    appended = [];
    failure = null;
    errors = [];
    feed = new MeshFactFeed({
      facts,
      counts,
      clock,
      stream: {
        append: async (entries) => {
          await Promise.resolve();
          if (failure !== null) throw failure;
          appended.push(...entries);
        },
      },
      book: () => ({ hasRulesAbout: (kind) => kind !== 'link' }),
      onError: (error) => void errors.push(error),
    });
  });

  afterEach(() => feed.close());

  const connected = (online: boolean, atMs = 1): void => {
    if (online) facts.emit('border_router:connected', { id, atMs });
    else facts.emit('border_router:disconnected', { id, atMs, reason: 'silent', replaced: false });
  };
  const told = (): readonly MeshFact[] =>
    appended.flatMap(({ entry }) => (entry.kind === 'fact' ? [entry.fact] : []));

  it('tells of links in the critical shard of the border router', async () => {
    connected(true, 7);
    await settle();
    expect(appended).toEqual([
      {
        shard: shardOf('critical', 'BR-001', counts),
        entry: {
          kind: 'fact',
          fact: { kind: 'border_router_link', subject: 'BR-001', happenedAt: 7, online: true },
        },
      },
    ]);
  });

  it('takes neither a replaced link nor the end of the hub for an absence', async () => {
    facts.emit('border_router:disconnected', { id, atMs: 1, reason: 'replaced', replaced: true });
    facts.emit('border_router:disconnected', { id, atMs: 1, reason: 'hub_stopping', replaced: false });
    await settle();
    expect(appended).toEqual([]);
  });

  it('tells of a scan once its map is there, in either order', async () => {
    const topology = sampleTopology();
    facts.emit('scan:finished', { scan: finishedScan() });
    facts.emit('topology:updated', { topology: { ...topology, final: false } });
    await settle();
    expect(appended).toEqual([]);
    facts.emit('topology:updated', { topology });
    await settle();
    const once = told().length;
    expect(once).toBeGreaterThan(2);
    facts.emit('topology:updated', { topology });
    await settle();
    expect(told()).toHaveLength(once);
    facts.emit('scan:finished', { scan: finishedScan() });
    await settle();
    expect(told()).toHaveLength(2 * once);
  });

  it('tells nothing that no rule is about, nor of imported scans', async () => {
    facts.emit('topology:updated', { topology: sampleTopology() });
    facts.emit('scan:finished', { scan: finishedScan({ trigger: 'import' }) });
    await settle();
    expect(appended).toEqual([]);
    facts.emit('scan:finished', { scan: finishedScan() });
    await settle();
    expect(told().some(({ kind }) => kind === 'link_scan')).toBe(false);
  });

  it('keeps the newest of each subject while the stream is away, and tells it once it is back', async () => {
    failure = new StreamError('stream_unavailable', 'the disk is gone');
    connected(false, 1);
    await settle();
    connected(true, 2);
    connected(false, 3);
    facts.emit('border_router:connected', { id: asBorderRouterId('BR-002'), atMs: 4 });
    await clock.advance(10 * 60_000);
    expect(appended).toEqual([]);
    expect(errors.length).toBeGreaterThan(3);
    expect(errors.length).toBeLessThan(40);
    expect(feed.waiting).toBe(2);
    failure = null;
    await clock.advance(30_000);
    expect(told()).toEqual([
      { kind: 'border_router_link', subject: 'BR-001', happenedAt: 3, online: false },
      { kind: 'border_router_link', subject: 'BR-002', happenedAt: 4, online: true },
    ]);
    expect(feed.waiting).toBe(0);
  });

  it('tells what changed while an append was on its way', async () => {
    connected(false, 1);
    connected(true, 2);
    await settle();
    expect(told().at(-1)).toMatchObject({ online: true });
  });

  it('tries once more when it is closed, and leaves no timer', async () => {
    failure = new StreamError('stream_unavailable', 'the disk is gone');
    connected(false, 1);
    await settle();
    failure = null;
    await feed.close();
    expect(told()).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});
