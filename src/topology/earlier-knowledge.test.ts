import { describe, expect, it } from 'vitest';
import type { Topology } from '../protocol/topology.ts';
import { answered, ext, inputWith, silent } from '../../test/fixtures/topology/observations.ts';
import { buildTopology } from './build-topology.ts';
import { type EarlierKnowledge, nothingKnown, rememberTopology } from './earlier-knowledge.ts';
import type { TopologyObservation } from './topology-input.ts';

const hour = 3_600_000;
const at = (hours: number, earlier: EarlierKnowledge, ...nodes: TopologyObservation[]): Topology =>
  buildTopology(
    inputWith(
      nodes.map((node) => ({ ...node, decidedAt: hours * hour })),
      { earlier, madeAt: hours * hour },
    ),
  );
const fold = (...scans: readonly (readonly [number, ...TopologyObservation[]])[]): EarlierKnowledge => {
  let earlier = nothingKnown;
  for (const [hours, ...nodes] of scans) earlier = rememberTopology(earlier, at(hours, earlier, ...nodes));
  return earlier;
};
const router = answered('r', {
  role: 'router',
  rloc16: '0x0400',
  ext_addr: ext('a'),
  neighbors: [{ rloc16: '0x0800', ext_addr: ext('b'), rssi: -60 }],
});

describe('earlier knowledge', () => {
  it('keeps the last place of a node through scans that it does not answer', () => {
    const earlier = fold([1, router], [2, silent('r')], [3, silent('r')]);
    expect(earlier.nodes.find((node) => node.name === 'r')).toMatchObject({
      id: ext('a'),
      rloc16: '0x0400',
      lastSeenAt: hour,
      knownAt: hour,
    });
    expect(earlier.evidence).toEqual([
      expect.objectContaining({ reporterId: ext('a'), heardId: ext('b'), rssi: -60, reportedAt: hour }),
    ]);
  });

  it('replaces what a node said by what it says now', () => {
    const earlier = fold(
      [1, router],
      [2, answered('r', { role: 'router', rloc16: '0x0400', ext_addr: ext('a') })],
    );
    expect(earlier.evidence).toEqual([]);
  });

  it('follows the place that neighbours give a silent node, and keeps when it last answered itself', () => {
    const earlier = fold(
      [1, answered('b', { role: 'router', rloc16: '0x0c00', ext_addr: ext('b') })],
      [2, router, silent('b')],
    );
    expect(earlier.nodes.find((node) => node.name === 'b')).toMatchObject({
      rloc16: '0x0800',
      lastSeenAt: hour,
      knownAt: 2 * hour,
    });
  });

  it('forgets what nobody has confirmed for 7 days, or for as long as it is told', () => {
    const day = 24;
    expect(fold([0, router], [7 * day, silent('r')]).nodes).toHaveLength(2);
    expect(fold([0, router], [7 * day + 1, silent('r')])).toEqual(nothingKnown);
    const known = fold([0, router]);
    expect(rememberTopology(known, at(2, known, silent('r')), { maxAgeMs: hour }).nodes).toEqual([]);
  });

  it('renames a node whose extended address has become known, and what refers to it', () => {
    const child = answered('c', {
      role: 'child',
      rloc16: '0x0401',
      ext_addr: ext('c'),
      parent: { rloc16: '0x0400', rssi: -50 },
    });
    const earlier = fold(
      [1, answered('p', { role: 'router', rloc16: '0x0400' }), child],
      [2, answered('p', { role: 'router', rloc16: '0x0400', ext_addr: ext('a') }), silent('c')],
    );
    expect(earlier.nodes.map((node) => node.id).sort()).toEqual([ext('a'), ext('c')]);
    expect(earlier.nodes.find((node) => node.name === 'c')?.parentId).toBe(ext('a'));
    expect(earlier.evidence).toMatchObject([{ reporterId: ext('c'), heardId: ext('a') }]);
  });

  it('gives a name to the device that bears it now', () => {
    const device = (address: string): TopologyObservation =>
      answered('lamp', { role: 'router', rloc16: '0x0400', ext_addr: ext(address) });
    const earlier = fold([1, device('a')], [2, device('b')]);
    expect(earlier.nodes.map(({ id, name }) => [id, name])).toEqual([
      [ext('a'), null],
      [ext('b'), 'lamp'],
    ]);
  });

  it('keeps no more nodes than it may, the longest unconfirmed go first', () => {
    const known = fold(
      [1, router],
      [2, answered('n', { role: 'router', rloc16: '0x1000', ext_addr: ext('d') })],
    );
    const limited = rememberTopology(
      known,
      at(3, known, answered('m', { role: 'router', rloc16: '0x1400', ext_addr: ext('e') })),
      { maxNodes: 2 },
    );
    expect(limited.nodes.map((node) => node.id)).toEqual([ext('e'), ext('d')]);
  });
});
