/**
 * Port: which owner may try to work on a shard. A lease only saves work that would be refused: the truth is the owner
 * epoch in the store, which refuses the batches of whoever was replaced. `shard-leases.contract.ts` is what every
 * adapter must pass.
 */
import type { ShardName } from '../../protocol/ids.ts';

export interface ShardLeases {
  /** Takes a shard that nobody holds, or whose lease has run out; one's own is renewed. False where another has it. */
  acquire(shard: ShardName, owner: string): Promise<boolean>;
  /** Those of the shards that the owner holds for another term: its own, unless another took one that had run out. */
  renew(shards: readonly ShardName[], owner: string): Promise<ReadonlySet<ShardName>>;
  /** Nothing where another has it. */
  release(shard: ShardName, owner: string): Promise<void>;
}

/**
 * How the time within which a shard must move (`events.lease`) is spent: a worker is checked, is renewed while it gives
 * signs of life, and its last lease runs out; then its shards are free at the next check.
 */
export const leaseTimes = (
  leaseMs: number,
): { readonly checkMs: number; readonly hungAfterMs: number; readonly termMs: number } => ({
  checkMs: leaseMs / 5,
  hungAfterMs: (2 * leaseMs) / 5,
  termMs: (2 * leaseMs) / 5,
});
