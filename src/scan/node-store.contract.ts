/** What every `NodeStore` does; each adapter's test runs it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asBorderRouterId, asExtAddress } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';
import type { NodeStore, StoredNode } from './node-store.ts';

export interface NodeStoreUnderTest {
  readonly store: NodeStore;
  /** The same data through a new adapter, as after a restart. */
  reopen(): Promise<NodeStore>;
  release(): Promise<void>;
}

export function testNodeStore(name: string, open: () => Promise<NodeStoreUnderTest>): void {
  describe(`${name} as NodeStore`, () => {
    let under: NodeStoreUnderTest;
    let store: NodeStore;

    beforeEach(async () => {
      under = await open();
      store = under.store;
    });

    afterEach(() => under.release());

    const node = (key: string, fields: Partial<StoredNode> = {}): StoredNode => ({
      origin: 'rest',
      key,
      name: key,
      ipv6: `fd00::${key}` as Ipv6Address,
      extAddress: null,
      borderRouterId: null,
      ...fields,
    });
    const address = (last: number, learnedAt: number) => ({
      ipv6: `fd00::${last}` as Ipv6Address,
      extAddress: asExtAddress('5339695e8f14acf6'),
      learnedAt,
    });
    const nodes = async () => {
      const loaded = await (await under.reopen()).load(100);
      return loaded.nodes.sort((a, b) => (a.origin + a.key < b.origin + b.key ? -1 : 1));
    };

    it('is empty at first', async () => {
      expect(await store.load(100)).toEqual({ nodes: [], learned: [] });
    });

    it('keeps every field over a restart, and tells origins with the same key apart', async () => {
      const full = node('a', {
        origin: 'discovery',
        name: null,
        extAddress: asExtAddress('5339695e8f14acf6'),
        borderRouterId: asBorderRouterId('BR-001'),
      });
      await store.apply({ save: [node('a'), full] });
      expect(await nodes()).toEqual([full, node('a')]);
    });

    it('replaces by key, removes by key, and forgives the removal of what is not there', async () => {
      await store.apply({ save: [node('a'), node('b'), node('c')] });
      const changed = node('a', { ipv6: 'fd00::f' as Ipv6Address, borderRouterId: asBorderRouterId('BR-2') });
      await store.apply({
        save: [changed],
        remove: [
          { origin: 'rest', key: 'b' },
          { origin: 'rest', key: 'none' },
          { origin: 'discovery', key: 'c' },
        ],
      });
      expect(await nodes()).toEqual([changed, node('c')]);
    });

    it('ends as saved where one change removes and saves a key, and as last said where it saves it twice', async () => {
      await store.apply({ save: [node('a')] });
      const last = node('a', { name: 'last' });
      await store.apply({
        save: [node('a', { name: 'first' }), last],
        remove: [{ origin: 'rest', key: 'a' }],
      });
      expect(await nodes()).toEqual([last]);
    });

    it('takes a thousand nodes at once', async () => {
      await store.apply({ save: Array.from({ length: 1_000 }, (_, index) => node(`${index}`)) });
      expect(await nodes()).toHaveLength(1_000);
    });

    it('gives learned addresses newest first, up to the limit', async () => {
      await store.apply({ learned: [address(1, 10), address(2, 30), address(3, 20)] });
      await store.apply({ learned: [address(1, 40)] });
      store = await under.reopen();
      expect((await store.load(2)).learned).toEqual([address(1, 40), address(2, 30)]);
    });
  });
}
