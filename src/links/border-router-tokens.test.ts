import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryTokenStore } from '../../test/support/memory-stores.ts';
import { StoreError } from '../errors.ts';
import { asBorderRouterId } from '../protocol/ids.ts';
import { BorderRouterTokens, maxTokensPerBorderRouter } from './border-router-tokens.ts';

const br1 = asBorderRouterId('BR-1');
const br2 = asBorderRouterId('BR-2');

describe('BorderRouterTokens', () => {
  let clock: FakeClock;
  let store: MemoryTokenStore;
  let storeErrors: unknown[];
  let tokens: BorderRouterTokens;

  const createTokens = async (): Promise<BorderRouterTokens> => {
    const made = new BorderRouterTokens({
      store,
      clock,
      onStoreError: (error) => void storeErrors.push(error),
    });
    await made.load();
    return made;
  };

  beforeEach(async () => {
    clock = new FakeClock();
    store = new MemoryTokenStore();
    storeErrors = [];
    tokens = await createTokens();
  });

  it('makes tokens of 256 random bits that are never alike, and stores nothing that would tell them', async () => {
    const first = await tokens.create(br1);
    const second = await tokens.create(br1);
    expect(first.token).toMatch(/^thbr_[A-Za-z0-9_-]{43}$/);
    expect(second.token).not.toBe(first.token);
    expect(JSON.stringify([await store.all(), tokens.list()])).not.toContain(first.token.slice(5));
    for (const { hash } of await store.all()) expect(hash).toHaveLength(32);
  });

  it('accepts a token for its own border router only, over a restart too', async () => {
    const { id, token } = await tokens.create(br1);
    tokens = await createTokens();
    expect(tokens.verify(token, br1)).toEqual({ ok: true, tokenId: id });
    expect(tokens.verify(token, br2)).toEqual({ ok: false });
  });

  it.each(['', 'thbr_', 'x'.repeat(100_000), '\u{0}\ud800'])('refuses the text %#', async (text) => {
    await tokens.create(br1);
    expect(tokens.verify(text, br1)).toEqual({ ok: false });
  });

  it('refuses a token with one character changed, added or missing', async () => {
    const { token } = await tokens.create(br1);
    const changed = `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`;
    for (const other of [changed, `${token}A`, token.slice(0, -1), token.toUpperCase()])
      expect(tokens.verify(other, br1)).toEqual({ ok: false });
  });

  it('revokes for good and says so, so that open connections can be closed', async () => {
    const { id, token } = await tokens.create(br1);
    const other = await tokens.create(br1);
    const revoked: string[] = [];
    const unsubscribe = tokens.onRevoked((tokenId) => {
      expect(tokens.list().map((kept) => kept.id)).not.toContain(tokenId);
      revoked.push(tokenId);
    });
    await tokens.revoke(id);
    expect(revoked).toEqual([id]);
    expect(tokens.verify(token, br1)).toEqual({ ok: false });
    await expect(tokens.revoke(id)).rejects.toMatchObject({ name: 'TokenError', code: 'token_not_found' });
    unsubscribe();
    await tokens.revoke(other.id);
    expect(revoked).toEqual([id]);
    tokens = await createTokens();
    expect(tokens.list()).toEqual([]);
  });

  it('lets nobody in while a revocation is being written', async () => {
    const { id, token } = await tokens.create(br1);
    const revoking = tokens.revoke(id);
    expect(tokens.verify(token, br1)).toEqual({ ok: false });
    await revoking;
  });

  it('tells who revokes that it failed, and keeps the token, where the store fails', async () => {
    const { id, token } = await tokens.create(br1);
    const revoked: string[] = [];
    tokens.onRevoked((tokenId) => void revoked.push(tokenId));
    store.failWith = new StoreError('store_full', 'no room');
    await expect(tokens.revoke(id)).rejects.toMatchObject({ code: 'store_full' });
    expect(tokens.verify(token, br1)).toEqual({ ok: true, tokenId: id });
    expect(revoked).toEqual([]);
  });

  it('makes no token that is not stored', async () => {
    store.failWith = new StoreError('store_full', 'no room');
    await expect(tokens.create(br1)).rejects.toMatchObject({ code: 'store_full' });
    expect(tokens.list()).toEqual([]);
    store.failWith = null;
    await tokens.create(br1);
    expect(tokens.list()).toHaveLength(1);
  });

  it('bounds the tokens of one border router, also where they are asked for at once', async () => {
    const asked = await Promise.allSettled(
      Array.from({ length: maxTokensPerBorderRouter + 2 }, () => tokens.create(br1)),
    );
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(maxTokensPerBorderRouter);
    await expect(tokens.create(br1)).rejects.toMatchObject({ code: 'token_conflict' });
    await tokens.create(br2);
    await tokens.revoke(tokens.list()[0]?.id ?? '');
    await tokens.create(br1);
  });

  it('shows the last use at once, and writes it once a minute however often it is used', async () => {
    const { token } = await tokens.create(br1);
    await tokens.create(br2);
    expect(tokens.list()[0]?.lastUsedAt).toBeNull();
    for (let second = 0; second < 90; second += 1) {
      tokens.verify(token, br1);
      await clock.advance(1_000);
    }
    expect(tokens.list()[0]?.lastUsedAt).toBe(clock.nowMs() - 1_000);
    expect(store.useWrites).toBe(1);
    await tokens.close();
    expect(store.useWrites).toBe(2);
    tokens = await createTokens();
    expect(tokens.list().map(({ lastUsedAt }) => lastUsedAt)).toEqual([clock.nowMs() - 1_000, null]);
    expect(clock.pending).toBe(0);
  });

  it('keeps last uses that could not be saved for the next time', async () => {
    const { token } = await tokens.create(br1);
    tokens.verify(token, br1);
    const usedAt = clock.nowMs();
    store.failWith = new StoreError('store_full', 'no room');
    await clock.advance(61_000);
    expect(storeErrors).toEqual([store.failWith]);
    store.failWith = null;
    await tokens.close();
    expect((await store.all())[0]?.lastUsedAt).toBe(usedAt);
  });

  it('does not count a wrong border router as a use', async () => {
    const { token } = await tokens.create(br1);
    tokens.verify(token, br2);
    expect(tokens.list()[0]?.lastUsedAt).toBeNull();
  });
});
