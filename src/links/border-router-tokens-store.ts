/**
 * Port: where the tokens of border routers are kept, as hashes. Adapters pass `border-router-tokens-store.contract.ts`.
 * Failures are `StoreError`.
 */
import type { BorderRouterId } from '../protocol/ids.ts';

export interface StoredToken {
  readonly id: string;
  readonly borderRouterId: BorderRouterId;
  /** SHA-256 of the token's text, 32 bytes. */
  readonly hash: Uint8Array;
  /** Unix ms. */
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
}

export interface TokenStore {
  all(): Promise<StoredToken[]>;
  /** Durable when the promise resolves. */
  add(token: StoredToken): Promise<void>;
  /** Durable when the promise resolves. Returns whether there was such a token. */
  remove(id: string): Promise<boolean>;
  /** Ids that are no longer there are ignored. */
  saveLastUsed(uses: readonly { readonly id: string; readonly lastUsedAt: number }[]): Promise<void>;
}
