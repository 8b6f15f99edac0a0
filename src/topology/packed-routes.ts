/**
 * Route64 tables as a topology keeps them: `[router_id, cost, next_hop, lq_in, lq_out]`. A router of a large mesh lists all
 * others, so these are many; as arrays they are a fifth of what objects would be.
 */
import type { RouteInfo } from '../protocol/network-info.ts';
import type { TopologyNode } from '../protocol/topology.ts';

export function packRoute({
  cost,
  linkQualityIn,
  linkQualityOut,
  nextHop,
  routerId,
}: RouteInfo): (number | null)[] {
  return [routerId, cost, nextHop, linkQualityIn, linkQualityOut];
}

/** By router id; null where the node has told none. What is out of bounds is left out: it may come from a stored file. */
export function routesOf({ routes }: Pick<TopologyNode, 'routes'>): ReadonlyMap<number, RouteInfo> | null {
  if (routes === undefined) return null;
  const byRouter = new Map<number, RouteInfo>();
  for (const [routerId, cost = null, nextHop = null, linkQualityIn = null, linkQualityOut = null] of routes)
    if (routerId != null && !byRouter.has(routerId))
      byRouter.set(routerId, { routerId, cost, nextHop, linkQualityIn, linkQualityOut });
  return byRouter;
}
