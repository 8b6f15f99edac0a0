import { expect, test } from 'vitest';
import { nodeOf, topologyOf } from '../pages/network-map/test-support/topologies.ts';
import { withTopology } from './topology-knowledge.ts';

const settled = topologyOf([nodeOf('a')], [], { madeAt: 1_000 });
const partial = topologyOf([nodeOf('a')], [], { madeAt: 2_000, final: false, scanId: 'scan-2' });

test('keeps the last finished topology while partial ones come', () => {
  expect(withTopology(withTopology(null, settled, 'read'), partial, 'pushed')).toEqual({
    latest: partial,
    settled,
  });
});

test('does not take an answer that a pushed topology has overtaken', () => {
  const known = withTopology(null, partial, 'pushed');
  expect(withTopology(known, settled, 'read')).toEqual({ latest: partial, settled });
});

test('takes what is pushed even if the hub’s clock was set back', () => {
  const earlier = topologyOf([nodeOf('a')], [], { madeAt: 500 });
  expect(withTopology(withTopology(null, settled, 'read'), earlier, 'pushed').latest).toBe(earlier);
});

test('has nothing settled before the first scan', () => {
  const never = topologyOf([], [], { scanId: null });
  expect(withTopology(null, never, 'read')).toEqual({ latest: never, settled: null });
});
