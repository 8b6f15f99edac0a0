import { describe, expect, it } from 'vitest';
import {
  answered,
  borderRouter,
  ext,
  inputWith,
  networkKey,
  silent,
} from '../../test/fixtures/topology/observations.ts';
import type { Topology } from '../protocol/topology.ts';
import { buildTopology } from './build-topology.ts';
import { nothingKnown, rememberTopology } from './earlier-knowledge.ts';
import { TopologyBuilder } from './topology-builder.ts';
import type { BorderRouterDataset, TopologyBorderRouter } from './topology-input.ts';

const extPanId = 'dead00beef00cafe';
const otherPanId = '0123456789abcdef';
const meshLocal = 'fd0a:b:c:d::/64';
const offMesh = 'fd99::/64';

const dataset = (changes: Partial<BorderRouterDataset> = {}): BorderRouterDataset => ({
  ...{ extPanId, name: 'Home', panId: 1, channel: 15, meshLocalPrefix: meshLocal },
  ...changes,
});

const stock = (id: string, prefix: string | null, changes: Partial<TopologyBorderRouter> = {}) =>
  borderRouter(id, {
    networkKey: prefix ?? id,
    networkPrefix: prefix,
    network: dataset(),
    ...{ extAddress: ext('b'), rloc16: '0x0800', role: 'router', partitionId: 1 },
    ...changes,
  });

const router = (
  name: string,
  digit: number,
  changes: Parameters<typeof answered>[2] = {},
  routerIds: readonly number[] = [1, 2],
) =>
  answered(
    name,
    {
      ...{ role: 'router', rloc16: digit << 10, ext_addr: ext(String(digit)), ext_pan_id: extPanId },
      partition_id: 1,
      routes: routerIds.map((id) => ({ router_id: id, lq_in: 3, lq_out: 3, cost: 1 })),
    },
    changes,
  );

const placesOf = ({ networks, nodes }: Topology): unknown => [
  networks.map(({ key }) => key),
  ...nodes.map(({ brId, kind, name, network }) => [kind === 'border_router' ? brId : name, network]),
];

describe('a border router that says its extended PAN id', () => {
  it('is in that network, whatever prefix it has connected under since', () => {
    const nodes = [router('n1', 1, { networkKey: meshLocal })];
    const before = buildTopology(inputWith(nodes, { borderRouters: [stock('BR-1', meshLocal)] }));
    const earlier = rememberTopology(nothingKnown, before);
    const after = buildTopology(inputWith(nodes, { borderRouters: [stock('BR-1', offMesh)], earlier }));
    expect(placesOf(after)).toEqual([[extPanId], ['n1', extPanId], ['BR-1', extPanId]]);
    expect(after.networks[0]).toMatchObject({ extPanId, brIds: ['BR-1'], prefixes: [meshLocal, offMesh] });
    expect(after.nodes.map(({ id }) => id)).toEqual(before.nodes.map(({ id }) => id));
  });

  it('needs no prefix, and no answer of any node', () => {
    const topology = buildTopology(
      inputWith([silent('n1', { networkKey: 'fd01::/64' })], { borderRouters: [stock('BR-1', null)] }),
    );
    expect(placesOf(topology)).toEqual([[extPanId], ['BR-1', extPanId], ['n1', extPanId]]);
    expect(topology.networks[0]).toMatchObject({ extPanId });
  });

  it('brings in who is known under its prefix or its mesh-local one, though not asked through it', () => {
    const elsewhere = { borderRouterId: null, outcome: 'unreachable' as const };
    const topology = buildTopology(
      inputWith(
        [
          silent('by prefix', { ...elsewhere, networkKey: offMesh }),
          silent('mesh-local', { ...elsewhere, networkKey: meshLocal }),
          silent('stranger', { ...elsewhere, networkKey: 'fd77::/64' }),
        ],
        { borderRouters: [stock('BR-1', offMesh)] },
      ),
    );
    expect(new Map(topology.nodes.map(({ name, network }) => [name, network]))).toEqual(
      new Map([
        [null, extPanId],
        ['by prefix', extPanId],
        ['mesh-local', extPanId],
        ['stranger', 'fd77::/64'],
      ]),
    );
  });

  it('does not overrule what a node says of itself, nor another border router under the same prefix', () => {
    const topology = buildTopology(
      inputWith(
        [
          answered('n1', {
            ...{ role: 'router', rloc16: '0x0400', ext_addr: ext('1'), ext_pan_id: otherPanId },
          }),
          silent('n2'),
          silent('n3', { borderRouterId: 'BR-2' }),
        ],
        {
          borderRouters: [
            stock('BR-1', networkKey),
            stock('BR-2', networkKey, { extAddress: ext('c'), network: dataset({ extPanId: otherPanId }) }),
          ],
        },
      ),
    );
    expect(placesOf(topology)).toEqual([
      [otherPanId, extPanId],
      ...[
        ['n1', otherPanId],
        ['BR-2', otherPanId],
        ['n3', otherPanId],
      ],
      ...[
        ['BR-1', extPanId],
        ['n2', extPanId],
      ],
    ]);
  });

  it('is believed rather than one that is offline', () => {
    const moved = { network: dataset({ extPanId: otherPanId }), extAddress: ext('c') };
    const topology = buildTopology(
      inputWith([silent('n1', { borderRouterId: null })], {
        borderRouters: [
          stock('BR-1', networkKey),
          ...['BR-2', 'BR-3'].map((id) => stock(id, networkKey, { ...moved, online: false })),
        ],
      }),
    );
    expect(topology.nodes.find(({ name }) => name === 'n1')?.network).toBe(extPanId);
  });

  it('counts among the routers of the network, though nobody has read its tables', () => {
    const nodes = [1, 3].map((digit) => router(`n${digit}`, digit, { networkKey: meshLocal }));
    for (const [borderRouters, expected] of [
      [[stock('BR-1', offMesh)], { complete: true, expectedRouters: 3, answeredRouters: 3 }],
      [
        [stock('BR-1', offMesh, { online: false })],
        { complete: false, expectedRouters: 3, answeredRouters: 2 },
      ],
    ] as const)
      expect(buildTopology(inputWith(nodes, { borderRouters })).networks).toMatchObject([
        { completeness: expected },
      ]);
    // Where no table names it, its own word counts.
    const topology = buildTopology(
      inputWith([router('n1', 1, {}, [])], { borderRouters: [stock('BR-1', offMesh)] }),
    );
    expect(topology.networks).toMatchObject([{ completeness: { expectedRouters: 2, answeredRouters: 2 } }]);
  });

  it('joins what was built apart, in the step in which it says so', () => {
    const builder = new TopologyBuilder();
    const nodes = [
      router('n1', 1, { networkKey: meshLocal, borderRouterId: 'BR-2' }),
      silent('n2', { networkKey: offMesh }),
    ];
    const others = [stock('BR-2', meshLocal, { extAddress: ext('c'), rloc16: '0x0c00' })];
    for (const network of [null, dataset(), dataset({ extPanId: otherPanId }), dataset()]) {
      const step = inputWith(nodes, {
        borderRouters: [...others, stock('BR-1', offMesh, { network })],
        scan: { id: 'scan-1', startedAt: 0, final: false },
      });
      const built = builder.build(step);
      expect(built).toEqual(buildTopology(step));
      expect(built.nodes.find(({ name }) => name === 'n2')?.network).toBe(network?.extPanId ?? offMesh);
    }
  });
});
