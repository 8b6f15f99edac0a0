/**
 * Which border router a node is asked through. A node belongs to the one named for it, else to the online ones whose
 * network prefix contains its address, longest prefix first. Among equals the one with the fewest nodes is taken, so
 * that two border routers of one network share its nodes.
 */
import type { BorderRouterId } from '../protocol/ids.ts';
import { prefixContains } from '../protocol/ipv6.ts';
import type { OnlineBorderRouter } from '../links/border-router-links.ts';
import type { RegisteredNode } from './registered-node.ts';

/** Border routers that serve the node, best first; with equal prefixes in the order given. */
export function borderRoutersFor(
  node: Pick<RegisteredNode, 'ipv6' | 'borderRouterId'>,
  online: readonly OnlineBorderRouter[],
): OnlineBorderRouter[] {
  if (node.borderRouterId !== null)
    return online.filter((borderRouter) => borderRouter.id === node.borderRouterId);
  return online
    .filter(({ networkPrefix }) => networkPrefix !== null && prefixContains(networkPrefix, node.ipv6))
    .sort((a, b) => (b.networkPrefix?.length ?? 0) - (a.networkPrefix?.length ?? 0));
}

/** The least loaded of the best; null where none serves the node. `loads` is not changed. */
export function chooseBorderRouter(
  candidates: readonly OnlineBorderRouter[],
  loads: ReadonlyMap<BorderRouterId, number>,
): BorderRouterId | null {
  const longest = candidates[0]?.networkPrefix?.length;
  let best: OnlineBorderRouter | null = null;
  for (const candidate of candidates) {
    if (candidate.networkPrefix?.length !== longest) break;
    if (best === null || (loads.get(candidate.id) ?? 0) < (loads.get(best.id) ?? 0)) best = candidate;
  }
  return best?.id ?? null;
}
