import { describe, expect, it } from 'vitest';
import {
  answersAround,
  recordedAnswers,
  recordedDiagnostics,
} from '../../test/fixtures/topology/otbr-mesh.ts';
import { inputOf, scanFrom } from '../../test/fixtures/topology/recorded-mesh.ts';
import { otbrChildren, otbrLinks } from '../../test/support/otbr-recordings.ts';
import type { LinkEvidence, Topology, TopologyLink, TopologyNode } from '../protocol/topology.ts';
import { buildTopology } from './build-topology.ts';
import { nothingKnown, rememberTopology } from './earlier-knowledge.ts';

const startedAt = Date.UTC(2026, 10, 20, 18, 13);

const byNumber = (topology: Topology, node: number): TopologyNode => {
  const found = topology.nodes.find(({ name }) => name === `node-${node}`);
  if (found === undefined) throw new Error(`no node ${node}`);
  return found;
};

function linkBetween(topology: Topology, one: number, other: number): TopologyLink | undefined {
  const ids = [byNumber(topology, one).id, byNumber(topology, other).id];
  return topology.links.find((link) => ids.includes(link.a) && ids.includes(link.b));
}

/** What the first reports of the signal of the second. */
function evidence(topology: Topology, receiver: number, sender: number): readonly LinkEvidence[] {
  const link = linkBetween(topology, receiver, sender);
  return (link?.a === byNumber(topology, receiver).id ? link.aHearsB : link?.bHearsA) ?? [];
}

const heard = (topology: Topology, receiver: number, sender: number): (number | null)[] =>
  evidence(topology, receiver, sender).flatMap((item) => (item.rssi === null ? [] : [item.rssi]));

describe('a mesh as an OpenThread border router tells it', () => {
  const topology = buildTopology(inputOf(scanFrom(recordedAnswers(), 'otbr', startedAt)));

  it('has the designed links between routers, with the signal of each direction', () => {
    for (const [a, b, rssi] of otbrLinks) {
      expect(heard(topology, a, b), `${a} hears ${b}`).toEqual([rssi]);
      expect(heard(topology, b, a), `${b} hears ${a}`).toEqual([rssi - 3]);
      expect(evidence(topology, a, b)[0]).toMatchObject({ source: 'neighbor_table', lastRssi: rssi });
      expect(linkBetween(topology, a, b)).toMatchObject({
        kind: 'router_router',
        state: 'live',
        oneWay: false,
      });
    }
    expect(topology.links.filter(({ kind }) => kind === 'router_router')).toHaveLength(otbrLinks.length);
  });

  it('has each child at its parent, with what the parent hears and nothing that nobody measured', () => {
    for (const [child, parent, rssi] of otbrChildren) {
      expect(byNumber(topology, child).parentId).toBe(byNumber(topology, parent).id);
      expect(heard(topology, parent, child)).toEqual([rssi]);
      expect(evidence(topology, child, parent)).toEqual([]);
      expect(linkBetween(topology, child, parent)).toMatchObject({ state: 'live', oneWay: false });
    }
    expect(topology.links).toHaveLength(otbrLinks.length + otbrChildren.length);
  });

  it('gives each its role, and says who spoke for the sleepy ones', () => {
    const roles = new Map(topology.nodes.map(({ name, role }) => [name ?? '', role]));
    expect(Object.fromEntries(roles)).toEqual({
      'node-1': 'leader',
      ...Object.fromEntries([2, 3, 4, 5, 6, 7, 8, 9].map((node) => [`node-${node}`, 'router'])),
      'node-10': 'reed',
      'node-12': 'child',
      'node-13': 'sleepy_child',
      'node-14': 'sleepy_child',
    });
    const told = topology.nodes.flatMap(({ name, state, toldBy }) =>
      toldBy === undefined ? [] : [[name, state, toldBy]],
    );
    expect(told.sort()).toEqual([
      ['node-13', 'answered', byNumber(topology, 8).id],
      ['node-14', 'answered', byNumber(topology, 9).id],
    ]);
    expect(byNumber(topology, 14).ipv6Addresses).toEqual([
      'fd0d:7fc:a1b9:f050:f66f:2cf4:5171:a190',
      'fd7c:8336:ffd4:1:48c0:e88c:f1d9:dd77',
    ]);
    expect(byNumber(topology, 9).device).toMatchObject({
      eui64: '18b4300000000009',
      vendorModel: 'sim-node-9',
    });
  });

  it('proves that all nine routers answered, and has no ghosts', () => {
    expect(topology.networks).toHaveLength(1);
    expect(topology.networks[0]).toMatchObject({
      split: false,
      completeness: {
        complete: true,
        proved: true,
        expectedRouters: 9,
        statement: '9 of 9 routers answered',
      },
    });
    expect(topology.networks[0]).not.toHaveProperty('ghosts');
    expect(topology.orphanIds).toEqual([]);
  });

  it('finds the one weak link, and no child to be weak for having one parent', () => {
    expect(topology.weakPoints.filter(({ severity }) => severity === 'warning')).toMatchObject([
      { kind: 'weak_link', linkId: linkBetween(topology, 8, 9)?.id },
    ]);
  });
});

describe('the same mesh 90 s after router 9 stopped', () => {
  const before = buildTopology(inputOf(scanFrom(answersAround('t000-healthy'), 'before', startedAt)));
  const laterAt = startedAt + 109_000;
  const after = buildTopology(
    inputOf(scanFrom(answersAround('t090'), 'after', laterAt), {
      earlier: rememberTopology(nothingKnown, before),
    }),
  );

  it('names router 9 as silent, since route tables still have it', () => {
    const { completeness, split } = after.networks[0] ?? {};
    expect(split).toBe(false);
    expect(completeness).toMatchObject({ complete: false, proved: true, expectedRouters: 9 });
    expect(completeness?.missingRouters.find(({ name }) => name === 'node-9')).toMatchObject({
      rloc16: '0x6000',
      outcome: 'timed_out',
      lastSeenAt: startedAt + 120,
    });
    expect(after.networks[0]).not.toHaveProperty('ghosts');
  });

  it('shows its child where the child says that it has moved to', () => {
    expect(byNumber(before, 14).parentId).toBe(byNumber(before, 9).id);
    expect(byNumber(after, 14)).toMatchObject({ rloc16: '0x1404', parentId: byNumber(after, 4).id });
    expect(linkBetween(after, 9, 14)).toBeUndefined();
    expect(recordedDiagnostics(4).extAddress).toBe(byNumber(after, 4).id);
  });
});
