/** What the reader points at: one node, or a set of nodes with a reason. Pure. */
import type { RouteTrace } from '../../../src/protocol/route-trace.ts';
import type { Hypothesis, WeakPoint } from '../../../src/protocol/topology.ts';
import { type DisplayedMap, shortLabelOf } from './displayed-map.ts';

export interface Highlight {
  /** Tells highlights apart, so that the one in force can be marked in its list. */
  readonly key: string;
  readonly title: string;
  readonly nodeIds: readonly string[];
  /** Of the links between the nodes those in focus; absent: all. */
  readonly linkIds?: readonly string[];
  /** The link that was picked, where that is what it shows. */
  readonly linkId?: string;
  /** What it shows, where that is a route. */
  readonly route?: RouteTrace;
}

export interface Picking {
  readonly highlight: Highlight | null;
  readonly selectNode: (id: string | null) => void;
  readonly showHighlight: (highlight: Highlight | null) => void;
}

/** The nodes in focus; null where all are alike. */
export function pickedIds(
  map: DisplayedMap,
  selectedId: string | null,
  highlight: Highlight | null,
  matches: ReadonlySet<string> | null,
): ReadonlySet<string> | null {
  if (selectedId !== null) return new Set([selectedId, ...neighboursOf(map, selectedId)]);
  if (highlight !== null) return new Set(highlight.nodeIds);
  return matches;
}

export function neighboursOf(map: DisplayedMap, id: string): string[] {
  return map.links.flatMap((link) => (link.a === id ? [link.b] : link.b === id ? [link.a] : []));
}

/** A weak point with all that it concerns: itself, the ends of its link, what it would cut off. */
export function weakPointHighlight(weakPoint: WeakPoint, map: DisplayedMap): Highlight {
  const link = map.links.find((candidate) => candidate.id === weakPoint.linkId);
  const nodeIds = [
    ...(weakPoint.nodeId === null ? [] : [weakPoint.nodeId]),
    ...(link === undefined ? [] : [link.a, link.b]),
    ...weakPoint.cutOff,
  ];
  return { key: weakPointKey(weakPoint), title: weakPoint.statement, nodeIds };
}

export function hypothesisHighlight({ kind, newId, oldId, statement }: Hypothesis): Highlight {
  return { key: `${kind} ${oldId} ${newId}`, title: statement, nodeIds: [oldId, newId] };
}

/** Null where the map does not have it (any more). */
export function linkHighlight(
  linkId: string,
  map: Pick<DisplayedMap, 'links' | 'nodeById'>,
): Highlight | null {
  const link = map.links.find(({ id }) => id === linkId);
  if (link === undefined) return null;
  const { a, b } = link;
  return {
    key: `link ${linkId}`,
    title: `Link between ${labelIn(map, a)} and ${labelIn(map, b)}`,
    ...{ nodeIds: [a, b], linkIds: [linkId], linkId },
  };
}

/** The hops and the links that they take. */
export function routeHighlight(route: RouteTrace, map: Pick<DisplayedMap, 'links' | 'nodeById'>): Highlight {
  const { complete, fromId, hops, toId } = route;
  const taken = new Set(hops.map(({ fromId: one, toId: other }) => pairKey(one, other)));
  return {
    key: `route ${fromId} ${toId}`,
    title: `Route from ${labelIn(map, fromId)} to ${labelIn(map, toId)}${complete ? '' : ', not known to the end'}`,
    nodeIds: [...new Set([fromId, ...hops.map((hop) => hop.toId), toId])],
    linkIds: map.links.filter(({ a, b }) => taken.has(pairKey(a, b))).map(({ id }) => id),
    route,
  };
}

function labelIn(map: Pick<DisplayedMap, 'nodeById'>, id: string): string {
  const node = map.nodeById.get(id);
  return node === undefined ? id : shortLabelOf(node);
}

const pairKey = (one: string, other: string): string =>
  one < other ? `${one}\n${other}` : `${other}\n${one}`;

export function weakPointKey({ kind, nodeId, linkId }: WeakPoint): string {
  return `${kind} ${nodeId ?? ''} ${linkId ?? ''}`;
}
