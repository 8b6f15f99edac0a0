/** The best measurement of each direction of a link, for formats with room for one. */
import type { LinkEvidence, TopologyLink } from '../../protocol/topology.ts';

/** dBm at each end; null where not measured. */
export function linkRssi(link: TopologyLink): { aHearsB: number | null; bHearsA: number | null } {
  return { aHearsB: firstRssi(link.aHearsB), bHearsA: firstRssi(link.bHearsA) };
}

function firstRssi(evidence: readonly LinkEvidence[]): number | null {
  return evidence.find((item) => item.rssi !== null)?.rssi ?? null;
}
