import { describe, expect, it } from 'vitest';
import { answered, borderRouter, ext, inputWith } from '../../test/fixtures/topology/observations.ts';
import type { TopologyNetwork } from '../protocol/topology.ts';
import { buildTopology } from './build-topology.ts';
import type { TopologyInput, TopologyObservation } from './topology-input.ts';

const leader = (letter: string, partitionId: number, more: object = {}): TopologyObservation =>
  answered(letter, {
    role: 'leader',
    rloc16: '0x0400',
    ext_addr: ext(letter),
    partition_id: partitionId,
    ...more,
  });

function networkOf(nodes: TopologyObservation[], changes: Partial<TopologyInput> = {}): TopologyNetwork {
  const [network] = buildTopology(inputWith(nodes, changes)).networks;
  if (network === undefined) throw new Error('no network');
  return network;
}

describe('a second partition id', () => {
  it('is a split where both sides answered from fresh facts', () => {
    expect(networkOf([leader('a', 7), leader('b', 9, { measured_ago_ms: 120_000 })])).toMatchObject({
      split: true,
      partitionStatement: 'Split: partition 7 with 1 node, leader a; partition 9 with 1 node, leader b',
    });
  });

  it('is stale where only old facts name it', () => {
    expect(networkOf([leader('a', 7), leader('b', 9, { measured_ago_ms: 300_000 })])).toMatchObject({
      split: false,
      partitions: [
        { partitionId: 7, stale: false },
        { partitionId: 9, stale: true },
      ],
      partitionStatement: 'Not split: partition 9 is named only by what b told 5 min before its answer',
    });
  });

  it('is stale where only an earlier scan found it', () => {
    expect(networkOf([leader('a', 7), { ...leader('b', 9), earlier: true }])).toMatchObject({
      split: false,
      partitionStatement: 'Not split: partition 9 is known only from an earlier scan',
    });
  });

  it('is a split where two border routers that are online are in two', () => {
    const network = networkOf([], {
      borderRouters: [
        borderRouter('BR-1', { extAddress: ext('a'), role: 'leader', rloc16: '0x0400', partitionId: 7 }),
        borderRouter('BR-2', { extAddress: ext('b'), role: 'leader', rloc16: '0x0400', partitionId: 9 }),
      ],
    });
    expect(network).toMatchObject({
      split: true,
      partitionStatement: 'Split: partition 7 with 1 node, leader BR-1; partition 9 with 1 node, leader BR-2',
    });
  });

  it('is a split on the word of a border router that is online, though its own facts were read long ago', () => {
    const { split } = networkOf([leader('a', 7), leader('b', 9, { measured_ago_ms: 300_000 })], {
      borderRouters: [
        borderRouter('BR-2', { extAddress: ext('b'), role: 'leader', rloc16: '0x0400', partitionId: 9 }),
      ],
    });
    expect(split).toBe(true);
  });

  it('counts as it was last found in a network that this scan did not ask', () => {
    const nodes = [leader('a', 7), leader('b', 9)].map((node) => ({ ...node, earlier: true }));
    expect(networkOf(nodes).split).toBe(true);
  });

  it('needs no words where there is none', () => {
    expect(networkOf([leader('a', 7)])).not.toHaveProperty('partitionStatement');
  });
});
