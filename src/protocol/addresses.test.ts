import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseBorderRouterId, parseExtAddress } from './ids.ts';
import {
  formatIpv6Prefix,
  type Ipv6Address,
  ipv6Bits,
  leadingBits,
  parseIpv6,
  parseIpv6Prefix,
  prefixContains,
} from './ipv6.ts';
import {
  formatRloc16,
  isRouterRloc16,
  parseRloc16,
  rloc16Number,
  rloc16OfRouter,
  routerIdOf,
  routerRloc16Of,
} from './rloc16.ts';

describe('addresses', () => {
  it.each([
    ['FD78:8E78:3BFE:0001::1', 'fd78:8e78:3bfe:1::1'],
    ['fd00:0:0:0:0:0:0:1', 'fd00::1'],
    ['::', '::'],
  ])('writes IPv6 %s as %s', (text, canonical) => expect(parseIpv6(text)).toBe(canonical));

  it.each(['', 'fd00', '10.0.0.1', 'fe80::1%wpan0', '[::1]', 'fd00::g', 'fd00::1/64'])(
    'takes %j for no IPv6 address',
    (text) => {
      expect(parseIpv6(text)).toBeNull();
    },
  );

  it('masks a prefix, completes the abbreviation of the background documents, and refuses nonsense', () => {
    const written = (text: string) => {
      const prefix = parseIpv6Prefix(text);
      return prefix === null ? null : formatIpv6Prefix(prefix);
    };
    expect(written('fd78:8e78:3bfe:1:ffff::1/64')).toBe('fd78:8e78:3bfe:1::/64');
    expect(written('fd78::')).toBe('fd78::/64');
    expect(written('fd78:ff80::/25')).toBe('fd78:ff80::/25');
    for (const text of ['fd78::/129', 'fd78::/', 'fd78::/x', '/64', 'fd78::/6/4'])
      expect(written(text)).toBeNull();
  });

  it('finds an address in a prefix exactly where their leading bits are the same', () => {
    const address = fc
      .array(fc.constantFrom(0, 1, 0x8000, 0xffff), { minLength: 8, maxLength: 8 })
      .map((groups) => parseIpv6(groups.map((group) => group.toString(16)).join(':')) as Ipv6Address);
    fc.assert(
      fc.property(address, address, fc.nat(128), (a, b, length) => {
        const prefix = parseIpv6Prefix(`${a}/${length}`);
        if (prefix === null) throw new Error('no prefix');
        expect(prefixContains(prefix, b)).toBe(
          leadingBits(ipv6Bits(a), length) === leadingBits(ipv6Bits(b), length),
        );
      }),
    );
  });

  it('reads RLOC16 in its spellings, router id 0 included, and no unassigned one', () => {
    expect(['0xA000', 'a000', '0x0000', 0, 0xa001].map(parseRloc16)).toEqual([
      '0xa000',
      '0xa000',
      '0x0000',
      '0x0000',
      '0xa001',
    ]);
    expect(['0xfffe', 0xffff, '0xa00', '', 'xyz0', 1.5, -1, NaN].map(parseRloc16)).toEqual(
      Array(8).fill(null),
    );
  });

  it('takes an RLOC16 apart into router and child', () => {
    fc.assert(
      fc.property(fc.nat(62), fc.nat(511), (routerId, childId) => {
        const rloc16 = formatRloc16((routerId << 10) | childId);
        expect(routerIdOf(rloc16)).toBe(routerId);
        expect(routerRloc16Of(rloc16)).toBe(rloc16OfRouter(routerId));
        expect(isRouterRloc16(rloc16)).toBe(childId === 0);
        expect(rloc16Number(rloc16)).toBe((routerId << 10) | childId);
      }),
    );
  });

  it('reads extended addresses with separators and border-router ids by their pattern', () => {
    expect(parseExtAddress('00-11-22-33-44-55-66-FF')).toBe('00112233445566ff');
    expect(parseExtAddress('0011223344556677889')).toBeNull();
    expect(parseBorderRouterId('BR-001.a_b')).toBe('BR-001.a_b');
    for (const text of ['', 'a b', 'x'.repeat(65), 'é', 'a/b']) expect(parseBorderRouterId(text)).toBeNull();
  });
});
