/**
 * The topology of a mesh as one scan, and what earlier scans taught, show it. Pure: the same input gives the same
 * topology, in any order of its nodes; nothing is read, no clock is asked. Time grows linearly with nodes and table
 * entries.
 *
 *   answers ─► which devices are there (identify-nodes)
 *           ─► where is each (place-nodes) ─► which links, on what evidence (find-links)
 *           ─► partitions, completeness, weak points
 */
import { countOutcomes } from '../protocol/outcome.ts';
import type { Topology, TopologyLink, TopologyNetwork, TopologyNode } from '../protocol/topology.ts';
import { proveCompleteness } from './completeness.ts';
import { type DraftNode, isAttached } from './draft-node.ts';
import { findLinks } from './find-links.ts';
import { identifyNodes } from './identify-nodes.ts';
import { type NetworkKeys, resolveNetworkKeys } from './network-keys.ts';
import { type PartitionScopes, partitionScopes } from './partition-scopes.ts';
import { findPartitions } from './partitions.ts';
import { placeNodes } from './place-nodes.ts';
import { compareText } from './text-order.ts';
import { defaultThresholds, type TopologyInput } from './topology-input.ts';
import { findWeakPoints } from './weak-points.ts';

/**
 * Never throws for parsed input. Nodes are sorted by network and id, links by their ends. A node's id is its extended
 * address where that is known, else `network/rloc16`, else `name:NAME`; a border router that has told neither address nor
 * RLOC16 is `br:ID`.
 */
export function buildTopology(input: TopologyInput): Topology {
  const thresholds = { ...defaultThresholds, ...input.thresholds };
  const keys = resolveNetworkKeys(input);
  const scopes = partitionScopes(input, keys);
  const directory = identifyNodes(input, keys, scopes);
  placeNodes(directory, scopes);
  const links = findLinks(directory, { earlier: input.earlier, madeAt: input.madeAt, thresholds });

  const drafts = [...directory.nodes].sort(
    (a, b) => compareText(a.network, b.network) || compareText(a.id, b.id),
  );
  const names = new Set(input.nodes.map((observation) => observation.name));
  const nodes = new Map(drafts.map((draft) => [draft, toNode(draft, names, input.madeAt)]));
  const orphanIds = findOrphans(drafts, links);
  return {
    scanId: input.scan.id,
    madeAt: input.madeAt,
    final: input.scan.final,
    outcomes: countOutcomes(input.nodes.map((observation) => observation.outcome)),
    networks: toNetworks(drafts, nodes, { input, keys, scopes }),
    nodes: [...nodes.values()],
    links,
    weakPoints: findWeakPoints([...nodes.values()], links, orphanIds, thresholds),
    orphanIds,
  };
}

function toNode(draft: DraftNode, names: ReadonlySet<string>, madeAt: number): TopologyNode {
  const { observation, borderRouter, answer } = draft;
  const lastName = draft.remembered?.name ?? null;
  return {
    id: draft.id,
    // A node outside this scan keeps the name that it had, unless another one bears it now.
    name: observation?.name ?? (lastName === null || names.has(lastName) ? null : lastName),
    ...(draft.otherNames.length === 0 ? {} : { otherNames: [...draft.otherNames].sort(compareText) }),
    kind: borderRouter === null ? 'node' : 'border_router',
    state: stateOf(draft),
    outcome: observation?.outcome ?? null,
    late: observation?.late ?? false,
    network: draft.network,
    partitionId: draft.partitionId,
    role: draft.role,
    rloc16: draft.rloc16,
    extAddr: draft.extAddress,
    ipv6: observation?.ipv6 ?? null,
    brId: borderRouter?.id ?? observation?.borderRouterId ?? null,
    parentId: draft.parent?.id ?? null,
    namedBy: namersOf(draft),
    durationMs: observation?.durationMs ?? null,
    lastSeenAt: lastSeenAt(draft, madeAt),
    stale: draft.stale || observation?.earlier === true,
    counters: answer?.counters ?? {},
    batteryMillivolts: answer?.batteryMillivolts ?? null,
    error: observation?.error ?? null,
  };
}

/** A border router whose own answer was asked for and did not come is silent, though its link to the hub is up. */
function stateOf({ observation, borderRouter }: DraftNode): TopologyNode['state'] {
  if (observation !== null) return observation.outcome === 'answered' ? 'answered' : 'silent';
  if (borderRouter !== null) return borderRouter.online ? 'answered' : 'silent';
  return 'inferred';
}

/**
 * Every router's Route64 names every other router. Of a node that answered, only those that have a direct link to it are
 * worth telling; of a silent one, all.
 */
function namersOf(draft: DraftNode): string[] {
  const namers = new Set<string>();
  for (const { reporter, source, heard, linkQualityOut } of draft.sightings)
    if (draft.answer === null || source !== 'route64' || heard !== null || linkQualityOut !== null)
      namers.add(reporter.id);
  return [...namers].sort(compareText);
}

function lastSeenAt({ observation, borderRouter, remembered }: DraftNode, madeAt: number): number | null {
  if (observation?.outcome === 'answered') return observation.decidedAt ?? madeAt;
  if (borderRouter?.online === true) return madeAt;
  return remembered?.lastSeenAt ?? null;
}

/**
 * Answered, and yet no current link is known. Where no answer of a network carries any table (firmware that tells its role
 * and RLOC16 alone), missing links mean nothing; a detached device is an orphan in any case.
 */
function findOrphans(drafts: readonly DraftNode[], links: readonly TopologyLink[]): string[] {
  const linked = new Set<string>();
  for (const link of links)
    if (link.state !== 'stale') {
      linked.add(link.a);
      linked.add(link.b);
    }
  const telling = new Set<string>();
  for (const { answer, network } of drafts) if (answer !== null && hasAnyTable(answer)) telling.add(network);
  return drafts
    .filter(
      ({ id, answer, network }) =>
        answer !== null && !linked.has(id) && (!isAttached(answer) || telling.has(network)),
    )
    .map((draft) => draft.id);
}

function hasAnyTable({ parent, children, neighbors, routes }: NonNullable<DraftNode['answer']>): boolean {
  return parent !== null || children.length > 0 || neighbors.length > 0 || routes.length > 0;
}

function toNetworks(
  drafts: readonly DraftNode[],
  nodes: ReadonlyMap<DraftNode, TopologyNode>,
  { input, keys, scopes }: { input: TopologyInput; keys: NetworkKeys; scopes: PartitionScopes },
): TopologyNetwork[] {
  const byNetwork = new Map<string, DraftNode[]>();
  for (const draft of drafts) {
    const members = byNetwork.get(draft.network);
    if (members === undefined) byNetwork.set(draft.network, [draft]);
    else members.push(draft);
  }
  return [...byNetwork].map(([key, members]) => ({
    key,
    extPanId: keys.extPanIdOf(key),
    prefixes: keys.prefixesOf(key),
    brIds: members
      .flatMap((draft) => (draft.borderRouter === null ? [] : [draft.borderRouter.id]))
      .sort(compareText),
    ...findPartitions(key, members, scopes),
    completeness: proveCompleteness(key, members, nodes, {
      scopes,
      final: input.scan.final,
      madeAt: input.madeAt,
    }),
  }));
}
