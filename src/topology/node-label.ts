/** How sentences and pictures call a node. */
import type { TopologyNode } from '../protocol/topology.ts';

type Named = Pick<TopologyNode, 'id' | 'name' | 'brId' | 'kind' | 'rloc16'>;

/** Its name, else its border router id, else its RLOC16, else its id. */
export function nodeLabel(node: Named): string {
  if (node.name !== null) return node.name;
  if (node.kind === 'border_router' && node.brId !== null) return node.brId;
  return node.rloc16 ?? node.id;
}

export function countOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}
