/**
 * What a Thread device's diagnostics say (Thread 1.3 §10.11, network diagnostic TLVs), in one shape for every border
 * router and every dialect. `null` is "not told": not asked for, not known to that device, or left out. An empty list is
 * a table that was told to be empty.
 */
import type { ExtAddress } from '../../protocol/ids.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import type { Rloc16 } from '../../protocol/rloc16.ts';

/** TLV 2. A full Thread device may become a router; one whose receiver is off when idle is sleepy. */
export interface DeviceMode {
  readonly rxOnWhenIdle: boolean;
  readonly fullThreadDevice: boolean;
  readonly fullNetworkData: boolean;
}

/** TLV 6. */
export interface LeaderData {
  readonly partitionId: number;
  readonly leaderRouterId: number;
}

/** One row of Route64 (TLV 5) or, with its next hop, of the enhanced route table (TLV 37) or `router table`. */
export interface RouteRow {
  /** 0–62. */
  readonly routerId: number;
  /** 0–3; 0 in both directions: no direct link. */
  readonly linkQualityIn: number;
  /** Null where only the receiving end told of the link: `meshdiag topology`. */
  readonly linkQualityOut: number | null;
  /** Path cost; null where the dialect does not tell it. 0 is out of reach in Route64. */
  readonly cost: number | null;
  /** Router id; null where it is not told or there is none. */
  readonly nextHop: number | null;
}

/** A signal as the device that tells it receives it. */
export interface Reception {
  /** dB above the noise floor. */
  readonly linkMargin: number | null;
  /** dBm. */
  readonly averageRssi: number | null;
  readonly lastRssi: number | null;
  /** 0–1. */
  readonly frameErrorRate: number | null;
  readonly messageErrorRate: number | null;
  /** 0–3. */
  readonly linkQuality: number | null;
}

/** TLV 31, a router's neighbouring router. */
export interface NeighborRow extends Reception {
  readonly extAddress: ExtAddress | null;
  readonly rloc16: Rloc16;
  /** Seconds since the link was established. */
  readonly linkAgeSeconds: number | null;
  /** Seconds since it was last heard. */
  readonly ageSeconds: number | null;
}

/** A child as its parent's tables tell it: TLV 29, joined with 16 (child table) and 30 (addresses). */
export interface ChildRow extends Reception {
  /** Null where only the child table or `meshdiag topology` was read. */
  readonly extAddress: ExtAddress | null;
  readonly rloc16: Rloc16;
  readonly mode: DeviceMode | null;
  /** Seconds since the parent last heard it. */
  readonly ageSeconds: number | null;
  readonly linkAgeSeconds: number | null;
  /** Seconds after which the parent gives it up. */
  readonly timeoutSeconds: number | null;
  /** Messages that wait for it. */
  readonly queuedMessages: number | null;
  readonly threadVersion: number | null;
  /** Null where not told; parents know those of minimal devices only. */
  readonly ipv6Addresses: readonly Ipv6Address[] | null;
}

/** Counters by their snake_case name on the wire of `network_info`: `parent_changes`, `mac_in_errors` … */
export type CounterValues = Readonly<Record<string, number>>;

export interface DeviceDiagnostics {
  readonly extAddress: ExtAddress | null;
  readonly rloc16: Rloc16 | null;
  readonly mode: DeviceMode | null;
  readonly leader: LeaderData | null;
  readonly routes: readonly RouteRow[] | null;
  readonly neighbors: readonly NeighborRow[] | null;
  readonly children: readonly ChildRow[] | null;
  readonly ipv6Addresses: readonly Ipv6Address[] | null;
  readonly isBorderRouter: boolean | null;
  readonly counters: CounterValues | null;
  readonly eui64: string | null;
  readonly threadVersion: number | null;
  readonly vendorName: string | null;
  readonly vendorModel: string | null;
  readonly softwareVersion: string | null;
  readonly stackVersion: string | null;
  /** 0–100. */
  readonly batteryPercent: number | null;
  readonly supplyMillivolts: number | null;
}

export const nothingTold: DeviceDiagnostics = {
  extAddress: null,
  rloc16: null,
  mode: null,
  leader: null,
  routes: null,
  neighbors: null,
  children: null,
  ipv6Addresses: null,
  isBorderRouter: null,
  counters: null,
  eui64: null,
  threadVersion: null,
  vendorName: null,
  vendorModel: null,
  softwareVersion: null,
  stackVersion: null,
  batteryPercent: null,
  supplyMillivolts: null,
};
