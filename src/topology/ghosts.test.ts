import { describe, expect, it } from 'vitest';
import { answered, ext, inputWith, scanAt, silent } from '../../test/fixtures/topology/observations.ts';
import { buildTopology } from './build-topology.ts';
import { nothingKnown, rememberTopology } from './earlier-knowledge.ts';

const partition = { partition_id: 7 };
const routes = [
  { router_id: 1, cost: 1, lq_in: 0, lq_out: 0 },
  { router_id: 2, cost: 1, lq_in: 3, lq_out: 3 },
];
const router = (letter: string, rloc16: string, more: object = {}) =>
  answered(letter, { role: 'router', rloc16, ext_addr: ext(letter), ...partition, routes, ...more });

describe('ghosts', () => {
  it('takes a router off the map that only a neighbour entry of 201 s names', () => {
    const topology = buildTopology(
      inputWith([
        router('a', '0x0400', {
          neighbors: [
            { rloc16: '0x0800', ext_addr: ext('b'), rssi: -50, age: 3 },
            { rloc16: '0x2000', ext_addr: ext('f'), rssi: -70, age: 201 },
          ],
        }),
        router('b', '0x0800'),
      ]),
    );
    expect(topology.nodes.map(({ id }) => id)).toEqual([ext('a'), ext('b')]);
    expect(topology.links).toHaveLength(1);
    expect(topology.networks[0]).toMatchObject({
      completeness: { complete: true, expectedRouters: 2, statement: '2 of 2 routers answered' },
      ghosts: [
        {
          rloc16: '0x2000',
          extAddr: ext('f'),
          namedBy: [ext('a')],
          ageSeconds: 201,
          statement: `Only a still lists ${ext('f')}, last heard 201 s before`,
        },
      ],
    });
  });

  it('keeps it as missing where it is fresh, or a route table lists its router id', () => {
    const build = (age: number, routerIds: number[]) =>
      buildTopology(
        inputWith([
          router('a', '0x0400', {
            neighbors: [{ rloc16: '0x2000', ext_addr: ext('f'), rssi: -70, age }],
            routes: routerIds.map((id) => ({ router_id: id, cost: 1, lq_in: 0, lq_out: 0 })),
          }),
        ]),
      ).networks[0];
    for (const network of [build(200, [1]), build(900, [1, 8])]) {
      expect(network?.completeness.missingRouters).toMatchObject([{ id: ext('f'), rloc16: '0x2000' }]);
      expect(network).not.toHaveProperty('ghosts');
    }
  });

  it('makes no second device of an old entry whose place another device has now', () => {
    const topology = buildTopology(
      inputWith([
        router('a', '0x0400', { neighbors: [{ rloc16: '0x0800', ext_addr: ext('f'), rssi: -70, age: 150 }] }),
        router('b', '0x0800', { neighbors: [{ rloc16: '0x0400', ext_addr: ext('a'), rssi: -50, age: 1 }] }),
      ]),
    );
    expect(topology.nodes.map(({ id }) => id)).toEqual([ext('a'), ext('b')]);
    expect(topology.networks[0]?.ghosts).toMatchObject([{ extAddr: ext('f'), rloc16: '0x0800' }]);
  });

  it('has a child that two parents list once, at the parent that heard it last', () => {
    const child = (rloc16: string, age: number) => [
      { rloc16, ext_addr: ext('c'), rssi: -60, age, mode: '-' },
    ];
    const topology = buildTopology(
      inputWith([
        router('a', '0x0400', { children: child('0x0401', 190) }),
        router('b', '0x0800', { children: child('0x0805', 2) }),
      ]),
    );
    expect(topology.nodes).toHaveLength(3);
    expect(topology.nodes.find(({ id }) => id === ext('c'))).toMatchObject({
      rloc16: '0x0805',
      parentId: ext('b'),
    });
    expect(topology.links.filter(({ kind }) => kind === 'parent_child').map(({ id }) => id)).toEqual([
      `${ext('b')}|${ext('c')}`,
    ]);
    expect(topology.networks[0]?.ghosts).toMatchObject([
      {
        rloc16: '0x0401',
        extAddr: ext('c'),
        namedBy: [ext('a')],
        ageSeconds: 190,
        statement: '0x0805 is a child of b now, but the child table of a still lists it',
      },
    ]);
  });

  it('makes no link of the child entry of a device that routes itself now', () => {
    const topology = buildTopology(
      inputWith([
        router('a', '0x0400', {
          children: [{ rloc16: '0x0401', ext_addr: ext('b'), rssi: -60, age: 100, mode: 'rdn' }],
          routes: [routes[0]],
        }),
        router('b', '0x0800', { routes: [routes[1]] }),
      ]),
    );
    expect(topology.links).toEqual([]);
    expect(topology.networks[0]?.ghosts).toMatchObject([
      { statement: 'b is a router itself now, but the child table of a still lists it' },
    ]);
  });

  it('does not come back through what a silent neighbour once heard', () => {
    const before = buildTopology(
      inputWith([
        router('a', '0x0400'),
        router('b', '0x0800', { neighbors: [{ rloc16: '0x2000', ext_addr: ext('f'), rssi: -70, age: 5 }] }),
      ]),
    );
    const topology = buildTopology(
      inputWith(
        [
          router('a', '0x0400', {
            neighbors: [{ rloc16: '0x2000', ext_addr: ext('f'), rssi: -70, age: 300 }],
          }),
          silent('b', { extAddress: ext('b') }),
        ],
        { earlier: rememberTopology(nothingKnown, before), madeAt: scanAt + 400_000 },
      ),
    );
    expect(topology.nodes.map(({ id }) => id)).toEqual([ext('a'), ext('b')]);
    expect(topology.networks[0]?.ghosts).toMatchObject([{ extAddr: ext('f') }]);
  });
});
