/** The border routers that a topology shows, as the input of another one: what an exported scan needs to be replayed. */
import type { Topology } from '../protocol/topology.ts';
import type { TopologyBorderRouter } from './topology-input.ts';

export function borderRoutersOf(topology: Topology): TopologyBorderRouter[] {
  const nodes = new Map(
    topology.nodes.filter((node) => node.kind === 'border_router').map((node) => [node.brId, node] as const),
  );
  return topology.networks.flatMap((network) =>
    network.brIds.map((id) => {
      const node = nodes.get(id);
      return {
        id,
        online: node?.state === 'answered',
        networkKey: network.key,
        networkPrefix: network.prefixes[0] ?? null,
        extAddress: node?.extAddr ?? null,
        rloc16: node?.rloc16 ?? null,
        role: node?.role ?? null,
        partitionId: node?.partitionId ?? null,
      };
    }),
  );
}
