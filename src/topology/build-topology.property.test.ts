import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseNetworkInfo, roles } from '../protocol/network-info.ts';
import { outcomes } from '../protocol/outcome.ts';
import { topologySchema } from '../protocol/topology.ts';
import { toWire } from '../protocol/wire.ts';
import { borderRouter, ext, inputWith, silent } from '../../test/fixtures/topology/observations.ts';
import { buildTopology } from './build-topology.ts';
import { diffTopologies, isSameTopology } from './diff-topologies.ts';
import { nothingKnown, rememberTopology } from './earlier-knowledge.ts';
import { exportTopology } from './export/export-topology.ts';
import { toTree } from './export/tree.ts';
import { TopologyBuilder } from './topology-builder.ts';
import type { TopologyBorderRouter, TopologyInput, TopologyObservation } from './topology-input.ts';

// Few values, so that addresses, places and partitions collide all the time.
const rloc16 = fc.constantFrom(
  '0x0000',
  '0x0001',
  '0x0002',
  '0x0400',
  '0x0401',
  '0x0800',
  '0x0801',
  '0x0c00',
);
const extAddress = fc.constantFrom(...['a', 'b', 'c', 'd', 'e'].map(ext));
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(value, { nil: undefined });
const measured = {
  rssi: optional(fc.integer({ min: -100, max: -20 })),
  lqi: optional(fc.integer({ min: 0, max: 3 })),
  link_margin: optional(fc.integer({ min: 0, max: 60 })),
};
const entry = fc.record({
  rloc16,
  ext_addr: optional(extAddress),
  age: optional(fc.constantFrom(0, 1, 2, 5, 150, 300)),
  mode: optional(fc.constantFrom('rdn', 'rn', '-')),
  ...measured,
});
const networkInfo = fc
  .record({
    role: fc.constantFrom(...roles),
    rloc16,
    ext_addr: optional(extAddress),
    partition_id: optional(fc.integer({ min: 1, max: 2 })),
    ext_pan_id: optional(fc.constantFrom(ext('1'), ext('2'))),
    parent: optional(fc.record({ rloc16: optional(rloc16), ext_addr: optional(extAddress), ...measured })),
    children: fc.array(entry, { maxLength: 3 }),
    neighbors: fc.array(entry, { maxLength: 4 }),
    routes: fc.array(
      fc.record({
        router_id: fc.integer({ min: 0, max: 4 }),
        lq_in: fc.integer({ min: 0, max: 3 }),
        lq_out: fc.integer({ min: 0, max: 3 }),
        cost: optional(fc.integer({ min: 0, max: 16 })),
        next_hop: optional(fc.integer({ min: 0, max: 4 })),
      }),
      { maxLength: 4 },
    ),
    told_by: optional(extAddress),
    measured_ago_ms: optional(fc.constantFrom(0, 3, 300_000)),
    ipv6_addresses: fc.constantFrom([], ['fd01::1'], ['fd01::1', 'fd01::2']),
    device: optional(
      fc.record({
        eui64: optional(fc.constantFrom(ext('1'), ext('2'))),
        hostname: optional(fc.constantFrom('x', 'y')),
        vendor_model: optional(fc.constantFrom('m1', 'm2')),
      }),
    ),
  })
  .map((value) => {
    const parsed = parseNetworkInfo(value);
    if (!parsed.ok) throw new Error(parsed.reason);
    return parsed.networkInfo;
  });
const networkKey = fc.constantFrom('fd01::/64', 'fd02::/64');
const observation: fc.Arbitrary<TopologyObservation> = fc
  .record({
    name: fc.constantFrom(...Array.from({ length: 12 }, (_, index) => `n${index}`)),
    extAddress: fc.option(extAddress),
    outcome: fc.constantFrom(null, 'answered' as const, 'answered' as const, ...outcomes),
    decidedAt: fc.integer({ min: 1, max: 5 }),
    networkInfo: fc.option(networkInfo),
    networkKey,
    borderRouterId: fc.constantFrom('BR-1', 'BR-2', 'BR-4', null),
  })
  .map((changes) => silent(changes.name, changes));
const observations = fc.uniqueArray(observation, { maxLength: 12, selector: (item) => item.name });
const borderRouters: fc.Arbitrary<TopologyBorderRouter[]> = fc.uniqueArray(
  fc
    .record({
      id: fc.constantFrom('BR-1', 'BR-2', 'BR-3'),
      online: fc.boolean(),
      extAddress: fc.option(extAddress),
      rloc16: fc.option(rloc16),
      role: fc.option(fc.constantFrom(...roles)),
      partitionId: fc.option(fc.integer({ min: 1, max: 2 })),
      networkKey,
      network: fc.option(
        fc.record({
          extPanId: fc.option(fc.constantFrom(ext('1'), ext('2'))),
          name: fc.option(fc.constantFrom('Home', '__proto__')),
          panId: fc.option(fc.integer({ min: 1, max: 2 })),
          channel: fc.option(fc.integer({ min: 11, max: 12 })),
          meshLocalPrefix: fc.option(fc.constantFrom('fd0a::/64', 'fd02::1/64', 'no prefix')),
        }),
      ),
    })
    .map(({ id, ...changes }) => borderRouter(id, changes)),
  { maxLength: 3, selector: (item) => item.id },
);
/** Earlier knowledge is what other random scans left. */
const input: fc.Arbitrary<TopologyInput> = fc
  .tuple(observations, borderRouters, fc.array(fc.tuple(observations, borderRouters), { maxLength: 2 }))
  .map(([nodes, routers, past]) => {
    let earlier = nothingKnown;
    for (const [index, [pastNodes, pastRouters]] of past.entries())
      earlier = rememberTopology(
        earlier,
        buildTopology(inputWith(pastNodes, { borderRouters: pastRouters, earlier, madeAt: 10 + index })),
      );
    return inputWith(nodes, { borderRouters: routers, earlier, madeAt: 20 });
  });

const runs = { numRuns: 400 };

describe('any topology', () => {
  it('is well formed: every expected node once, ids unique, ends and parents exist, partitions cover the nodes', () => {
    fc.assert(
      fc.property(input, (given) => {
        const topology = buildTopology(given);
        topologySchema.parse(toWire(topology));
        const ids = new Set(topology.nodes.map((node) => node.id));
        expect(ids.size).toBe(topology.nodes.length);

        const expectedNodes = topology.nodes.filter((node) => node.outcome !== null || node.ipv6 !== null);
        const names = expectedNodes.flatMap((node) => [node.name, ...(node.otherNames ?? [])]);
        const shown = topology.nodes.flatMap((node) => node.name ?? []);
        expect(new Set(shown).size).toBe(shown.length);
        expect(names.sort()).toEqual(given.nodes.map((node) => node.name).sort());
        const routers = topology.nodes.flatMap((node) => (node.kind === 'border_router' ? [node.brId] : []));
        const connected = topology.networks.flatMap(({ brIds }) => brIds);
        expect(connected.sort()).toEqual(given.borderRouters.map((item) => item.id).sort());
        // Two connections for one device are one node.
        expect(new Set(routers).size).toBe(routers.length);
        expect(connected).toEqual(expect.arrayContaining(routers));

        for (const link of topology.links) {
          expect(link.a < link.b).toBe(true);
          expect(ids.has(link.a) && ids.has(link.b)).toBe(true);
          expect(link.aHearsB.length + link.bHearsA.length).toBeGreaterThan(0);
        }
        const pairs = new Set(topology.links.map((link) => `${link.a} ${link.b}`));
        expect(pairs.size).toBe(topology.links.length);
        for (const node of topology.nodes) {
          if (node.parentId !== null) expect(ids.has(node.parentId)).toBe(true);
          expect(node.parentId).not.toBe(node.id);
          for (const namer of node.namedBy) expect(ids.has(namer)).toBe(true);
        }
        const members = topology.networks.flatMap((network) =>
          network.partitions.flatMap((partition) => partition.nodeIds),
        );
        expect(members.sort()).toEqual([...ids].sort());
        for (const { completeness } of topology.networks)
          expect(completeness.answeredRouters + completeness.missingRouters.length).toBe(
            completeness.expectedRouters,
          );
      }),
      runs,
    );
  });

  it('calls live only what a node of this scan reported', () => {
    fc.assert(
      fc.property(input, (given) => {
        const topology = buildTopology(given);
        const answered = new Set(
          topology.nodes.filter((node) => node.outcome === 'answered').map((node) => node.id),
        );
        for (const link of topology.links)
          for (const [receiver, evidence] of [
            [link.a, link.aHearsB],
            [link.b, link.bHearsA],
          ] as const)
            for (const item of evidence) {
              if (item.state === 'live') {
                expect(item.reporterId).toBe(receiver);
                expect(answered.has(item.reporterId)).toBe(true);
              }
              expect(item.ageMs).toBeGreaterThanOrEqual(0);
            }
      }),
      runs,
    );
  });

  it('does not depend on the order of its input', () => {
    fc.assert(
      fc.property(
        input.chain((given) =>
          fc.tuple(
            fc.constant(given),
            fc.shuffledSubarray([...given.nodes], { minLength: given.nodes.length }),
            fc.shuffledSubarray([...given.borderRouters], { minLength: given.borderRouters.length }),
            fc.shuffledSubarray([...given.earlier.nodes], { minLength: given.earlier.nodes.length }),
          ),
        ),
        ([given, nodes, routers, earlierNodes]) => {
          const shuffled = {
            ...given,
            nodes,
            borderRouters: routers,
            earlier: { ...given.earlier, nodes: earlierNodes },
          };
          expect(buildTopology(shuffled)).toEqual(buildTopology(given));
        },
      ),
      runs,
    );
  });

  it('differs in nothing from itself', () => {
    fc.assert(
      fc.property(input, (given) => {
        const topology = buildTopology(given);
        const diff = diffTopologies(topology, buildTopology(given));
        expect(isSameTopology(diff), JSON.stringify(diff)).toBe(true);
      }),
      runs,
    );
  });

  it('is remembered as plain JSON', () => {
    fc.assert(
      fc.property(input, (given) => {
        const earlier = rememberTopology(given.earlier, buildTopology(given));
        expect(JSON.parse(JSON.stringify(earlier))).toEqual(earlier);
      }),
      { numRuns: 100 },
    );
  });

  it('can be exported in every format and drawn as a tree with every node once', () => {
    fc.assert(
      fc.property(input, (given) => {
        const topology = buildTopology(given);
        for (const format of ['json', 'graphml', 'dot', 'csv', 'svg'] as const)
          expect(exportTopology(topology, format).body).not.toMatch(/undefined|NaN/);
        const branches = toTree(topology)
          .split('\n')
          .filter((line) => /[├└]─/.test(line));
        const partitions = topology.networks.flatMap((network) => network.partitions);
        expect(branches).toHaveLength(topology.nodes.length + partitions.length);
      }),
      { numRuns: 200 },
    );
  });
});

describe('a topology built step by step', () => {
  /** What two inputs that are put together may have in common. */
  type Shared = 'addresses' | 'names' | 'networks';
  const replaced = <Value>(value: Value, pattern: RegExp, text: string): Value =>
    JSON.parse(JSON.stringify(value).replaceAll(pattern, text)) as Value;
  /** The same input under other addresses, names and keys. */
  const elsewhere = (given: TopologyInput, shared: readonly Shared[]): TopologyInput => {
    let moved = replaced(given, /BR-/g, 'XR-');
    if (!shared.includes('networks')) moved = replaced(moved, /fd0/g, 'fd1');
    if (!shared.includes('networks'))
      moved = replaced(moved, /("extPanId":"|")0{15}([12]")/g, '$1ffffffffffffff0$2');
    if (!shared.includes('addresses')) moved = replaced(moved, /0{15}([a-e])/g, 'fffffffffffffff$1');
    const renamed = replaced(moved, /"(name:)?n(\d+)"/g, '"$1m$2"');
    // A name is borne once at a time.
    return shared.includes('names') ? { ...renamed, earlier: moved.earlier } : renamed;
  };
  const both = fc
    .tuple(input, input, fc.subarray<Shared>(['addresses', 'names', 'networks']))
    .map(([one, other, shared]): TopologyInput => {
      const second = elsewhere(other, shared);
      const known = new Set(one.earlier.nodes.map(({ id }) => id));
      return {
        ...one,
        nodes: [...one.nodes, ...second.nodes],
        borderRouters: [...one.borderRouters, ...second.borderRouters],
        earlier: {
          nodes: [...one.earlier.nodes, ...second.earlier.nodes.filter(({ id }) => !known.has(id))],
          evidence: [...one.earlier.evidence, ...second.earlier.evidence],
          networks: [...one.earlier.networks, ...second.earlier.networks],
        },
      };
    });
  const undecided = (node: TopologyObservation): TopologyObservation => ({
    ...node,
    outcome: null,
    decidedAt: null,
    networkInfo: null,
  });
  /** Each step: the order in which nodes are decided goes so far; the map is only prepared; the time. */
  const steps = fc.array(
    fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.boolean(), fc.constantFrom(20, 21, 5e7)),
    { maxLength: 4 },
  );

  it('is the same as one built at once, at every step', () => {
    fc.assert(
      fc.property(both, steps, (given, taken) => {
        const builder = new TopologyBuilder();
        const open = given.nodes.map(undecided);
        for (const [share, isPrepared, madeAt] of [...taken, [1, false, 30] as const]) {
          const final = share === 1 && !isPrepared;
          const count = Math.round(share * given.nodes.length);
          const nodes = given.nodes.map((node, index) => (index < count ? node : (open[index] ?? node)));
          const step = { ...given, nodes, madeAt, scan: { ...given.scan, final } };
          if (isPrepared) builder.prepare(step);
          else expect(builder.build(step)).toEqual(buildTopology(step));
        }
      }),
      runs,
    );
  });

  it('keeps what has not changed: nodes and links of other networks stay the same objects', () => {
    const answered = (name: string, networkKey: string, digit: string) =>
      silent(name, {
        outcome: 'answered',
        networkKey,
        borderRouterId: `BR-${digit}`,
        networkInfo: {
          ...parsed({ role: 'router', rloc16: '0x0400', ext_addr: ext(digit), neighbors: [neighbor(digit)] }),
        },
      });
    const parsed = (value: unknown) => {
      const result = parseNetworkInfo(value);
      if (!result.ok) throw new Error(result.reason);
      return result.networkInfo;
    };
    const neighbor = (digit: string) => ({ rloc16: '0x0800', ext_addr: ext(`${digit}0`), rssi: -50 });
    const builder = new TopologyBuilder();
    const one = answered('one', 'fd01::/64', '1');
    const other = answered('other', 'fd02::/64', '2');
    const partial = inputWith([one, undecided(other)], {});
    const before = builder.build({ ...partial, scan: { ...partial.scan, final: false } });
    const after = builder.build({ ...partial, nodes: [one, other], madeAt: partial.madeAt + 5 });
    const ofOne = ({ links, nodes }: typeof before) => [
      nodes.find(({ name }) => name === 'one'),
      links.find(({ a, b }) => a === ext('1') || b === ext('1')),
    ];
    expect(after.links).toHaveLength(2);
    for (const [index, kept] of ofOne(after).entries()) expect(kept).toBe(ofOne(before)[index]);
  });
});
