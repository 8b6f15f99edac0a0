import { describe, expect, it } from 'vitest';
import type { Topology, TopologyLink, TopologyNode } from '../protocol/topology.ts';
import {
  answered,
  borderRouter,
  ext,
  inputWith,
  networkKey,
  scanAt,
  silent,
} from '../../test/fixtures/topology/observations.ts';
import { buildTopology } from './build-topology.ts';
import { type EarlierKnowledge, nothingKnown, rememberTopology } from './earlier-knowledge.ts';
import type { TopologyInput, TopologyObservation } from './topology-input.ts';

const build = (nodes: readonly TopologyObservation[], changes: Partial<TopologyInput> = {}): Topology =>
  buildTopology(inputWith(nodes, changes));

const node = (topology: Topology, id: string): TopologyNode => {
  const found = topology.nodes.find((candidate) => candidate.id === id || candidate.name === id);
  if (found === undefined)
    throw new Error(`no node ${id} among ${topology.nodes.map((item) => item.id).join()}`);
  return found;
};

const link = (topology: Topology, a: string, b: string): TopologyLink | undefined => {
  const ids = [node(topology, a).id, node(topology, b).id].sort();
  return topology.links.find((candidate) => candidate.a === ids[0] && candidate.b === ids[1]);
};

/** Knowledge after one scan of these nodes, a minute before. */
const after = (
  nodes: readonly TopologyObservation[],
  changes: Partial<TopologyInput> = {},
): EarlierKnowledge =>
  rememberTopology(
    nothingKnown,
    build(
      nodes.map((item) => ({ ...item, decidedAt: (item.decidedAt ?? 0) - 60_000 })),
      { madeAt: scanAt - 54_000, ...changes },
    ),
  );

const partition = { partition_id: 7 };

describe('who is who', () => {
  it('knows a node by its extended address, else by network and RLOC16, else by name', () => {
    const topology = build([
      answered('known', { role: 'router', rloc16: '0x0400', ext_addr: ext('a') }),
      answered('placed', { role: 'router', rloc16: '0x0800' }),
      silent('unknown'),
    ]);
    expect(topology.nodes.map(({ name, id }) => [name, id])).toEqual([
      ['known', ext('a')],
      ['placed', `${networkKey}/0x0800`],
      ['unknown', 'name:unknown'],
    ]);
  });

  it('keeps router id 0 apart from no RLOC16', () => {
    const topology = build([
      answered('zero', { role: 'router', rloc16: '0x0000', ...partition }),
      answered('child', { role: 'child', rloc16: '0x0001', ...partition }),
    ]);
    expect(node(topology, 'child').parentId).toBe(node(topology, 'zero').id);
  });

  it('shows a node that only tables name as inferred, with who names it', () => {
    const topology = build([
      answered('router', {
        role: 'router',
        rloc16: '0x0400',
        ext_addr: ext('a'),
        neighbors: [{ rloc16: '0x0800', ext_addr: ext('b'), rssi: -60 }],
        children: [{ rloc16: '0x0401', ext_addr: ext('c'), mode: '-', rssi: -70 }],
      }),
    ]);
    expect(node(topology, ext('b'))).toMatchObject({
      state: 'inferred',
      role: 'router',
      outcome: null,
      name: null,
      namedBy: [ext('a')],
    });
    expect(node(topology, ext('c'))).toMatchObject({ role: 'sleepy_child', parentId: ext('a') });
  });

  it('shows a silent registered node that neighbours name once, with its place from their tables', () => {
    const topology = build([
      answered('router', {
        role: 'router',
        rloc16: '0x0400',
        neighbors: [{ rloc16: '0x0800', ext_addr: ext('b'), rssi: -60 }],
      }),
      silent('lamp', { extAddress: ext('B') }),
    ]);
    expect(topology.nodes).toHaveLength(2);
    expect(node(topology, 'lamp')).toMatchObject({
      id: ext('b'),
      state: 'silent',
      role: 'router',
      rloc16: '0x0800',
      stale: false,
    });
  });

  it('recognises a silent node by the place where it last answered, when tables give only that', () => {
    const earlier = after([
      answered('lamp', { role: 'router', rloc16: '0x8400', ext_addr: ext('b'), ...partition }),
    ]);
    const topology = build(
      [
        answered('leader', {
          role: 'leader',
          rloc16: '0x0400',
          ...partition,
          routes: [{ router_id: 33, lq_in: 0, lq_out: 0 }],
        }),
        silent('lamp'),
      ],
      { earlier },
    );
    expect(topology.nodes.map((item) => item.id)).toContain(ext('b'));
    expect(topology.nodes).toHaveLength(2);
    expect(topology.networks[0]?.completeness.statement).toBe(
      '1 of 2 routers answered; lamp (0x8400) silent, last seen 13:59 UTC',
    );
  });

  it('learns the extended address of an answer that tells none from its neighbours', () => {
    const topology = build([
      answered('a', {
        role: 'router',
        rloc16: '0x0400',
        ...partition,
        neighbors: [{ rloc16: '0x0800', ext_addr: ext('b') }],
      }),
      answered('b', { role: 'router', rloc16: '0x0800', ...partition }),
    ]);
    expect(topology.nodes).toHaveLength(2);
    expect(node(topology, 'b')).toMatchObject({ id: ext('b'), extAddr: ext('b'), state: 'answered' });
  });

  it('takes two registered names of one device as one node', () => {
    const info = { role: 'router', rloc16: '0x0400', ext_addr: ext('a') };
    const topology = build([
      answered('by-ml-eid', info, { decidedAt: scanAt + 50 }),
      answered('by-omr', info),
      silent('by-old-address', { extAddress: ext('a') }),
    ]);
    expect(topology.nodes).toEqual([
      expect.objectContaining({ name: 'by-omr', otherNames: ['by-ml-eid', 'by-old-address'] }),
    ]);
    expect(topology.outcomes).toMatchObject({ answered: 2, timed_out: 1 });
  });

  it('does not take another device at the same RLOC16 for a node that has moved', () => {
    const topology = build([
      answered('old-table', {
        role: 'router',
        rloc16: '0x0400',
        ...partition,
        neighbors: [{ rloc16: '0x0800', ext_addr: ext('b') }],
      }),
      answered('moved', { role: 'router', rloc16: '0x0c00', ext_addr: ext('b'), ...partition }),
      answered('newcomer', { role: 'router', rloc16: '0x0800', ...partition }),
    ]);
    expect(node(topology, 'moved')).toMatchObject({ id: ext('b'), rloc16: '0x0c00' });
    expect(node(topology, 'newcomer').id).toBe(`${networkKey}/0x0800`);
    expect(link(topology, 'old-table', 'moved')?.state).toBe('live');
  });

  it('does not take the new holder of a router id for the node that answered from elsewhere', () => {
    const earlier = after([
      answered('b', { role: 'router', rloc16: '0x0800', ext_addr: ext('b'), ...partition }),
    ]);
    const topology = build(
      [
        answered('a', {
          role: 'leader',
          rloc16: '0x0400',
          ...partition,
          routes: [{ router_id: 2, lq_in: 3, lq_out: 3 }],
        }),
        answered('b', { role: 'router', rloc16: '0x0c00', ext_addr: ext('b'), ...partition }),
      ],
      { earlier },
    );
    expect(node(topology, `${networkKey}/0x0800`)).toMatchObject({ state: 'inferred', role: 'router' });
    expect(link(topology, 'a', 'b')).toBeUndefined();
  });

  it('gives no place to a device whose place another one has taken', () => {
    const topology = build([
      answered('a', {
        role: 'leader',
        rloc16: '0x0400',
        neighbors: [{ rloc16: '0x0800', ext_addr: ext('f'), rssi: -50 }],
      }),
      answered('b', { role: 'router', rloc16: '0x0800', ext_addr: ext('b') }),
    ]);
    expect(node(topology, ext('f'))).toMatchObject({ state: 'inferred', rloc16: null, role: null });
    expect(topology.networks[0]?.completeness.missingRouters).toEqual([]);
  });

  it('knows that an end device which only a neighbour names has a parent', () => {
    const topology = build([
      answered('a', {
        role: 'leader',
        rloc16: '0x0400',
        neighbors: [{ rloc16: '0x0c05', ext_addr: ext('c'), rssi: -50 }],
      }),
    ]);
    expect(node(topology, ext('c')).parentId).toBe(`${networkKey}/0x0c00`);
    expect(topology.networks[0]?.completeness.missingRouters).toMatchObject([{ rloc16: '0x0c00' }]);
  });

  it('says of an answered node who links to it, of a silent one also who merely routes to it', () => {
    const routes = [1, 2, 3].map((id) => ({ router_id: id, lq_in: id === 2 ? 3 : 0, lq_out: 0 }));
    const topology = build([
      answered('a', { role: 'leader', rloc16: '0x0400', ext_addr: ext('a'), routes }),
      answered('b', {
        role: 'router',
        rloc16: '0x0800',
        ext_addr: ext('b'),
        routes: [{ router_id: 1, lq_in: 0, lq_out: 0 }],
      }),
    ]);
    expect(node(topology, 'a').namedBy).toEqual([]);
    expect(node(topology, 'b').namedBy).toEqual([ext('a')]);
    expect(node(topology, `${networkKey}/0x0c00`).namedBy).toEqual([ext('a')]);
  });

  it('keeps equal RLOC16s of two networks and of two partitions apart', () => {
    const info = (partitionId: number) => ({
      role: 'router',
      rloc16: '0x0400',
      partition_id: partitionId,
      neighbors: [{ rloc16: '0x0800', rssi: -50 }],
    });
    const topology = build([
      answered('one', info(1)),
      answered('two', info(2)),
      answered('elsewhere', info(1), { networkKey: 'fd99::/64' }),
    ]);
    const inferred = topology.nodes.filter((item) => item.state === 'inferred');
    expect(inferred.map((item) => item.namedBy)).toEqual([
      [node(topology, 'one').id],
      [node(topology, 'two').id],
      [node(topology, 'elsewhere').id],
    ]);
    expect(new Set(topology.nodes.map((item) => item.id)).size).toBe(6);
  });

  it('counts prefixes that turn out to be one Thread network as one', () => {
    const topology = build(
      [
        answered(
          'a',
          { role: 'router', rloc16: '0x0400', ext_pan_id: ext('ff') },
          { networkKey: 'fd01::/64' },
        ),
        answered(
          'b',
          { role: 'router', rloc16: '0x0800', ext_pan_id: ext('ff') },
          { networkKey: 'fd02::/64' },
        ),
        silent('c', { networkKey: 'fd02::/64' }),
      ],
      { borderRouters: [borderRouter('BR-1', { networkKey: 'fd01::/64', networkPrefix: 'fd01::/64' })] },
    );
    expect(topology.networks).toEqual([
      expect.objectContaining({
        key: ext('ff'),
        extPanId: ext('ff'),
        prefixes: ['fd01::/64', 'fd02::/64'],
        brIds: ['BR-1'],
      }),
    ]);
  });

  it('shows a border router that is also an asked node once', () => {
    const topology = build([answered('br-node', { role: 'leader', rloc16: '0x0400', ext_addr: ext('a') })], {
      borderRouters: [
        borderRouter('BR-1', { extAddress: ext('A') }),
        borderRouter('BR-2', { rloc16: '0x0800' }),
      ],
    });
    expect(topology.nodes).toHaveLength(2);
    expect(node(topology, 'br-node')).toMatchObject({ kind: 'border_router', brId: 'BR-1' });
    expect(node(topology, `${networkKey}/0x0800`)).toMatchObject({
      brId: 'BR-2',
      state: 'answered',
      role: 'router',
    });
  });

  it('shows a border router once that two agents read, and the one that is online speaks for it', () => {
    const device = { extAddress: ext('a'), rloc16: '0x0400', role: 'leader' } as const;
    const borderRouters = [
      borderRouter('BR-1', { ...device, online: false }),
      borderRouter('BR-2', device),
      borderRouter('BR-3', { rloc16: '0x0400', online: false }),
    ];
    const topology = build([], { borderRouters: borderRouters.slice(0, 2) });
    expect(topology.nodes).toMatchObject([{ id: ext('a'), brId: 'BR-2', state: 'answered' }]);
    expect(topology.networks[0]?.brIds).toEqual(['BR-1', 'BR-2']);
    // A place alone may have had another device.
    expect(node(build([], { borderRouters }), 'br:BR-3')).toMatchObject({ state: 'silent' });
  });

  it('shows a border router that has told nothing of itself, but expects no router there', () => {
    const topology = build([answered('a', { role: 'leader', rloc16: '0x0400' })], {
      borderRouters: [borderRouter('BR-1')],
    });
    expect(node(topology, 'br:BR-1')).toMatchObject({ kind: 'border_router', role: null });
    expect(topology.networks[0]?.completeness.expectedRouters).toBe(1);
  });
});

describe('links', () => {
  const pair = (a: object, b: object): Topology =>
    build([
      answered('a', { role: 'router', rloc16: '0x0400', ext_addr: ext('a'), ...a }),
      answered('b', { role: 'router', rloc16: '0x0800', ext_addr: ext('b'), ...b }),
    ]);
  const hears = (digits: string, values: object) => ({
    neighbors: [{ rloc16: digits === 'a' ? '0x0400' : '0x0800', ext_addr: ext(digits), ...values }],
  });

  it('hold what each end measured of the other', () => {
    const topology = pair(hears('b', { rssi: -60, link_margin: 38 }), hears('a', { rssi: -66 }));
    expect(link(topology, 'a', 'b')).toMatchObject({
      aHearsB: [{ reporterId: ext('a'), source: 'neighbor_table', state: 'live', rssi: -60, linkMargin: 38 }],
      bHearsA: [{ reporterId: ext('b'), rssi: -66, linkMargin: null }],
      linkMargin: 34,
      oneWay: false,
      asymmetric: false,
    });
  });

  it('are asymmetric from 10 dB on', () => {
    expect(link(pair(hears('b', { rssi: -60 }), hears('a', { rssi: -69 })), 'a', 'b')?.asymmetric).toBe(
      false,
    );
    expect(link(pair(hears('b', { rssi: -60 }), hears('a', { rssi: -70 })), 'a', 'b')?.asymmetric).toBe(true);
  });

  it('are one way only where both ends have a table and one of them lacks the other', () => {
    const other = { neighbors: [{ rloc16: '0x0c00', rssi: -50 }] };
    expect(link(pair(hears('b', { rssi: -60 }), other), 'a', 'b')?.oneWay).toBe(true);
    expect(link(pair(hears('b', { rssi: -60 }), {}), 'a', 'b')?.oneWay).toBe(false);
    const withSilentEnd = build([
      answered('a', { role: 'router', rloc16: '0x0400', ...hears('b', { rssi: -60 }) }),
      silent('b', { extAddress: ext('b') }),
    ]);
    expect(link(withSilentEnd, 'a', 'b')?.oneWay).toBe(false);
  });

  it('take the word of the receiver, not what the other end says it hears', () => {
    const topology = pair(
      { routes: [{ router_id: 2, lq_in: 3, lq_out: 3 }] },
      { routes: [{ router_id: 1, lq_in: 0, lq_out: 0 }] },
    );
    expect(link(topology, 'a', 'b')).toMatchObject({ aHearsB: [{ lqi: 3 }], bHearsA: [], oneWay: true });
  });

  it('come from Route64 with its incoming quality as measured and its outgoing one as inferred', () => {
    const topology = build([
      answered('a', {
        role: 'router',
        rloc16: '0x0400',
        ext_addr: ext('a'),
        routes: [{ router_id: 2, lq_in: 3, lq_out: 1 }],
      }),
      silent('b', { extAddress: ext('b') }),
      answered('c', {
        role: 'router',
        rloc16: '0x0c00',
        neighbors: [{ rloc16: '0x0800', ext_addr: ext('b') }],
      }),
    ]);
    expect(link(topology, 'a', 'b')).toMatchObject({
      state: 'live',
      aHearsB: [{ source: 'route64', state: 'live', lqi: 3 }],
      bHearsA: [{ source: 'route64', state: 'inferred', lqi: 1, reporterId: ext('a') }],
      lqi: 1,
    });
  });

  it('do not come from a Route64 entry without a direct link', () => {
    const topology = pair({ routes: [{ router_id: 2, lq_in: 0, lq_out: 0, next_hop: 5, cost: 2 }] }, {});
    expect(topology.links).toEqual([]);
  });

  it('do not join a router and an end device that is not its child', () => {
    const topology = build([
      answered('a', { role: 'router', rloc16: '0x0400', ...hears('c', { rloc16: '0x0801', rssi: -50 }) }),
      answered('b', {
        role: 'router',
        rloc16: '0x0800',
        children: [{ rloc16: '0x0801', ext_addr: ext('c'), rssi: -40 }],
      }),
    ]);
    expect(topology.links.map((item) => item.kind)).toEqual(['parent_child']);
    expect(node(topology, ext('c'))).toMatchObject({ parentId: node(topology, 'b').id, role: 'child' });
    expect(node(topology, ext('c')).namedBy).toHaveLength(2);
  });

  it('between parent and child come from the child, the parent, or the RLOC16 alone', () => {
    const child = { role: 'child', rloc16: '0x0401', ext_addr: ext('c') };
    const parent = { role: 'router', rloc16: '0x0400', ext_addr: ext('a') };
    const told = build([
      answered('p', parent),
      answered('c', { ...child, parent: { rloc16: '0x0400', rssi: -50 } }),
    ]);
    expect(link(told, 'p', 'c')?.bHearsA).toMatchObject([{ source: 'parent', state: 'live', rssi: -50 }]);
    const listed = build([
      answered('p', { ...parent, children: [{ rloc16: '0x0401', ext_addr: ext('c'), rssi: -55 }] }),
      answered('c', child),
    ]);
    expect(link(listed, 'p', 'c')?.aHearsB).toMatchObject([
      { source: 'child_table', state: 'live', rssi: -55 },
    ]);
    const implied = build([answered('c', child)]);
    expect(implied.links).toMatchObject([{ state: 'inferred', kind: 'parent_child', linkMargin: null }]);
    expect(node(implied, `${networkKey}/0x0400`)).toMatchObject({ state: 'inferred', role: 'router' });
  });

  it('leave an old parent whose child table still lists a child that has moved', () => {
    const topology = build([
      answered('old', {
        role: 'router',
        rloc16: '0x0400',
        children: [{ rloc16: '0x0401', ext_addr: ext('c'), rssi: -80 }],
      }),
      answered('new', { role: 'router', rloc16: '0x0800' }),
      answered('child', {
        role: 'child',
        rloc16: '0x0801',
        ext_addr: ext('c'),
        parent: { rloc16: '0x0800' },
      }),
    ]);
    expect(node(topology, 'child').parentId).toBe(node(topology, 'new').id);
    expect(link(topology, 'old', 'child')).toBeUndefined();
    const newParentUnknown = build([
      answered('old', {
        role: 'router',
        rloc16: '0x0400',
        children: [{ rloc16: '0x0401', ext_addr: ext('c'), rssi: -80 }],
      }),
      answered('child', { role: 'child', rloc16: '0x0801', ext_addr: ext('c') }),
    ]);
    expect(node(newParentUnknown, 'child').parentId).toBe(`${networkKey}/0x0800`);
  });
});

describe('silent nodes', () => {
  const mesh = (): TopologyObservation[] => [
    answered('a', {
      role: 'leader',
      rloc16: '0x0400',
      ext_addr: ext('a'),
      ...partition,
      neighbors: [{ rloc16: '0x0800', ext_addr: ext('b'), rssi: -60 }],
    }),
    answered('b', {
      role: 'router',
      rloc16: '0x0800',
      ext_addr: ext('b'),
      ...partition,
      neighbors: [{ rloc16: '0x0400', ext_addr: ext('a'), rssi: -62 }],
      children: [{ rloc16: '0x0801', ext_addr: ext('c'), rssi: -70 }],
    }),
    answered('c', { role: 'child', rloc16: '0x0801', ext_addr: ext('c'), ...partition }),
  ];

  it('keep their last known place and links, marked stale with their age', () => {
    const topology = build([silent('a'), silent('b'), silent('c')], { earlier: after(mesh()) });
    expect(node(topology, 'c')).toMatchObject({
      id: ext('c'),
      state: 'silent',
      stale: true,
      rloc16: '0x0801',
      parentId: ext('b'),
      lastSeenAt: scanAt + 100 - 60_000,
    });
    expect(topology.links).toHaveLength(2);
    expect(link(topology, 'a', 'b')).toMatchObject({
      state: 'stale',
      aHearsB: [{ state: 'stale', rssi: -60, ageMs: 6_000 + 60_000 - 100 }],
      linkMargin: 38,
    });
    expect(link(topology, 'b', 'c')).toMatchObject({
      aHearsB: [{ source: 'child_table', state: 'stale', rssi: -70 }],
      bHearsA: [],
    });
    expect(topology.weakPoints).toEqual([]);
    expect(topology.networks[0]).toMatchObject({
      split: false,
      partitions: [{ stale: true, leaderId: ext('a') }],
    });
  });

  it('bring back the unregistered neighbours that they last named', () => {
    const [a, b] = mesh();
    if (a === undefined || b === undefined) throw new Error('no mesh');
    const topology = build([silent('b')], { earlier: after([a, b]) });
    expect(node(topology, ext('c'))).toMatchObject({ state: 'inferred', stale: true, parentId: ext('b') });
  });

  it('lose what answered neighbours no longer say of them', () => {
    const [, b, c] = mesh();
    if (b === undefined || c === undefined) throw new Error('no mesh');
    const alone = answered('b', {
      role: 'router',
      rloc16: '0x0800',
      ext_addr: ext('b'),
      ...partition,
      neighbors: [{ rloc16: '0x0c00', rssi: -40 }],
    });
    const topology = build([silent('a'), alone, c], { earlier: after(mesh()) });
    expect(link(topology, 'a', 'b')).toMatchObject({ state: 'stale', aHearsB: [{ rssi: -60 }], bHearsA: [] });
  });

  it('that were refused, unreadable or undecided are told apart in the statement', () => {
    const routes = [1, 2, 3].map((id) => ({ router_id: id, lq_in: 0, lq_out: 0 }));
    const earlier = after([
      answered('refuser', { role: 'router', rloc16: '0x0800', ...partition }),
      answered('garbler', { role: 'router', rloc16: '0x0c00', ...partition }),
    ]);
    const nodes = [
      answered('a', { role: 'leader', rloc16: '0x0400', ...partition, routes }),
      silent('refuser', { outcome: 'refused' }),
      silent('garbler', { outcome: 'malformed' }),
    ];
    expect(build(nodes, { earlier }).networks[0]?.completeness.statement).toBe(
      '1 of 3 routers answered; garbler (0x0c00) answered unreadably, last seen 13:59 UTC; refuser (0x0800) refused, last seen 13:59 UTC',
    );
    const running = build([...nodes, silent('later', { outcome: null })], {
      earlier,
      scan: { id: 's', startedAt: scanAt, final: false },
    });
    expect(running.networks[0]?.completeness).toMatchObject({
      complete: false,
      statement: '1 of 3 routers answered so far',
    });
  });
});

describe('completeness', () => {
  it('tells a router that its border router had no way to ask from a silent one', () => {
    const routes = [1, 2, 3].map((id) => ({ router_id: id, lq_in: 0, lq_out: 0 }));
    const earlier = after([
      answered('full', { role: 'router', rloc16: '0x0800', ...partition }),
      answered('dead', { role: 'router', rloc16: '0x0c00', ...partition }),
    ]);
    const nodes = [
      answered('a', { role: 'leader', rloc16: '0x0400', ...partition, routes }),
      silent('full', {
        outcome: 'refused',
        error: 'router 0x0800 could not be asked, though 0x0400 names it: the border router does not list it',
      }),
      silent('dead', { error: 'router 0x0c00 stayed silent, though 0x0400 names it' }),
    ];
    expect(build(nodes, { earlier }).networks[0]?.completeness.statement).toBe(
      '1 of 3 routers answered; dead (0x0c00) silent, last seen 13:59 UTC; full (0x0800) could not be asked through BR-1, last seen 13:59 UTC',
    );
  });

  it('expects every router id that a live Route64 names, even without a path to it', () => {
    const topology = build([
      answered('a', {
        role: 'leader',
        rloc16: '0x0400',
        ...partition,
        routes: [
          { router_id: 1, lq_in: 0, lq_out: 0 },
          { router_id: 33, lq_in: 0, lq_out: 0 },
        ],
      }),
    ]);
    expect(topology.networks[0]?.completeness).toMatchObject({
      proved: true,
      complete: false,
      expectedRouters: 2,
      missingRouters: [{ rloc16: '0x8400', namedBy: [node(topology, 'a').id], lastSeenAt: null }],
      statement: '1 of 2 routers answered; 0x8400 silent, never answered',
    });
  });

  it('is not proved without a Route64 from this scan', () => {
    const topology = build([
      answered('a', { role: 'leader', rloc16: '0x0400', neighbors: [{ rloc16: '0x0800', rssi: -50 }] }),
      answered('b', { role: 'router', rloc16: '0x0800', neighbors: [{ rloc16: '0x0400', rssi: -50 }] }),
    ]);
    expect(topology.networks[0]?.completeness).toMatchObject({
      proved: false,
      complete: true,
      statement: '2 of 2 routers answered; not proved, no route table came in this scan',
    });
  });

  it('is proved only where each partition sent a Route64', () => {
    const routes = [{ router_id: 1, lq_in: 0, lq_out: 0 }];
    const split = (second: object): boolean | undefined =>
      build([
        answered('a', { role: 'leader', rloc16: '0x0400', partition_id: 1, routes }),
        answered('b', { role: 'leader', rloc16: '0x0400', partition_id: 2, ...second }),
      ]).networks[0]?.completeness.proved;
    expect(split({})).toBe(false);
    expect(split({ routes })).toBe(true);
  });

  it('counts a border router that is online as answered, and one that is offline as missing', () => {
    const nodes = [answered('a', { role: 'leader', rloc16: '0x0400', neighbors: [{ rloc16: '0x0800' }] })];
    const place = { rloc16: '0x0800', role: 'router' } as const;
    const online = build(nodes, { borderRouters: [borderRouter('BR-1', place)] });
    expect(online.networks[0]?.completeness).toMatchObject({ expectedRouters: 2, answeredRouters: 2 });
    const offline = build(nodes, { borderRouters: [borderRouter('BR-1', { ...place, online: false })] });
    expect(offline.networks[0]?.completeness.missingRouters).toHaveLength(1);
    expect(offline.networks[0]?.completeness.statement).toContain('BR-1 (0x0800) silent');
  });

  it('keeps expecting a registered router that its neighbours have forgotten', () => {
    const earlier = after([
      answered('b', { role: 'router', rloc16: '0x0800', ext_addr: ext('b'), ...partition }),
    ]);
    const topology = build(
      [
        answered('a', { role: 'leader', rloc16: '0x0400', ...partition, routes: [{ router_id: 1 }] }),
        silent('b'),
      ],
      { earlier },
    );
    expect(topology.networks[0]?.completeness).toMatchObject({ expectedRouters: 2, answeredRouters: 1 });
  });

  it('gives the date where a router was last seen more than a day ago', () => {
    const earlier = rememberTopology(
      nothingKnown,
      build([answered('b', { role: 'router', rloc16: '0x0800' }, { decidedAt: scanAt - 2 * 86_400_000 })], {
        madeAt: scanAt - 2 * 86_400_000,
      }),
    );
    expect(build([silent('b')], { earlier }).networks[0]?.completeness.statement).toContain(
      'b (0x0800) silent, last seen 2026-01-03 14:00 UTC',
    );
  });
});

describe('partitions', () => {
  it('are split where two are alive in one network, or two leaders', () => {
    const two = build([
      answered('a', { role: 'leader', rloc16: '0x0400', partition_id: 1 }),
      answered('b', { role: 'leader', rloc16: '0x0800', partition_id: 2 }),
    ]);
    expect(two.networks[0]).toMatchObject({
      split: true,
      partitions: [
        { partitionId: 1, leaderId: node(two, 'a').id },
        { partitionId: 2, leaderId: node(two, 'b').id },
      ],
    });
    const leaders = build([
      answered('a', { role: 'leader', rloc16: '0x0400' }),
      answered('b', { role: 'leader', rloc16: '0x0800' }),
    ]);
    expect(leaders.networks[0]?.split).toBe(true);
  });

  it('are not split by what a silent node said earlier, nor by a detached device', () => {
    const earlier = after([
      answered('b', { role: 'leader', rloc16: '0x0800', ext_addr: ext('b'), partition_id: 1 }),
    ]);
    const topology = build(
      [
        answered('a', { role: 'leader', rloc16: '0x0400', partition_id: 2 }),
        silent('b'),
        answered('c', { role: 'detached', rloc16: '0x0c00', partition_id: 3 }),
      ],
      { earlier },
    );
    expect(topology.networks[0]).toMatchObject({
      split: false,
      partitions: [
        { partitionId: 2, stale: false },
        { partitionId: 1, stale: true },
      ],
    });
    expect(topology.orphanIds).toEqual([node(topology, 'c').id]);
  });

  it('take a border router answer of this scan before its older heartbeat', () => {
    const topology = build(
      [answered('a', { role: 'leader', rloc16: '0x0400', ext_addr: ext('a'), partition_id: 2 })],
      {
        borderRouters: [borderRouter('BR-1', { extAddress: ext('a'), partitionId: 1 })],
      },
    );
    expect(topology.networks[0]?.split).toBe(false);
  });

  it('keep a silent leader as leader until another one answers', () => {
    const table = { neighbors: [{ rloc16: '0x0400', ext_addr: ext('a') }] };
    const earlier = after([
      answered('a', { role: 'leader', rloc16: '0x0400', ext_addr: ext('a'), ...partition }),
    ]);
    const before = build(
      [silent('a'), answered('b', { role: 'router', rloc16: '0x0800', ...partition, ...table })],
      { earlier },
    );
    expect(node(before, 'a')).toMatchObject({ role: 'leader', stale: true });
    const elected = build(
      [silent('a'), answered('b', { role: 'leader', rloc16: '0x0800', ...partition, ...table })],
      { earlier },
    );
    expect(node(elected, 'a')).toMatchObject({ role: 'router', stale: false });
  });
});

describe('orphans', () => {
  it('are nodes that answered without any current link', () => {
    const topology = build([
      answered('a', { role: 'leader', rloc16: '0x0400', neighbors: [{ rloc16: '0x0800', rssi: -50 }] }),
      answered('b', { role: 'router', rloc16: '0x0800' }),
      answered('lost', { role: 'router', rloc16: '0x0c00' }),
      silent('silent'),
    ]);
    expect(topology.orphanIds).toEqual([node(topology, 'lost').id]);
    expect(topology.weakPoints).toContainEqual(
      expect.objectContaining({ kind: 'orphan', nodeId: node(topology, 'lost').id }),
    );
  });

  it('are not claimed where firmware tells no tables at all', () => {
    const topology = build([
      answered('a', { role: 'leader', rloc16: '0x0400' }),
      answered('b', { role: 'router', rloc16: '0x0800' }),
    ]);
    expect(topology.orphanIds).toEqual([]);
  });
});
