import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asBorderRouterId, asExtAddress, type ExtAddress } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';
import { type NodeEntry, readNodeEntry } from './node-entries.ts';
import { mergeNodes, type NodeSources } from './node-merging.ts';
import type { StoredNode } from './node-store.ts';

const extX = asExtAddress('5339695e8f14acf6');
const extY = asExtAddress('1122334455667788');
const at = (last: number): Ipv6Address => `fd00::${last.toString(16)}` as Ipv6Address;

const entries = (values: Readonly<Record<string, unknown>>): Map<string, NodeEntry> =>
  new Map(Object.entries(values).map(([name, value]) => [name, readNodeEntry(name, value)]));

const seen = (
  last: number,
  extAddress: ExtAddress | null = null,
  name: string | null = null,
): StoredNode => ({
  origin: 'discovery',
  key: extAddress ?? at(last),
  name,
  ipv6: at(last),
  extAddress,
  borderRouterId: null,
});

const merge = (
  sources: Partial<Omit<NodeSources, 'discovered'>> & { discovered?: readonly StoredNode[] },
  limit = 100,
) => {
  const { discovered = [], ...rest } = sources;
  const all = { rest: new Map(), file: new Map(), learned: new Map(), ...rest };
  return mergeNodes({ ...all, discovered: new Map(discovered.map((node) => [node.key, node])) }, limit);
};
const nodesOf = (...parameters: Parameters<typeof merge>) => [...merge(...parameters).nodes.values()];

describe('mergeNodes', () => {
  it('sorts by name and keeps where each node is known from', () => {
    const nodes = nodesOf({
      file: entries({ b: 'fd00::1', a: 'fd00::2' }),
      rest: entries({ b: 'fd00::1', c: 'fd00::3' }),
      discovered: [seen(2), seen(4, extX)],
    });
    expect(nodes.map(({ name, origins }) => [name, origins])).toEqual([
      [extX, ['discovery']],
      ['a', ['file', 'discovery']],
      ['b', ['file', 'rest']],
      ['c', ['rest']],
    ]);
  });

  it('lets REST decide address and border router over the file', () => {
    const nodes = nodesOf({
      file: entries({ a: { ipv6: 'fd00::1', br_id: 'BR-1' }, b: { ipv6: 'fd00::2', br_id: 'BR-2' } }),
      rest: entries({ a: 'fd00::9' }),
    });
    expect(nodes).toMatchObject([
      { name: 'a', ipv6: 'fd00::9', borderRouterId: null },
      { name: 'b', ipv6: 'fd00::2', borderRouterId: asBorderRouterId('BR-2') },
    ]);
  });

  it('gives one address the name of the higher source', () => {
    const nodes = nodesOf({
      file: entries({ filed: 'fd00::1' }),
      rest: entries({ put: 'fd00::1' }),
      discovered: [seen(1, extX, 'seen')],
    });
    expect(nodes).toEqual([
      {
        name: 'put',
        ipv6: 'fd00::1',
        extAddress: extX,
        borderRouterId: null,
        origins: ['file', 'rest', 'discovery'],
      },
    ]);
  });

  it('joins a discovered address to the node that answered under another one, by extended address', () => {
    const apart = nodesOf({ file: entries({ a: 'fd00::1' }), discovered: [seen(2, extX)] });
    const joined = nodesOf({
      file: entries({ a: 'fd00::1' }),
      discovered: [seen(2, extX)],
      learned: new Map([[at(1), extX]]),
    });
    expect(apart).toHaveLength(2);
    expect(joined).toMatchObject([
      { name: 'a', ipv6: 'fd00::1', extAddress: extX, origins: ['file', 'discovery'] },
    ]);
  });

  it('joins nodes of the file and of REST by extended address, but leaves two names of one source alone', () => {
    const learned = new Map([
      [at(1), extX],
      [at(2), extX],
      [at(3), extX],
    ]);
    const nodes = nodesOf({
      rest: entries({ a: 'fd00::1', b: 'fd00::2' }),
      file: entries({ c: 'fd00::3' }),
      learned,
    });
    expect(nodes.map(({ name, origins }) => [name, origins])).toEqual([
      ['a', ['file', 'rest']],
      ['b', ['rest']],
    ]);
  });

  it('names a discovered node by what it is called, else its extended address, else its address', () => {
    const nodes = nodesOf({
      discovered: [seen(1, extX, 'lamp'), seen(2, extY), seen(0xabc)],
    });
    expect(nodes.map(({ name, ipv6 }) => [name, ipv6])).toEqual([
      [extY, 'fd00::2'],
      ['ip-0000000000000abc', 'fd00::abc'],
      ['lamp', 'fd00::1'],
    ]);
  });

  it('does not take a discovered name for proof that two nodes are one', () => {
    const nodes = nodesOf({
      file: entries({ lamp: 'fd00::1' }),
      discovered: [seen(2, extX, 'lamp'), seen(3, extY, 'lamp')],
    });
    expect(nodes.map(({ name, ipv6 }) => [name, ipv6])).toEqual([
      [extY, 'fd00::3'],
      [extX, 'fd00::2'],
      ['lamp', 'fd00::1'],
    ]);
  });

  it('leaves out the lowest sources beyond the limit, and says which', () => {
    const merged = merge(
      {
        rest: entries({ r: 'fd00::1' }),
        file: entries({ f: 'fd00::2', r: 'fd00::3', g: 'fd00::4' }),
        discovered: [seen(5), seen(2)],
      },
      2,
    );
    expect([...merged.nodes.keys()]).toEqual(['f', 'r']);
    expect(merged.leftOut).toEqual({ rest: [], file: ['g'], discovery: ['fd00::5'] });
  });

  it('gives the same list whatever the order of the records, asks no address twice, loses no record', () => {
    const last = fc.integer({ min: 1, max: 8 });
    const ext = fc.constantFrom<ExtAddress | null>(extX, extY, null);
    const name = fc.constantFrom('a', 'b', 'c', 'd');
    const source = fc.uniqueArray(fc.tuple(name, last), { selector: ([key]) => key }).map((pairs) => {
      const used = new Set<number>();
      return pairs.filter(([, address]) => !used.has(address) && used.add(address));
    });
    const records = fc.record({
      rest: source,
      file: source,
      discovered: fc.array(fc.tuple(last, ext, fc.option(name))),
      learned: fc.array(fc.tuple(last, fc.constantFrom(extX, extY))),
    });
    const build = (given: {
      rest: [string, number][];
      file: [string, number][];
      discovered: StoredNode[];
      learned: [number, ExtAddress][];
    }) =>
      merge({
        rest: entries(Object.fromEntries(given.rest.map(([key, address]) => [key, at(address)]))),
        file: entries(Object.fromEntries(given.file.map(([key, address]) => [key, at(address)]))),
        discovered: given.discovered,
        learned: new Map(given.learned.map(([address, extAddress]) => [at(address), extAddress])),
      });
    fc.assert(
      fc.property(records, ({ discovered, file, learned, rest }) => {
        const unique = [
          ...new Map(discovered.map((one) => seen(...one)).map((node) => [node.key, node])).values(),
        ];
        const merged = build({ rest, file, discovered: unique, learned });
        const again = build({
          rest: rest.toReversed(),
          file: file.toReversed(),
          discovered: unique.toReversed(),
          learned,
        });
        const nodes = [...merged.nodes.values()];
        expect([...again.nodes.values()]).toEqual(nodes);
        expect(new Set(nodes.map(({ ipv6 }) => ipv6)).size).toBe(nodes.length);
        expect(nodes.map(({ name: key }) => key)).toEqual(nodes.map(({ name: key }) => key).toSorted());
        for (const [key, address] of rest) expect(merged.nodes.get(key as never)?.ipv6).toBe(at(address));
        for (const address of [...rest, ...file].map(([, one]) => one))
          expect(merged.byIpv6.has(at(address))).toBe(true);
        for (const { ipv6 } of unique) expect(merged.byIpv6.has(ipv6)).toBe(true);
        for (const node of nodes) expect(node.origins.length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});
