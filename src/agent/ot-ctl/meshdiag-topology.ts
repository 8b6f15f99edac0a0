/**
 * `meshdiag topology ip6-addrs children`: every router that answered.
 *
 *   id:05 rloc16:0x1400 ext-addr:5ae945e62820bc7c ver:5 - me - leader - br
 *       3-links:{ 14 60 }                     routers that it hears with link quality 3
 *       2-links:{ 13 }
 *       ip6-addrs:
 *           fd0d:7fc:a1b9:f050:0:ff:fe00:1400
 *       children:                             or `children: none`
 *           rloc16:0x1404 lq:1, mode:-
 */
import type { ExtAddress } from '../../protocol/ids.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import { isRouterRloc16, routerIdOf, rloc16OfRouter, type Rloc16 } from '../../protocol/rloc16.ts';
import type { DeviceMode } from '../mesh/device-diagnostics.ts';
import { readFields, toExtAddress, toIpv6Address, toMode, toRloc16, toWhole } from './cli-fields.ts';

export interface TopologyRouter {
  readonly rloc16: Rloc16;
  readonly extAddress: ExtAddress | null;
  readonly threadVersion: number | null;
  readonly isThisDevice: boolean;
  readonly isLeader: boolean;
  readonly isBorderRouter: boolean;
  /** By router id: how well this one hears it, 1–3. */
  readonly linkQualities: ReadonlyMap<number, number>;
  /** Null where they were not told. */
  readonly ipv6Addresses: readonly Ipv6Address[] | null;
  readonly children: readonly TopologyChild[] | null;
}

export interface TopologyChild {
  readonly rloc16: Rloc16;
  readonly mode: DeviceMode | null;
  /** 0–3; null where it is unknown, which OpenThread writes as 0. */
  readonly linkQuality: number | null;
}

interface OpenRouter extends TopologyRouter {
  readonly linkQualities: Map<number, number>;
  ipv6Addresses: Ipv6Address[] | null;
  children: TopologyChild[] | null;
}

/** More routers than ids, or more children than a parent's 9 bits, is nonsense. */
const maxRouters = 64;
const maxChildren = 511;
const maxAddresses = 64;

export function parseTopology(lines: readonly string[]): TopologyRouter[] {
  const routers: OpenRouter[] = [];
  let router: OpenRouter | null = null;
  for (const line of lines) {
    const fields = readFields(line);
    const opened = openRouter(line, fields);
    if (opened !== null) {
      if (routers.length >= maxRouters) break;
      routers.push(opened);
      router = opened;
      continue;
    }
    if (router === null) continue;
    const links = /\b([123])-links:\s*\{([^}]*)\}?/i.exec(line);
    const address = links === null ? toIpv6Address(line) : null;
    if (links !== null) {
      for (const word of (links[2] ?? '').split(/[\s,]+/)) {
        const routerId = toWhole(word, 0, 62);
        if (routerId !== null) router.linkQualities.set(routerId, Number(links[1]));
      }
    } else if (address !== null) {
      router.ipv6Addresses ??= [];
      if (router.ipv6Addresses.length < maxAddresses) router.ipv6Addresses.push(address);
    } else if (/^\s*ip6-addrs:/i.test(line)) {
      router.ipv6Addresses ??= [];
    } else if (/^\s*children:/i.test(line)) {
      router.children ??= [];
    } else {
      const rloc16 = toRloc16(fields.get('rloc16'));
      if (rloc16 === null || (router.children?.length ?? 0) >= maxChildren) continue;
      router.children ??= [];
      router.children.push({
        rloc16,
        mode: toMode(fields.get('mode')),
        linkQuality: toWhole(fields.get('lq'), 1, 3),
      });
    }
  }
  return routers;
}

function openRouter(line: string, fields: ReadonlyMap<string, string>): OpenRouter | null {
  if (!fields.has('id') && !fields.has('ext-addr')) return null;
  const id = toWhole(fields.get('id')?.replace(/^0+(?=\d)/, ''), 0, 62);
  const told = toRloc16(fields.get('rloc16'));
  const rloc16 =
    told !== null && isRouterRloc16(told)
      ? rloc16OfRouter(routerIdOf(told))
      : id === null
        ? null
        : rloc16OfRouter(id);
  if (rloc16 === null) return null;
  const marks = new Set(
    line
      .split(/\s+-\s+/)
      .slice(1)
      .map((mark) => mark.trim().toLowerCase()),
  );
  return {
    rloc16,
    extAddress: toExtAddress(fields.get('ext-addr')),
    threadVersion: toWhole(fields.get('ver'), 1, 254),
    isThisDevice: marks.has('me'),
    isLeader: marks.has('leader'),
    isBorderRouter: marks.has('br'),
    linkQualities: new Map(),
    ipv6Addresses: null,
    children: null,
  };
}
