import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryNodeStore } from '../../test/support/memory-stores.ts';
import { StoreError } from '../errors.ts';
import { FactBus } from '../facts.ts';
import type { SeenNode } from '../protocol/border-router-messages.ts';
import { asBorderRouterId, asExtAddress } from '../protocol/ids.ts';
import { type Ipv6Address, parseIpv6Prefix } from '../protocol/ipv6.ts';
import { readNodeEntry } from './node-entries.ts';
import { maxNodes, NodeRegistry } from './node-registry.ts';

const extX = asExtAddress('5339695e8f14acf6');
const extY = asExtAddress('1122334455667788');
const ip = (text: string): Ipv6Address => text as Ipv6Address;
const borderRouter = asBorderRouterId('BR-001');
const seen = (ipv6: string | null, fields: Partial<SeenNode> = {}): SeenNode => ({
  ipv6,
  extAddress: null,
  rloc16: null,
  name: null,
  networkInfo: null,
  ...fields,
});
const fileOf = (values: Readonly<Record<string, unknown>>) =>
  Object.entries(values).map(([name, value]) => readNodeEntry(name, value));

describe('NodeRegistry', () => {
  let clock: FakeClock;
  let store: MemoryNodeStore;
  let counts: number[];
  let storeErrors: unknown[];
  let registry: NodeRegistry;

  const createRegistry = async (): Promise<NodeRegistry> => {
    const facts = new FactBus({
      onListenerError: (_name, error) => {
        throw error;
      },
    });
    facts.on('nodes:changed', ({ count }) => void counts.push(count));
    const made = new NodeRegistry({
      store,
      facts,
      clock,
      onStoreError: (error) => void storeErrors.push(error),
      networkPrefixOf: (id) => (id === borderRouter ? parseIpv6Prefix('fd00::/64') : null),
    });
    await made.load();
    return made;
  };
  const restart = async (): Promise<void> => {
    await registry.close();
    registry = await createRegistry();
  };
  const summary = () =>
    registry.list().map(({ ipv6, name, origins }) => `${name} ${ipv6} ${origins.join('+')}`);

  beforeEach(async () => {
    clock = new FakeClock();
    store = new MemoryNodeStore();
    counts = [];
    storeErrors = [];
    registry = await createRegistry();
  });

  it('tells of what border routers report in a storm once a second, and shows it at once', async () => {
    for (let time = 0; time < 100; time += 1) {
      registry.noteSeen(borderRouter, [seen(`fd00::${time + 1}`)]);
      await clock.advance(50);
    }
    expect(registry.list()).toHaveLength(100);
    await clock.advance(1_000);
    // At 0.1, 1.1, 2.1, 3.1, 4.1 and 5.1 s, after the empty list of the start.
    expect(counts).toHaveLength(7);
    expect(counts.at(-1)).toBe(100);
    expect(clock.pending).toBe(0);
  });

  describe('over REST', () => {
    it('keeps a node over a restart, in canonical form', async () => {
      const put = await registry.put('lamp', { ipv6: 'FD00:0::1', br_id: 'BR-001' });
      expect(put).toEqual({
        name: 'lamp',
        ipv6: 'fd00::1',
        extAddress: null,
        borderRouterId: 'BR-001',
        origins: ['rest'],
      });
      await restart();
      expect(registry.get('lamp')).toEqual(put);
      expect(counts).toEqual([0, 1, 1]);
    });

    it('replaces a node of the same name whole', async () => {
      await registry.put('lamp', { ipv6: 'fd00::1', br_id: 'BR-001' });
      await registry.put('lamp', { ipv6: 'fd00::2' });
      expect(registry.list()).toMatchObject([{ name: 'lamp', ipv6: 'fd00::2', borderRouterId: null }]);
    });

    it.each([
      ['', 'fd00::1', undefined, 'node_invalid', /empty/],
      [' \u00a0', 'fd00::1', undefined, 'node_invalid', /empty/],
      ['a\nb', 'fd00::1', undefined, 'node_invalid', /control/],
      ['\ud800', 'fd00::1', undefined, 'node_invalid', /control/],
      ['n'.repeat(32), 'fd00::1', undefined, 'node_limit_exceeded', /32 bytes.*31/],
      ['ñ'.repeat(16), 'fd00::1', undefined, 'node_limit_exceeded', /32 bytes.*31/],
      ['a', 'fd00::zz', undefined, 'node_invalid', /"fd00::zz"/],
      ['a', 'fe80::1%eth0', undefined, 'node_invalid', /%eth0/],
      ['a', 'ff03::1', undefined, 'node_invalid', /one node/],
      ['a', 'fd00::1', 'BR 1', 'node_invalid', /"BR 1"/],
    ])(
      'refuses the name %j with the address %j and the border router %j',
      async (name, ipv6, id, code, text) => {
        const put = registry.put(name, id === undefined ? { ipv6 } : { ipv6, br_id: id });
        await expect(put).rejects.toMatchObject({ name: 'NodeError', code });
        await expect(registry.put(name, id === undefined ? { ipv6 } : { ipv6, br_id: id })).rejects.toThrow(
          text,
        );
        expect(registry.list()).toEqual([]);
      },
    );

    it('takes a name of exactly 31 bytes', async () => {
      await registry.put('n'.repeat(31), { ipv6: 'fd00::1' });
      expect(registry.list()).toHaveLength(1);
    });

    it('refuses an address that another REST node has, also where both are put at once', async () => {
      const both = await Promise.allSettled([
        registry.put('a', { ipv6: 'fd00::1' }),
        registry.put('b', { ipv6: 'FD00:0::1' }),
      ]);
      expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
      await expect(registry.put('b', { ipv6: 'fd00::1' })).rejects.toMatchObject({ code: 'node_conflict' });
      await expect(registry.put('b', { ipv6: 'fd00::1' })).rejects.toThrow('"a" has it');
      await registry.put('a', { ipv6: 'fd00::2' });
      await registry.put('b', { ipv6: 'fd00::1' });
      expect(registry.list()).toHaveLength(2);
    });

    it('changes nothing where the store fails', async () => {
      store.failWith = new StoreError('store_full', 'no room');
      await expect(registry.put('a', { ipv6: 'fd00::1' })).rejects.toMatchObject({ code: 'store_full' });
      await expect(registry.importNodes({ a: 'fd00::1' })).rejects.toMatchObject({ code: 'store_full' });
      expect(registry.list()).toEqual([]);
      store.failWith = null;
      await registry.put('a', { ipv6: 'fd00::1' });
      expect(registry.list()).toHaveLength(1);
    });

    it('removes for good', async () => {
      await registry.put('a', { ipv6: 'fd00::1' });
      expect(await registry.remove('a')).toBeNull();
      expect(registry.list()).toEqual([]);
      await restart();
      expect(registry.list()).toEqual([]);
      await expect(registry.remove('a')).rejects.toMatchObject({ code: 'node_not_found' });
    });

    it('leaves the list that it handed out as it was', async () => {
      const before = registry.list();
      await registry.put('a', { ipv6: 'fd00::1' });
      expect(before).toEqual([]);
      expect(registry.list()).toBe(registry.list());
    });
  });

  describe('with a file', () => {
    it('shows what REST leaves of a file node, and does not remove what only the file has', async () => {
      registry.replaceFileNodes(fileOf({ a: 'fd00::1', b: 'fd00::2' }));
      await registry.put('a', { ipv6: 'fd00::9' });
      expect(summary()).toEqual(['a fd00::9 file+rest', 'b fd00::2 file']);
      expect(await registry.remove('a')).toMatchObject({ name: 'a', ipv6: 'fd00::1', origins: ['file'] });
      await expect(registry.remove('a')).rejects.toMatchObject({ code: 'node_read_only' });
      await expect(registry.remove('b')).rejects.toThrow('node file');
    });

    it('goes with what the file says now', () => {
      registry.replaceFileNodes(fileOf({ a: 'fd00::1', b: 'fd00::2' }));
      expect(registry.replaceFileNodes(fileOf({ b: 'fd00::2', c: 'fd00::3' }))).toEqual({
        accepted: 2,
        problems: [],
      });
      expect(summary()).toEqual(['b fd00::2 file', 'c fd00::3 file']);
      expect(counts.at(-1)).toBe(2);
    });
  });

  describe('importing', () => {
    it('takes the good entries beside those that are there, and reports the others', async () => {
      await registry.put('old', { ipv6: 'fd00::1' });
      const report = await registry.importNodes({
        new: { ipv6: 'fd00::2', br_id: 'BR-001' },
        bad: 'nowhere',
        twin: 'fd00::1',
        again: 'fd00::2',
        old: 'fd00::3',
      });
      expect(report.accepted).toBe(2);
      expect(report.problems).toEqual([
        '"bad" has "nowhere", which is not an IPv6 address',
        expect.stringContaining('"old" has it'),
        expect.stringContaining('"new" has it'),
      ]);
      await restart();
      expect(summary()).toEqual(['new fd00::2 rest', 'old fd00::3 rest']);
    });

    it('writes once, however many nodes there are', async () => {
      const many = Object.fromEntries(
        Array.from({ length: 500 }, (_, index) => [`n${index}`, `fd00::${index.toString(16)}:1`]),
      );
      expect(await registry.importNodes(many)).toEqual({ accepted: 500, problems: [] });
      expect(store.writes).toBe(1);
    });

    it('refuses what is no object', async () => {
      for (const value of [null, [], 'x', 7])
        await expect(registry.importNodes(value)).rejects.toMatchObject({ code: 'node_invalid' });
    });
  });

  describe('discovering', () => {
    it('takes what a border router sees, at once and over a restart, until it is removed', async () => {
      registry.noteSeen(borderRouter, [seen('fd00::1', { extAddress: extX, name: 'lamp' }), seen('fd00::2')]);
      const expected = ['ip-0000000000000002 fd00::2 discovery', 'lamp fd00::1 discovery'];
      expect(summary()).toEqual(expected);
      await clock.advance(2_000);
      await restart();
      expect(summary()).toEqual(expected);
      await registry.remove('lamp');
      await restart();
      expect(summary()).toEqual([expected[0]]);
    });

    it('skips addresses that are no node’s or do not stay with it', () => {
      const useless = [
        null,
        'nonsense',
        '::',
        '::1',
        'fe80::1',
        'febf::1',
        'ff03::1',
        'fd00::ff:fe00:a000',
        'fd00::ff:fe00:fc00',
        '::ffff:10.0.0.1',
      ];
      expect(
        registry.noteSeen(
          borderRouter,
          useless.map((ipv6) => seen(ipv6, { extAddress: extX })),
        ),
      ).toEqual({
        added: 0,
        problems: [],
      });
      expect(registry.list()).toEqual([]);
    });

    it('makes a node name the border router only where no prefix leads to it', () => {
      registry.noteSeen(borderRouter, [
        seen('fd00::1', { name: 'inside' }),
        seen('fd01::1', { name: 'outside' }),
      ]);
      registry.noteSeen(asBorderRouterId('BR-no-prefix'), [seen('fd00::2', { name: 'lost' })]);
      expect(registry.list().map(({ borderRouterId, name }) => [name, borderRouterId])).toEqual([
        ['inside', null],
        ['lost', 'BR-no-prefix'],
        ['outside', 'BR-001'],
      ]);
    });

    it('adds its origin and the extended address to a node that is there', async () => {
      await registry.put('lamp', { ipv6: 'fd00::1' });
      registry.noteSeen(borderRouter, [seen('fd00::1', { networkInfo: { ext_addr: extX } })]);
      expect(registry.list()).toMatchObject([
        { name: 'lamp', extAddress: extX, origins: ['rest', 'discovery'] },
      ]);
    });

    it('follows a device to its new address', async () => {
      registry.replaceFileNodes(fileOf({ filed: 'fd00::1' }));
      registry.noteSeen(borderRouter, [
        seen('fd00::1', { extAddress: extX }),
        seen('fd00::5', { extAddress: extY }),
      ]);
      registry.noteSeen(borderRouter, [
        seen('fd00::2', { extAddress: extX }),
        seen('fd00::6', { extAddress: extY }),
      ]);
      const expected = [`${extY} fd00::6 discovery`, 'filed fd00::1 file+discovery'];
      expect(summary()).toEqual(expected);
      await restart();
      registry.replaceFileNodes(fileOf({ filed: 'fd00::1' }));
      expect(summary()).toEqual(expected);
    });

    it('keeps the address in use where a device is seen with several', () => {
      const both = [seen('fd00::1', { extAddress: extX }), seen('fd00::2', { extAddress: extX })];
      registry.noteSeen(borderRouter, both);
      registry.noteSeen(borderRouter, both.toReversed());
      expect(summary()).toEqual([`${extX} fd00::1 discovery`]);
    });

    it('knows a device again that was seen without its extended address first', async () => {
      registry.noteSeen(borderRouter, [seen('fd00::1', { name: 'lamp' })]);
      registry.noteSeen(borderRouter, [seen('fd00::1', { extAddress: extX, name: 'lamp' })]);
      registry.noteSeen(borderRouter, [seen('fd00::1')]);
      expect(registry.list()).toMatchObject([{ name: 'lamp', extAddress: extX }]);
      await restart();
      registry.noteSeen(borderRouter, [seen('fd00::2', { extAddress: extX })]);
      expect(registry.list()).toMatchObject([{ ipv6: 'fd00::2', extAddress: extX }]);
    });

    it('makes one fact of a burst, and none of what it knew', async () => {
      counts.length = 0;
      for (let index = 1; index <= 50; index += 1) registry.noteSeen(borderRouter, [seen(`fd00::${index}`)]);
      expect(registry.list()).toHaveLength(50);
      await clock.advance(200);
      expect(counts).toEqual([50]);
      registry.noteSeen(borderRouter, [seen('fd00::1'), seen('fd00::2')]);
      await clock.advance(2_000);
      expect(counts).toEqual([50]);
      expect(store.writes).toBe(1);
    });

    it('keeps what could not be saved, and saves it later', async () => {
      store.failWith = new StoreError('store_full', 'no room');
      registry.noteSeen(borderRouter, [seen('fd00::1', { name: 'lamp' })]);
      await clock.advance(1_000);
      expect(storeErrors).toEqual([store.failWith]);
      store.failWith = null;
      await clock.advance(10_000);
      await restart();
      expect(summary()).toEqual(['lamp fd00::1 discovery']);
    });
  });

  describe('learning from answers', () => {
    it('gives the node its extended address, over a restart too', async () => {
      await registry.put('lamp', { ipv6: 'fd00::1' });
      registry.learn(ip('fd00::1'), extX);
      expect(registry.get('lamp')?.extAddress).toBe(extX);
      await restart();
      expect(registry.get('lamp')?.extAddress).toBe(extX);
    });

    it('joins what was seen under another address, whichever came first', async () => {
      await registry.put('a', { ipv6: 'fd00::a' });
      await registry.put('b', { ipv6: 'fd00::b' });
      registry.noteSeen(borderRouter, [seen('fd00::1', { extAddress: extX })]);
      registry.learn(ip('fd00::a'), extX);
      registry.learn(ip('fd00::b'), extY);
      registry.noteSeen(borderRouter, [seen('fd00::2', { extAddress: extY })]);
      expect(summary()).toEqual(['a fd00::a rest+discovery', 'b fd00::b rest+discovery']);
      await clock.advance(200);
      expect(counts.at(-1)).toBe(2);
    });

    it('believes the newest answer where a device was replaced', async () => {
      await registry.put('lamp', { ipv6: 'fd00::1' });
      registry.learn(ip('fd00::1'), extX);
      registry.learn(ip('fd00::1'), extY);
      expect(registry.get('lamp')?.extAddress).toBe(extY);
    });

    it('ignores addresses that are no node’s, and writes nothing for what it knew', async () => {
      await registry.put('lamp', { ipv6: 'fd00::1' });
      registry.learn(ip('fd00::1'), extX);
      await clock.advance(2_000);
      const { writes } = store;
      registry.learn(ip('fd00::1'), extX);
      registry.learn(ip('fd00::99'), extY);
      await clock.advance(2_000);
      expect(store.writes).toBe(writes);
    });
  });

  describe('with as many nodes as it may have', () => {
    const many = (count: number, subnet: number) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, index) => [
          `n${subnet}-${index}`,
          `fd00:${subnet}::${(index + 1).toString(16)}`,
        ]),
      );

    it('refuses one more, naming the limit, and still changes those that are there', async () => {
      expect(await registry.importNodes(many(maxNodes, 1))).toEqual({ accepted: maxNodes, problems: [] });
      await expect(registry.put('more', { ipv6: 'fd00::1' })).rejects.toMatchObject({
        code: 'node_limit_exceeded',
      });
      await expect(registry.put('more', { ipv6: 'fd00::1' })).rejects.toThrow(`${maxNodes} nodes`);
      const report = await registry.importNodes({ more: 'fd00::1' });
      expect(report).toMatchObject({ accepted: 0, problems: [expect.stringContaining(`${maxNodes} nodes`)] });
      await registry.put('n1-0', { ipv6: 'fd00::2' });
      expect(registry.noteSeen(borderRouter, [seen('fd00::9'), seen('fd00::2')])).toMatchObject({
        added: 0,
        problems: [expect.stringContaining('1 of the nodes that BR-001 sees')],
      });
      expect(registry.list()).toHaveLength(maxNodes);
    });

    it('leaves out the end of a file that is too long, and says so', () => {
      const result = registry.replaceFileNodes(fileOf(many(maxNodes + 5, 1)));
      expect(result.accepted).toBe(maxNodes);
      expect(result.problems).toEqual([expect.stringMatching(/^5 nodes are left out.*10000/)]);
      expect(registry.list()).toHaveLength(maxNodes);
    });

    it('learns ten thousand answers in one breath', async () => {
      await registry.importNodes(many(maxNodes, 1));
      registry.list().forEach(({ ipv6 }, index) => {
        registry.learn(ipv6, asExtAddress(index.toString(16).padStart(16, '0')));
      });
      expect(registry.list().filter(({ extAddress }) => extAddress !== null)).toHaveLength(maxNodes);
      await clock.advance(1_000);
      expect((await store.load(maxNodes)).learned).toHaveLength(maxNodes);
      expect(store.writes).toBe(2);
    });
  });
});
