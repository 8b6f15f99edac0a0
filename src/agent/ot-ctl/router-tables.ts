/** What a border router knows of the mesh by itself: `router table`, `nexthop`, `leaderdata`, its addresses. */
import type { ExtAddress } from '../../protocol/ids.ts';
import { ipv6Bits, type Ipv6Address, leadingBits } from '../../protocol/ipv6.ts';
import { rloc16Number, type Rloc16 } from '../../protocol/rloc16.ts';
import type { LeaderData } from '../mesh/device-diagnostics.ts';
import { readNamedValues, readTable, toExtAddress, toIpv6Address, toWhole } from './cli-fields.ts';

/** A router whose id is in use, as the border router sees it. */
export interface KnownRouter {
  readonly routerId: number;
  /** Null where the border router has no link to it, or has not heard it for long. */
  readonly extAddress: ExtAddress | null;
  /** 0–3; 0 in both directions: no direct link. */
  readonly linkQualityIn: number | null;
  readonly linkQualityOut: number | null;
}

/** The way from the border router to another router. */
export interface NextHop {
  readonly routerId: number;
  /** Itself where the link is direct; null where there is no way. */
  readonly nextHop: number | null;
  readonly cost: number | null;
}

/** 63 ids; twice as many lines are nonsense. */
const maxRows = 128;

export function parseRouterTable(lines: readonly string[]): KnownRouter[] {
  return readTable(lines)
    .slice(0, maxRows)
    .flatMap((row) => {
      const rloc16 = toWhole(row.get('rloc16'), 0, 0xfbff);
      const routerId = toWhole(row.get('id'), 0, 62) ?? (rloc16 === null ? null : rloc16 >> 10);
      if (routerId === null) return [];
      return {
        routerId,
        extAddress: toExtAddress(row.get('extendedmac')),
        linkQualityIn: toWhole(row.get('lqin'), 0, 3),
        linkQualityOut: toWhole(row.get('lqout'), 0, 3),
      };
    });
}

export function parseNextHops(lines: readonly string[]): NextHop[] {
  return readTable(lines)
    .slice(0, maxRows)
    .flatMap((row) => {
      const routerId = toWhole(row.get('id'), 0, 62);
      if (routerId === null) return [];
      return {
        routerId,
        nextHop: toWhole(row.get('nxthop') ?? row.get('nexthop'), 0, 62),
        cost: toWhole(row.get('cost'), 0, 255),
      };
    });
}

/** Null before the device is in a partition. */
export function parseLeaderData(lines: readonly string[]): LeaderData | null {
  const fields = readNamedValues(lines);
  const partitionId = toWhole(fields.get('partitionid'), 0, 0xffff_ffff);
  const leaderRouterId = toWhole(fields.get('leaderrouterid'), 0, 62);
  return partitionId === null || leaderRouterId === null ? null : { partitionId, leaderRouterId };
}

export function parseAddresses(lines: readonly string[]): Ipv6Address[] {
  return lines
    .map(toIpv6Address)
    .filter((address) => address !== null)
    .slice(0, 64);
}

/**
 * The mesh-local prefix, from a device's own addresses: its RLOC address is prefix ∥ 0000:00ff:fe00 ∥ RLOC16 (Thread
 * 1.3 §5.2.2.1). `null` where that one is missing. The result is the prefix's upper 64 bits.
 */
export function meshLocalPrefixOf(addresses: readonly Ipv6Address[], rloc16: Rloc16): bigint | null {
  for (const address of addresses) {
    const bits = ipv6Bits(address);
    const isRloc = (bits & 0xffff_ffff_ffff_ffffn) === interfaceIdOf(rloc16);
    if (isRloc && leadingBits(bits, 8) === 0xfdn) return leadingBits(bits, 64);
  }
  return null;
}

/** The RLOC address of a device, as text that `parseIpv6` takes. */
export function rlocAddressText(meshLocalPrefix: bigint, rloc16: Rloc16): string {
  return groupsOf((meshLocalPrefix << 64n) | interfaceIdOf(rloc16)).join(':');
}

export function meshLocalPrefixText(meshLocalPrefix: bigint): string {
  return groupsOf(meshLocalPrefix << 64n).join(':');
}

function interfaceIdOf(rloc16: Rloc16): bigint {
  return 0x0000_00ff_fe00_0000n | BigInt(rloc16Number(rloc16));
}

function groupsOf(bits: bigint): string[] {
  return Array.from({ length: 8 }, (_, index) => ((bits >> BigInt(112 - 16 * index)) & 0xffffn).toString(16));
}
