import { describe, expect, it } from 'vitest';
import type { OnlineBorderRouter } from '../links/border-router-links.ts';
import { asBorderRouterId } from '../protocol/ids.ts';
import { type Ipv6Address, parseIpv6Prefix } from '../protocol/ipv6.ts';
import { BorderRouterChoice, type NodeLocation } from './border-router-choice.ts';

const online = (id: string, prefix: string | null): OnlineBorderRouter => ({
  id: asBorderRouterId(id),
  networkPrefix: prefix === null ? null : parseIpv6Prefix(prefix),
  steady: true,
});
const node = (ipv6: string, borderRouterId: string | null = null): NodeLocation => ({
  ipv6: ipv6 as Ipv6Address,
  borderRouterId: borderRouterId === null ? null : asBorderRouterId(borderRouterId),
});
const idle = () => 0;

describe('the border router that a node is asked through', () => {
  it('is the one named for it, and no other where that is away', () => {
    const choice = new BorderRouterChoice([online('a', 'fd00::/64'), online('b', null)]);
    expect(choice.choose(node('fd00::1', 'b'), idle)).toBe('b');
    expect(choice.choose(node('fd00::1', 'absent'), idle)).toBeNull();
  });

  it('is the one with the longest prefix, then the one with the fewest nodes', () => {
    const choice = new BorderRouterChoice([
      online('all', '::/0'),
      online('a', 'fd00::/64'),
      online('b', 'fd00::/64'),
      online('one', 'fd00::1/128'),
    ]);
    const load = (id: string): number => (id === 'a' ? 2 : 1);
    expect(choice.choose(node('fd00::1'), load)).toBe('one');
    expect(choice.choose(node('fd00::2'), load)).toBe('b');
    expect(choice.choose(node('2001::2'), load)).toBe('all');
  });

  it('is one of a shorter prefix where all of the longest are excluded, and none where all are', () => {
    const choice = new BorderRouterChoice([online('wide', 'fd00::/16'), online('a', 'fd00::/64')]);
    const without = (...ids: string[]) =>
      choice.choose(node('fd00::2'), idle, new Set(ids.map(asBorderRouterId)));
    expect(without('a')).toBe('wide');
    expect(without('a', 'wide')).toBeNull();
  });

  it('is none for a node outside every prefix', () => {
    const choice = new BorderRouterChoice([online('a', 'fd00:1::/64'), online('b', null)]);
    expect(choice.choose(node('fd00:2::1'), idle)).toBeNull();
  });
});
