import { expect, test } from 'vitest';
import { displayedMap, isBlank, labelOf, networkLabel } from './displayed-map.ts';
import { linkOf, networkOf, nodeOf, topologyOf } from './test-support/topologies.ts';

test('shows a finished topology as it is', () => {
  const topology = topologyOf([nodeOf('a'), nodeOf('b', { state: 'silent', outcome: 'timed_out' })]);
  const map = displayedMap({ latest: topology, settled: topology });
  expect(map.nodes.map((node) => [node.id, node.shown])).toEqual([
    ['a', 'answered'],
    ['b', 'silent'],
  ]);
  expect(map.counts).toEqual({ answered: 1, silent: 1, inferred: 0, waiting: 0 });
});

test('does not call a node silent before the running scan has decided about it', () => {
  const latest = topologyOf([nodeOf('a', { state: 'silent', outcome: null })], [], { final: false });
  expect(displayedMap({ latest, settled: null }).nodes[0]?.shown).toBe('waiting');
});

test('calls an undecided node of a finished topology silent', () => {
  const latest = topologyOf([nodeOf('a', { state: 'silent', outcome: null })]);
  expect(displayedMap({ latest, settled: null }).nodes[0]?.shown).toBe('silent');
});

test('calls a router silent that route tables prove and that told nothing, once the scan is over', () => {
  const completeness = {
    ...networkOf('net-1').completeness,
    missingRouters: [
      { id: 'dead', name: null, rloc16: '0xb400', outcome: null, namedBy: ['a'], lastSeenAt: null },
    ],
  };
  const nodes = ['dead', 'child'].map((id) => nodeOf(id, { state: 'inferred', outcome: null }));
  const latest = topologyOf(nodes, [], { networks: [networkOf('net-1', { completeness })] });
  const map = displayedMap({ latest, settled: latest });
  expect(map.nodes.map((node) => node.shown)).toEqual(['silent', 'inferred']);
  expect(map.counts).toMatchObject({ silent: 1, inferred: 1 });
  const partial = displayedMap({ latest: { ...latest, final: false }, settled: null });
  expect(partial.nodeById.get('dead')?.shown).toBe('inferred');
});

test('calls networks by the names that their border routers tell, and tells those of one name apart', () => {
  const networks = [
    networkOf('n1', { brIds: ['BR-1', 'BR-2'] }),
    networkOf('n2', { brIds: ['BR-3'] }),
    networkOf('n3', { brIds: ['BR-4'] }),
    networkOf('n4', { brIds: ['BR-5'] }),
  ];
  const latest = topologyOf([nodeOf('a', { network: 'n1' })], [], { networks });
  const names = new Map([
    ['BR-2', 'Home'],
    ['BR-3', 'Shed'],
    ['BR-4', 'Home'],
    ['BR-5', ''],
  ]);
  const map = displayedMap({ latest, settled: latest }, names);
  expect(map.networks.map(networkLabel)).toEqual(['Home (n1::/64)', 'Shed', 'Home (n3::/64)', 'n4::/64']);
});

test('keeps the nodes of the last map in view, as waiting and stale, until the running scan names them', () => {
  const settled = topologyOf([nodeOf('a'), nodeOf('b')]);
  const latest = topologyOf([nodeOf('a')], [], { final: false });
  const map = displayedMap({ latest, settled });
  expect(map.nodeById.get('b')).toMatchObject({ shown: 'waiting', stale: true });
  expect(map.nodeById.get('a')).toMatchObject({ shown: 'answered', stale: false });
});

test('does not show a node twice whose address became known in the running scan', () => {
  const settled = topologyOf([nodeOf('name:lamp', { name: 'lamp', state: 'silent', outcome: 'timed_out' })]);
  const latest = topologyOf([nodeOf('4e3c91f5aa0821b7', { name: 'lamp' })], [], { final: false });
  expect(displayedMap({ latest, settled }).nodes.map((node) => node.id)).toEqual(['4e3c91f5aa0821b7']);
});

test('drops the nodes of the last map once the scan is over', () => {
  const settled = topologyOf([nodeOf('a'), nodeOf('b')]);
  const latest = topologyOf([nodeOf('a')]);
  expect(displayedMap({ latest, settled }).nodes).toHaveLength(1);
});

test('a node that only its neighbours have named so far keeps what the last map knew of it', () => {
  const settled = topologyOf([nodeOf('a', { role: 'router', batteryMillivolts: 3_000 })]);
  const latest = topologyOf(
    [nodeOf('a', { name: null, state: 'inferred', outcome: null, role: null, namedBy: ['b'] })],
    [],
    { final: false },
  );
  expect(displayedMap({ latest, settled }).nodeById.get('a')).toMatchObject({
    shown: 'waiting',
    name: 'a',
    role: 'router',
    batteryMillivolts: 3_000,
    namedBy: ['b'],
    stale: true,
  });
});

test('shows links of waiting nodes as stale, and drops those between nodes that answered without them', () => {
  const nodes = [nodeOf('a'), nodeOf('b'), nodeOf('c')];
  const settled = topologyOf(nodes, [linkOf('a', 'b'), linkOf('b', 'c')]);
  const latest = topologyOf([nodeOf('a'), nodeOf('b')], [], { final: false });
  const { links } = displayedMap({ latest, settled });
  expect(links.map((link) => [link.id, link.state])).toEqual([['b|c', 'stale']]);
});

test('shows the weak points of the last finished map while a scan runs', () => {
  const weakPoint = {
    kind: 'orphan',
    severity: 'info',
    nodeId: 'a',
    linkId: null,
    cutOff: [],
    statement: 'a has no link',
  } as const;
  const settled = topologyOf([nodeOf('a')], [], { weakPoints: [{ ...weakPoint, cutOff: [] }] });
  const latest = topologyOf([nodeOf('a')], [], { final: false });
  expect(displayedMap({ latest, settled }).weakPoints).toHaveLength(1);
  expect(displayedMap({ latest, settled: null }).weakPoints).toHaveLength(0);
});

test.each([
  [nodeOf('x', { name: 'lamp', rloc16: '0x8400' }), 'lamp'],
  [nodeOf('x', { name: null, rloc16: '0x8400' }), '0x8400'],
  [nodeOf('x', { name: null, kind: 'border_router', brId: 'BR-001', rloc16: '0x8400' }), 'BR-001'],
  [nodeOf('x', { name: 'aa21', extAddr: 'aa21', kind: 'border_router', brId: 'BR-001' }), 'BR-001'],
  [nodeOf('x', { name: 'attic', extAddr: 'aa21', kind: 'border_router', brId: 'BR-001' }), 'attic'],
  [nodeOf('x', { name: null, brId: 'BR-001', extAddr: '4e3c91f5aa0821b7' }), '…0821b7'],
  [nodeOf('net-1/0x8400', { name: null }), 'net-1/0x8400'],
])('calls a node by the best that is known of it (%#)', (node, label) => {
  expect(labelOf(node)).toBe(label);
});

test('has nothing to see in border routers alone, until a scan has been', () => {
  const nodes = [nodeOf('br', { kind: 'border_router', brId: 'BR-001' })];
  const blank = (changes: Parameters<typeof topologyOf>[2], more = nodes) =>
    isBlank(displayedMap({ latest: topologyOf(more, [], changes), settled: null }));
  expect(blank({ scanId: null })).toBe(true);
  expect(blank({ scanId: null }, [...nodes, nodeOf('a')])).toBe(false);
  expect(blank({ scanId: 'scan-1' })).toBe(false);
  expect(blank({ scanId: 'scan-1' }, [])).toBe(true);
});
