import { describe, expect, it } from 'vitest';
import type { OnlineBorderRouter } from '../links/border-router-links.ts';
import { asBorderRouterId, asNodeName } from '../protocol/ids.ts';
import { type Ipv6Address, parseIpv6Prefix } from '../protocol/ipv6.ts';
import type { RegisteredNode } from './registered-node.ts';
import { nodesToScan } from './scan-filter.ts';

const node = (name: string, ipv6: string, borderRouterId: string | null = null): RegisteredNode => ({
  name: asNodeName(name),
  ipv6: ipv6 as Ipv6Address,
  extAddress: null,
  borderRouterId: borderRouterId === null ? null : asBorderRouterId(borderRouterId),
  origins: ['rest'],
});
const online: OnlineBorderRouter[] = [
  { id: asBorderRouterId('a'), networkPrefix: parseIpv6Prefix('fd00:1::/64'), steady: true },
  { id: asBorderRouterId('b'), networkPrefix: null, steady: true },
];
const registered = [node('one', 'fd00:1::1'), node('two', 'fd00:2::2'), node('named', 'fd00:1::3', 'b')];
const names = (filter: Parameters<typeof nodesToScan>[1]): string[] =>
  nodesToScan(registered, filter, online).map(({ name }) => name);

describe('the nodes of a scan', () => {
  it('are all of them without a filter', () => {
    expect(names(null)).toEqual(['one', 'two', 'named']);
    expect(names({})).toEqual(['one', 'two', 'named']);
  });

  it('are narrowed by each list of the filter', () => {
    expect(names({ networks: ['fd00:1::/64'] })).toEqual(['one', 'named']);
    expect(names({ networks: ['fd00:1::'] })).toEqual(['one', 'named']);
    expect(names({ networks: ['fd00:1::/64'], nodes: ['one', 'two'] })).toEqual(['one']);
  });

  it('are a border router’s where they name it or its prefix holds them, and they name no other', () => {
    expect(names({ borderRouters: ['a'] })).toEqual(['one']);
    expect(names({ borderRouters: ['b'] })).toEqual(['named']);
  });

  it('are none for a reason that is said', () => {
    expect(() => nodesToScan([], null, online)).toThrow(
      /no node is registered, and a, b are connected and may still be reading/,
    );
    expect(() => nodesToScan([], null, [])).toThrow(/no border router is connected either/);
    expect(() => names({ nodes: ['cellar'] })).toThrow(/called cellar/);
    expect(() => names({ borderRouters: ['c'] })).toThrow(/called c;/);
    expect(() => names({ networks: ['nonsense'] })).toThrow(/called nonsense/);
    expect(() => names({ nodes: ['two'], borderRouters: ['a'] })).toThrow(/matches all of/);
  });
});
