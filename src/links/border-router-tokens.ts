/**
 * The tokens that border routers prove themselves with. A token is valid for one border router only, so a stolen one
 * can be nothing but that border router. The hub keeps SHA-256 hashes: the tokens are 256 random bits, which no
 * dictionary helps to guess. All are in memory, so that checking one waits for nothing.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { TokenError } from '../errors.ts';
import type { BorderRouterId } from '../protocol/ids.ts';
import type { StoredToken, TokenStore } from './border-router-tokens-store.ts';

const tokenPrefix = 'thbr_';
const tokenBytes = 32;
const tokenIdBytes = 8;
/** Room to change a token without a gap, and for a few spares. */
export const maxTokensPerBorderRouter = 16;
/** The time of the last use is for people: a minute is fine enough. */
const saveUseEveryMs = 60_000;

export interface BorderRouterTokensDependencies {
  readonly store: TokenStore;
  readonly clock: Pick<Clock, 'nowMs' | 'after'>;
  readonly randomBytes?: (size: number) => Uint8Array;
  /** Last uses could not be saved; they are tried again. */
  readonly onStoreError?: (error: unknown) => void;
}

export interface BorderRouterToken {
  readonly id: string;
  readonly borderRouterId: BorderRouterId;
  /** Unix ms. */
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
}

export type TokenVerdict = { readonly ok: true; readonly tokenId: string } | { readonly ok: false };

export class BorderRouterTokens {
  readonly #store: TokenStore;
  readonly #clock: Pick<Clock, 'nowMs' | 'after'>;
  readonly #randomBytes: (size: number) => Uint8Array;
  readonly #onStoreError: (error: unknown) => void;
  readonly #byId = new Map<string, StoredToken>();
  readonly #byHash = new Map<string, StoredToken>();
  readonly #listeners = new Set<(tokenId: string) => void>();
  readonly #unsavedUses = new Set<string>();
  #cancelSave: (() => void) | null = null;
  #saving: Promise<void> = Promise.resolve();
  /** Creations one after the other: the limit is checked against what is stored. */
  #creating: Promise<unknown> = Promise.resolve();

  constructor(dependencies: BorderRouterTokensDependencies) {
    this.#store = dependencies.store;
    this.#clock = dependencies.clock;
    this.#randomBytes = dependencies.randomBytes ?? randomBytes;
    this.#onStoreError = dependencies.onStoreError ?? (() => undefined);
  }

  /** Reads the tokens from the store; once, before use. Throws StoreError. */
  async load(): Promise<void> {
    for (const token of await this.#store.all()) this.#keep(token);
  }

  /** `token` is not kept and cannot be shown again. Throws TokenError token_conflict, StoreError. */
  create(borderRouterId: BorderRouterId): Promise<{ id: string; token: string }> {
    const created = this.#creating.then(async () => {
      const others = this.list().filter((token) => token.borderRouterId === borderRouterId).length;
      if (others >= maxTokensPerBorderRouter)
        throw new TokenError(
          'token_conflict',
          `${borderRouterId} has ${others} tokens, as many as it may; revoke one first`,
        );
      const token = `${tokenPrefix}${Buffer.from(this.#randomBytes(tokenBytes)).toString('base64url')}`;
      const stored: StoredToken = {
        id: Buffer.from(this.#randomBytes(tokenIdBytes)).toString('hex'),
        borderRouterId,
        hash: hashOf(token),
        createdAt: this.#clock.nowMs(),
        lastUsedAt: null,
      };
      await this.#store.add(stored);
      this.#keep(stored);
      return { id: stored.id, token };
    });
    this.#creating = created.catch(() => undefined);
    return created;
  }

  /** Oldest first. */
  list(): readonly BorderRouterToken[] {
    return [...this.#byId.values()].map(({ borderRouterId, createdAt, id, lastUsedAt }) => ({
      id,
      borderRouterId,
      createdAt,
      lastUsedAt,
    }));
  }

  /**
   * From the first moment the token opens nothing more; where the store then fails, it is valid again and the caller is
   * told. Throws TokenError token_not_found, StoreError.
   */
  async revoke(id: string): Promise<void> {
    const token = this.#byId.get(id);
    if (token === undefined)
      throw new TokenError('token_not_found', `There is no token ${JSON.stringify(id)}`);
    this.#forget(token);
    try {
      await this.#store.remove(id);
    } catch (error) {
      this.#keep(token);
      throw error;
    }
    for (const listener of this.#listeners) listener(id);
  }

  /** Called with the id of each token that was revoked; returns the function that unsubscribes. */
  onRevoked(listener: (tokenId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Takes any text. A success counts as a use of the token. */
  verify(token: string, borderRouterId: BorderRouterId): TokenVerdict {
    const hash = hashOf(token);
    // The look-up tells an attacker no more than the hash of his own guess.
    const stored = this.#byHash.get(hexOf(hash));
    if (stored === undefined || !timingSafeEqual(hash, stored.hash)) return { ok: false };
    if (stored.borderRouterId !== borderRouterId) return { ok: false };
    this.#noteUse(stored);
    return { ok: true, tokenId: stored.id };
  }

  /** Saves the last uses. */
  async close(): Promise<void> {
    this.#cancelSave?.();
    this.#cancelSave = null;
    await this.#creating;
    await this.#saveUses();
  }

  #keep(token: StoredToken): void {
    this.#byId.set(token.id, token);
    this.#byHash.set(hexOf(token.hash), token);
  }

  #forget(token: StoredToken): void {
    this.#byId.delete(token.id);
    this.#byHash.delete(hexOf(token.hash));
    this.#unsavedUses.delete(token.id);
  }

  #noteUse(token: StoredToken): void {
    this.#keep({ ...token, lastUsedAt: this.#clock.nowMs() });
    this.#unsavedUses.add(token.id);
    this.#cancelSave ??= this.#clock.after(saveUseEveryMs, () => {
      this.#cancelSave = null;
      void this.#saveUses();
    });
  }

  #saveUses(): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      const ids = [...this.#unsavedUses];
      if (ids.length === 0) return;
      this.#unsavedUses.clear();
      const uses = ids.flatMap((id) => {
        const lastUsedAt = this.#byId.get(id)?.lastUsedAt;
        return lastUsedAt === undefined || lastUsedAt === null ? [] : [{ id, lastUsedAt }];
      });
      try {
        await this.#store.saveLastUsed(uses);
      } catch (error) {
        // They go with the next save, which the next use brings about.
        for (const { id } of uses) if (this.#byId.has(id)) this.#unsavedUses.add(id);
        this.#onStoreError(error);
      }
    });
    return this.#saving;
  }
}

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();
const hexOf = (hash: Uint8Array): string => Buffer.from(hash).toString('hex');
