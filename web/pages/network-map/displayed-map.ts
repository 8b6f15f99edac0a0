/**
 * What the page shows of a topology. While a scan runs its partial topologies know only part of the mesh; the nodes
 * that the last finished map had stay in view, as `waiting`, until the scan has decided about them. Nothing flickers away,
 * and nothing old passes for new.
 */
import type {
  Topology,
  TopologyLink,
  TopologyNetwork,
  TopologyNode,
} from '../../../src/protocol/topology.ts';

/** `waiting`: the running scan has not decided yet. The rest as the topology has it. */
export type ShownState = TopologyNode['state'] | 'waiting';

export interface ShownNode extends TopologyNode {
  readonly shown: ShownState;
}

export interface ShownNetwork extends TopologyNetwork {
  /** What its border routers call it, told apart from others of that name; null where none says. */
  readonly name: string | null;
}

export interface DisplayedMap {
  /** Null before the first scan. */
  readonly scanId: string | null;
  /** When the map was made, Unix milliseconds on the hub's clock. */
  readonly madeAt: number;
  readonly final: boolean;
  readonly nodes: readonly ShownNode[];
  readonly links: readonly TopologyLink[];
  readonly networks: readonly ShownNetwork[];
  /** Of the last finished map: half a mesh is full of them. */
  readonly weakPoints: Topology['weakPoints'];
  /** Of the last finished map. */
  readonly hypotheses: NonNullable<Topology['hypotheses']>;
  readonly nodeById: ReadonlyMap<string, ShownNode>;
  /** Of the nodes; border routers are not asked and count for themselves. */
  readonly counts: Readonly<Record<ShownState, number>>;
  readonly nodeCount: number;
  readonly borderRouterCount: number;
}

/** Whether there is nothing to see yet: border routers alone, before any scan, say nothing about a mesh. */
export function isBlank({ nodeCount, nodes, scanId }: DisplayedMap): boolean {
  return nodes.length === 0 || (scanId === null && nodeCount === 0);
}

export interface KnownTopologies {
  /** The newest one. */
  readonly latest: Topology;
  /** The newest final one; null before any scan has finished. */
  readonly settled: Topology | null;
}

/** Thread network names by border router id. */
export type NetworkNames = ReadonlyMap<string, string>;

export function displayedMap(
  { latest, settled }: KnownTopologies,
  names: NetworkNames = new Map(),
): DisplayedMap {
  if (latest.final || settled === null || settled === latest) {
    const missing = latest.final ? missingRouterIds(latest) : new Set<string>();
    return mapOf(
      latest,
      latest.nodes.map((node) => withState(node, latest.final, missing)),
      latest.links,
      named(latest.networks, names),
      latest.final ? latest : null,
    );
  }

  const settledNodes = new Map(settled.nodes.map((node) => [node.id, node]));
  const nodes = latest.nodes.map((node) => {
    const before = settledNodes.get(node.id);
    const askedBefore = before !== undefined && before.outcome !== null;
    return node.state === 'inferred' && node.outcome === null && askedBefore
      ? { ...remembered(node, before), shown: 'waiting' as const }
      : withState(node, false);
  });
  const present = new Set(latest.nodes.map((node) => node.id));
  const presentNames = new Set(latest.nodes.map((node) => node.name).filter((name) => name !== null));
  for (const node of settled.nodes) {
    if (present.has(node.id) || (node.name !== null && presentNames.has(node.name))) continue;
    nodes.push({ ...node, stale: true, shown: 'waiting' });
  }
  return mapOf(
    latest,
    nodes,
    [...latest.links, ...linksStillToConfirm(nodes, latest, settled)],
    named(networksOf(latest, settled), names),
    settled,
  );
}

function withState(node: TopologyNode, final: boolean, missing: ReadonlySet<string> = new Set()): ShownNode {
  const undecided = !final && node.outcome === null && node.state === 'silent';
  const isMissed = node.state === 'inferred' && missing.has(node.id);
  return { ...node, shown: undecided ? 'waiting' : isMissed ? 'silent' : node.state };
}

/** Route tables prove that they belong to the mesh: that such a router says nothing is silence, asked by name or not. */
function missingRouterIds({ networks }: Topology): ReadonlySet<string> {
  return new Set(
    networks.flatMap(({ completeness }) => completeness.missingRouters.map((router) => router.id)),
  );
}

/** A node that only its neighbours have named so far keeps what the last map knew of it. */
function remembered(node: TopologyNode, before: TopologyNode): TopologyNode {
  return {
    ...before,
    network: node.network,
    namedBy: node.namedBy,
    rloc16: node.rloc16 ?? before.rloc16,
    state: node.state,
    outcome: null,
    error: null,
    stale: true,
  };
}

/** Links of the last map that touch a waiting node: drawn as stale until an end of them answers. */
function linksStillToConfirm(
  nodes: readonly ShownNode[],
  latest: Topology,
  settled: Topology,
): TopologyLink[] {
  const shownById = new Map(nodes.map((node) => [node.id, node.shown]));
  const present = new Set(latest.links.map((link) => link.id));
  return settled.links
    .filter((link) => {
      const a = shownById.get(link.a);
      const b = shownById.get(link.b);
      if (a === undefined || b === undefined || present.has(link.id)) return false;
      return a === 'waiting' || b === 'waiting';
    })
    .map((link) => (link.state === 'live' ? { ...link, state: 'stale' } : link));
}

function networksOf(latest: Topology, settled: Topology): TopologyNetwork[] {
  const keys = new Set(latest.networks.map((network) => network.key));
  return [...latest.networks, ...settled.networks.filter((network) => !keys.has(network.key))];
}

/** Networks of one name are told apart by what follows it. */
function named(networks: readonly TopologyNetwork[], names: NetworkNames): ShownNetwork[] {
  const told = networks.map(({ brIds }) => brIds.map((id) => names.get(id)).find(isName) ?? null);
  return networks.map((network, index) => {
    const name = told[index] ?? null;
    const isShared = told.filter((other) => other === name).length > 1;
    return { ...network, name: name !== null && isShared ? `${name} (${addressLabel(network)})` : name };
  });
}

const isName = (name: string | undefined): name is string => name !== undefined && name !== '';

function mapOf(
  topology: Topology,
  nodes: readonly ShownNode[],
  links: readonly TopologyLink[],
  networks: readonly ShownNetwork[],
  finished: Topology | null,
): DisplayedMap {
  const counts = { answered: 0, silent: 0, inferred: 0, waiting: 0 };
  const asked = nodes.filter(({ kind }) => kind === 'node');
  for (const node of asked) counts[node.shown] += 1;
  return {
    scanId: topology.scanId,
    madeAt: topology.madeAt,
    final: topology.final,
    nodes,
    links,
    networks,
    weakPoints: finished?.weakPoints ?? [],
    hypotheses: finished?.hypotheses ?? [],
    nodeById: new Map(nodes.map((node) => [node.id, node])),
    counts,
    nodeCount: asked.length,
    borderRouterCount: nodes.length - asked.length,
  };
}

/**
 * What to call a node: its registered name, else where it is, else its address. Of a border router an address that was
 * registered for want of a name is not one: people know it by its id.
 */
export function labelOf(
  node: Pick<TopologyNode, 'name' | 'rloc16' | 'extAddr' | 'brId' | 'kind' | 'id'>,
): string {
  const brId = node.kind === 'border_router' ? node.brId : null;
  return (
    (node.name !== null && node.name === node.extAddr ? brId : null) ??
    node.name ??
    brId ??
    node.rloc16 ??
    (node.extAddr === null ? null : `…${node.extAddr.slice(-6)}`) ??
    node.id
  );
}

/** For tight places: of an address that stands for a name, the last digits, which tell nodes apart. */
export function shortLabelOf(node: Parameters<typeof labelOf>[0]): string {
  const label = labelOf(node);
  return label === node.extAddr ? `…${label.slice(-6)}` : label;
}

/** What to call a network: its name, else its prefix, else its extended PAN id. */
export function networkLabel(network: Pick<ShownNetwork, 'name' | 'extPanId' | 'prefixes' | 'key'>): string {
  return network.name ?? addressLabel(network);
}

export function addressLabel({
  extPanId,
  key,
  prefixes,
}: Pick<TopologyNetwork, 'extPanId' | 'prefixes' | 'key'>): string {
  return prefixes[0] ?? extPanId ?? key;
}
