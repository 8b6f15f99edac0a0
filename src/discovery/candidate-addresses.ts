/** Which of a border router's addresses to use, and which of them the hub may try. */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

const linkLocal = new BlockList();
linkLocal.addSubnet('fe80::', 10, 'ipv6');
linkLocal.addSubnet('169.254.0.0', 16, 'ipv4');

/** Anybody on the network can announce any address: only those of local networks are tried. */
const local = new BlockList();
local.addSubnet('fc00::', 7, 'ipv6');
local.addSubnet('fe80::', 10, 'ipv6');
local.addSubnet('10.0.0.0', 8, 'ipv4');
local.addSubnet('172.16.0.0', 12, 'ipv4');
local.addSubnet('192.168.0.0', 16, 'ipv4');

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

const within = (list: BlockList, address: string): boolean =>
  isIPv4(address) ? list.check(address, 'ipv4') : isIPv6(address) && list.check(address, 'ipv6');

export const isLinkLocal = (address: string): boolean => within(linkLocal, address);

/**
 * Reachable from everywhere in the building first, link-local last; IPv6 before IPv4. A link-local IPv6 address gets the
 * interface, `fe80::1%eth0`, where there was only one to come from.
 */
export function orderAddresses(addresses: readonly string[], interfaceName: string | null): string[] {
  const rank = (address: string): number => (isLinkLocal(address) ? 2 : isIPv4(address) ? 1 : 0);
  return addresses
    .toSorted((one, other) => rank(one) - rank(other))
    .map((address) =>
      interfaceName !== null && isIPv6(address) && isLinkLocal(address)
        ? `${address}%${interfaceName}`
        : address,
    );
}

/** `onLoopback`: the network looked at is this machine's own. */
export function mayBeTried(address: string, onLoopback: boolean): boolean {
  const [plain = '', zone] = address.split('%', 2);
  if (isIPv6(plain) && isLinkLocal(plain) && zone === undefined) return false;
  return within(onLoopback ? loopback : local, plain);
}

/** `http://[fd00::1]:8081`. Zones have no place in URLs that other programs read: such addresses give none. */
export function urlOf(address: string, port: number): string | null {
  if (address.includes('%')) return null;
  return `http://${isIPv6(address) ? `[${address}]` : address}:${port}`;
}
