/**
 * Route64 tables as a topology keeps them: one text for each router, `40,1,28,3,3 41,2,,0,0`, each entry
 * `router_id,cost,next_hop,lq_in,lq_out` with nothing where nothing is known. A router of a large mesh lists all others, so these are
 * many; as text they cost a map's JSON next to nothing.
 */
import type { RouteInfo } from '../protocol/network-info.ts';
import type { TopologyNode } from '../protocol/topology.ts';

export function packRoutes(routes: readonly RouteInfo[]): string {
  let text = '';
  for (const { cost, linkQualityIn, linkQualityOut, nextHop, routerId } of routes) {
    if (text !== '') text += ' ';
    text += `${routerId},${cost ?? ''},${nextHop ?? ''},${linkQualityIn ?? ''},${linkQualityOut ?? ''}`;
  }
  return text;
}

/** Thread has no more router ids; what a stored file lists beyond is left out. */
const maxRouterId = 62;

/** By router id, the first entry of each; null where the node has told none. What cannot be read is left out. */
export function routesOf({ routes }: Pick<TopologyNode, 'routes'>): ReadonlyMap<number, RouteInfo> | null {
  // A map that was stored long ago may have them in another form.
  if (typeof routes !== 'string') return null;
  const byRouter = new Map<number, RouteInfo>();
  for (const entry of routes.split(' ')) {
    const [routerId = null, cost = null, nextHop = null, linkQualityIn = null, linkQualityOut = null] = entry
      .split(',')
      .map(numberOf);
    if (routerId === null || !isRouterId(routerId) || byRouter.has(routerId)) continue;
    byRouter.set(routerId, { routerId, cost, nextHop, linkQualityIn, linkQualityOut });
  }
  return byRouter;
}

const isRouterId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id <= maxRouterId;

function numberOf(text: string): number | null {
  const number = text === '' ? NaN : Number(text);
  return Number.isFinite(number) ? number : null;
}
