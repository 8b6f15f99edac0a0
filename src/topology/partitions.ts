/** A network's partitions, their leaders, and whether the network is split. */
import type { Partition } from '../protocol/topology.ts';
import { type DraftNode, isAlive } from './draft-node.ts';
import type { PartitionScopes } from './partition-scopes.ts';
import { compareText } from './text-order.ts';

/**
 * Every node is in exactly one. A node whose partition nobody knows is counted with the network's only live one; where
 * there are several, with the others of unknown partition.
 */
export function findPartitions(
  network: string,
  nodes: readonly DraftNode[],
  scopes: PartitionScopes,
): { partitions: Partition[]; split: boolean } {
  const groups = new Map<number | null, DraftNode[]>();
  for (const node of nodes) {
    const partitionId = scopes.resolve(network, node.partitionId);
    const group = groups.get(partitionId);
    if (group === undefined) groups.set(partitionId, [node]);
    else group.push(node);
  }
  const partitions = [...groups]
    .map(([partitionId, members]): Partition => {
      const sorted = members.sort((a, b) => compareText(a.id, b.id));
      const leaders = sorted.filter((node) => node.role === 'leader');
      return {
        partitionId,
        leaderId:
          (leaders.find(isLiveLeader) ?? leaders.find((node) => !node.stale) ?? leaders[0])?.id ?? null,
        nodeIds: sorted.map((node) => node.id),
        stale: !sorted.some((node) => isAlive(node) || node.sightings.length > 0),
      };
    })
    .sort((a, b) => b.nodeIds.length - a.nodeIds.length || (a.partitionId ?? -1) - (b.partitionId ?? -1));
  const liveLeaders = nodes.filter((node) => node.role === 'leader' && isLiveLeader(node));
  return { partitions, split: scopes.liveIn(network).size > 1 || liveLeaders.length > 1 };
}

/** It says so itself, in this scan. */
function isLiveLeader(node: DraftNode): boolean {
  return (
    node.answer?.role === 'leader' ||
    (node.borderRouter?.online === true && node.borderRouter.role === 'leader')
  );
}
