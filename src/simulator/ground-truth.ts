/**
 * What a simulated mesh really is, for comparing with what a hub made of the answers. Long-term averages: single answers
 * fade around these values.
 */
import type { ExtAddress } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';
import type { Role } from '../protocol/network-info.ts';
import type { Rloc16 } from '../protocol/rloc16.ts';

export interface GroundTruth {
  readonly networks: readonly GroundTruthNetwork[];
}

export interface GroundTruthNetwork {
  readonly index: number;
  /** `fd…::/64`, shared by the network's border routers. */
  readonly prefix: string;
  /** 16 hex digits. */
  readonly extPanId: string;
  /** One, or two in a split network. */
  readonly partitions: readonly GroundTruthPartition[];
  readonly devices: readonly GroundTruthDevice[];
  readonly links: readonly GroundTruthLink[];
}

interface GroundTruthPartition {
  readonly partitionId: number;
  readonly leader: ExtAddress;
  readonly members: readonly ExtAddress[];
}

interface GroundTruthDevice {
  readonly kind: 'node' | 'border_router';
  /** A node's registered name, a border router's id. */
  readonly name: string;
  readonly extAddress: ExtAddress;
  readonly ipv6: Ipv6Address;
  readonly room: string;
  readonly role: Role;
  readonly rloc16: Rloc16;
  readonly partitionId: number;
  /** Null for routers. */
  readonly parent: ExtAddress | null;
  /** It never answers, whatever is asked. */
  readonly dead: boolean;
}

/** One direction of a link, as its receiver measures it. */
export interface GroundTruthSignal {
  /** dBm */
  readonly rssi: number;
  /** dB above the noise floor */
  readonly linkMargin: number;
  /** 0–3 */
  readonly linkQuality: number;
}

export interface GroundTruthLink {
  readonly kind: 'parent_child' | 'router_router';
  /** Sorts before `b`. */
  readonly a: ExtAddress;
  readonly b: ExtAddress;
  readonly aHearsB: GroundTruthSignal;
  readonly bHearsA: GroundTruthSignal;
}
