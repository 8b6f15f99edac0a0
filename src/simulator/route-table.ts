/**
 * Routes through a router mesh by least path cost, as Thread's distance-vector protocol settles: a table for every
 * router, a row for every other router of its partition that it can reach.
 */

/** Routers by their ids. */
export interface RouterGraph {
  readonly routerIds: readonly number[];
  /** Cost of a direct link, the worse direction counting; null where there is none. Symmetric. */
  linkCost(from: number, to: number): number | null;
}

export interface Route {
  readonly nextHop: number;
  /** Sum of link costs. */
  readonly cost: number;
}

/** Thread's "infinite" route cost. */
export const unreachableCost = 16;

/** Routes from one router to all others, by destination id. Of equal paths the one over the lower router id wins. */
export function routesFrom(graph: RouterGraph, from: number): Map<number, Route> {
  const routes = new Map<number, Route>();
  const open = new Set(graph.routerIds);
  const best = new Map<number, { cost: number; nextHop: number }>([[from, { cost: 0, nextHop: from }]]);
  while (open.size > 0) {
    let nearest: number | null = null;
    let nearestCost = Infinity;
    for (const id of open) {
      const cost = best.get(id)?.cost ?? Infinity;
      if (cost < nearestCost || (cost === nearestCost && nearest !== null && id < nearest)) {
        nearest = id;
        nearestCost = cost;
      }
    }
    const path = nearest === null ? undefined : best.get(nearest);
    if (nearest === null || path === undefined) break;
    open.delete(nearest);
    if (nearest !== from) routes.set(nearest, { nextHop: path.nextHop, cost: path.cost });
    for (const id of open) {
      const hop = graph.linkCost(nearest, id);
      if (hop === null) continue;
      const cost = path.cost + hop;
      if (cost >= unreachableCost || cost >= (best.get(id)?.cost ?? Infinity)) continue;
      best.set(id, { cost, nextHop: nearest === from ? id : path.nextHop });
    }
  }
  return routes;
}

/** Whether every router reaches every other over links, however dear. */
export function isConnected(graph: RouterGraph): boolean {
  const [first, ...rest] = graph.routerIds;
  if (first === undefined) return true;
  const unreached = new Set(rest);
  const frontier = [first];
  for (let id = frontier.pop(); id !== undefined; id = frontier.pop()) {
    for (const other of unreached) {
      if (graph.linkCost(id, other) === null) continue;
      unreached.delete(other);
      frontier.push(other);
    }
  }
  return unreached.size === 0;
}
