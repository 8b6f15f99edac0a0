/** What every `TokenStore` does; each adapter's test runs it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asBorderRouterId } from '../protocol/ids.ts';
import type { StoredToken, TokenStore } from './border-router-tokens-store.ts';

export interface TokenStoreUnderTest {
  readonly store: TokenStore;
  /** The same data through a new adapter, as after a restart. */
  reopen(): Promise<TokenStore>;
  release(): Promise<void>;
}

export function testTokenStore(name: string, open: () => Promise<TokenStoreUnderTest>): void {
  describe(`${name} as TokenStore`, () => {
    let under: TokenStoreUnderTest;
    let store: TokenStore;

    beforeEach(async () => {
      under = await open();
      store = under.store;
    });

    afterEach(() => under.release());

    const token = (id: string, createdAt: number): StoredToken => ({
      id,
      borderRouterId: asBorderRouterId('BR-001'),
      hash: new Uint8Array(32).fill(createdAt),
      createdAt,
      lastUsedAt: null,
    });

    it('keeps tokens over a restart, oldest first', async () => {
      await store.add(token('a', 1));
      await store.add({ ...token('b', 2), lastUsedAt: 5 });
      store = await under.reopen();
      expect(await store.all()).toEqual([token('a', 1), { ...token('b', 2), lastUsedAt: 5 }]);
    });

    it('says whether there was a token to remove', async () => {
      await store.add(token('a', 1));
      expect(await store.remove('a')).toBe(true);
      expect(await store.remove('a')).toBe(false);
      store = await under.reopen();
      expect(await store.all()).toEqual([]);
    });

    it('saves last uses, and ignores those of tokens that are gone', async () => {
      await store.add(token('a', 1));
      await store.saveLastUsed([
        { id: 'a', lastUsedAt: 7 },
        { id: 'gone', lastUsedAt: 8 },
      ]);
      store = await under.reopen();
      expect(await store.all()).toEqual([{ ...token('a', 1), lastUsedAt: 7 }]);
    });
  });
}
