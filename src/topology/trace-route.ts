/**
 * Which way a message takes through a mesh, over the Route64 tables that routers told in one scan. Pure.
 *
 * Route64 tells a router's cost to every other router, not the next hop. Where a router does not name it, it is the
 * neighbour over which the cost adds up: link cost to the neighbour, and the neighbour's own cost from there on. Tables of
 * one scan are seconds apart and may contradict each other, and two neighbours may be as good: both is told.
 *
 * Children send and receive everything through their parent.
 */
import type { RouteInfo } from '../protocol/network-info.ts';
import type { RouteHop, RouteTrace } from '../protocol/route-trace.ts';
import { isRouterRloc16, parseRloc16, routerIdOf } from '../protocol/rloc16.ts';
import type { Topology, TopologyNode } from '../protocol/topology.ts';
import { isRouterRole } from './draft-node.ts';
import { countOf, nodeLabel } from './node-label.ts';
import { routesOf } from './packed-routes.ts';
import { compareText } from './text-order.ts';

/** By id, by name, or by the id of a border router; null where there is none. */
export function findTracedNode(topology: Topology, key: string): TopologyNode | null {
  const { nodes } = topology;
  return (
    nodes.find(({ id }) => id === key) ??
    nodes.find(({ name, otherNames }) => name === key || otherNames?.includes(key) === true) ??
    nodes.find(({ brId, kind }) => kind === 'border_router' && brId === key) ??
    null
  );
}

/** What `findTracedNode` finds. */
export function* tracedKeys({ nodes }: Topology): Generator<string> {
  for (const { brId, id, kind, name, otherNames = [] } of nodes) {
    if (name !== null) yield name;
    yield* otherNames;
    if (kind === 'border_router' && brId !== null) yield brId;
    yield id;
  }
}

export function traceRoute(topology: Topology, from: TopologyNode, to: TopologyNode): RouteTrace {
  const path = new Path(topology, from, to);
  path.walk();
  return {
    scanId: topology.scanId,
    madeAt: topology.madeAt,
    fromId: from.id,
    toId: to.id,
    complete: path.complete,
    totalCost: path.totalCost,
    hops: path.hops,
    problems: path.problems,
    statement: path.statement,
  };
}

/** A neighbour that may be the next hop. */
interface Candidate {
  readonly router: TopologyNode;
  readonly linkCost: number;
  /** From the neighbour on. */
  readonly restCost: number;
}

class Path {
  readonly hops: RouteHop[] = [];
  readonly problems: string[] = [];
  readonly #from: TopologyNode;
  readonly #to: TopologyNode;
  readonly #byId: ReadonlyMap<string, TopologyNode>;
  /** Routers of the partition. */
  readonly #routers = new Map<number, TopologyNode>();
  readonly #tables = new Map<TopologyNode, ReadonlyMap<number, RouteInfo> | null>();
  /** What the first router says that the whole way between routers costs. */
  #toldCost: number | null = null;
  #stopped = false;

  constructor(topology: Topology, from: TopologyNode, to: TopologyNode) {
    this.#from = from;
    this.#to = to;
    this.#byId = new Map(topology.nodes.map((node) => [node.id, node]));
    const members = topology.networks
      .flatMap(({ partitions }) => partitions)
      .find(({ nodeIds }) => nodeIds.includes(from.id))?.nodeIds;
    for (const id of members ?? []) {
      const node = this.#byId.get(id);
      const routerId = node === undefined ? null : routerIdOfNode(node);
      if (node === undefined || routerId === null) continue;
      const known = this.#routers.get(routerId);
      // The one that told a table, where two claim a router id.
      if (known === undefined || (known.routes === undefined && node.routes !== undefined))
        this.#routers.set(routerId, node);
    }
    if (members?.includes(to.id) !== true) this.#stop(`${nodeLabel(to)} is in another partition or network`);
  }

  get complete(): boolean {
    return !this.#stopped;
  }

  get totalCost(): number | null {
    if (!this.complete) return null;
    let sum = 0;
    for (const { evidence, linkCost } of this.hops) {
      if (evidence === 'parent') continue;
      if (linkCost === null) return this.#toldCost;
      sum += linkCost;
    }
    return sum;
  }

  get statement(): string {
    const ends = `${nodeLabel(this.#from)} to ${nodeLabel(this.#to)}`;
    const cost = this.totalCost;
    if (!this.complete) {
      const [reason = 'nothing tells the next hop'] = this.problems.slice(-1);
      return `${ends}: not known to the end, ${reason}`;
    }
    const ways = [nodeLabel(this.#from), ...this.hops.map(({ toLabel }) => toLabel)];
    const ties = this.hops.some(({ alsoPossible }) => alsoPossible.length > 0)
      ? '; not the only way possible'
      : '';
    return `${ends} in ${countOf(this.hops.length, 'hop')}${cost === null || cost === 0 ? '' : `, cost ${cost}`}: ${ways.join(' → ')}${ties}`;
  }

  walk(): void {
    if (this.#stopped || this.#from === this.#to) return;
    const start = this.#routerFor(this.#from);
    const end = this.#routerFor(this.#to);
    if (start === null || end === null) return;
    if (start !== this.#from) this.#hop(this.#from, start, 'parent', null);
    this.#walkRouters(start, end);
    if (this.complete && end !== this.#to) this.#hop(end, this.#to, 'parent', null);
    this.#checkSum();
  }

  /** Itself, or its parent. */
  #routerFor(node: TopologyNode): TopologyNode | null {
    if (isRouterRole(node.role)) return node;
    const parent = node.parentId === null ? undefined : this.#byId.get(node.parentId);
    if (parent !== undefined && isRouterRole(parent.role)) return parent;
    this.#stop(`the parent of ${nodeLabel(node)} is not known`);
    return null;
  }

  #walkRouters(start: TopologyNode, end: TopologyNode): void {
    const target = routerIdOfNode(end);
    if (start !== end && target === null) this.#stop(`the router id of ${nodeLabel(end)} is not known`);
    if (start !== end && target !== null) this.#toldCost = this.#tableOf(start)?.get(target)?.cost ?? null;
    const visited = new Set([start]);
    let at = start;
    while (!this.#stopped && at !== end && target !== null) {
      const next = this.#nextHop(at, end, target);
      if (next === null) return;
      if (visited.has(next)) {
        this.#stop(`the tables lead in a circle, back to ${nodeLabel(next)}`);
        return;
      }
      visited.add(next);
      at = next;
    }
  }

  /** Adds the hop; null where nothing tells it. */
  #nextHop(at: TopologyNode, end: TopologyNode, target: number): TopologyNode | null {
    const table = this.#tableOf(at);
    if (table === null) return this.#stop(`${nodeLabel(at)} has told no route table`);
    const entry = table.get(target);
    if (entry === undefined) return this.#stop(`${nodeLabel(at)} does not list ${nodeLabel(end)}`);
    const told = this.#toldHop(at, entry, table);
    if (told !== undefined) return told;
    // 0 in Route64: out of reach.
    if (entry.cost === 0) return this.#stop(`${nodeLabel(at)} has no route to ${nodeLabel(end)}`);
    return this.#derivedHop(at, end, entry, table);
  }

  /** Undefined where the table names no next hop. */
  #toldHop(
    at: TopologyNode,
    { nextHop }: RouteInfo,
    table: ReadonlyMap<number, RouteInfo>,
  ): TopologyNode | null | undefined {
    if (nextHop === null || nextHop === routerIdOfNode(at)) return undefined;
    const router = this.#routers.get(nextHop);
    if (router === undefined)
      return this.#stop(
        `${nodeLabel(at)} names router id ${nextHop} as its next hop, which is not on the map`,
      );
    this.#hop(at, router, 'told', linkCostOf(table.get(nextHop)));
    return router;
  }

  #derivedHop(
    at: TopologyNode,
    end: TopologyNode,
    { cost }: RouteInfo,
    table: ReadonlyMap<number, RouteInfo>,
  ): TopologyNode | null {
    const { candidates, untold } = this.#candidates(at, end, table);
    const missing = untold.length === 0 ? '' : `; ${untold.map(nodeLabel).join(', ')} told no route table`;
    if (candidates.length === 0)
      return this.#stop(`no neighbour of ${nodeLabel(at)} tells a route to ${nodeLabel(end)}${missing}`);
    const fitting = candidates.filter(({ linkCost, restCost }) => linkCost + restCost === cost);
    const lowest = Math.min(...candidates.map(({ linkCost, restCost }) => linkCost + restCost));
    if (fitting.length === 0 && cost !== null)
      this.problems.push(
        `${nodeLabel(at)} says that ${nodeLabel(end)} costs ${cost}, the tables of its neighbours add up to ${lowest}${missing}`,
      );
    const best = (
      fitting.length > 0
        ? fitting
        : candidates.filter(({ linkCost, restCost }) => linkCost + restCost === lowest)
    ).sort((a, b) => a.restCost - b.restCost || compareText(a.router.id, b.router.id));
    const [chosen, ...others] = best;
    if (chosen === undefined) return null;
    if (others.length > 0)
      this.problems.push(
        `From ${nodeLabel(at)}, ${others.map(({ router }) => nodeLabel(router)).join(' or ')} would cost the same as ${nodeLabel(chosen.router)}`,
      );
    this.#hop(
      at,
      chosen.router,
      'derived',
      chosen.linkCost,
      others.map(({ router }) => router.id),
    );
    return chosen.router;
  }

  /** `untold`: neighbours that may be the next hop as well, and told no table. */
  #candidates(
    at: TopologyNode,
    end: TopologyNode,
    table: ReadonlyMap<number, RouteInfo>,
  ): { candidates: Candidate[]; untold: TopologyNode[] } {
    const candidates: Candidate[] = [];
    const untold: TopologyNode[] = [];
    const target = routerIdOfNode(end);
    const own = routerIdOfNode(at);
    for (const [routerId, row] of table) {
      const linkCost = linkCostOf(row);
      const router = this.#routers.get(routerId);
      if (linkCost === null || router === undefined || router === at || target === null) continue;
      if (router === end) {
        candidates.push({ router, linkCost, restCost: 0 });
        continue;
      }
      const theirs = this.#tableOf(router);
      const rest = theirs?.get(target);
      if (theirs === null) untold.push(router);
      else if (rest?.cost != null && rest.cost > 0 && (rest.nextHop === null || rest.nextHop !== own))
        candidates.push({ router, linkCost, restCost: rest.cost });
    }
    return { candidates, untold };
  }

  #tableOf(node: TopologyNode): ReadonlyMap<number, RouteInfo> | null {
    const known = this.#tables.get(node);
    if (known !== undefined) return known;
    const table = routesOf(node);
    this.#tables.set(node, table);
    return table;
  }

  #hop(
    from: TopologyNode,
    to: TopologyNode,
    evidence: RouteHop['evidence'],
    linkCost: number | null,
    alsoPossible: string[] = [],
  ): void {
    this.hops.push({
      fromId: from.id,
      toId: to.id,
      fromLabel: nodeLabel(from),
      toLabel: nodeLabel(to),
      evidence,
      linkCost,
      alsoPossible,
    });
  }

  #checkSum(): void {
    const sum = this.totalCost;
    if (sum !== null && this.#toldCost !== null && sum !== this.#toldCost && this.problems.length === 0)
      this.problems.push(
        `The first router says that the way costs ${this.#toldCost}, its links add up to ${sum}`,
      );
  }

  #stop(reason: string): null {
    this.#stopped = true;
    this.problems.push(reason);
    return null;
  }
}

function routerIdOfNode({ rloc16, role }: TopologyNode): number | null {
  const parsed = rloc16 === null || !isRouterRole(role) ? null : parseRloc16(rloc16);
  return parsed === null || !isRouterRloc16(parsed) ? null : routerIdOf(parsed);
}

const costOfQuality: Readonly<Record<number, number>> = { 3: 1, 2: 2, 1: 4 };

/** By the worse of both directions; null where there is no link in both. */
function linkCostOf(row: RouteInfo | undefined): number | null {
  if (row?.linkQualityIn == null) return null;
  return costOfQuality[Math.min(row.linkQualityIn, row.linkQualityOut ?? row.linkQualityIn)] ?? null;
}
