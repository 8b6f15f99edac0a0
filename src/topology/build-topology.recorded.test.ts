import { describe, expect, it } from 'vitest';
import type { Topology, TopologyLink, TopologyNode } from '../protocol/topology.ts';
import { inputOf, recordedNodes, scanOf } from '../../test/fixtures/topology/recorded-mesh.ts';
import { buildTopology } from './build-topology.ts';
import { rememberTopology, nothingKnown } from './earlier-knowledge.ts';
import { diffTopologies } from './diff-topologies.ts';

/** dBm received by the first; the second hears 3 dB less. */
const designedLinks: readonly (readonly [string, string, number])[] = [
  ['sim-1', 'sim-2', -45],
  ['sim-1', 'sim-3', -60],
  ['sim-1', 'sim-4', -78],
  ['sim-2', 'sim-3', -55],
  ['sim-2', 'sim-5', -70],
  ['sim-3', 'sim-4', -65],
  ['sim-3', 'sim-6', -82],
  ['sim-4', 'sim-7', -72],
  ['sim-5', 'sim-6', -60],
  ['sim-5', 'sim-8', -84],
  ['sim-7', 'sim-9', -70],
  ['sim-8', 'sim-9', -88],
];
const designedParents: readonly (readonly [string, string, number])[] = [
  ['sim-10', 'sim-5', -75],
  ['sim-12', 'sim-7', -66],
  ['sim-13', 'sim-8', -73],
  ['sim-14', 'sim-9', -80],
];

const startedAt = Date.UTC(2026, 10, 20, 18, 31);

function byName(topology: Topology, name: string): TopologyNode {
  const node = topology.nodes.find((candidate) => candidate.name === name);
  if (node === undefined) throw new Error(`no node ${name}`);
  return node;
}

function linkBetween(topology: Topology, one: string, other: string): TopologyLink | undefined {
  const ids = [byName(topology, one).id, byName(topology, other).id];
  return topology.links.find((link) => ids.includes(link.a) && ids.includes(link.b));
}

/** What `receiver` measured of `sender`. */
function heard(topology: Topology, receiver: string, sender: string): (number | null)[] {
  const link = linkBetween(topology, receiver, sender);
  const evidence = link?.a === byName(topology, receiver).id ? link.aHearsB : link?.bHearsA;
  return (evidence ?? []).flatMap((item) => (item.rssi === null ? [] : [item.rssi]));
}

describe('the topology of a recorded mesh', () => {
  const topology = buildTopology(inputOf(scanOf(recordedNodes('mesh'), 'recorded', startedAt)));

  it('has exactly the designed links, with the signal of each direction from its own receiver', () => {
    for (const [a, b, rssi] of designedLinks) {
      expect(heard(topology, a, b), `${a} hears ${b}`).toEqual([rssi]);
      expect(heard(topology, b, a), `${b} hears ${a}`).toEqual([rssi - 3]);
      expect(linkBetween(topology, a, b)).toMatchObject({
        kind: 'router_router',
        state: 'live',
        oneWay: false,
        asymmetric: false,
        linkMargin: rssi - 3 + 100,
      });
    }
    for (const [child, parent, rssi] of designedParents) {
      expect(heard(topology, parent, child)).toEqual([rssi - 3]);
      expect(linkBetween(topology, child, parent)?.kind).toBe('parent_child');
    }
    expect(topology.links).toHaveLength(designedLinks.length + designedParents.length);
    expect(linkBetween(topology, 'sim-6', 'sim-7')).toBeUndefined();
  });

  it('takes link quality from Route64, each way from the end that receives', () => {
    const link = linkBetween(topology, 'sim-8', 'sim-9');
    const quality = (receiver: string): (number | null)[] => {
      const evidence = link?.a === byName(topology, receiver).id ? link.aHearsB : link?.bHearsA;
      return (evidence ?? []).filter((item) => item.source === 'route64').map((item) => item.lqi);
    };
    expect(quality('sim-8')).toEqual([2]);
    expect(quality('sim-9')).toEqual([1]);
    expect(link?.lqi).toBe(1);
  });

  it('gives each node its role and its parent', () => {
    const roles = new Map(topology.nodes.map((node) => [node.name ?? '', node.role]));
    expect(Object.fromEntries(roles)).toEqual({
      'sim-1': 'leader',
      ...Object.fromEntries([2, 3, 4, 5, 6, 7, 8, 9].map((index) => [`sim-${index}`, 'router'])),
      'sim-10': 'child',
      'sim-12': 'child',
      'sim-13': 'sleepy_child',
      'sim-14': 'sleepy_child',
    });
    for (const [child, parent] of designedParents)
      expect(byName(topology, child).parentId).toBe(byName(topology, parent).id);
    expect(byName(topology, 'sim-1')).toMatchObject({
      kind: 'border_router',
      brId: 'BR-001',
      state: 'answered',
    });
  });

  it('proves that all nine routers answered', () => {
    const [network] = topology.networks;
    expect(network?.completeness).toMatchObject({
      complete: true,
      proved: true,
      expectedRouters: 9,
      answeredRouters: 9,
      missingRouters: [],
      statement: '9 of 9 routers answered',
    });
    expect(network).toMatchObject({ split: false, partitions: [{ leaderId: byName(topology, 'sim-1').id }] });
    expect(topology.orphanIds).toEqual([]);
  });

  it('finds the one weak link', () => {
    expect(topology.weakPoints.filter((point) => point.severity === 'warning')).toMatchObject([
      {
        kind: 'weak_link',
        linkId: linkBetween(topology, 'sim-8', 'sim-9')?.id,
        statement: 'The link between sim-9 and sim-8 has 9 dB of margin',
      },
    ]);
  });
});

describe('a recorded mesh 90 s after router 9 was frozen', () => {
  const before = buildTopology(inputOf(scanOf(recordedNodes('mesh-before-loss'), 'before', startedAt)));
  const earlier = rememberTopology(nothingKnown, before);
  const laterAt = startedAt + 109_000;

  it('names the routers that did not answer, 9 among them, though they still are in every route table', () => {
    const after = buildTopology(
      inputOf(scanOf(recordedNodes('mesh-after-loss'), 'after', laterAt), { earlier }),
    );
    const [network] = after.networks;
    expect(network?.completeness).toMatchObject({
      complete: false,
      proved: true,
      expectedRouters: 9,
      answeredRouters: 5,
    });
    expect(network?.completeness.missingRouters.map((router) => router.name)).toEqual([
      'sim-3',
      'sim-4',
      'sim-5',
      'sim-9',
    ]);
    expect(network?.split).toBe(false);
  });

  // Routers 3, 4 and 5 were only cut short by the frozen one's request; with their answers, 9 alone is missing.
  const unhindered = recordedNodes('mesh-after-loss').map((node, index) =>
    ['sim-3', 'sim-4', 'sim-5'].includes(node.name)
      ? { ...node, network_info: recordedNodes('mesh-before-loss')[index]?.network_info ?? null }
      : node,
  );
  const after = buildTopology(inputOf(scanOf(unhindered, 'after', laterAt), { earlier }));

  it('says which router is silent, where it was, and when it was last seen', () => {
    expect(after.networks[0]?.completeness).toMatchObject({
      expectedRouters: 9,
      answeredRouters: 8,
      statement: '8 of 9 routers answered; sim-9 (0x6000) silent, last seen 18:31 UTC',
      missingRouters: [
        {
          name: 'sim-9',
          rloc16: '0x6000',
          outcome: 'timed_out',
          lastSeenAt: startedAt + 120,
          namedBy: after.nodes
            .filter((node) => node.role === 'router' || node.role === 'leader')
            .filter((node) => node.name !== 'sim-9')
            .map((node) => node.id),
        },
      ],
    });
  });

  it('keeps the last measurements of the silent router as stale evidence beside live ones of its neighbours', () => {
    const link = linkBetween(after, 'sim-7', 'sim-9');
    expect(link?.state).toBe('live');
    const nine = byName(after, 'sim-9');
    const [own, others] = link?.a === nine.id ? [link.aHearsB, link.bHearsA] : [link?.bHearsA, link?.aHearsB];
    expect(own?.find((item) => item.rssi !== null)).toMatchObject({
      state: 'stale',
      rssi: -73,
      reporterId: nine.id,
      ageMs: 109_000 + 5_000 - 120,
    });
    expect(others?.[0]).toMatchObject({ state: 'live', rssi: -70, ageMs: 0 });
  });

  it('shows the child of the silent router with the parent that it moved to', () => {
    expect(byName(after, 'sim-14').parentId).toBe(byName(after, 'sim-4').id);
    const diff = diffTopologies(before, after);
    const changed = { id: byName(after, 'sim-14').id, name: 'sim-14' };
    expect(diff.parentChanged).toEqual([
      { ...changed, before: byName(after, 'sim-9').id, after: byName(after, 'sim-4').id },
    ]);
    expect(diff.rloc16Moved).toEqual([{ ...changed, before: '0x6001', after: '0x1404' }]);
    expect(diff.outcomeChanged).toEqual([
      { id: byName(after, 'sim-9').id, name: 'sim-9', before: 'answered', after: 'timed_out' },
    ]);
  });
});
