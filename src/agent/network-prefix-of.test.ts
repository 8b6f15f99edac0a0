import { expect, it } from 'vitest';
import { asIpv6Address } from '../protocol/ipv6.ts';
import { networkPrefixOf } from './network-prefix-of.ts';

const meshLocalPrefix = 'fd0d:7fc:a1b9:f050::/64';
const inside = ['fd0d:7fc:a1b9:f050:0:ff:fe00:3400', 'fe80::50a1:c42:864:9fcc', 'ff03::1'];
const prefixOf = (addresses: readonly string[], prefix: string | null = meshLocalPrefix) =>
  networkPrefixOf({ meshLocalPrefix: prefix, ipv6Addresses: addresses.map(asIpv6Address) });

it('is that of the first address that leads out of the mesh', () => {
  expect(prefixOf([...inside, 'fd7c:8336:ffd4:1:9f35:3d61:ffc6:c165'])).toBe('fd7c:8336:ffd4:1::/64');
  expect(prefixOf(['2001:db8:1:2::7'])).toBe('2001:db8:1:2::/64');
});

it('is the mesh-local one where no address leads out', () => {
  expect(prefixOf(inside)).toBe(meshLocalPrefix);
});

it('is unknown without the mesh-local one', () => {
  expect(prefixOf(['fd7c:8336:ffd4:1:9f35:3d61:ffc6:c165'], null)).toBeNull();
  expect(prefixOf([], 'nonsense')).toBeNull();
});
