/**
 * Where a mesh would break first: nodes and links that others depend on, links with little margin or many lost frames, links that only one end
 * hears, nodes without any link. Judged on current links; stale ones prove nothing.
 *
 * A child's link to its parent is a bridge by Thread's design and is not listed as one; its parent is listed, but as
 * `info`: the child finds another.
 */
import type { TopologyLink, TopologyNode, WeakPoint } from '../protocol/topology.ts';
import { type CutPoints, findCutPoints, type OrderRange } from './cut-points.ts';
import { marginOf } from './find-links.ts';
import { countOf, nodeLabel } from './node-label.ts';
import { compareText } from './text-order.ts';
import type { TopologyThresholds } from './topology-input.ts';

/**
 * Ids listed in `cutOff`; its statement always has the full number. Listing all would grow with the square of a
 * long chain.
 */
export const maxCutOffListed = 500;

export function findWeakPoints(
  nodes: readonly TopologyNode[],
  links: readonly TopologyLink[],
  orphanIds: readonly string[],
  thresholds: TopologyThresholds,
): WeakPoint[] {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const label = (id: string): string => {
    const node = byId.get(id);
    return node === undefined ? id : nodeLabel(node);
  };
  const points = [
    ...dependencies(nodes, links, label),
    ...links.flatMap((link) => linkWeaknesses(link, label, thresholds)),
    ...orphanIds.map((id): WeakPoint => {
      return {
        kind: 'orphan',
        severity: 'warning',
        nodeId: id,
        linkId: null,
        cutOff: [],
        statement: `${label(id)} answered, but no link to it is known`,
      };
    }),
  ];
  return points.sort(compareWeakPoints);
}

/** The gravest first. */
export function compareWeakPoints(a: WeakPoint, b: WeakPoint): number {
  return (
    severityRank[a.severity] - severityRank[b.severity] ||
    kindRank[a.kind] - kindRank[b.kind] ||
    b.cutOff.length - a.cutOff.length ||
    compareText(a.nodeId ?? a.linkId ?? '', b.nodeId ?? b.linkId ?? '')
  );
}

const severityRank: Record<WeakPoint['severity'], number> = { warning: 0, info: 1 };
const kindRank: Record<WeakPoint['kind'], number> = {
  articulation_node: 0,
  bridge: 1,
  orphan: 2,
  one_way_link: 3,
  weak_link: 4,
  asymmetric_link: 5,
};

// ------------------------------------------------------------------------------------------------------ dependencies

function dependencies(
  unsorted: readonly TopologyNode[],
  links: readonly TopologyLink[],
  label: (id: string) => string,
): WeakPoint[] {
  // By place rather than by id: which of two equal pieces counts as lost must not depend on how nodes are called.
  const nodes = [...unsorted].sort(
    (a, b) => compareText(a.rloc16 ?? '~', b.rloc16 ?? '~') || compareText(a.id, b.id),
  );
  const index = new Map(nodes.map((node, position) => [node.id, position]));
  const connected = links
    .filter((link) => link.state !== 'stale')
    .map((link) => ({ link, a: index.get(link.a) ?? 0, b: index.get(link.b) ?? 0 }))
    .sort(
      (one, other) =>
        Math.min(one.a, one.b) - Math.min(other.a, other.b) || one.a + one.b - other.a - other.b,
    );
  const cuts = findCutPoints(nodes.length, connected);
  const pieces = new Pieces(nodes, cuts);
  const points: WeakPoint[] = [];

  for (const { node: cut, position, subtrees, component } of cuts.nodes) {
    const node = nodes[cut];
    if (node === undefined) continue;
    const lost = pieces.lostWithout(subtrees, component, position);
    if (lost.count === 0) continue;
    const onlyChildren = lost.ids.length === lost.count && lost.ids.every((id) => isChildOf(id, node.id));
    points.push({
      kind: 'articulation_node',
      severity: onlyChildren ? 'info' : 'warning',
      nodeId: node.id,
      linkId: null,
      cutOff: lost.ids,
      statement: onlyChildren
        ? `Without ${nodeLabel(node)}, its ${countOf(lost.count, 'child', 'children')} must find another parent`
        : `Without ${nodeLabel(node)}, ${countOf(lost.count, 'node loses its path', 'nodes lose their path')}`,
    });
  }
  for (const { edge, subtree, component } of cuts.edges) {
    const link = connected[edge]?.link;
    if (link === undefined || link.kind !== 'router_router') continue;
    const lost = pieces.lostWithout([subtree], component, null);
    points.push({
      kind: 'bridge',
      severity: 'warning',
      nodeId: null,
      linkId: link.id,
      cutOff: lost.ids,
      statement:
        `Without the link between ${label(link.a)} and ${label(link.b)}, ` +
        countOf(lost.count, 'node loses its path', 'nodes lose their path'),
    });
  }
  return points;

  function isChildOf(id: string, parentId: string): boolean {
    const position = index.get(id);
    return position !== undefined && nodes[position]?.parentId === parentId;
  }
}

interface Lost {
  /** At most `maxCutOffListed`, sorted. */
  readonly ids: string[];
  readonly count: number;
}

/**
 * The pieces that a cut leaves. Pieces without a border router lose their path; where no piece has one, all but the
 * largest do (of equals, the one with the leader stays, else the one with more routers).
 */
class Pieces {
  readonly #nodes: readonly TopologyNode[];
  readonly #order: readonly number[];
  readonly #borderRoutersBefore: number[];
  readonly #leadersBefore: number[];
  readonly #routersBefore: number[];

  constructor(nodes: readonly TopologyNode[], cuts: CutPoints) {
    this.#nodes = nodes;
    this.#order = cuts.order;
    this.#borderRoutersBefore = this.#runningCount((node) => node.kind === 'border_router');
    this.#leadersBefore = this.#runningCount((node) => node.role === 'leader');
    this.#routersBefore = this.#runningCount((node) => node.role === 'router');
  }

  /** `removed`: the position of the node that the cut removes; null where the cut is an edge. */
  lostWithout(subtrees: readonly OrderRange[], component: OrderRange, removed: number | null): Lost {
    const pieces = [...subtrees.map((range) => [range]), this.#rest(subtrees, component, removed)]
      .filter((ranges) => ranges.length > 0)
      .map((ranges) => ({
        ranges,
        size: sum(ranges, ({ from, to }) => to - from),
        borderRouters: sum(ranges, (range) => countIn(this.#borderRoutersBefore, range)),
        leaders: sum(ranges, (range) => countIn(this.#leadersBefore, range)),
        routers: sum(ranges, (range) => countIn(this.#routersBefore, range)),
      }));
    const kept = new Set(
      pieces.some((piece) => piece.borderRouters > 0)
        ? pieces.filter((piece) => piece.borderRouters > 0)
        : [...pieces]
            .sort((a, b) => b.size - a.size || b.leaders - a.leaders || b.routers - a.routers)
            .slice(0, 1),
    );
    const lost = pieces.filter((piece) => !kept.has(piece));
    return {
      count: sum(lost, (piece) => piece.size),
      ids: this.#ids(lost.flatMap((piece) => piece.ranges)),
    };
  }

  /** What remains around the subtrees and the removed node: ranges too, since discovery order is contiguous. */
  #rest(subtrees: readonly OrderRange[], component: OrderRange, removed: number | null): OrderRange[] {
    const holes = removed === null ? [...subtrees] : [{ from: removed, to: removed + 1 }, ...subtrees];
    holes.sort((a, b) => a.from - b.from);
    const rest: OrderRange[] = [];
    let from = component.from;
    for (const hole of holes) {
      if (hole.from > from) rest.push({ from, to: hole.from });
      from = Math.max(from, hole.to);
    }
    if (component.to > from) rest.push({ from, to: component.to });
    return rest;
  }

  #ids(ranges: readonly OrderRange[]): string[] {
    const ids: string[] = [];
    for (const { from, to } of ranges)
      for (let position = from; position < to && ids.length < maxCutOffListed; position += 1) {
        const node = this.#nodes[this.#order[position] ?? -1];
        if (node !== undefined) ids.push(node.id);
      }
    return ids.sort(compareText);
  }

  #runningCount(counts: (node: TopologyNode) => boolean): number[] {
    const before = [0];
    for (const position of this.#order) {
      const node = this.#nodes[position];
      before.push((before.at(-1) ?? 0) + (node !== undefined && counts(node) ? 1 : 0));
    }
    return before;
  }
}

function countIn(before: readonly number[], { from, to }: OrderRange): number {
  return (before[to] ?? 0) - (before[from] ?? 0);
}

function sum<Item>(items: readonly Item[], valueOf: (item: Item) => number): number {
  let total = 0;
  for (const item of items) total += valueOf(item);
  return total;
}

// ------------------------------------------------------------------------------------------------------------- links

function linkWeaknesses(
  link: TopologyLink,
  label: (id: string) => string,
  thresholds: TopologyThresholds,
): WeakPoint[] {
  const ends = `${label(link.a)} and ${label(link.b)}`;
  const point = (kind: WeakPoint['kind'], severity: WeakPoint['severity'], statement: string): WeakPoint => {
    return { kind, severity, nodeId: null, linkId: link.id, cutOff: [], statement };
  };
  const points: WeakPoint[] = [];
  if (link.oneWay) {
    const [hearer, heard] = link.aHearsB.some((item) => item.state === 'live')
      ? [link.a, link.b]
      : [link.b, link.a];
    points.push(
      point('one_way_link', 'warning', `${label(hearer)} hears ${label(heard)}, but not the other way round`),
    );
  }
  if (link.state === 'live') {
    const margin = link.linkMargin;
    const loss = worstLoss(link);
    if (margin !== null ? margin < thresholds.weakLinkMarginDb : link.lqi !== null && link.lqi <= 1)
      points.push(
        point(
          'weak_link',
          'warning',
          margin === null
            ? `The link between ${ends} has link quality ${link.lqi ?? 0}`
            : `The link between ${ends} has ${round(margin)} dB of margin`,
        ),
      );
    else if (loss !== null && loss.frames >= thresholds.weakFrameErrorRate) {
      const [from, to] = loss.reporterId === link.a ? [link.a, link.b] : [link.b, link.a];
      const isMended = loss.messages !== null && loss.messages < mendedBelow;
      points.push(
        point(
          'weak_link',
          isMended ? 'info' : 'warning',
          `${percent(loss.frames)} of the frames from ${label(from)} to ${label(to)} are lost` +
            (loss.messages === null ? '' : `, ${percent(loss.messages)} of the messages after retries`),
        ),
      );
    }
  }
  if (link.asymmetric) {
    const [a, b] = [link.aHearsB, link.bHearsA].map((evidence) => {
      const measured = evidence.find((item) => item.state === 'live' && marginOf(item, thresholds) !== null);
      return measured === undefined ? 0 : (marginOf(measured, thresholds) ?? 0);
    });
    points.push(
      point(
        'asymmetric_link',
        'info',
        `The directions between ${ends} differ by ${round(Math.abs((a ?? 0) - (b ?? 0)))} dB`,
      ),
    );
  }
  return points;
}

/** Below this share of lost messages retries make up for lost frames, 0–1. */
const mendedBelow = 0.1;

interface Loss {
  /** Who sends, and counts what is not acknowledged. */
  readonly reporterId: string;
  /** 0–1. */
  readonly frames: number;
  readonly messages: number | null;
}

/** Of the direction that loses more frames; null where nobody counts them. */
function worstLoss({ aHearsB, bHearsA }: TopologyLink): Loss | null {
  let worst: Loss | null = null;
  for (const evidence of [aHearsB, bHearsA])
    for (const { frameErrorRate, messageErrorRate, reporterId, state } of evidence)
      if (state === 'live' && frameErrorRate !== null && frameErrorRate > (worst?.frames ?? -1))
        worst = { reporterId, frames: frameErrorRate, messages: messageErrorRate };
  return worst;
}

function percent(rate: number): string {
  return `${Math.round(rate * 100)} %`;
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
