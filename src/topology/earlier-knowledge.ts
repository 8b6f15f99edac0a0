/**
 * What earlier scans taught, as compactly as a later topology needs it: each node's last known place, and the last
 * measurement of each link by each receiver. Folded forward scan by scan with `rememberTopology`, so it can be rebuilt
 * from stored topologies in order of time; it is plain JSON, so it can be stored as well.
 *
 * Not a history: it holds the latest of everything and forgets what nobody has confirmed for a while.
 */
import type { Role } from '../protocol/network-info.ts';
import type { LinkEvidence, Topology, TopologyNode } from '../protocol/topology.ts';

export interface EarlierNode {
  readonly id: string;
  readonly name: string | null;
  readonly extAddress: string | null;
  /** Key of its network. */
  readonly network: string;
  readonly partitionId: number | null;
  readonly role: Role | null;
  readonly rloc16: string | null;
  readonly parentId: string | null;
  /** Of its make, where that is known: to recognise it under another address. */
  readonly device?: TopologyNode['device'];
  /** When it last answered itself, Unix ms. */
  readonly lastSeenAt: number | null;
  /** When its place was last confirmed, by itself or by another node's table, Unix ms. */
  readonly knownAt: number;
}

/** `reporterId` heard `heardId`. */
export interface EarlierEvidence extends Pick<
  LinkEvidence,
  'source' | 'reportedAt' | 'rssi' | 'lastRssi' | 'linkMargin' | 'lqi' | 'frameErrorRate' | 'messageErrorRate'
> {
  readonly reporterId: string;
  readonly heardId: string;
}

/** An extended PAN id and the prefixes it was seen under. */
export interface EarlierNetwork {
  readonly extPanId: string;
  readonly prefixes: readonly string[];
  readonly knownAt: number;
}

export interface EarlierKnowledge {
  readonly nodes: readonly EarlierNode[];
  readonly evidence: readonly EarlierEvidence[];
  readonly networks: readonly EarlierNetwork[];
}

export const nothingKnown: EarlierKnowledge = { nodes: [], evidence: [], networks: [] };

export interface MemoryLimits {
  /** What nobody confirmed for longer is forgotten. */
  readonly maxAgeMs: number;
  /** Beyond it the longest unconfirmed nodes are forgotten first: a node that invents neighbours fills no memory. */
  readonly maxNodes: number;
}

export const defaultMemoryLimits: MemoryLimits = { maxAgeMs: 7 * 24 * 3_600_000, maxNodes: 20_000 };

/** Measurements kept per remembered node, on average; a router hears tens of others. */
const evidencePerNode = 16;

/** Returns what is known after `topology`; the argument is not changed. Fold topologies in order of time. */
export function rememberTopology(
  earlier: EarlierKnowledge,
  topology: Topology,
  limits: Partial<MemoryLimits> = {},
): EarlierKnowledge {
  const { maxAgeMs, maxNodes } = { ...defaultMemoryLimits, ...limits };
  const oldest = topology.madeAt - maxAgeMs;
  const confirmed = topology.nodes.filter(isConfirmed);
  const names = idsByName(confirmed);
  const renamed = renamedIds(earlier, names);
  const idNow = (id: string): string => renamed.get(id) ?? id;

  const nodes = new Map<string, EarlierNode>();
  for (const node of earlier.nodes)
    if (!renamed.has(node.id) && node.knownAt >= oldest) nodes.set(node.id, currentForm(node, idNow, names));
  for (const node of confirmed) nodes.set(node.id, earlierNode(node, nodes.get(node.id), topology.madeAt));
  const kept = newest([...nodes.values()], maxNodes, (node) => node.knownAt);
  const keptIds = new Set(kept.map((node) => node.id));

  // Who answered said all it hears: what it said before is over.
  const spoke = new Set(
    confirmed.filter((node) => node.state === 'answered' && node.role !== null).map((node) => node.id),
  );
  const evidence = [
    ...earlier.evidence
      .map((item) => ({ ...item, reporterId: idNow(item.reporterId), heardId: idNow(item.heardId) }))
      .filter((item) => !spoke.has(item.reporterId) && item.reportedAt >= oldest),
    ...liveEvidence(topology),
  ].filter((item) => keptIds.has(item.reporterId) && keptIds.has(item.heardId));

  return {
    nodes: kept,
    evidence: newest(evidence, maxNodes * evidencePerNode, (item) => item.reportedAt),
    networks: rememberNetworks(earlier, topology, oldest),
  };
}

/** Its place is from this scan, its own word or a table's. */
function isConfirmed(node: TopologyNode): boolean {
  return !node.stale && node.role !== null && (node.state === 'answered' || node.namedBy.length > 0);
}

function earlierNode(node: TopologyNode, before: EarlierNode | undefined, madeAt: number): EarlierNode {
  // Told more rarely than its place.
  const device = node.device ?? before?.device;
  return {
    id: node.id,
    name: node.name,
    extAddress: node.extAddr,
    network: node.network,
    partitionId: node.partitionId,
    role: node.role,
    rloc16: node.rloc16,
    parentId: node.parentId,
    ...(device === undefined ? {} : { device }),
    lastSeenAt: node.lastSeenAt,
    knownAt: node.state === 'answered' ? (node.lastSeenAt ?? madeAt) : madeAt,
  };
}

function idsByName(confirmed: readonly TopologyNode[]): Map<string, string> {
  const ids = new Map<string, string>();
  for (const node of confirmed) if (node.name !== null) ids.set(node.name, node.id);
  return ids;
}

/** Old id → new id of named nodes whose extended address has become known. */
function renamedIds(earlier: EarlierKnowledge, names: ReadonlyMap<string, string>): Map<string, string> {
  const renamed = new Map<string, string>();
  for (const node of earlier.nodes) {
    const id = node.name === null || node.extAddress !== null ? undefined : names.get(node.name);
    if (id !== undefined && id !== node.id) renamed.set(node.id, id);
  }
  return renamed;
}

/** A name that another device bears now is no longer this one's. */
function currentForm(
  node: EarlierNode,
  idNow: (id: string) => string,
  names: ReadonlyMap<string, string>,
): EarlierNode {
  const bearer = node.name === null ? undefined : names.get(node.name);
  return {
    ...node,
    name: bearer === undefined || bearer === node.id ? node.name : null,
    parentId: node.parentId === null ? null : idNow(node.parentId),
  };
}

function* liveEvidence(topology: Topology): Generator<EarlierEvidence> {
  for (const link of topology.links)
    for (const [reporterId, heardId, items] of [
      [link.a, link.b, link.aHearsB],
      [link.b, link.a, link.bHearsA],
    ] as const)
      for (const {
        state,
        source,
        reportedAt,
        rssi,
        lastRssi,
        linkMargin,
        lqi,
        frameErrorRate,
        messageErrorRate,
      } of items)
        if (state === 'live')
          yield {
            reporterId,
            heardId,
            source,
            reportedAt,
            rssi,
            ...(lastRssi === undefined ? {} : { lastRssi }),
            linkMargin,
            lqi,
            frameErrorRate,
            messageErrorRate,
          };
}

function rememberNetworks(earlier: EarlierKnowledge, topology: Topology, oldest: number): EarlierNetwork[] {
  const networks = new Map<string, EarlierNetwork>();
  for (const network of earlier.networks)
    if (network.knownAt >= oldest) networks.set(network.extPanId, network);
  for (const { extPanId, prefixes } of topology.networks)
    if (extPanId !== null) networks.set(extPanId, { extPanId, prefixes, knownAt: topology.madeAt });
  return [...networks.values()];
}

function newest<Item>(items: Item[], limit: number, timeOf: (item: Item) => number): Item[] {
  return items.length <= limit ? items : items.sort((a, b) => timeOf(b) - timeOf(a)).slice(0, limit);
}
