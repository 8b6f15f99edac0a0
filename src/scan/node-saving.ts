/**
 * How the registry's changes reach the store, in the order in which they were made: what a caller waits for at once,
 * what discovery and answers teach in batches. A batch that fails is kept and tried again.
 */
import type { Clock } from '../clock.ts';
import type { LearnedAddress, NodeChanges, NodeStore, StoredNode, StoredNodeKey } from './node-store.ts';

/** A first scan teaches an address per node: one write a second, not one a node. */
const saveAfterMs = 1_000;
const retryAfterMs = 5_000;

export interface NodeSavingDependencies {
  readonly store: NodeStore;
  readonly clock: Pick<Clock, 'after'>;
  readonly onStoreError: (error: unknown) => void;
}

const idOf = ({ key, origin }: StoredNodeKey): string => `${origin} ${key}`;

export class NodeSaving {
  readonly #store: NodeStore;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #onStoreError: (error: unknown) => void;
  readonly #learned = new Map<string, LearnedAddress>();
  /** By origin and key: the record to save, or the key to remove. */
  readonly #nodes = new Map<string, { readonly save: StoredNode } | { readonly remove: StoredNodeKey }>();
  #writing: Promise<unknown> = Promise.resolve();
  #cancel: (() => void) | null = null;

  constructor(dependencies: NodeSavingDependencies) {
    this.#store = dependencies.store;
    this.#clock = dependencies.clock;
    this.#onStoreError = dependencies.onStoreError;
  }

  load(learnedLimit: number): ReturnType<NodeStore['load']> {
    return this.#store.load(learnedLimit);
  }

  /** Durable when the promise resolves. Rejects with StoreError; nothing is changed then. */
  now(changes: NodeChanges): Promise<void> {
    return this.#inOrder(async () => {
      await this.#store.apply(changes);
      // What waited for the same records is older than this.
      for (const key of [...(changes.save ?? []), ...(changes.remove ?? [])]) this.#nodes.delete(idOf(key));
    });
  }

  soon({ learned = [], remove = [], save = [] }: NodeChanges): void {
    for (const address of learned) this.#learned.set(address.ipv6, address);
    for (const key of remove) this.#nodes.set(idOf(key), { remove: key });
    for (const node of save) this.#nodes.set(idOf(node), { save: node });
    this.#schedule(saveAfterMs);
  }

  async close(): Promise<void> {
    this.#stopTimer();
    await this.#inOrder(() => this.#saveWaiting());
    this.#stopTimer();
  }

  #stopTimer(): void {
    this.#cancel?.();
    this.#cancel = null;
  }

  #schedule(delayMs: number): void {
    this.#cancel ??= this.#clock.after(delayMs, () => {
      this.#cancel = null;
      void this.#inOrder(() => this.#saveWaiting());
    });
  }

  async #saveWaiting(): Promise<void> {
    if (this.#learned.size === 0 && this.#nodes.size === 0) return;
    const learned = [...this.#learned.values()];
    const nodes = [...this.#nodes];
    try {
      await this.#store.apply({
        learned,
        save: nodes.flatMap(([, change]) => ('save' in change ? [change.save] : [])),
        remove: nodes.flatMap(([, change]) => ('remove' in change ? [change.remove] : [])),
      });
    } catch (error) {
      this.#onStoreError(error);
      this.#schedule(retryAfterMs);
      return;
    }
    // Only what was saved: newer changes of the same records came meanwhile.
    for (const address of learned)
      if (this.#learned.get(address.ipv6) === address) this.#learned.delete(address.ipv6);
    for (const [id, change] of nodes) if (this.#nodes.get(id) === change) this.#nodes.delete(id);
  }

  #inOrder<T>(write: () => Promise<T>): Promise<T> {
    const result = this.#writing.then(write);
    this.#writing = result.catch(() => undefined);
    return result;
  }
}
