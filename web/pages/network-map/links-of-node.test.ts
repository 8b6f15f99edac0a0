import { expect, test } from 'vitest';
import type { LinkEvidence } from '../../../src/protocol/topology.ts';
import { displayedMap } from './displayed-map.ts';
import { directionsOf, linksOf } from './links-of-node.ts';
import { linkOf, nodeOf, topologyOf } from './test-support/topologies.ts';

const evidence = (reporterId: string, changes: Partial<LinkEvidence>): LinkEvidence => ({
  ...{ reporterId, source: 'neighbor_table', state: 'live', reportedAt: 1_000, ageMs: 0 },
  ...{ rssi: -60, linkMargin: 30, lqi: 3, frameErrorRate: null, messageErrorRate: null },
  ...changes,
});

test('losses belong to the way of those who send, not to the signal that they hear', () => {
  const link = linkOf('a', 'b', {
    aHearsB: [evidence('a', { frameErrorRate: 0.2, messageErrorRate: 0.1 })],
    bHearsA: [evidence('b', { rssi: -70 })],
  });
  const latest = topologyOf([nodeOf('a'), nodeOf('b')], [link]);
  const [view] = linksOf(displayedMap({ latest, settled: latest }), 'a');
  if (view === undefined) throw new Error('no link');
  expect(directionsOf(view)).toMatchObject([
    { label: 'hears it', evidence: { rssi: -60 }, losses: null },
    { label: 'is heard', evidence: { rssi: -70 }, losses: { frames: 0.2, messages: 0.1 } },
  ]);
});

test('losses are told of a way whose signal nobody reports', () => {
  const link = linkOf('a', 'b', { bHearsA: [evidence('b', { frameErrorRate: 0 })] });
  const latest = topologyOf([nodeOf('a'), nodeOf('b')], [link]);
  const [view] = linksOf(displayedMap({ latest, settled: latest }), 'a');
  if (view === undefined) throw new Error('no link');
  expect(directionsOf(view)[0]).toEqual({
    label: 'hears it',
    evidence: null,
    losses: { frames: 0, messages: null },
  });
});
