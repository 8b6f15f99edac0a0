/** Sends one batch to the store, in its turn, and has it told once it is stored. */
import type { Clock } from '../../clock.ts';
import type { Lane } from '../../protocol/sensor-event.ts';
import type { EventStore, StoreBatch } from '../store/event-store.ts';
import type { BatchPublication } from './batch-publication.ts';
import type { BatchSizing } from './batch-sizing.ts';
import type { CommitGate } from './commit-gate.ts';
import { isStoreDown, type StoreBreaker } from './store-breaker.ts';

export interface CommitParts {
  readonly lane: Lane;
  readonly store: Pick<EventStore, 'commit'>;
  readonly breaker: StoreBreaker;
  readonly gate: CommitGate;
  readonly publication: BatchPublication;
  readonly sizing: Pick<BatchSizing, 'measured'>;
  readonly clock: Clock;
}

/** The shard that the batch is of, at whatever time it is asked. */
export interface CommittingShard {
  isOwner(): boolean;
  /** It has come further. */
  sign(): void;
  /** It waits for other batches, which is no fault of its own. */
  waits(): void;
  /** It is in the gate; to be left also where the shard is lost meanwhile. */
  entered(leave: () => void): void;
  /** The batch is in the store, and nobody has been told. */
  stored(): void;
}

/** Resolves also where the shard was lost before; nothing was sent then. Rejects with what the store rejects with. */
export async function commitBatch(
  batch: StoreBatch,
  shard: CommittingShard,
  { breaker, clock, gate, lane, publication, sizing, store }: CommitParts,
): Promise<void> {
  let leave: (() => void) | null = null;
  if (lane === 'bulk') {
    shard.waits();
    leave = await gate.enterBulk();
    shard.sign();
  }
  if (!shard.isOwner()) {
    // Meanwhile the shard has gone to another, who may have begun a batch of its own.
    leave?.();
    return;
  }
  if (leave !== null) shard.entered(leave);
  const startedAtMs = clock.monotonicMs();
  publication.begin(batch);
  try {
    await breaker.run(() => store.commit(batch));
  } catch (error) {
    if (!isStoreDown(error)) publication.cancel(batch);
    throw error;
  } finally {
    leave?.();
    shard.sign();
  }
  breaker.committed();
  sizing.measured(batch.events.length, clock.monotonicMs() - startedAtMs);
  shard.stored();
  publication.commit(batch, startedAtMs);
}
