import type { Clock } from '../clock.ts';
import type { BorderRouterId } from '../protocol/ids.ts';
import type { TokenStore } from './border-router-tokens-store.ts';

export interface BorderRouterTokensDependencies {
  readonly store: TokenStore;
  readonly clock: Pick<Clock, 'nowMs' | 'after'>;
  readonly randomBytes?: (size: number) => Uint8Array;
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

export declare class BorderRouterTokens {
  constructor(dependencies: BorderRouterTokensDependencies);
  load(): Promise<void>;
  create(borderRouterId: BorderRouterId): Promise<{ id: string; token: string }>;
  list(): readonly BorderRouterToken[];
  revoke(id: string): Promise<void>;
  /** Called with the id of each token that was revoked; returns the function that unsubscribes. */
  onRevoked(listener: (tokenId: string) => void): () => void;
  verify(token: string, borderRouterId: BorderRouterId): TokenVerdict;
  /** False once revoked: asked again after an upgrade that began before. */
  isActive(tokenId: string): boolean;
  close(): Promise<void>;
}
