import { describe, expect, it } from 'vitest';
import type { Topology } from '../protocol/topology.ts';
import { answered, ext, inputWith, networkKey, silent } from '../../test/fixtures/topology/observations.ts';
import { buildTopology } from './build-topology.ts';
import { diffTopologies, isSameTopology } from './diff-topologies.ts';
import type { TopologyObservation } from './topology-input.ts';

const build = (...nodes: TopologyObservation[]): Topology => buildTopology(inputWith(nodes));
const router = (name: string, rloc16: string, neighbors: object[] = []): TopologyObservation =>
  answered(name, { role: 'router', rloc16, ext_addr: ext(name), neighbors });
const neighbor = (name: string, rloc16: string, values: object): object => ({
  rloc16,
  ext_addr: ext(name),
  ...values,
});

describe('a diff', () => {
  it('recognises a node by its extended address after its RLOC16 changed', () => {
    const diff = diffTopologies(build(router('a', '0x0400')), build(router('a', '0x0800')));
    expect(diff).toMatchObject({
      added: [],
      removed: [],
      rloc16Moved: [{ id: ext('a'), name: 'a', before: '0x0400', after: '0x0800' }],
    });
  });

  it('recognises a node by its name once its address has become known', () => {
    const diff = diffTopologies(
      build(silent('lamp')),
      build(answered('lamp', { role: 'router', rloc16: '0x0400', ext_addr: ext('a') })),
    );
    expect(diff).toMatchObject({
      added: [],
      removed: [],
      outcomeChanged: [{ id: ext('a'), name: 'lamp', before: 'timed_out', after: 'answered' }],
    });
  });

  it('tells a replaced device from a moved one', () => {
    const device = (address: string): TopologyObservation =>
      answered('lamp', { role: 'router', rloc16: '0x0400', ext_addr: ext(address) });
    const diff = diffTopologies(build(device('a')), build(device('b')));
    expect(diff.removed).toEqual([{ id: ext('a'), name: 'lamp' }]);
    expect(diff.added).toEqual([{ id: ext('b'), name: 'lamp' }]);
  });

  it('lists nodes that came and went', () => {
    const diff = diffTopologies(
      build(router('a', '0x0400'), router('b', '0x0800')),
      build(router('b', '0x0800'), router('c', '0x0c00')),
    );
    expect(diff.removed).toEqual([{ id: ext('a'), name: 'a' }]);
    expect(diff.added).toEqual([{ id: ext('c'), name: 'c' }]);
    expect(isSameTopology(diff)).toBe(false);
  });

  it('lists changes of role and parent, also from child to router', () => {
    const parent = router('a', '0x0400');
    const child = answered('b', { role: 'child', rloc16: '0x0401', ext_addr: ext('b') });
    const diff = diffTopologies(build(parent, child), build(parent, router('b', '0x0800')));
    expect(diff.roleChanged).toEqual([{ id: ext('b'), name: 'b', before: 'child', after: 'router' }]);
    expect(diff.parentChanged).toEqual([{ id: ext('b'), name: 'b', before: ext('a'), after: null }]);
  });

  it('does not take a parent that got its address in between for another parent', () => {
    const child = answered('c', { role: 'child', rloc16: '0x0401', ext_addr: ext('c') });
    const before = build(answered('p', { role: 'router', rloc16: '0x0400' }), child);
    const after = build(answered('p', { role: 'router', rloc16: '0x0400', ext_addr: ext('a') }), child);
    expect(before.nodes.map((node) => node.id)).toContain(`${networkKey}/0x0400`);
    const diff = diffTopologies(before, after);
    expect(isSameTopology(diff), JSON.stringify(diff)).toBe(true);
  });

  it('calls a link better or worse from 5 dB on', () => {
    const at = (rssi: number): Topology =>
      build(router('a', '0x0400', [neighbor('b', '0x0800', { rssi })]), router('b', '0x0800'));
    const id = `${ext('a')}|${ext('b')}`;
    expect(isSameTopology(diffTopologies(at(-60), at(-64)))).toBe(true);
    expect(diffTopologies(at(-60), at(-65))).toMatchObject({
      linksWorse: [{ id, before: 40, after: 35, measure: 'link_margin' }],
      linksBetter: [],
    });
    expect(diffTopologies(at(-65), at(-60)).linksBetter).toHaveLength(1);
  });

  it('goes by link quality where no margin is known', () => {
    const at = (lqi: number): Topology =>
      build(router('a', '0x0400', [neighbor('b', '0x0800', { lqi })]), router('b', '0x0800'));
    expect(diffTopologies(at(3), at(2)).linksWorse).toMatchObject([{ before: 3, after: 2, measure: 'lqi' }]);
  });

  it('lists links that came and went', () => {
    const linked = build(
      router('a', '0x0400', [neighbor('b', '0x0800', { rssi: -50 })]),
      router('b', '0x0800'),
    );
    const apart = build(router('a', '0x0400'), router('b', '0x0800'));
    const link = { id: `${ext('a')}|${ext('b')}`, a: ext('a'), b: ext('b') };
    expect(diffTopologies(apart, linked)).toMatchObject({ linksAdded: [link], linksRemoved: [] });
    expect(diffTopologies(linked, apart)).toMatchObject({ linksAdded: [], linksRemoved: [link] });
  });
});
