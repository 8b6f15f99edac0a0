/**
 * What changed between two topologies. A node is the same where its id is, so an extended address survives a new RLOC16;
 * a node of which the address became known in between is recognised by its name.
 *
 * Links count while they are current: one that is only remembered has gone.
 */
import type { Topology, TopologyDiff, TopologyLink, TopologyNode } from '../protocol/topology.ts';
import { compareText } from './text-order.ts';

/** A link is better or worse from this change of its margin on, dB. */
export const noticeableMarginDb = 5;
/** Where no margin is known: steps of link quality, 0–3. */
const noticeableLqi = 1;

type LinkChange = TopologyDiff['linksBetter'][number];

export function diffTopologies(from: Topology, to: Topology): TopologyDiff {
  const idAfter = matchNodes(from.nodes, to.nodes);
  const after = new Map(to.nodes.map((node) => [node.id, node]));
  const matched = new Set(idAfter.values());
  const diff: TopologyDiff = {
    fromScanId: from.scanId ?? '',
    toScanId: to.scanId ?? '',
    added: to.nodes.filter((node) => !matched.has(node.id)).map(reference),
    removed: from.nodes.filter((node) => !idAfter.has(node.id)).map(reference),
    roleChanged: [],
    parentChanged: [],
    rloc16Moved: [],
    outcomeChanged: [],
    ...diffLinks(from.links, to.links, idAfter),
  };
  for (const old of from.nodes) {
    const now = after.get(idAfter.get(old.id) ?? '');
    if (now === undefined) continue;
    if (old.role !== null && now.role !== null) {
      if (old.role !== now.role)
        diff.roleChanged.push({ ...reference(now), before: old.role, after: now.role });
      const parentBefore = old.parentId === null ? null : (idAfter.get(old.parentId) ?? old.parentId);
      if (parentBefore !== now.parentId)
        diff.parentChanged.push({ ...reference(now), before: parentBefore, after: now.parentId });
    }
    if (old.rloc16 !== null && now.rloc16 !== null && old.rloc16 !== now.rloc16)
      diff.rloc16Moved.push({ ...reference(now), before: old.rloc16, after: now.rloc16 });
    if (old.outcome !== now.outcome)
      diff.outcomeChanged.push({ ...reference(now), before: old.outcome, after: now.outcome });
  }
  return diff;
}

/** True where nothing worth telling changed. */
export function isSameTopology(diff: TopologyDiff): boolean {
  return Object.values(diff).every((value) => !Array.isArray(value) || value.length === 0);
}

/** Id before → id after. */
function matchNodes(from: readonly TopologyNode[], to: readonly TopologyNode[]): Map<string, string> {
  const after = new Map(to.map((node) => [node.id, node]));
  const idAfter = new Map<string, string>();
  for (const { id } of from) if (after.has(id)) idAfter.set(id, id);

  const matched = new Set(idAfter.values());
  const byName = new Map<string, TopologyNode>();
  for (const node of to) if (!matched.has(node.id)) for (const name of namesOf(node)) byName.set(name, node);
  for (const old of from) {
    if (idAfter.has(old.id)) continue;
    const now = namesOf(old)
      .map((name) => byName.get(name))
      .find((node) => node !== undefined && !matched.has(node.id));
    // Two addresses under one name are two devices: the first was replaced.
    if (now === undefined || (old.extAddr !== null && now.extAddr !== null)) continue;
    idAfter.set(old.id, now.id);
    matched.add(now.id);
  }
  return idAfter;
}

function namesOf({ name, otherNames }: TopologyNode): string[] {
  return name === null ? [] : [name, ...(otherNames ?? [])];
}

function reference({ id, name }: TopologyNode): { id: string; name: string | null } {
  return { id, name };
}

function diffLinks(
  from: readonly TopologyLink[],
  to: readonly TopologyLink[],
  idAfter: ReadonlyMap<string, string>,
): Pick<TopologyDiff, 'linksAdded' | 'linksRemoved' | 'linksBetter' | 'linksWorse'> {
  const before = new Map<string, TopologyLink>();
  for (const link of from)
    if (link.state !== 'stale')
      before.set(pairKey(idAfter.get(link.a) ?? link.a, idAfter.get(link.b) ?? link.b), link);

  const linksAdded: TopologyDiff['linksAdded'] = [];
  const linksBetter: LinkChange[] = [];
  const linksWorse: LinkChange[] = [];
  for (const link of to) {
    if (link.state === 'stale') continue;
    const key = pairKey(link.a, link.b);
    const old = before.get(key);
    before.delete(key);
    if (old === undefined) linksAdded.push({ id: link.id, a: link.a, b: link.b });
    const change = old === undefined ? null : qualityChange(old, link);
    if (change !== null) (change.after > change.before ? linksBetter : linksWorse).push(change);
  }
  const linksRemoved = [...before.values()].map(({ id, a, b }) => ({ id, a, b }));
  return { linksAdded, linksRemoved, linksBetter, linksWorse };
}

function qualityChange(old: TopologyLink, now: TopologyLink): LinkChange | null {
  const margins = [old.linkMargin, now.linkMargin] as const;
  const [measure, [before, after], noticeable] =
    margins[0] !== null && margins[1] !== null
      ? (['link_margin', margins, noticeableMarginDb] as const)
      : (['lqi', [old.lqi, now.lqi], noticeableLqi] as const);
  if (before === null || after === null || Math.abs(after - before) < noticeable) return null;
  return { id: now.id, before, after, measure };
}

function pairKey(a: string, b: string): string {
  return compareText(a, b) <= 0 ? `${a}\n${b}` : `${b}\n${a}`;
}
