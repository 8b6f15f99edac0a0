/**
 * The addresses of a Thread device (Thread 1.3 §5.2): link-local from its extended address, the RLOC from its RLOC16, the
 * mesh-local EID from a random identifier, and the routable one of the network's prefix.
 */
import { type Ipv6Address, parseIpv6 } from '../../protocol/ipv6.ts';
import type { ExtAddress } from '../../protocol/ids.ts';
import { type Rloc16, rloc16Number } from '../../protocol/rloc16.ts';

/** `fd0d:7fc:a1b9:f050` of 16 hex digits, for `…::/64`. */
export function groupsOf(hex: string): string {
  return (hex.match(/.{1,4}/g) ?? []).join(':');
}

/** An address of its first and last 64 bits, 16 hex digits each. */
export function addressOf(prefixHex: string, identifierHex: string): Ipv6Address {
  const text = `${groupsOf(prefixHex)}:${groupsOf(identifierHex)}`;
  const address = parseIpv6(text);
  if (address === null) throw new Error(`${text} is not an IPv6 address`);
  return address;
}

/** fe80::/64 and the extended address with its universal/local bit inverted. */
export function linkLocalOf(extAddress: ExtAddress): Ipv6Address {
  const first = (parseInt(extAddress.slice(0, 2), 16) ^ 0x02).toString(16).padStart(2, '0');
  return addressOf('fe80000000000000', first + extAddress.slice(2));
}

/** `prefix:0:ff:fe00:RLOC16`; also of an anycast locator, 0xfc00 to 0xfcff. */
export function locatorOf(meshLocalHex: string, rloc16: Rloc16 | number): Ipv6Address {
  const number = typeof rloc16 === 'number' ? rloc16 : rloc16Number(rloc16);
  return addressOf(meshLocalHex, `000000fffe00${number.toString(16).padStart(4, '0')}`);
}
