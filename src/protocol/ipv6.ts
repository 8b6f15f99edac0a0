/**
 * IPv6 addresses and prefixes in one canonical form (RFC 5952), so that text can be compared.
 */
import ipaddr from 'ipaddr.js';
import type { Branded } from './ids.ts';

/** A canonical IPv6 address, RFC 5952: lower case, longest zero run compressed, no zone. */
export type Ipv6Address = Branded<'Ipv6Address'>;

/** An IPv6 prefix, its address masked to `length` bits. */
export interface Ipv6Prefix {
  readonly address: Ipv6Address;
  /** Bits, 0–128. */
  readonly length: number;
}

/** For text that `parseIpv6` made. */
export const asIpv6Address = (text: string): Ipv6Address => text as Ipv6Address;

/** Returns null for anything but a plain IPv6 address (no zone, no brackets, no IPv4). */
export function parseIpv6(text: string): Ipv6Address | null {
  if (text.includes('%') || !ipaddr.IPv6.isValid(text)) return null;
  return ipaddr.IPv6.parse(text).toRFC5952String() as Ipv6Address;
}

/** Parses `fd78::/64`; the abbreviation `fd78::` means /64. Returns null when it is neither. */
export function parseIpv6Prefix(text: string): Ipv6Prefix | null {
  const [addressText = '', lengthText = '64', ...rest] = text.split('/');
  const address = parseIpv6(addressText);
  if (address === null || rest.length > 0 || !/^\d{1,3}$/.test(lengthText)) return null;
  const length = Number(lengthText);
  if (length > 128) return null;
  const bytes = ipaddr.IPv6.parse(address)
    .toByteArray()
    .map((byte, index) => byte & byteMask(length, index));
  return { address: new ipaddr.IPv6(bytes).toRFC5952String() as Ipv6Address, length };
}

export function formatIpv6Prefix(prefix: Ipv6Prefix): string {
  return `${prefix.address}/${prefix.length}`;
}

export function prefixContains(prefix: Ipv6Prefix, address: Ipv6Address): boolean {
  return ipaddr.IPv6.parse(address).match(ipaddr.IPv6.parse(prefix.address), prefix.length);
}

function byteMask(length: number, index: number): number {
  const bits = Math.min(8, Math.max(0, length - index * 8));
  return (0xff << (8 - bits)) & 0xff;
}

/** The address as a 128-bit number. */
export function ipv6Bits(address: Ipv6Address): bigint {
  return ipaddr.IPv6.parse(address)
    .toByteArray()
    .reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
}

/** The first `length` bits of an address: equal for two addresses exactly where a prefix of that length holds both. */
export function leadingBits(bits: bigint, length: number): bigint {
  return bits >> BigInt(128 - length);
}
