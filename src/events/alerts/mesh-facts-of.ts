/** What a finished scan and its topology say that alert rules are about. Pure. */
import type { Scan, ScanNode } from '../../protocol/scan.ts';
import type { LinkEvidence, Topology, TopologyNetwork, TopologyNode } from '../../protocol/topology.ts';
import { marginOf } from '../../topology/find-links.ts';
import { defaultThresholds } from '../../topology/topology-input.ts';
import type { CounterReading, MeshFact } from '../mesh-fact.ts';

/** Of each border router's answers at least so many of the slowest, and never more than the second number. */
const fewestSlowest = 8;
const mostSlowest = 64;
/** Of a network's border routers that disagree; names in them come from the air. */
const toldConflicts = 3;
const longestStatement = 300;

/** `happenedAt` is the end of the scan. Nodes that were never asked about, as in a cancelled scan, say nothing. */
export function meshFactsOf(scan: Scan, topology: Topology): readonly MeshFact[] {
  const happenedAt = scan.finishedAt ?? scan.startedAt;
  return [
    ...borderRouterFacts(scan.nodes, happenedAt),
    ...networkFacts(scan, topology, happenedAt),
    ...nodeFacts(scan.nodes, topology.nodes, happenedAt),
    ...linkFacts(topology, happenedAt),
  ];
}

const isDecided = ({ outcome }: ScanNode): boolean => outcome !== null && outcome !== 'cancelled';

function borderRouterFacts(nodes: readonly ScanNode[], happenedAt: number): readonly MeshFact[] {
  const asked = Map.groupBy(
    nodes.filter((node) => isDecided(node) && node.brId !== null),
    ({ brId }) => brId ?? '',
  );
  return [...asked].map(([subject, own]) => {
    const answered = own.filter(({ outcome }) => outcome === 'answered');
    const latencies = answered
      .flatMap(({ durationMs }) => durationMs ?? [])
      .map((durationMs) => Math.round(durationMs))
      .sort((a, b) => b - a);
    const kept = Math.min(mostSlowest, Math.max(fewestSlowest, Math.ceil(latencies.length / 50)));
    return {
      kind: 'border_router_scan',
      subject,
      happenedAt,
      answered: answered.length,
      failed: own.length - answered.length,
      // By nearest rank.
      latencyP99Ms: latencies[latencies.length - Math.ceil(latencies.length * 0.99)] ?? null,
      slowestMs: latencies.slice(0, kept),
    };
  });
}

/** Of the networks that this scan asked: what it did not ask may have joined again long ago. */
function networkFacts(scan: Scan, { networks, nodes }: Topology, happenedAt: number): readonly MeshFact[] {
  const names = new Set(scan.nodes.filter(isDecided).map(({ name }) => name));
  const asked = new Set<string>();
  const answered = new Set<string>();
  /** Of some of their nodes the map has no more than an earlier scan found. */
  const partlyAsked = new Set<string>();
  const unasked = new Set<string>();
  for (const { id, name, network, outcome, state } of nodes) {
    if (name === null || outcome === null) continue;
    if (!names.has(name)) {
      partlyAsked.add(network);
      unasked.add(id);
      continue;
    }
    asked.add(network);
    if (state === 'answered') answered.add(network);
  }
  const living = new Set(nodes.flatMap(({ id, state }) => (state === 'answered' ? [id] : [])));
  const partitionsOf = ({ key, partitions, split }: TopologyNetwork): number | null => {
    if (!answered.has(key)) return null;
    const live = partitions.filter(({ nodeIds, stale }) => !stale && nodeIds.some((id) => living.has(id)));
    // What only an old report tells is another partition, and no split.
    if (split) return Math.max(2, live.length);
    // Nor is it over while the other side was not asked.
    const isOpen = partitions.some(
      ({ nodeIds, partitionId, stale }) =>
        stale && partitionId !== null && nodeIds.some((id) => unasked.has(id)),
    );
    return isOpen ? null : Math.min(1, live.length);
  };
  return networks
    .filter(({ key }) => asked.has(key))
    .map((network): MeshFact => {
      const { completeness, datasetConflicts = [], key } = network;
      return {
        kind: 'network_scan',
        subject: key,
        happenedAt,
        partitions: partitionsOf(network),
        complete: partlyAsked.has(key) ? null : completeness.complete,
        missingRouters: completeness.expectedRouters - completeness.answeredRouters,
        datasetConflicts: datasetConflicts
          .slice(0, toldConflicts)
          .map(({ statement }) => statement.slice(0, longestStatement)),
      };
    });
}

function nodeFacts(
  nodes: readonly ScanNode[],
  onMap: readonly TopologyNode[],
  happenedAt: number,
): readonly MeshFact[] {
  const places = new Map<string, TopologyNode>();
  for (const place of onMap)
    for (const known of [place.name, ...(place.otherNames ?? [])])
      if (known !== null) places.set(known, place);
  return nodes.filter(isDecided).map((node) => {
    const answered = node.outcome === 'answered';
    const place = answered ? places.get(node.name) : undefined;
    const counters = place === undefined ? null : countersOf(place, node.decidedAt ?? happenedAt);
    return {
      kind: 'node_scan',
      subject: node.name,
      happenedAt,
      answered,
      batteryMillivolts: place?.batteryMillivolts ?? null,
      ...(counters === null ? {} : { counters }),
    };
  });
}

/** Null where none of them was told. */
function countersOf({ counters, countersAt }: TopologyNode, answeredAt: number): CounterReading | null {
  const told = (name: string): number | null => {
    const value = Object.hasOwn(counters, name) ? counters[name] : undefined;
    return value !== undefined && value >= 0 ? value : null;
  };
  const read = {
    trackedMs: told('tracked_ms'),
    parentChanges: told('parent_changes'),
    partitionIdChanges: told('partition_id_changes'),
    attachAttempts: told('attach_attempts'),
  };
  if (Object.values(read).every((value) => value === null)) return null;
  return { readAt: Math.round(countersAt ?? answeredAt), ...read };
}

/** Measured in this scan; named by the registered names of its ends where they have one. */
function linkFacts({ links, nodes }: Topology, happenedAt: number): readonly MeshFact[] {
  const names = new Map(nodes.map(({ id, name }) => [id, name ?? id]));
  return links.flatMap(({ a, aHearsB, b, bHearsA, linkMargin, state }) => {
    const frameErrorRate = worstRate([...aHearsB, ...bHearsA]);
    return state !== 'live' || (linkMargin === null && frameErrorRate === null)
      ? []
      : [
          {
            kind: 'link_scan' as const,
            subject: `${names.get(a) ?? a}|${names.get(b) ?? b}`,
            happenedAt,
            marginDb: linkMargin,
            directionsDb: [liveMargin(aHearsB), liveMargin(bHearsA)] as const,
            frameErrorRate,
          },
        ];
  });
}

function liveMargin(evidence: readonly LinkEvidence[]): number | null {
  for (const item of evidence) {
    const marginDb = item.state === 'live' ? marginOf(item, defaultThresholds) : null;
    if (marginDb !== null) return marginDb;
  }
  return null;
}

function worstRate(evidence: readonly LinkEvidence[]): number | null {
  let worst: number | null = null;
  for (const { frameErrorRate, state } of evidence)
    if (state === 'live' && frameErrorRate !== null) worst = Math.max(worst ?? 0, frameErrorRate);
  return worst;
}
