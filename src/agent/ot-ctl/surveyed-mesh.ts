/** What one survey told: `meshdiag topology`, joined with the border router's own way to every router. */
import type { ExtAddress } from '../../protocol/ids.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import { isRouterRloc16, routerIdOf, type Rloc16, rloc16OfRouter } from '../../protocol/rloc16.ts';
import {
  type ChildRow,
  type DeviceDiagnostics,
  type LeaderData,
  nothingTold,
  type RouteRow,
} from '../mesh/device-diagnostics.ts';
import type { BorderRouterState, ListedDevice } from '../mesh/mesh-reader.ts';
import type { TopologyChild, TopologyRouter } from './meshdiag-topology.ts';
import type { KnownRouter, NextHop } from './router-tables.ts';

/** Of one router. */
export interface SurveyedRouter {
  readonly threadVersion: number | null;
  readonly routes: readonly RouteRow[];
  readonly children: readonly TopologyChild[];
  readonly ipv6Addresses: readonly Ipv6Address[];
}

export interface SurveyParts {
  readonly rows: readonly TopologyRouter[];
  readonly known: readonly KnownRouter[];
  readonly nextHops: readonly NextHop[];
  readonly leader: LeaderData | null;
}

export class SurveyedMesh {
  readonly #parts: SurveyParts;
  readonly #routers = new Map<Rloc16, SurveyedRouter>();

  constructor(parts: SurveyParts) {
    this.#parts = parts;
    const { known, nextHops, rows } = parts;
    for (const row of rows)
      this.#routers.set(row.rloc16, {
        threadVersion: row.threadVersion,
        routes: row.isThisDevice ? ownRoutes(row, known, nextHops) : routesOf(row, rows),
        children: row.children ?? [],
        ipv6Addresses: row.ipv6Addresses ?? [],
      });
  }

  router(rloc16: Rloc16): SurveyedRouter | null {
    return this.#routers.get(rloc16) ?? null;
  }

  /** Children that may become routers; nobody but they tell their addresses. */
  get fullChildren(): number {
    const children = [...this.#routers.values()].flatMap((router) => router.children);
    return children.filter(({ mode }) => mode?.fullThreadDevice === true).length;
  }

  diagnostics(): DeviceDiagnostics[] {
    const { leader, rows } = this.#parts;
    // Releases before the mark was printed mark nobody.
    const marksBorderRouters = rows.some(({ isBorderRouter }) => isBorderRouter);
    return rows.map((row) => ({
      ...nothingTold,
      extAddress: row.extAddress,
      rloc16: row.rloc16,
      leader,
      routes: this.router(row.rloc16)?.routes ?? null,
      children: row.children?.map((child) => bareChild(child)) ?? null,
      ipv6Addresses: row.ipv6Addresses,
      isBorderRouter: marksBorderRouters ? row.isBorderRouter : null,
      threadVersion: row.threadVersion,
    }));
  }

  /** `self`: the border router. */
  devices(self: BorderRouterState): ListedDevice[] {
    const { known, rows } = this.#parts;
    const devices = new Map<ExtAddress, ListedDevice>();
    for (const { extAddress, ipv6Addresses } of rows)
      if (extAddress !== null)
        devices.set(extAddress, {
          extAddress,
          kind: 'router',
          ipv6Addresses: ipv6Addresses ?? [],
          hostname: null,
        });
    for (const { extAddress } of known)
      if (extAddress !== null && !devices.has(extAddress))
        devices.set(extAddress, { extAddress, kind: 'router', ipv6Addresses: [], hostname: null });
    // A border router that is a child is in no router's row by name.
    if (!devices.has(self.extAddress))
      devices.set(self.extAddress, {
        extAddress: self.extAddress,
        kind: self.rloc16 !== null && isRouterRloc16(self.rloc16) ? 'router' : 'full',
        ipv6Addresses: self.ipv6Addresses,
        hostname: null,
      });
    return [...devices.values()];
  }
}

/** Each end tells how it hears the other; the other direction is the other row's. */
function routesOf(row: TopologyRouter, rows: readonly TopologyRouter[]): RouteRow[] {
  const ownId = routerIdOf(row.rloc16);
  return [...row.linkQualities].map(([routerId, linkQualityIn]) => {
    const other = rows.find(({ rloc16 }) => rloc16 === rloc16OfRouter(routerId));
    return {
      routerId,
      linkQualityIn,
      linkQualityOut: other === undefined ? null : (other.linkQualities.get(ownId) ?? 0),
      cost: null,
      nextHop: null,
    };
  });
}

/** The border router knows every router and the way there. */
function ownRoutes(
  row: TopologyRouter,
  known: readonly KnownRouter[],
  nextHops: readonly NextHop[],
): RouteRow[] {
  const ownId = routerIdOf(row.rloc16);
  const routerIds = new Set([
    ...row.linkQualities.keys(),
    ...known.map(({ routerId }) => routerId),
    ...nextHops.map(({ routerId }) => routerId),
  ]);
  routerIds.delete(ownId);
  return [...routerIds].map((routerId) => {
    const entry = known.find((candidate) => candidate.routerId === routerId);
    const way = nextHops.find((candidate) => candidate.routerId === routerId);
    return {
      routerId,
      linkQualityIn: entry?.linkQualityIn ?? row.linkQualities.get(routerId) ?? 0,
      linkQualityOut: entry?.linkQualityOut ?? null,
      cost: way?.cost ?? null,
      nextHop: way?.nextHop ?? null,
    };
  });
}

const noReception = {
  linkMargin: null,
  averageRssi: null,
  lastRssi: null,
  frameErrorRate: null,
  messageErrorRate: null,
} as const;

function bareChild({ linkQuality, mode, rloc16 }: TopologyChild): ChildRow {
  return {
    extAddress: null,
    rloc16,
    mode,
    ageSeconds: null,
    linkAgeSeconds: null,
    timeoutSeconds: null,
    queuedMessages: null,
    threadVersion: null,
    ipv6Addresses: null,
    ...noReception,
    linkQuality,
  };
}

/** A row of the child table with what only the survey and `childip6` tell. */
export function joinedChild(
  child: ChildRow,
  surveyed: SurveyedRouter | null,
  addresses: ReadonlyMap<Rloc16, readonly Ipv6Address[]> | null,
): ChildRow {
  const before = surveyed?.children.find(({ rloc16 }) => rloc16 === child.rloc16);
  const mode = child.mode ?? before?.mode ?? null;
  const isMinimal = mode?.fullThreadDevice === false;
  return {
    ...child,
    mode,
    linkQuality: child.linkQuality ?? before?.linkQuality ?? null,
    // A minimal device without an entry has none registered; of others the parent knows nothing.
    ipv6Addresses: addresses?.get(child.rloc16) ?? (addresses !== null && isMinimal ? [] : null),
  };
}
