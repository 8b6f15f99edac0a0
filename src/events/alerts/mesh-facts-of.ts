/** What a finished scan and its topology say that alert rules are about. Pure. */
import type { Scan, ScanNode } from '../../protocol/scan.ts';
import type { Topology, TopologyNode } from '../../protocol/topology.ts';
import type { MeshFact } from '../mesh-fact.ts';

/** Of each border router's answers at least so many of the slowest, and never more than the second number. */
const fewestSlowest = 8;
const mostSlowest = 64;

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
  const asked = new Set(
    nodes
      .filter(({ name, state }) => name !== null && names.has(name) && state === 'answered')
      .map(({ network }) => network),
  );
  return networks
    .filter(({ key }) => asked.has(key))
    .map(({ key, partitions }) => ({
      kind: 'network_scan',
      subject: key,
      happenedAt,
      partitions: partitions.filter(({ stale }) => !stale).length,
    }));
}

function nodeFacts(
  nodes: readonly ScanNode[],
  onMap: readonly TopologyNode[],
  happenedAt: number,
): readonly MeshFact[] {
  const batteries = new Map<string, number | null>();
  for (const { batteryMillivolts, name, otherNames = [] } of onMap)
    for (const known of [name, ...otherNames]) if (known !== null) batteries.set(known, batteryMillivolts);
  return nodes.filter(isDecided).map(({ name, outcome }) => ({
    kind: 'node_scan',
    subject: name,
    happenedAt,
    answered: outcome === 'answered',
    batteryMillivolts: outcome === 'answered' ? (batteries.get(name) ?? null) : null,
  }));
}

/** Measured in this scan; named by the registered names of its ends where they have one. */
function linkFacts({ links, nodes }: Topology, happenedAt: number): readonly MeshFact[] {
  const names = new Map(nodes.map(({ id, name }) => [id, name ?? id]));
  return links.flatMap(({ a, b, linkMargin, state }) =>
    state !== 'live' || linkMargin === null
      ? []
      : [
          {
            kind: 'link_scan' as const,
            subject: `${names.get(a) ?? a}|${names.get(b) ?? b}`,
            happenedAt,
            marginDb: linkMargin,
          },
        ],
  );
}
