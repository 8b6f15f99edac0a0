/**
 * The prefix that a hub should know a border router's nodes by. Devices answer under the off-mesh routable prefix (OMR,
 * Thread 1.3 §9.2) where the network has one; the mesh-local prefix is of every network and reaches no further than it.
 */
import { formatIpv6Prefix, parseIpv6Prefix, prefixContains } from '../protocol/ipv6.ts';
import { isRoutable } from './mesh/mesh-addresses.ts';
import type { BorderRouterState } from './mesh/mesh-reader.ts';

/** `fd7c:8336:ffd4:1::/64`; null where the border router tells neither. */
export function networkPrefixOf(
  state: Pick<BorderRouterState, 'ipv6Addresses' | 'meshLocalPrefix'>,
): string | null {
  const meshLocal = state.meshLocalPrefix === null ? null : parseIpv6Prefix(state.meshLocalPrefix);
  // Without the mesh-local prefix nothing tells which of its addresses lie outside of it.
  if (meshLocal === null) return null;
  const outside = state.ipv6Addresses.find(
    (address) => isRoutable(address) && !prefixContains(meshLocal, address),
  );
  const omr = outside === undefined ? null : parseIpv6Prefix(`${outside}/64`);
  return formatIpv6Prefix(omr ?? meshLocal);
}
