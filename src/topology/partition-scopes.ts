/**
 * Which partitions are alive in each network. RLOC16s are unique only inside a partition, so every RLOC16 is looked up in
 * the scope of the answer that names it. Who does not say its partition is taken to be in the network's only one.
 */
import { provesPartition } from './fact-time.ts';
import type { NetworkKeys } from './network-keys.ts';
import { isAttached } from './draft-node.ts';
import type { TopologyInput, TopologyObservation } from './topology-input.ts';

export interface PartitionScopes {
  /**
   * Partition ids that answers of this scan report from fresh facts, and online border routers. Of a network without any,
   * those that older answers report.
   */
  readonly liveIn: (network: string) => ReadonlySet<number>;
  /** The partition to look RLOC16s up in; null where it cannot be told. */
  readonly resolve: (network: string, partitionId: number | null) => number | null;
  /** The same for a partition known from an earlier scan, which may have got a new id since. */
  readonly resolveEarlier: (network: string, partitionId: number | null) => number | null;
}

const none: ReadonlySet<number> = new Set();

export function partitionScopes(input: TopologyInput, keys: NetworkKeys): PartitionScopes {
  const live = new Map<string, Set<number>>();
  const add = (network: string, partitionId: number | null): void => {
    if (partitionId === null) return;
    const known = live.get(network);
    if (known === undefined) live.set(network, new Set([partitionId]));
    else known.add(partitionId);
  };
  const answered = new Set<string>();
  const older: TopologyObservation[] = [];
  for (const observation of input.nodes) {
    const { networkInfo } = observation;
    if (networkInfo === null || observation.outcome !== 'answered') continue;
    if (!provesPartition(observation)) {
      older.push(observation);
      continue;
    }
    if (isAttached(networkInfo)) add(keys.ofObservation(observation), networkInfo.partitionId);
    const extAddress = networkInfo.extAddress ?? observation.extAddress;
    if (extAddress !== null) answered.add(extAddress);
  }
  // A border router's heartbeat may be a little older than its answer in the scan, which then counts alone.
  for (const borderRouter of input.borderRouters)
    if (
      borderRouter.online &&
      !answered.has(borderRouter.extAddress ?? '') &&
      (borderRouter.role === null || isAttached({ role: borderRouter.role }))
    )
      add(keys.ofBorderRouter(borderRouter), borderRouter.partitionId);
  const fresh = new Set(live.keys());
  for (const observation of older) {
    const network = keys.ofObservation(observation);
    if (!fresh.has(network) && observation.networkInfo !== null && isAttached(observation.networkInfo))
      add(network, observation.networkInfo.partitionId);
  }

  const liveIn = (network: string): ReadonlySet<number> => live.get(network) ?? none;
  const only = (network: string): number | null => {
    const partitions = liveIn(network);
    const [first] = partitions;
    return partitions.size === 1 && first !== undefined ? first : null;
  };
  return {
    liveIn,
    resolve: (network, partitionId) => partitionId ?? only(network),
    resolveEarlier: (network, partitionId) =>
      partitionId !== null && liveIn(network).has(partitionId)
        ? partitionId
        : liveIn(network).size > 1
          ? partitionId
          : only(network),
  };
}
