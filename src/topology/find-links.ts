/**
 * Links and the evidence for them, per direction. The receiver of a signal is who can measure it, so what A's tables say
 * of B is evidence that A hears B.
 *
 * - Between routers: neighbour tables and Route64. Route64's outgoing quality is what the other end once told the
 *   reporter: evidence for the other direction, but `inferred`.
 * - Between parent and child: the child table, the child's `parent`, its neighbour table, or the RLOC16 alone.
 * - A node that is silent now keeps its last own measurements as `stale`. One that answered has said all it hears: what
 *   it no longer lists is gone.
 * - An end device that a router hears without being its parent is no link: no message takes that way.
 */
import type { LinkMeasurement } from '../protocol/network-info.ts';
import type { EvidenceState, LinkEvidence, TopologyLink } from '../protocol/topology.ts';
import type { EarlierKnowledge } from './earlier-knowledge.ts';
import { type DraftNode, isRouterRole } from './draft-node.ts';
import { factsAt } from './fact-time.ts';
import type { NodeDirectory } from './node-directory.ts';
import { compareText } from './text-order.ts';
import type { TopologyThresholds } from './topology-input.ts';

interface DraftLink {
  readonly a: DraftNode;
  readonly b: DraftNode;
  readonly kind: TopologyLink['kind'];
  aHearsB: LinkEvidence[];
  bHearsA: LinkEvidence[];
}

export interface LinkContext {
  readonly earlier: EarlierKnowledge;
  readonly madeAt: number;
  readonly thresholds: TopologyThresholds;
}

/** As evidence has it: `lastRssi` only where it is known. */
type Measured = Pick<
  LinkEvidence,
  'rssi' | 'lastRssi' | 'linkMargin' | 'lqi' | 'frameErrorRate' | 'messageErrorRate'
>;

const unmeasured: Measured = {
  rssi: null,
  linkMargin: null,
  lqi: null,
  frameErrorRate: null,
  messageErrorRate: null,
};

export function findLinks(directory: NodeDirectory, context: LinkContext): TopologyLink[] {
  const links = new DraftLinks();
  for (const node of directory.nodes) addLiveEvidence(node, links, context.madeAt);
  addStaleEvidence(directory, links, context);
  for (const node of directory.nodes) addBareParentLink(node, links, context.madeAt);
  return links.all.map((link) => toLink(link, context.thresholds)).sort(compareLinks);
}

export function compareLinks(one: TopologyLink, other: TopologyLink): number {
  return compareText(one.a, other.a) || compareText(one.b, other.b);
}

function addLiveEvidence(node: DraftNode, links: DraftLinks, madeAt: number): void {
  for (const { reporter, source, heard, linkQualityOut } of node.sightings) {
    if (source === 'rloc16') continue;
    const link = links.between(reporter, node);
    if (link === null) continue;
    // An old entry: the device has another parent now, or routes itself.
    if (source === 'child_table' && node.parent !== reporter) continue;
    // It names its parent, and nobody has measured this direction.
    if (source === 'parent' && (heard === null || isUnmeasured(heard))) continue;
    const reportedAt = (reporter.observation === null ? null : factsAt(reporter.observation)) ?? madeAt;
    const earlier = reporter.observation?.earlier === true;
    const from = { reporterId: reporter.id, source, reportedAt, ageMs: earlier ? madeAt - reportedAt : 0 };
    if (heard !== null && !(heard.lqi === 0 && heard.rssi === null))
      evidenceOf(link, reporter).push({
        ...from,
        state: earlier ? 'stale' : 'live',
        ...measurementOf(heard, heard.lastRssi ?? undefined),
      });
    // A node that answered with a table of its own says better what it hears.
    if (linkQualityOut !== null && !hasRouterTable(node))
      evidenceOf(link, node).push({ ...from, state: 'inferred', ...unmeasured, lqi: linkQualityOut });
  }
}

function addStaleEvidence(
  directory: NodeDirectory,
  links: DraftLinks,
  { earlier, madeAt }: LinkContext,
): void {
  for (const item of earlier.evidence) {
    const reporter = directory.withEarlierId(item.reporterId);
    const heard = directory.withEarlierId(item.heardId);
    if (reporter === null || heard === null || reporter.answer !== null) continue;
    const link = links.between(reporter, heard);
    if (link === null) continue;
    evidenceOf(link, reporter).push({
      reporterId: reporter.id,
      source: item.source,
      state: 'stale',
      reportedAt: item.reportedAt,
      ageMs: Math.max(0, madeAt - item.reportedAt),
      ...measurementOf(item, item.lastRssi),
    });
  }
}

/** A parent that nobody measured: its child, or the child's RLOC16, says that it is there. */
function addBareParentLink(child: DraftNode, links: DraftLinks, madeAt: number): void {
  if (child.parent === null) return;
  const link = links.between(child, child.parent);
  if (link === null || link.aHearsB.some(isCurrent) || link.bHearsA.some(isCurrent)) return;
  const isRemembered = child.stale && child.remembered !== null;
  const stale = isRemembered || child.observation?.earlier === true;
  if (stale && (link.aHearsB.length > 0 || link.bHearsA.length > 0)) return;
  const saidAt = child.observation === null ? null : factsAt(child.observation);
  const reportedAt = (isRemembered ? child.remembered?.knownAt : saidAt) ?? madeAt;
  evidenceOf(link, child).push({
    reporterId: child.id,
    source: 'rloc16',
    state: stale ? 'stale' : 'inferred',
    reportedAt,
    ageMs: stale ? Math.max(0, madeAt - reportedAt) : 0,
    ...unmeasured,
  });
}

function isCurrent(evidence: LinkEvidence): boolean {
  return evidence.state !== 'stale';
}

/** At most one link per pair of nodes. */
class DraftLinks {
  readonly #byPair = new Map<DraftNode, Map<DraftNode, DraftLink>>();
  readonly #all: DraftLink[] = [];

  /** Links that anything speaks for. */
  get all(): DraftLink[] {
    return this.#all.filter((link) => link.aHearsB.length > 0 || link.bHearsA.length > 0);
  }

  /** Null where the two can have no link. */
  between(one: DraftNode, other: DraftNode): DraftLink | null {
    const kind = kindBetween(one, other);
    if (kind === null) return null;
    const [a, b] = one.id < other.id ? [one, other] : [other, one];
    const ofA = this.#byPair.get(a) ?? new Map<DraftNode, DraftLink>();
    if (ofA.size === 0) this.#byPair.set(a, ofA);
    const known = ofA.get(b);
    if (known !== undefined) return known;
    const link: DraftLink = { a, b, kind, aHearsB: [], bHearsA: [] };
    ofA.set(b, link);
    this.#all.push(link);
    return link;
  }
}

function kindBetween(one: DraftNode, other: DraftNode): TopologyLink['kind'] | null {
  if (one === other) return null;
  if (one.parent === other || other.parent === one) return 'parent_child';
  return isRouterRole(one.role) && isRouterRole(other.role) ? 'router_router' : null;
}

function evidenceOf(link: DraftLink, receiver: DraftNode): LinkEvidence[] {
  return receiver === link.a ? link.aHearsB : link.bHearsA;
}

function measurementOf(
  { frameErrorRate, linkMargin, lqi, messageErrorRate, rssi }: Omit<LinkMeasurement, 'lastRssi'>,
  lastRssi: number | undefined,
): Measured {
  const measured = { rssi, linkMargin, lqi, frameErrorRate, messageErrorRate };
  return lastRssi === undefined ? measured : { ...measured, lastRssi };
}

function isUnmeasured(heard: LinkMeasurement): boolean {
  const { frameErrorRate, lastRssi, linkMargin, lqi, messageErrorRate, rssi } = heard;
  return [frameErrorRate, lastRssi, linkMargin, lqi, messageErrorRate, rssi].every((value) => value === null);
}

// ---------------------------------------------------------------------------------------------------------- summary

const stateRank: Record<EvidenceState, number> = { live: 0, inferred: 1, stale: 2 };
const sourceRank: Record<LinkEvidence['source'], number> = {
  neighbor_table: 0,
  child_table: 1,
  parent: 2,
  route64: 3,
  rloc16: 4,
};

function toLink(draft: DraftLink, thresholds: TopologyThresholds): TopologyLink {
  const aHearsB = bestFirst(draft.aHearsB);
  const bHearsA = bestFirst(draft.bHearsA);
  const states = [aHearsB[0]?.state, bHearsA[0]?.state].filter((state) => state !== undefined);
  const state = states.sort((one, other) => stateRank[one] - stateRank[other])[0] ?? 'inferred';
  const directions = [aHearsB, bHearsA];
  return {
    id: `${draft.a.id}|${draft.b.id}`,
    a: draft.a.id,
    b: draft.b.id,
    kind: draft.kind,
    state,
    aHearsB,
    bHearsA,
    linkMargin: worse(directions, state, (evidence) => marginOf(evidence, thresholds)),
    lqi: worse(directions, state, (evidence) => evidence.lqi),
    oneWay: draft.kind === 'router_router' && isOneWay(draft, aHearsB, bHearsA),
    asymmetric: isAsymmetric(aHearsB, bHearsA, thresholds),
  };
}

/** One entry per reporter and source. */
function bestFirst(evidence: LinkEvidence[]): LinkEvidence[] {
  if (evidence.length <= 1) return evidence;
  const kept = new Map<string, LinkEvidence>();
  for (const item of evidence) {
    const key = `${item.reporterId}\n${item.source}`;
    const known = kept.get(key);
    if (known === undefined || item.reportedAt > known.reportedAt) kept.set(key, item);
  }
  return [...kept.values()].sort(
    (a, b) =>
      stateRank[a.state] - stateRank[b.state] ||
      sourceRank[a.source] - sourceRank[b.source] ||
      b.reportedAt - a.reportedAt,
  );
}

/** Reported, else derived from RSSI; dB. */
export function marginOf(
  { linkMargin, rssi }: Pick<LinkEvidence, 'linkMargin' | 'rssi'>,
  { noiseFloorDbm }: Pick<TopologyThresholds, 'noiseFloorDbm'>,
): number | null {
  return linkMargin ?? (rssi === null ? null : Math.max(0, rssi - noiseFloorDbm));
}

/** The lower value of the two directions; a current link is not judged by old measurements. */
function worse(
  directions: readonly LinkEvidence[][],
  state: EvidenceState,
  valueOf: (evidence: LinkEvidence) => number | null,
): number | null {
  const values = directions.flatMap((evidence) => {
    const measured = evidence.find(
      (item) => valueOf(item) !== null && (state !== 'live' || item.state !== 'stale'),
    );
    const value = measured === undefined ? null : valueOf(measured);
    return value === null ? [] : [value];
  });
  return values.length === 0 ? null : Math.min(...values);
}

function isOneWay(
  draft: DraftLink,
  aHearsB: readonly LinkEvidence[],
  bHearsA: readonly LinkEvidence[],
): boolean {
  const hears = (evidence: readonly LinkEvidence[]): boolean =>
    evidence.some((item) => item.state === 'live');
  return hasRouterTable(draft.a) && hasRouterTable(draft.b) && hears(aHearsB) !== hears(bHearsA);
}

/** An empty table says nothing: firmware that has none sends one. */
function hasRouterTable({ answer }: DraftNode): boolean {
  return answer !== null && (answer.neighbors.length > 0 || answer.routes.length > 0);
}

function isAsymmetric(
  aHearsB: readonly LinkEvidence[],
  bHearsA: readonly LinkEvidence[],
  { asymmetryDb }: TopologyThresholds,
): boolean {
  const differs = (valueOf: (evidence: LinkEvidence) => number | null): boolean | null => {
    const [a, b] = [aHearsB, bHearsA].map((evidence) =>
      evidence
        .filter((item) => item.state === 'live')
        .map(valueOf)
        .find((value) => value !== null),
    );
    return a == null || b == null ? null : Math.abs(a - b) >= asymmetryDb;
  };
  return differs((evidence) => evidence.rssi) ?? differs((evidence) => evidence.linkMargin) ?? false;
}
