/** Leases among the workers of one process. */
import type { Clock } from '../../clock.ts';
import type { ShardName } from '../../protocol/ids.ts';
import { leaseTimes, type ShardLeases } from './shard-leases.ts';

interface Lease {
  readonly owner: string;
  readonly endsAtMs: number;
}

export class LocalShardLeases implements ShardLeases {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #termMs: number;
  readonly #leases = new Map<ShardName, Lease>();

  /** `leaseMs`: within it a shard is to move; a term is a part of it. */
  constructor({ clock, leaseMs }: { readonly clock: Pick<Clock, 'monotonicMs'>; readonly leaseMs: number }) {
    this.#clock = clock;
    this.#termMs = leaseTimes(leaseMs).termMs;
  }

  acquire(shard: ShardName, owner: string): Promise<boolean> {
    const current = this.#current(shard);
    if (current !== null && current !== owner) return Promise.resolve(false);
    this.#hold(shard, owner);
    return Promise.resolve(true);
  }

  renew(shards: readonly ShardName[], owner: string): Promise<ReadonlySet<ShardName>> {
    const held = new Set(shards.filter((shard) => this.#leases.get(shard)?.owner === owner));
    for (const shard of held) this.#hold(shard, owner);
    return Promise.resolve(held);
  }

  release(shard: ShardName, owner: string): Promise<void> {
    if (this.#current(shard) === owner) this.#leases.delete(shard);
    return Promise.resolve();
  }

  #current(shard: ShardName): string | null {
    const lease = this.#leases.get(shard);
    return lease === undefined || lease.endsAtMs <= this.#clock.monotonicMs() ? null : lease.owner;
  }

  #hold(shard: ShardName, owner: string): void {
    this.#leases.set(shard, { owner, endsAtMs: this.#clock.monotonicMs() + this.#termMs });
  }
}
