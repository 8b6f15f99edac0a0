/** A topology's links as one node sees them. Pure. */
import type { LinkEvidence, TopologyLink } from '../../../src/protocol/topology.ts';
import type { DisplayedMap } from './displayed-map.ts';

export interface NodeLinkView {
  readonly link: TopologyLink;
  readonly peerId: string;
  /** What the node reports of its peer's signal, best first. */
  readonly hears: readonly LinkEvidence[];
  /** What the peer reports of the node's signal. */
  readonly isHeard: readonly LinkEvidence[];
}

/** The parent first, then the best link. */
export function linksOf(map: Pick<DisplayedMap, 'links' | 'nodeById'>, id: string): NodeLinkView[] {
  const parentId = map.nodeById.get(id)?.parentId ?? null;
  return map.links
    .filter((link) => link.a === id || link.b === id)
    .map((link) =>
      link.a === id
        ? { link, peerId: link.b, hears: link.aHearsB, isHeard: link.bHearsA }
        : { link, peerId: link.a, hears: link.bHearsA, isHeard: link.aHearsB },
    )
    .sort(
      (a, b) =>
        Number(b.peerId === parentId) - Number(a.peerId === parentId) ||
        (b.link.linkMargin ?? -1) - (a.link.linkMargin ?? -1) ||
        (b.link.lqi ?? -1) - (a.link.lqi ?? -1) ||
        (a.peerId < b.peerId ? -1 : 1),
    );
}

export interface Direction {
  readonly label: string;
  /** The best evidence; null where nobody reports this direction. */
  readonly evidence: LinkEvidence | null;
}

/** Both ways of a link, as the node would put them. */
export function directionsOf({ hears, isHeard }: NodeLinkView): Direction[] {
  return [
    { label: 'hears it', evidence: hears[0] ?? null },
    { label: 'is heard', evidence: isHeard[0] ?? null },
  ];
}
