/**
 * The topology of a mesh as one scan, and what earlier scans taught, show it. Pure: the same input gives the same
 * topology, in any order of its nodes; nothing is read, no clock is asked. Time grows linearly with nodes and table
 * entries. Networks that share no device can be built apart and joined, which `topology-builder.ts` does.
 *
 *   answers ─► which devices are there (identify-nodes)
 *           ─► where is each (place-nodes) ─► which links, on what evidence (find-links)
 *           ─► partitions, completeness, weak points
 */
import { countOutcomes } from '../protocol/outcome.ts';
import type {
  Hypothesis,
  LinkEvidence,
  Topology,
  TopologyLink,
  TopologyNetwork,
  TopologyNode,
  WeakPoint,
} from '../protocol/topology.ts';
import type { NetworkInfo } from '../protocol/network-info.ts';
import { proveCompleteness } from './completeness.ts';
import { findDatasetConflicts } from './dataset-conflicts.ts';
import { type DraftNode, isAttached } from './draft-node.ts';
import { factsAt } from './fact-time.ts';
import { compareLinks, findLinks } from './find-links.ts';
import { identifyNodes } from './identify-nodes.ts';
import { tellGhosts } from './ghosts.ts';
import { type NetworkKeys, resolveNetworkKeys } from './network-keys.ts';
import { type PartitionScopes, partitionScopes } from './partition-scopes.ts';
import { findPartitions } from './partitions.ts';
import { placeNodes } from './place-nodes.ts';
import { nodeLabel } from './node-label.ts';
import { packRoutes } from './packed-routes.ts';
import { findSameDevices } from './same-device.ts';
import { compareText } from './text-order.ts';
import { defaultThresholds, type TopologyInput } from './topology-input.ts';
import { compareWeakPoints, findWeakPoints } from './weak-points.ts';

/**
 * Never throws for parsed input. Nodes are sorted by network and id, links by their ends. A node's id is its extended
 * address where that is known, else `network/rloc16`, else `name:NAME`; a border router that has told neither address nor
 * RLOC16 is `br:ID`.
 */
export function buildTopology(input: TopologyInput): Topology {
  return joinPieces(input, [buildPiece(input)]);
}

/** Part of a topology: networks that share no device with those of other parts. */
export interface TopologyPiece {
  readonly networks: readonly TopologyNetwork[];
  readonly nodes: readonly TopologyNode[];
  readonly links: readonly TopologyLink[];
  readonly weakPoints: readonly WeakPoint[];
  readonly orphanIds: readonly string[];
  readonly hypotheses: readonly Hypothesis[];
  /** The same piece as another map has it; null where so much of it is told by age that it must be built anew. */
  readonly again: (made: MadeMap) => TopologyPiece | null;
}

interface MadeMap {
  readonly madeAt: number;
  readonly scan: { readonly final: boolean };
}

/** `input` is that of the piece alone. */
export function buildPiece(input: TopologyInput): TopologyPiece {
  const thresholds = { ...defaultThresholds, ...input.thresholds };
  const keys = resolveNetworkKeys(input);
  const scopes = partitionScopes(input, keys);
  const { directory, ghosts } = identifyNodes(input, keys, scopes);
  placeNodes(directory, scopes);
  const links = findLinks(directory, { earlier: input.earlier, madeAt: input.madeAt, thresholds });

  const drafts = [...directory.nodes].sort(
    (a, b) => compareText(a.network, b.network) || compareText(a.id, b.id),
  );
  const names = new Set(input.nodes.map((observation) => observation.name));
  const nodes = drafts.map((draft) => toNode(draft, names, input.madeAt));
  const nodeOf = new Map(drafts.map((draft, index) => [draft, nodes[index]]));
  const orphanIds = findOrphans(drafts, links);
  const networks = toNetworks(drafts, nodeOf, { keys, scopes, ghosts, madeAt: input.madeAt });
  const changing = drafts.flatMap((draft, index) => (isSeenNow(draft) ? [index] : []));
  const isAged =
    links.some((link) => tellsAge(link, input.madeAt)) ||
    networks.final.some(({ completeness }) =>
      completeness.missingRouters.some((router) => router.lastSeenAt !== null),
    );
  const built = {
    links,
    weakPoints: findWeakPoints(nodes, links, orphanIds, thresholds),
    orphanIds,
    hypotheses: findSameDevices(directory, input.earlier, (draft) => labelIn(nodeOf, draft)),
  };
  // Holds on to nothing but what the map consists of.
  const madeAs = ({ madeAt, scan }: MadeMap): TopologyPiece => ({
    ...built,
    networks: scan.final ? networks.final : networks.open,
    nodes: madeAt === input.madeAt || changing.length === 0 ? nodes : seenAt(nodes, changing, madeAt),
    again: (made) => (isAged && made.madeAt !== input.madeAt ? null : madeAs(made)),
  });
  return madeAs(input);
}

function seenAt(nodes: readonly TopologyNode[], indexes: readonly number[], madeAt: number): TopologyNode[] {
  const changed = [...nodes];
  for (const index of indexes) {
    const node = nodes[index];
    if (node !== undefined) changed[index] = { ...node, lastSeenAt: madeAt };
  }
  return changed;
}

/** `pieces` cover all of `input`, which they were built from. */
export function joinPieces(input: TopologyInput, pieces: readonly TopologyPiece[]): Topology {
  const topology = {
    scanId: input.scan.id,
    madeAt: input.madeAt,
    final: input.scan.final,
    outcomes: countOutcomes(input.nodes.map((observation) => observation.outcome)),
  };
  const conflicts = findDatasetConflicts(input.borderRouters);
  const hypotheses = pieces
    .flatMap((piece) => piece.hypotheses)
    .sort((a, b) => compareText(a.newId, b.newId));
  const guesses = hypotheses.length === 0 ? {} : { hypotheses };
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1)
    return {
      ...topology,
      ...guesses,
      networks: only.networks.map((network) => withConflicts(network, conflicts)),
      nodes: [...only.nodes],
      links: [...only.links],
      weakPoints: [...only.weakPoints],
      orphanIds: [...only.orphanIds],
    };
  const nodes = pieces
    .flatMap((piece) => piece.nodes)
    .sort((a, b) => compareText(a.network, b.network) || compareText(a.id, b.id));
  const orphans = new Set(pieces.flatMap((piece) => piece.orphanIds));
  return {
    ...topology,
    ...guesses,
    networks: pieces
      .flatMap((piece) => piece.networks.map((network) => withConflicts(network, conflicts)))
      .sort((a, b) => compareText(a.key, b.key)),
    nodes,
    links: pieces.flatMap((piece) => piece.links).sort(compareLinks),
    weakPoints: pieces.flatMap((piece) => piece.weakPoints).sort(compareWeakPoints),
    orphanIds: orphans.size === 0 ? [] : nodes.flatMap(({ id }) => (orphans.has(id) ? [id] : [])),
  };
}

/** Border routers of several networks may conflict, so this is known only once all pieces are there. */
function withConflicts(
  network: TopologyNetwork,
  conflicts: ReturnType<typeof findDatasetConflicts>,
): TopologyNetwork {
  if (conflicts.size === 0) return network;
  const datasetConflicts = [...new Set(network.brIds.flatMap((id) => conflicts.get(id) ?? []))];
  return datasetConflicts.length === 0 ? network : { ...network, datasetConflicts };
}

/** Its evidence would be another at another time. */
function tellsAge({ aHearsB, bHearsA }: TopologyLink, madeAt: number): boolean {
  const isAged = ({ ageMs, reportedAt, state }: LinkEvidence): boolean =>
    state === 'stale' || ageMs !== 0 || reportedAt === madeAt;
  return aHearsB.some(isAged) || bHearsA.some(isAged);
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
    ...(answer === null ? {} : furtherFacts(draft, answer)),
    error: observation?.error ?? null,
  };
}

type FurtherFacts = Pick<
  TopologyNode,
  'batteryPercent' | 'countersAt' | 'device' | 'ipv6Addresses' | 'measuredAt' | 'routes' | 'toldBy'
>;

/** What not every device tells; large maps do without the rest. */
function furtherFacts({ observation }: DraftNode, answer: NetworkInfo): FurtherFacts {
  const facts: FurtherFacts = {};
  const decidedAt = observation?.decidedAt ?? null;
  if (answer.toldBy !== null && answer.toldBy !== answer.extAddress) facts.toldBy = answer.toldBy;
  if (decidedAt !== null) {
    if (answer.measuredAgoMs !== null) facts.measuredAt = decidedAt - answer.measuredAgoMs;
    if (answer.countersAgoMs !== null) facts.countersAt = decidedAt - answer.countersAgoMs;
  }
  if (answer.ipv6Addresses.length > 0) facts.ipv6Addresses = [...answer.ipv6Addresses];
  if (answer.device !== null) facts.device = answer.device;
  if (answer.batteryPercent !== null) facts.batteryPercent = answer.batteryPercent;
  if (isAttached(answer) && answer.routes.some(({ cost, nextHop }) => cost !== null || nextHop !== null))
    facts.routes = packRoutes(answer.routes);
  return facts;
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

function lastSeenAt(draft: DraftNode, madeAt: number): number | null {
  if (isSeenNow(draft)) return madeAt;
  const { observation, remembered } = draft;
  return (observation?.outcome === 'answered' ? factsAt(observation) : remembered?.lastSeenAt) ?? null;
}

/** A border router's link to the hub shows at any time that it is there. */
function isSeenNow({ borderRouter, observation }: DraftNode): boolean {
  return observation?.outcome === 'answered' ? observation.decidedAt === null : borderRouter?.online === true;
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

function labelIn(nodeOf: ReadonlyMap<DraftNode, TopologyNode | undefined>, draft: DraftNode): string {
  const node = nodeOf.get(draft);
  return node === undefined ? draft.id : nodeLabel(node);
}

interface NetworkContext {
  readonly keys: NetworkKeys;
  readonly scopes: PartitionScopes;
  /** Of all networks. */
  readonly ghosts: readonly DraftNode[];
  readonly madeAt: number;
}

/** As a map during a scan has them, and as the final one has. */
function toNetworks(
  drafts: readonly DraftNode[],
  nodeOf: ReadonlyMap<DraftNode, TopologyNode | undefined>,
  { ghosts, keys, madeAt, scopes }: NetworkContext,
): { readonly open: TopologyNetwork[]; readonly final: TopologyNetwork[] } {
  const label = (draft: DraftNode): string => labelIn(nodeOf, draft);
  const byNetwork = new Map<string, DraftNode[]>();
  for (const draft of drafts) {
    const members = byNetwork.get(draft.network);
    if (members === undefined) byNetwork.set(draft.network, [draft]);
    else members.push(draft);
  }
  const ghostsIn = Map.groupBy(ghosts, (ghost) => ghost.network);
  const open: TopologyNetwork[] = [];
  const final: TopologyNetwork[] = [];
  for (const [key, members] of byNetwork) {
    const network = {
      key,
      extPanId: keys.extPanIdOf(key),
      prefixes: keys.prefixesOf(key),
      brIds: members
        .flatMap(({ borderRouter, otherBorderRouterIds }) =>
          borderRouter === null ? [] : [borderRouter.id, ...otherBorderRouterIds],
        )
        .sort(compareText),
      ...findPartitions(key, members, scopes, label),
    };
    const old = tellGhosts(ghostsIn.get(key) ?? [], members, label);
    const told = old.length === 0 ? {} : { ghosts: old };
    const prove = (isFinal: boolean): TopologyNetwork['completeness'] =>
      proveCompleteness(key, members, (draft) => nodeOf.get(draft), { scopes, final: isFinal, madeAt });
    open.push({ ...network, completeness: prove(false), ...told });
    final.push({ ...network, completeness: prove(true), ...told });
  }
  return { open, final };
}
