/** What the reader points at: one node, or a set of nodes with a reason. Pure. */
import type { Hypothesis, WeakPoint } from '../../../src/protocol/topology.ts';
import type { DisplayedMap } from './displayed-map.ts';

export interface Highlight {
  /** Tells highlights apart, so that the one in force can be marked in its list. */
  readonly key: string;
  readonly title: string;
  readonly nodeIds: readonly string[];
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

export function weakPointKey({ kind, nodeId, linkId }: WeakPoint): string {
  return `${kind} ${nodeId ?? ''} ${linkId ?? ''}`;
}
