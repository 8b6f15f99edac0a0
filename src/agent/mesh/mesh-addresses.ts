/**
 * IPv6 addresses of a Thread device, as far as they follow from what it is: its link-local address from the extended
 * address, its RLOC address from the RLOC16 (Thread 1.3 §5.2.2).
 *
 *   fe80::   ∥ extended address with the universal/local bit flipped
 *   prefix   ∥ 0000:00ff:fe00 ∥ RLOC16          locator; 0xfcXX in the place of an RLOC16: anycast locator
 */
import type { ExtAddress } from '../../protocol/ids.ts';
import {
  type Ipv6Address,
  type Ipv6Prefix,
  ipv6Bits,
  leadingBits,
  parseIpv6,
  parseIpv6Prefix,
  prefixContains,
} from '../../protocol/ipv6.ts';
import { parseRloc16, type Rloc16, rloc16Number } from '../../protocol/rloc16.ts';

const locatorInterface = 0x0000_00ff_fe00n;
/** Locators from here on are anycast: they name a role that several devices may have. */
const firstAnycast = 0xfc00;

export function linkLocalOf(extAddress: ExtAddress): Ipv6Address | null {
  const bits = (0xfe80n << 112n) | (BigInt(`0x${extAddress}`) ^ (1n << 57n));
  return fromBits(bits);
}

export function rlocAddressOf(meshLocal: Ipv6Prefix, rloc16: Rloc16): Ipv6Address | null {
  const prefix = leadingBits(ipv6Bits(meshLocal.address), 64);
  return fromBits((prefix << 64n) | (locatorInterface << 16n) | BigInt(rloc16Number(rloc16)));
}

/** RLOC or anycast locator of any prefix: it names a place, not a device. */
export function isLocator(address: Ipv6Address): boolean {
  return ((ipv6Bits(address) >> 16n) & 0xffff_ffff_ffffn) === locatorInterface;
}

/** The RLOC16 in an RLOC address; null for all others. */
export function rloc16Of(address: Ipv6Address): Rloc16 | null {
  if (!isLocator(address)) return null;
  const number = Number(ipv6Bits(address) & 0xffffn);
  return number < firstAnycast ? parseRloc16(number) : null;
}

/** The extended address in a link-local address; null for all others. */
export function extAddressOf(address: Ipv6Address): string | null {
  const bits = ipv6Bits(address);
  if (leadingBits(bits, 64) !== 0xfe80_0000_0000_0000n) return null;
  return ((bits & 0xffff_ffff_ffff_ffffn) ^ (1n << 57n)).toString(16).padStart(16, '0');
}

/** The mesh-local prefix, from an RLOC address among a device's own. */
export function meshLocalPrefixOf(addresses: readonly Ipv6Address[]): Ipv6Prefix | null {
  const locator = addresses.find(
    (address) => isLocator(address) && leadingBits(ipv6Bits(address), 8) === 0xfdn,
  );
  return locator === undefined ? null : parseIpv6Prefix(`${locator}/64`);
}

/**
 * The address that a hub should know a device by: one that is routable outside of the mesh, else its mesh-local EID. Never a
 * locator, which changes with the device's place, and no link-local one. Of several the lowest, so that it stays the same.
 */
export function preferredAddress(
  addresses: readonly Ipv6Address[],
  meshLocal: Ipv6Prefix | null,
): Ipv6Address | null {
  const candidates = addresses.filter((address) => isRoutable(address) && !isLocator(address)).sort();
  const outside = candidates.filter((address) => meshLocal !== null && !prefixContains(meshLocal, address));
  return outside[0] ?? candidates[0] ?? null;
}

/** Global unicast (2000::/3) or unique local (fc00::/7). */
export function isRoutable(address: Ipv6Address): boolean {
  const bits = ipv6Bits(address);
  return leadingBits(bits, 3) === 0b001n || leadingBits(bits, 7) === 0b1111110n;
}

function fromBits(bits: bigint): Ipv6Address | null {
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((bits >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
  return parseIpv6(groups.join(':'));
}

/** For sentences: `0x2800 (8e6bd211e1fa1927)`. */
export function nameOf(rloc16: Rloc16 | null, extAddress: ExtAddress | null): string {
  if (rloc16 === null) return extAddress ?? 'a device';
  return extAddress === null ? rloc16 : `${rloc16} (${extAddress})`;
}
