/**
 * Which devices of a mesh are asked in a reading, and which before others. Pure: how often each is asked, and for what, is
 * the reading's (`mesh-collection.ts`).
 */
import type { ExtAddress } from '../../protocol/ids.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import { isRouterRloc16, type Rloc16, rloc16OfRouter, routerRloc16Of } from '../../protocol/rloc16.ts';
import { extAddressOf, rloc16Of } from './mesh-addresses.ts';
import type { MeshMemory } from './mesh-memory.ts';
import type { MeshPicture } from './mesh-picture.ts';
import type { AskedDevice, ListedDevice } from './mesh-reader.ts';

/** What a reading knows so far. */
export interface AskingFacts {
  readonly picture: MeshPicture;
  readonly listed: ReadonlyMap<ExtAddress, ListedDevice>;
  readonly memory: MeshMemory;
  /** Addresses that somebody waits for. */
  readonly waiting: readonly Ipv6Address[];
  /** Devices that this reading has asked, and whether they answered. */
  readonly asked: ReadonlyMap<ExtAddress, { readonly answered: boolean }>;
  /** Monotonic. */
  readonly nowMs: number;
}

/** Devices that are read for what changes slowly, in one reading. */
const slowPerReading = 8;
const slowAgainMs = 60_000;

/**
 * Those that proved themselves or that a table names: the border router, those that somebody waits for, then the rest. Unlikely
 * to answer are those that were silent the last time or that the border router has no way to: they keep nobody waiting.
 */
export function routersToAsk(facts: AskingFacts): { likely: AskedDevice[]; unlikely: AskedDevice[] } {
  const { memory, picture } = facts;
  const { state } = picture;
  const routers = new Map<ExtAddress, Rloc16 | null>();
  if (state.rloc16 !== null && isRouterRloc16(state.rloc16)) routers.set(state.extAddress, state.rloc16);
  for (const device of picture.devices)
    if (device.kind === 'router' && device.extAddress !== null) routers.set(device.extAddress, device.rloc16);
  for (const { extAddress, rloc16 } of picture.expectedRouters.values())
    if (extAddress !== null && !routers.has(extAddress)) routers.set(extAddress, rloc16);
  const devices: AskedDevice[] = [...routers].map(([extAddress, rloc16]) => ({
    extAddress,
    rloc16,
    kind: 'router',
  }));
  const wanted = wantedOf(facts);
  const cutOff = cutOffFrom(picture);
  const isUnlikely = ({ extAddress, rloc16 }: AskedDevice): boolean =>
    extAddress !== state.extAddress &&
    (memory.wasSilent(extAddress) || (rloc16 !== null && cutOff.has(rloc16)));
  const rank = ({ extAddress, rloc16 }: AskedDevice): number => {
    if (extAddress === state.extAddress) return 0;
    return wanted.devices.has(extAddress) || (rloc16 !== null && wanted.routers.has(rloc16)) ? 1 : 2;
  };
  const inOrder = devices
    .map((device) => ({ device, rank: rank(device) }))
    .sort((one, other) => one.rank - other.rank)
    .map(({ device }) => device);
  return {
    likely: inOrder.filter((device) => !isUnlikely(device)),
    unlikely: inOrder.filter(isUnlikely),
  };
}

/** Routers that the border router's own Route64 has no way to. */
function cutOffFrom({ byExtAddress, state }: MeshPicture): Set<Rloc16> {
  const routes = byExtAddress.get(state.extAddress)?.own?.routes ?? [];
  return new Set(
    routes.flatMap(({ cost, linkQualityIn, nextHop, routerId }) =>
      cost === 0 && linkQualityIn === 0 && nextHop === null ? [rloc16OfRouter(routerId)] : [],
    ),
  );
}

/** Routers by a list or an earlier reading only. What a parent's table names is a child, whatever an older list says. */
export function doubtfulRouters({ asked, listed, memory, picture }: AskingFacts): AskedDevice[] {
  const routers = [...listed.values()].flatMap(({ extAddress, kind }) =>
    kind === 'router' ? [extAddress] : [],
  );
  const named = new Set([...picture.expectedRouters.values()].map(({ extAddress }) => extAddress));
  return [...new Set([...routers, ...memory.routers()])].flatMap((extAddress) =>
    named.has(extAddress) ||
    picture.byExtAddress.has(extAddress) ||
    !(asked.has(extAddress) || memory.mayAskUnnamed(extAddress))
      ? []
      : [{ extAddress, rloc16: memory.rloc16Of(extAddress), kind: 'router' as const }],
  );
}

/** Devices whose addresses are waited for, and the places of those or of their parents. */
function wantedOf({ listed, memory, picture, waiting }: AskingFacts): {
  devices: Set<ExtAddress>;
  routers: Set<Rloc16>;
} {
  const devices = new Set<ExtAddress>();
  const routers = new Set<Rloc16>();
  const listedAt = new Map<Ipv6Address, ExtAddress>();
  for (const { extAddress, ipv6Addresses } of listed.values())
    for (const address of ipv6Addresses) listedAt.set(address, extAddress);
  for (const address of waiting) {
    const told = picture.byAddress.get(address);
    const extAddress =
      told?.extAddress ??
      listedAt.get(address) ??
      memory.extAddressOf(address) ??
      (extAddressOf(address) as ExtAddress | null);
    const rloc16 = told?.rloc16 ?? (extAddress === null ? rloc16Of(address) : memory.rloc16Of(extAddress));
    if (extAddress !== null) devices.add(extAddress);
    if (rloc16 !== null) routers.add(routerRloc16Of(rloc16));
  }
  return { devices, routers };
}

/** Listening end devices whose addresses nobody told; they seldom change, so they are asked once. */
export function endDevicesToAsk({ asked, memory, nowMs, picture }: AskingFacts): AskedDevice[] {
  return picture.devices.flatMap(({ extAddress, ipv6Addresses, kind, mode, rloc16 }) => {
    const isSelf = extAddress === picture.state.extAddress;
    if (extAddress === null || (kind !== 'full' && kind !== 'minimal')) return [];
    if (isSelf && mode === null) return [{ extAddress, rloc16, kind: 'full' as const }];
    if (mode === null) return [];
    if (asked.get(extAddress)?.answered === true) return [];
    if (!isSelf && ipv6Addresses.length > 0) return [];
    return asked.has(extAddress) || isSelf || memory.mayAskPlace(extAddress, nowMs)
      ? [{ extAddress, rloc16, kind }]
      : [];
  });
}

/** Listed, in no table, and not asleep: whether they are there only they can say. */
export function strays({ asked, memory, picture }: AskingFacts): AskedDevice[] {
  return picture.unproved.flatMap(({ extAddress, kind }) =>
    (kind === 'full' || kind === 'minimal') && (asked.has(extAddress) || memory.mayAskUnnamed(extAddress))
      ? [{ extAddress, rloc16: memory.rloc16Of(extAddress), kind }]
      : [],
  );
}

/** For what changes slowly: those that were read longest ago, and never sleepy ones. */
export function slowestKnown({ asked, memory, nowMs, picture }: AskingFacts): AskedDevice[] {
  return picture.devices
    .flatMap(({ extAddress, kind, mode, rloc16 }) => {
      // Of a child whose mode nobody told it is not known whether it sleeps.
      if (extAddress === null || kind === 'sleepy' || (kind !== 'router' && mode === null)) return [];
      const askedAtMs = memory.slowAskedAtMs(extAddress) ?? -Infinity;
      return nowMs - askedAtMs < slowAgainMs || asked.get(extAddress)?.answered === false
        ? []
        : [{ device: { extAddress, rloc16, kind }, askedAtMs }];
    })
    .sort((one, other) => (one.askedAtMs === other.askedAtMs ? 0 : one.askedAtMs - other.askedAtMs))
    .slice(0, slowPerReading)
    .map(({ device }) => device);
}

/**
 * Routers that tables name and that cannot be asked before the mesh is searched: nobody tells their address, or the border
 * router does not list them. By address, else by place.
 */
export function unaskableRouters({ listed, picture }: AskingFacts, mustBeListed: boolean): string[] {
  return [...picture.expectedRouters.values()].flatMap(({ extAddress, rloc16, wasRead }) =>
    wasRead || (extAddress !== null && (listed.has(extAddress) || !mustBeListed))
      ? []
      : [extAddress ?? rloc16],
  );
}

/** Whether the border router's list lacks somebody who could be asked for what no table tells. */
export function lacksListed({ listed, picture }: AskingFacts): boolean {
  return picture.devices.some(
    ({ extAddress, ipv6Addresses }) =>
      extAddress !== null && ipv6Addresses.length === 0 && !listed.has(extAddress),
  );
}

export function lacksRouters({ expectedRouters, state }: MeshPicture): boolean {
  const expected = [...expectedRouters.values()];
  const read = expected.filter(({ wasRead }) => wasRead).length;
  return read < expected.length || read < (state.routerCount ?? 0);
}

/** By address, else by place. */
export function unreadRouters({ expectedRouters }: MeshPicture): string[] {
  return [...expectedRouters.values()].flatMap(({ extAddress, rloc16, wasRead }) =>
    wasRead ? [] : [extAddress ?? rloc16],
  );
}
