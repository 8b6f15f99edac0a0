/**
 * What a topology is made from: the answers of one scan, the border routers, and what earlier scans taught. Plain values;
 * times are Unix milliseconds that the caller read from its clock.
 */
import type { NetworkInfo, Role } from '../protocol/network-info.ts';
import { parseNetworkInfo } from '../protocol/network-info.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { Scan, ScanNode } from '../protocol/scan.ts';
import type { EarlierKnowledge } from './earlier-knowledge.ts';

export interface TopologyInput {
  readonly scan: {
    /** Null before the first scan. */
    readonly id: string | null;
    readonly startedAt: number;
    /** False while the scan is still running. */
    readonly final: boolean;
  };
  /** One per expected node of the scan. */
  readonly nodes: readonly TopologyObservation[];
  readonly borderRouters: readonly TopologyBorderRouter[];
  readonly earlier: EarlierKnowledge;
  readonly madeAt: number;
  readonly thresholds?: Partial<TopologyThresholds>;
}

/** What became of one expected node. */
export interface TopologyObservation {
  readonly name: string;
  readonly ipv6: string;
  /** As registered; the answer's own overrules it. */
  readonly extAddress: string | null;
  /** Border router that it was asked through. */
  readonly borderRouterId: string | null;
  /** Null while undecided. */
  readonly outcome: Outcome | null;
  readonly late: boolean;
  readonly durationMs: number | null;
  readonly decidedAt: number | null;
  readonly error: string | null;
  readonly networkInfo: NetworkInfo | null;
  readonly networkKey: string;
  /** From an earlier scan, of a node that this one did not ask: shown as last found, as stale. */
  readonly earlier?: boolean;
}

export interface TopologyBorderRouter {
  readonly id: string;
  readonly online: boolean;
  readonly networkKey: string;
  readonly networkPrefix: string | null;
  readonly extAddress: string | null;
  readonly rloc16: string | null;
  readonly role: Role | null;
  readonly partitionId: number | null;
  /** The Thread network that it says it belongs to. */
  readonly network?: BorderRouterDataset | null | undefined;
}

/** What all border routers of one network must agree on. */
export interface BorderRouterDataset {
  readonly extPanId: string | null;
  readonly name: string | null;
  readonly panId: number | null;
  readonly channel: number | null;
  readonly meshLocalPrefix: string | null;
}

export interface TopologyThresholds {
  /**
   * Noise floor from which a link margin is derived where a node reports RSSI alone, dBm. OpenThread's margin is
   * RSSI − noise floor; its radios measure about −100 dBm on a quiet channel.
   */
  readonly noiseFloorDbm: number;
  /** A link below this margin is weak, dB. Thread itself calls 10 dB and less link quality 1. */
  readonly weakLinkMarginDb: number;
  /** A link on which one end loses this share of the frames is weak, 0–1. */
  readonly weakFrameErrorRate: number;
  /** Two directions that differ by this much are asymmetric, dB. */
  readonly asymmetryDb: number;
}

export const defaultThresholds: TopologyThresholds = {
  noiseFloorDbm: -100,
  weakLinkMarginDb: 10,
  weakFrameErrorRate: 0.3,
  asymmetryDb: 10,
};

/**
 * The observations of a scan, each answer parsed once. An answer that does not parse is an observation without
 * `networkInfo`.
 */
export function observationsFromScan(
  scan: Pick<Scan, 'nodes'>,
  networkKeyOf: (node: ScanNode, networkInfo: NetworkInfo | null) => string,
): TopologyObservation[] {
  return scan.nodes.map((node) => observationOf(node, networkKeyOf));
}

/** The observation of one node. `networkInfo` is its answer, where that was read already. */
export function observationOf(
  node: ScanNode,
  networkKeyOf: (node: ScanNode, networkInfo: NetworkInfo | null) => string,
  networkInfo = answerOf(node),
): TopologyObservation {
  return {
    name: node.name,
    ipv6: node.ipv6,
    extAddress: node.extAddr,
    borderRouterId: node.brId,
    outcome: node.outcome,
    late: node.late,
    durationMs: node.durationMs,
    decidedAt: node.decidedAt,
    error: node.error,
    networkInfo,
    networkKey: networkKeyOf(node, networkInfo),
  };
}

function answerOf(node: ScanNode): NetworkInfo | null {
  const parsed = node.outcome === 'answered' ? parseNetworkInfo(node.networkInfo) : null;
  return parsed?.ok === true ? parsed.networkInfo : null;
}
