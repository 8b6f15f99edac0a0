/** A node while a topology is being made: what is known of it so far, by whom. */
import type { LinkMeasurement, NetworkInfo, Role } from '../protocol/network-info.ts';
import { isRouterRloc16, type Rloc16 } from '../protocol/rloc16.ts';
import type { LinkEvidence } from '../protocol/topology.ts';
import type { EarlierNode } from './earlier-knowledge.ts';
import { compareText } from './text-order.ts';
import type { TopologyBorderRouter, TopologyObservation } from './topology-input.ts';

export interface DraftNode {
  readonly id: string;
  readonly network: string;
  readonly extAddress: string | null;
  /** Null where it was not expected in this scan. */
  observation: TopologyObservation | null;
  /** Further registered names that turned out to be this same device. */
  readonly otherNames: string[];
  /** Null where it is no border router of this hub. */
  borderRouter: TopologyBorderRouter | null;
  /** Further connections for the same device: two agents read it, or one came back under another id. */
  readonly otherBorderRouterIds: string[];
  /** Its own answer in this scan. */
  answer: NetworkInfo | null;
  remembered: EarlierNode | null;
  /** Where answers of this scan name it. */
  readonly sightings: Sighting[];
  partitionId: number | null;
  rloc16: Rloc16 | null;
  role: Role | null;
  parent: DraftNode | null;
  /** Role, RLOC16 or parent are from an earlier scan. */
  stale: boolean;
}

/** One entry of one answer that names a node. */
export interface Sighting {
  /** Who answered. */
  readonly reporter: DraftNode;
  readonly source: LinkEvidence['source'];
  /** The RLOC16 that the entry gives the node; null where another device has answered there. */
  readonly rloc16: Rloc16 | null;
  /** The same, whoever is there now. */
  readonly named: Rloc16 | null;
  readonly ageSeconds: number | null;
  /** Thread mode, child tables only. */
  readonly mode: string | null;
  /** What the reporter receives from the node; null where the entry measures nothing. */
  readonly heard: LinkMeasurement | null;
  /** Route64 only: the quality at which the node hears the reporter, 0–3. */
  readonly linkQualityOut: number | null;
}

export function draftNode(id: string, network: string, extAddress: string | null): DraftNode {
  return {
    id,
    network,
    extAddress,
    observation: null,
    otherNames: [],
    borderRouter: null,
    otherBorderRouterIds: [],
    answer: null,
    remembered: null,
    sightings: [],
    partitionId: null,
    rloc16: null,
    role: null,
    parent: null,
    stale: false,
  };
}

/** A detached or disabled device answers, but its RLOC16, partition and tables mean nothing. */
export function isAttached(answer: Pick<NetworkInfo, 'role'>): boolean {
  return answer.role !== 'detached' && answer.role !== 'disabled';
}

export function isRouterRole(role: Role | null): boolean {
  return role === 'leader' || role === 'router';
}

/** Answered in this scan, or its own link to the hub proves that it is alive. */
export function isAlive(node: DraftNode): boolean {
  return node.observation?.outcome === 'answered' || node.borderRouter?.online === true;
}

const sourceRank: Record<Sighting['source'], number> = {
  child_table: 0,
  parent: 1,
  neighbor_table: 2,
  route64: 3,
  rloc16: 4,
};

/** The entry to believe where several give different RLOC16s: the youngest, then the closest relation. */
export function bestSighting(node: DraftNode): Sighting | null {
  let best: Sighting | null = null;
  for (const sighting of node.sightings)
    if (sighting.rloc16 !== null && (best === null || compareSightings(sighting, best) < 0)) best = sighting;
  return best;
}

export function compareSightings(a: Sighting, b: Sighting): number {
  const ageA = a.ageSeconds ?? Infinity;
  const ageB = b.ageSeconds ?? Infinity;
  if (ageA !== ageB) return ageA - ageB;
  return (
    sourceRank[a.source] - sourceRank[b.source] ||
    compareText(a.rloc16 ?? '', b.rloc16 ?? '') ||
    compareText(a.reporter.id, b.reporter.id)
  );
}

/** True where the RLOC16 has a child id. */
export function isChildRloc16(rloc16: Rloc16 | null): rloc16 is Rloc16 {
  return rloc16 !== null && !isRouterRloc16(rloc16);
}
