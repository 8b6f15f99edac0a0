import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answered, ext, inputWith, silent } from '../../test/fixtures/topology/observations.ts';
import { recordedAnswers } from '../../test/fixtures/topology/otbr-mesh.ts';
import { inputOf, scanFrom } from '../../test/fixtures/topology/recorded-mesh.ts';
import type { RouteTrace } from '../protocol/route-trace.ts';
import type { Topology } from '../protocol/topology.ts';
import { buildTopology } from './build-topology.ts';
import { routesOf } from './packed-routes.ts';
import { findTracedNode, traceRoute } from './trace-route.ts';
import type { TopologyObservation } from './topology-input.ts';

function trace(topology: Topology, from: string, to: string): RouteTrace {
  const [start, end] = [findTracedNode(topology, from), findTracedNode(topology, to)];
  if (start === null || end === null) throw new Error(`no ${from} or ${to}`);
  return traceRoute(topology, start, end);
}

/** Names along the way. */
function wayOf(topology: Topology, { fromId, hops }: RouteTrace): (string | null | undefined)[] {
  return [fromId, ...hops.map(({ toId }) => toId)].map(
    (id) => topology.nodes.find((node) => node.id === id)?.name,
  );
}

describe('a route over recorded tables', () => {
  const topology = buildTopology(inputOf(scanFrom(recordedAnswers(), 'otbr', Date.UTC(2026, 10, 20))));

  it('goes over the neighbours for which the costs add up, and says where two do', () => {
    const route = trace(topology, 'node-1', 'node-9');
    expect(wayOf(topology, route)).toEqual(['node-1', 'node-4', 'node-7', 'node-9']);
    expect(route).toMatchObject({
      complete: true,
      totalCost: 4,
      hops: [
        { evidence: 'derived', linkCost: 2, alsoPossible: [findTracedNode(topology, 'node-3')?.id] },
        { evidence: 'derived', linkCost: 1, alsoPossible: [] },
        { evidence: 'derived', linkCost: 1, alsoPossible: [] },
      ],
      problems: ['From node-1, node-3 would cost the same as node-4'],
      statement:
        'node-1 to node-9 in 3 hops, cost 4: node-1 → node-4 → node-7 → node-9; not the only way possible',
    });
  });

  it('takes a direct link of quality 1 where every way round costs more', () => {
    const route = trace(topology, 'node-8', 'node-9');
    expect(route).toMatchObject({ complete: true, totalCost: 4, hops: [{ linkCost: 4 }], problems: [] });
  });

  it('leads children over their parents', () => {
    const route = trace(topology, 'node-10', 'node-12');
    expect(wayOf(topology, route)).toEqual([
      'node-10',
      'node-5',
      'node-2',
      'node-3',
      'node-4',
      'node-7',
      'node-12',
    ]);
    expect(route.hops.map(({ evidence }) => evidence)).toEqual([
      'parent',
      'derived',
      'derived',
      'derived',
      'derived',
      'parent',
    ]);
    expect(route).toMatchObject({ complete: true, totalCost: 4 });
    expect(wayOf(topology, trace(topology, 'node-14', 'node-9'))).toEqual(['node-14', 'node-9']);
    expect(wayOf(topology, trace(topology, 'node-9', 'node-14'))).toEqual(['node-9', 'node-14']);
  });

  it('adds up to what the first router says, between any two of them', () => {
    const routers = topology.nodes.filter(({ routes }) => routes !== undefined);
    for (const from of routers)
      for (const to of routers) {
        const route = traceRoute(topology, from, to);
        expect(route.complete, route.statement).toBe(true);
        const told = routesOf(from)?.get(Number(to.rloc16) >> 10)?.cost;
        expect(route.totalCost).toBe(from === to ? 0 : told);
      }
  });
});

const row = (routerId: number, cost: number, quality = 0, nextHop?: number): object => ({
  router_id: routerId,
  cost,
  lq_in: quality,
  lq_out: quality,
  ...(nextHop === undefined ? {} : { next_hop: nextHop }),
});
const router = (id: number, routes: object[], partitionId = 7): TopologyObservation =>
  answered(`r${id}`, {
    role: 'router',
    rloc16: id << 10,
    ext_addr: ext(String(id)),
    partition_id: partitionId,
    routes,
  });

describe('a route', () => {
  it('uses the next hop that a router names, before any other', () => {
    const topology = buildTopology(
      inputWith([
        router(1, [row(2, 1, 3), row(3, 2, 0, 4), row(4, 1, 3)]),
        router(2, [row(1, 1, 3), row(3, 1, 3)]),
        router(3, [row(2, 1, 3), row(4, 1, 3)]),
        router(4, [row(1, 1, 3), row(3, 1, 3)]),
      ]),
    );
    const route = trace(topology, 'r1', 'r3');
    expect(wayOf(topology, route)).toEqual(['r1', 'r4', 'r3']);
    expect(route).toMatchObject({
      totalCost: 2,
      hops: [{ evidence: 'told', linkCost: 1 }, { evidence: 'derived' }],
    });
  });

  it('says so where tables lead in a circle', () => {
    const topology = buildTopology(
      inputWith([
        router(1, [row(2, 1, 3), row(3, 2, 0, 2)]),
        router(2, [row(1, 1, 3), row(3, 2, 0, 1)]),
        silent('r3', { extAddress: ext('3') }),
      ]),
    );
    const target = topology.nodes.find(({ rloc16 }) => rloc16 === '0x0c00');
    expect(trace(topology, 'r1', target?.id ?? '')).toMatchObject({
      complete: false,
      totalCost: null,
      problems: ['the tables lead in a circle, back to r1'],
    });
  });

  it('says so where costs do not add up, and goes on over the best', () => {
    const topology = buildTopology(
      inputWith([
        router(1, [row(2, 1, 3), row(3, 9)]),
        router(2, [row(1, 1, 3), row(3, 1, 3)]),
        router(3, [row(2, 1, 3)]),
      ]),
    );
    expect(trace(topology, 'r1', 'r3')).toMatchObject({
      complete: true,
      totalCost: 2,
      problems: ['r1 says that r3 costs 9, the tables of its neighbours add up to 2'],
    });
  });

  it('ends where a table is missing, and names the router that told none', () => {
    const topology = buildTopology(
      inputWith([
        router(1, [row(2, 1, 3), row(3, 2)]),
        silent('r2', { extAddress: ext('2') }),
        router(3, [row(2, 1, 3), row(1, 2)]),
      ]),
    );
    const route = trace(topology, 'r1', 'r3');
    expect(route).toMatchObject({ complete: false, hops: [] });
    expect(route.problems).toEqual(['no neighbour of r1 tells a route to r3; 0x0800 told no route table']);
  });

  it('ends at the border of a partition', () => {
    const topology = buildTopology(inputWith([router(1, [row(2, 1, 3)], 7), router(2, [row(1, 1, 3)], 9)]));
    expect(trace(topology, 'r1', 'r2')).toMatchObject({
      complete: false,
      problems: ['r2 is in another partition or network'],
    });
  });

  it('ends for any tables, and visits no router twice', () => {
    const table = fc.array(
      fc.record({ id: fc.nat(8), cost: fc.nat(16), quality: fc.nat(3), nextHop: fc.option(fc.nat(9)) }),
      { maxLength: 9 },
    );
    fc.assert(
      fc.property(fc.array(table, { minLength: 2, maxLength: 9 }), (tables) => {
        const topology = buildTopology(
          inputWith(
            tables.map((rows, id) =>
              router(
                id,
                rows.map((item) => row(item.id, item.cost, item.quality, item.nextHop ?? undefined)),
              ),
            ),
          ),
        );
        const route = trace(topology, 'r0', 'r1');
        const visited = [route.fromId, ...route.hops.map(({ toId }) => toId)];
        if (route.complete) {
          expect(new Set(visited).size).toBe(visited.length);
          expect(visited.at(-1)).toBe(route.toId);
        } else expect(route.problems).not.toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
