/** Stores without a disk, for tests of what uses them. `failWith` makes every write fail until it is null again. */
import type { StoredToken, TokenStore } from '../../src/links/border-router-tokens-store.ts';
import type { LearnedAddress, NodeChanges, NodeStore, StoredNode } from '../../src/scan/node-store.ts';

export class MemoryNodeStore implements NodeStore {
  readonly #nodes = new Map<string, StoredNode>();
  readonly #learned = new Map<string, LearnedAddress>();
  failWith: Error | null = null;
  writes = 0;

  load(learnedLimit: number): Promise<{ nodes: StoredNode[]; learned: LearnedAddress[] }> {
    const learned = [...this.#learned.values()]
      .sort((a, b) => b.learnedAt - a.learnedAt || (a.ipv6 < b.ipv6 ? -1 : 1))
      .slice(0, learnedLimit);
    return Promise.resolve({ nodes: [...this.#nodes.values()], learned });
  }

  apply({ learned = [], remove = [], save = [] }: NodeChanges): Promise<void> {
    if (this.failWith !== null) return Promise.reject(this.failWith);
    this.writes += 1;
    for (const { key, origin } of remove) this.#nodes.delete(`${origin} ${key}`);
    for (const node of save) this.#nodes.set(`${node.origin} ${node.key}`, node);
    for (const address of learned) this.#learned.set(address.ipv6, address);
    return Promise.resolve();
  }
}

export class MemoryTokenStore implements TokenStore {
  readonly #tokens = new Map<string, StoredToken>();
  failWith: Error | null = null;
  useWrites = 0;

  all(): Promise<StoredToken[]> {
    return Promise.resolve([...this.#tokens.values()]);
  }

  add(token: StoredToken): Promise<void> {
    if (this.failWith !== null) return Promise.reject(this.failWith);
    this.#tokens.set(token.id, token);
    return Promise.resolve();
  }

  remove(id: string): Promise<boolean> {
    if (this.failWith !== null) return Promise.reject(this.failWith);
    return Promise.resolve(this.#tokens.delete(id));
  }

  saveLastUsed(uses: readonly { readonly id: string; readonly lastUsedAt: number }[]): Promise<void> {
    if (this.failWith !== null) return Promise.reject(this.failWith);
    this.useWrites += 1;
    for (const { id, lastUsedAt } of uses) {
      const token = this.#tokens.get(id);
      if (token !== undefined) this.#tokens.set(id, { ...token, lastUsedAt });
    }
    return Promise.resolve();
  }
}
