/** What the page knows of the topology: the newest one and the newest final one. Pure. */
import type { Topology } from '../../src/protocol/topology.ts';

export interface TopologyKnowledge {
  readonly latest: Topology;
  /** Null before any scan has finished. */
  readonly settled: Topology | null;
}

/**
 * Takes in a topology from the hub. `read` ones were asked for and may have been overtaken by a `pushed` one on the way;
 * pushed ones come in order.
 */
export function withTopology(
  known: TopologyKnowledge | null,
  topology: Topology,
  how: 'pushed' | 'read',
): TopologyKnowledge {
  if (known !== null && how === 'read' && topology.madeAt < known.latest.madeAt) {
    const isNewest =
      isSettled(topology) && (known.settled === null || topology.madeAt > known.settled.madeAt);
    return isNewest ? { ...known, settled: topology } : known;
  }
  return { latest: topology, settled: isSettled(topology) ? topology : (known?.settled ?? null) };
}

/** Before the first scan there is nothing to fall back on. */
function isSettled(topology: Topology): boolean {
  return topology.final && topology.scanId !== null;
}
