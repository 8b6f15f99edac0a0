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

/** Shares of what the sender sent, 0–1. */
export interface Losses {
  readonly frames: number | null;
  readonly messages: number | null;
}

export interface Direction {
  readonly label: string;
  /** What the receiver reports of the signal, the best of it; null where nobody reports this direction. */
  readonly evidence: LinkEvidence | null;
  /** What the sender reports as lost on this way; null where it reports nothing. */
  readonly losses: Losses | null;
}

/** Both ways of a link, as the node would put them. */
export function directionsOf({
  hears,
  isHeard,
}: Pick<NodeLinkView, 'hears' | 'isHeard'>): [Direction, Direction] {
  return [
    { label: 'hears it', evidence: hears[0] ?? null, losses: lossesOf(isHeard) },
    { label: 'is heard', evidence: isHeard[0] ?? null, losses: lossesOf(hears) },
  ];
}

/** A device counts what it fails to send: the losses of one way come with the signal of the other. */
function lossesOf(bySender: readonly LinkEvidence[]): Losses | null {
  const told = bySender.find(
    ({ frameErrorRate, messageErrorRate }) => frameErrorRate !== null || messageErrorRate !== null,
  );
  return told === undefined ? null : { frames: told.frameErrorRate, messages: told.messageErrorRate };
}
