/** A network's partitions, their leaders, and whether the network is split. */
import type { Partition, TopologyNetwork } from '../protocol/topology.ts';
import { type DraftNode, isAlive } from './draft-node.ts';
import { provesPartition } from './fact-time.ts';
import { countOf } from './node-label.ts';
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
  label: (node: DraftNode) => string,
): Pick<TopologyNetwork, 'partitions' | 'split' | 'partitionStatement'> {
  const live = scopes.liveIn(network);
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
        stale:
          partitionId === null
            ? !sorted.some((node) => isAlive(node) || node.sightings.length > 0)
            : !live.has(partitionId),
      };
    })
    .sort((a, b) => b.nodeIds.length - a.nodeIds.length || (a.partitionId ?? -1) - (b.partitionId ?? -1));
  const anyFresh = nodes.some(({ observation }) => observation !== null && provesPartition(observation));
  const speaksNow = ({ observation }: DraftNode): boolean =>
    observation !== null && (!anyFresh || provesPartition(observation));
  const liveLeaders = nodes.filter(
    (node) => node.role === 'leader' && isLiveLeader(node) && (node.answer === null || speaksNow(node)),
  );
  const split = live.size > 1 || liveLeaders.length > 1;
  const named = partitions.filter(({ partitionId }) => partitionId !== null);
  if (!split && named.length < 2) return { partitions, split };
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const labelOf = (id: string): string => {
    const node = byId.get(id);
    return node === undefined ? id : label(node);
  };
  const partitionStatement =
    live.size > 1
      ? `Split: ${tellPartitions(partitions, labelOf)}`
      : split
        ? `Split: ${liveLeaders.map(label).sort(compareText).join(' and ')} both say that they are the leader`
        : `Not split: ${named
            .filter(({ stale }) => stale)
            .slice(0, partitionsTold)
            .map((partition) => tellStale(partition, byId, label))
            .join('; ')}`;
  return { partitions, split, partitionStatement };
}

/** At most so many are spelled out. */
const partitionsTold = 4;

function tellPartitions(partitions: readonly Partition[], labelOf: (id: string) => string): string {
  const live = partitions.filter(({ partitionId, stale }) => partitionId !== null && !stale);
  const told = live.slice(0, partitionsTold).map(({ leaderId, nodeIds, partitionId }) => {
    const leader = leaderId === null ? 'no known leader' : `leader ${labelOf(leaderId)}`;
    return `partition ${partitionId ?? 0} with ${countOf(nodeIds.length, 'node')}, ${leader}`;
  });
  if (live.length > partitionsTold) told.push(`${live.length - partitionsTold} more`);
  return told.join('; ');
}

/** Why a partition that somebody names does not count. */
function tellStale(
  { nodeIds, partitionId }: Partition,
  byId: ReadonlyMap<string, DraftNode>,
  label: (node: DraftNode) => string,
): string {
  const name = `partition ${partitionId ?? 0}`;
  for (const id of nodeIds) {
    const node = byId.get(id);
    const { earlier, networkInfo } = node?.observation ?? {};
    if (node === undefined || networkInfo == null || node.answer === null || earlier === true) continue;
    const minutes = Math.round((networkInfo.measuredAgoMs ?? 0) / 60_000);
    return `${name} is named only by what ${label(node)} told ${minutes} min before its answer`;
  }
  return `${name} is known only from an earlier scan`;
}

/** It says so itself, in this scan. */
function isLiveLeader(node: DraftNode): boolean {
  return (
    node.answer?.role === 'leader' ||
    (node.borderRouter?.online === true && node.borderRouter.role === 'leader')
  );
}
