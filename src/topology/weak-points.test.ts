import { describe, expect, it } from 'vitest';
import type { Topology, WeakPoint } from '../protocol/topology.ts';
import { answered, borderRouter, ext, inputWith } from '../../test/fixtures/topology/observations.ts';
import { buildTopology } from './build-topology.ts';
import { maxCutOffListed } from './weak-points.ts';
import type { TopologyInput, TopologyObservation } from './topology-input.ts';

const rloc16 = (router: number): string => `0x${(router << 10).toString(16).padStart(4, '0')}`;

/** Routers that hear each other at −50 dBm, or as said: [one, other, dBm at one, dBm at the other]. */
function mesh(
  links: readonly (readonly [number, number, number?, number?])[],
  changes: Partial<TopologyInput> = {},
  children: readonly (readonly [number, number])[] = [],
): Topology {
  const routers = [...new Set(links.flatMap(([a, b]) => [a, b]))].sort((a, b) => a - b);
  const nodes = routers.map((router): TopologyObservation =>
    answered(`r${router}`, {
      role: router === 1 ? 'leader' : 'router',
      rloc16: rloc16(router),
      ext_addr: ext(String(router)),
      partition_id: 1,
      neighbors: links.flatMap(([a, b, atA = -50, atB = -50]) =>
        a === router
          ? [{ rloc16: rloc16(b), ext_addr: ext(String(b)), rssi: atA }]
          : b === router
            ? [{ rloc16: rloc16(a), ext_addr: ext(String(a)), rssi: atB }]
            : [],
      ),
      children: children.flatMap(([parent, child]) =>
        parent === router
          ? [{ rloc16: `0x${((parent << 10) + child).toString(16).padStart(4, '0')}`, rssi: -60 }]
          : [],
      ),
    }),
  );
  return buildTopology(inputWith(nodes, changes));
}

const dependencies = (topology: Topology): Pick<WeakPoint, 'kind' | 'severity' | 'statement'>[] =>
  topology.weakPoints
    .filter((point) => point.kind === 'articulation_node' || point.kind === 'bridge')
    .map(({ kind, severity, statement }) => ({ kind, severity, statement }));

describe('weak points', () => {
  it('name the node and the link on which others depend, seen from the border router', () => {
    // 1–2–3 and 3–4–5–3: the border router is 1.
    const topology = mesh(
      [
        [1, 2],
        [2, 3],
        [3, 4],
        [4, 5],
        [5, 3],
      ],
      { borderRouters: [borderRouter('BR-1', { extAddress: ext('1') })] },
    );
    expect(dependencies(topology)).toEqual([
      { kind: 'articulation_node', severity: 'warning', statement: 'Without r2, 3 nodes lose their path' },
      { kind: 'articulation_node', severity: 'warning', statement: 'Without r3, 2 nodes lose their path' },
      {
        kind: 'bridge',
        severity: 'warning',
        statement: 'Without the link between r1 and r2, 4 nodes lose their path',
      },
      {
        kind: 'bridge',
        severity: 'warning',
        statement: 'Without the link between r2 and r3, 3 nodes lose their path',
      },
    ]);
    expect(topology.weakPoints[0]?.cutOff).toEqual([ext('3'), ext('4'), ext('5')]);
  });

  it('take the smaller piece as lost where there is no border router, and keep the leader among equals', () => {
    const topology = mesh([
      [1, 2],
      [2, 3],
      [3, 4],
    ]);
    const lost = new Map(topology.weakPoints.map((point) => [point.nodeId ?? point.linkId, point.cutOff]));
    expect(lost.get(ext('2'))).toEqual([ext('1')]);
    expect(lost.get(`${ext('2')}|${ext('3')}`)).toEqual([ext('3'), ext('4')]);
  });

  it('are only information where nothing but children of the node depend on it', () => {
    const topology = mesh(
      [
        [1, 2],
        [2, 3],
        [3, 1],
      ],
      {},
      [
        [2, 1],
        [2, 2],
      ],
    );
    expect(dependencies(topology)).toEqual([
      {
        kind: 'articulation_node',
        severity: 'info',
        statement: 'Without r2, its 2 children must find another parent',
      },
    ]);
  });

  it('are links under the threshold, one-way links and asymmetric ones', () => {
    const topology = mesh([
      [1, 2, -91, -92],
      [2, 3, -60, -75],
      [3, 1],
    ]);
    expect(topology.weakPoints.map(({ kind, statement }) => [kind, statement])).toEqual([
      ['weak_link', 'The link between r1 and r2 has 8 dB of margin'],
      ['asymmetric_link', 'The directions between r2 and r3 differ by 15 dB'],
    ]);
    const stricter = mesh([[1, 2, -75, -75]], { thresholds: { weakLinkMarginDb: 30 } });
    expect(stricter.weakPoints.map((point) => point.kind)).toContain('weak_link');
  });

  it('say which end hears of a one-way link', () => {
    const topology = buildTopology(
      inputWith([
        answered('a', { role: 'router', rloc16: '0x0400', neighbors: [{ rloc16: '0x0800', rssi: -60 }] }),
        answered('b', { role: 'router', rloc16: '0x0800', neighbors: [{ rloc16: '0x0c00', rssi: -60 }] }),
      ]),
    );
    expect(topology.weakPoints.map((point) => point.statement)).toContain(
      'a hears b, but not the other way round',
    );
  });

  it('list no more ids than fit, but count all', () => {
    const length = 2 * maxCutOffListed + 200;
    // RLOC16s are scarcer than the nodes of this chain: only addresses tell them apart.
    const nodes = Array.from({ length }, (_, index) =>
      answered(`n${String(index).padStart(5, '0')}`, {
        role: 'router',
        rloc16: rloc16(index % 60),
        ext_addr: ext(index.toString(16)),
        partition_id: index,
        neighbors:
          index === 0 ? [] : [{ rloc16: rloc16((index - 1) % 60), ext_addr: ext((index - 1).toString(16)) }],
      }),
    );
    const topology = buildTopology(inputWith(nodes));
    const middle = topology.weakPoints.find((point) => point.nodeId === ext((length / 2).toString(16)));
    expect(middle?.cutOff).toHaveLength(maxCutOffListed);
    expect(middle?.statement).toBe(
      `Without n${String(length / 2).padStart(5, '0')}, ${length / 2 - 1} nodes lose their path`,
    );
  });

  it('name a link that loses a third of its frames in one direction, as a warning unless retries mend that', () => {
    const weak = (rates: object): readonly Pick<WeakPoint, 'kind' | 'severity' | 'statement'>[] => {
      const heard = (router: number) => ({
        rloc16: rloc16(router),
        ext_addr: ext(String(router)),
        rssi: -50,
      });
      const nodes = [1, 2].map((router) =>
        answered(`r${router}`, {
          role: router === 1 ? 'leader' : 'router',
          rloc16: rloc16(router),
          ext_addr: ext(String(router)),
          partition_id: 1,
          neighbors: [{ ...heard(3 - router), ...(router === 2 ? rates : {}) }],
        }),
      );
      return buildTopology(inputWith(nodes)).weakPoints.filter(({ kind }) => kind === 'weak_link');
    };
    expect(weak({ frame_error_rate: 0.29 })).toEqual([]);
    expect(weak({ frame_error_rate: 0.3 })).toMatchObject([
      { severity: 'warning', statement: '30 % of the frames from r2 to r1 are lost' },
    ]);
    expect(weak({ frame_error_rate: 0.35, message_error_rate: 0.2 })).toMatchObject([
      {
        severity: 'warning',
        statement: '35 % of the frames from r2 to r1 are lost, 20 % of the messages after retries',
      },
    ]);
    expect(weak({ frame_error_rate: 0.35, message_error_rate: 0.03 })).toMatchObject([{ severity: 'info' }]);
  });
});
