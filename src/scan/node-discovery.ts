/**
 * What a border router reports of a node (`node_seen`), read for the registry. Its fields come unchecked from firmware
 * of all kinds: what cannot be used is left out.
 */
import type { SeenNode } from '../protocol/border-router-messages.ts';
import { type BorderRouterId, type ExtAddress, parseExtAddress } from '../protocol/ids.ts';
import { type Ipv6Address, ipv6Bits, type Ipv6Prefix, parseIpv6, prefixContains } from '../protocol/ipv6.ts';
import { isJsonObject } from '../protocol/json.ts';
import { parseNodeName } from './node-entries.ts';
import type { StoredNode } from './node-store.ts';

/** Null where the node has no address that a scan could ask. */
export function readSeenNode(
  seen: SeenNode,
  by: { readonly id: BorderRouterId; readonly networkPrefix: Ipv6Prefix | null },
): StoredNode | null {
  const ipv6 = seen.ipv6 === null ? null : parseIpv6(seen.ipv6);
  if (ipv6 === null || !canBeAsked(ipv6)) return null;
  const extAddress = extAddressOf(seen);
  return {
    origin: 'discovery',
    key: extAddress ?? ipv6,
    name: seen.name === null ? null : parseNodeName(seen.name),
    ipv6,
    extAddress,
    // Where its prefix would not lead back to this border router, the node must name it to be asked at all.
    borderRouterId: by.networkPrefix !== null && prefixContains(by.networkPrefix, ipv6) ? null : by.id,
  };
}

function extAddressOf({ extAddress, networkInfo }: SeenNode): ExtAddress | null {
  const given = extAddress ?? (isJsonObject(networkInfo) ? networkInfo['ext_addr'] : null);
  return typeof given === 'string' ? parseExtAddress(given) : null;
}

/**
 * True for an address that stays with one node. Link-local ones (fe80::/10) need an interface; multicast (ff00::/8) and
 * the unspecified one are no node's; locators, with the interface identifier 0000:00ff:fe00:xxxx (Thread 1.3, §5.2.2),
 * move to another node with the RLOC16.
 */
function canBeAsked(ipv6: Ipv6Address): boolean {
  const bits = ipv6Bits(ipv6);
  const linkLocal = bits >> 118n === 0xfe80n >> 6n;
  const multicast = bits >> 120n === 0xffn;
  const locator = (bits & 0xffff_ffff_ffff_ffffn) >> 16n === 0x0000_00ff_fe00n;
  const ipv4Mapped = bits >> 32n === 0xffffn;
  return bits > 1n && !linkLocal && !multicast && !locator && !ipv4Mapped;
}
