/** How sentences and pictures call a node. */
import type { TopologyNode } from '../protocol/topology.ts';

type Named = Pick<TopologyNode, 'id' | 'name' | 'brId' | 'kind' | 'rloc16'>;

/**
 * Its name, else its border router id, else its RLOC16, else its id. Of a border router an address that was registered for
 * want of a name is none: people know it by its id.
 */
export function nodeLabel(node: Named): string {
  const brId = node.kind === 'border_router' ? node.brId : null;
  if (node.name !== null && (brId === null || node.name !== node.id)) return node.name;
  if (brId !== null) return brId;
  return node.rloc16 ?? node.id;
}

export function countOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}
