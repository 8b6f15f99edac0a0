/**
 * A simulated mesh as its devices' tables have it at a moment: who hears whom, who is whose child, who fell silent and is
 * not forgotten yet. The mesh itself (`mesh.ts`) knows no time; this adds it.
 *
 *   alive ── dies ──► listed as before, its age growing ── 90 to 200 s ──► forgotten by one neighbour after the other
 *   child of a dead router ── up to 60 s ──► child of another router in range
 *   child that moved, where ghosts are asked for ──► listed by its old parent as well, its age growing
 */
import type { Clock } from '../../clock.ts';
import { isRouterRloc16, type Rloc16, rloc16Number } from '../../protocol/rloc16.ts';
import { type Mesh, routerIdOf } from '../mesh.ts';
import type { MeshDevice } from '../mesh-device.ts';
import { linkMarginOf, linkQualityOf } from '../radio-model.ts';
import { createRandom, noise, type SeededRandom } from '../random.ts';
import { type Route, routesFrom } from '../route-table.ts';
import { type DeviceProfile, profileOf } from './device-profile.ts';

/** One direction of a link, as its receiver has measured it. */
export interface Heard {
  /** dBm, the long-term average. */
  readonly averageRssi: number;
  readonly lastRssi: number;
  readonly linkMargin: number;
  /** 0–3 */
  readonly linkQuality: number;
  /** 0–1 */
  readonly frameErrorRate: number;
  readonly messageErrorRate: number;
}

export interface NeighborRouter extends Heard {
  readonly device: MeshDevice;
  readonly linkAgeSeconds: number;
}

export interface ListedChild extends Heard {
  readonly device: MeshDevice;
  /** The one that this parent gave it; of a ghost no longer its own. */
  readonly rloc16: Rloc16;
  /** Seconds since it was last heard. */
  readonly ageSeconds: number;
  readonly linkAgeSeconds: number;
  readonly queuedMessages: number;
}

export interface RouteRow {
  readonly routerId: number;
  readonly linkQualityIn: number;
  readonly linkQualityOut: number;
  /** 0: out of reach; 1 to itself. */
  readonly cost: number;
}

export interface ObservedMeshOptions {
  readonly mesh: Mesh;
  readonly seed: number;
  readonly clock: Clock;
}

/** A neighbour forgets a dead router after so long, s. */
const forgottenAfterSeconds = [90, 200] as const;
/** The leader gives a dead router's id away; later than all neighbours. */
const idReleasedAfterSeconds = 220;
const childrenMoveWithinMs = 60_000;
/** The last frame's strength changes so often, ms. */
const fadeEveryMs = 10_000;
const fadeDb = 2;
const leaderWeight = 64;

interface Ghost {
  readonly device: MeshDevice;
  readonly parent: MeshDevice;
  readonly rloc16: Rloc16;
  readonly sinceMs: number;
}

export class ObservedMesh {
  readonly mesh: Mesh;
  readonly seed: number;
  /** 16 hex digits, of the mesh-local prefix. */
  readonly meshLocalHex: string;
  readonly networkName: string;
  readonly panId: number;
  readonly channel: number;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #random: SeededRandom;
  readonly #profiles: readonly DeviceProfile[];
  /** When a device fell silent, monotonic ms. */
  readonly #silentSinceMs = new Map<MeshDevice, number>();
  /** Children whose parent died, and when they look for another, monotonic ms. */
  readonly #movesAtMs = new Map<MeshDevice, number>();
  /** Whose child a device was when last looked at, and since when. */
  readonly #attached = new Map<MeshDevice, { readonly parent: MeshDevice; readonly sinceMs: number }>();
  readonly #ghosts: Ghost[] = [];
  /** Routes over living routers, for as long as those are the same. */
  #livingRoutes: { readonly key: string; readonly byRouter: Map<MeshDevice, ReadonlyMap<number, Route>> } = {
    key: '',
    byRouter: new Map(),
  };

  constructor({ mesh, seed, clock }: ObservedMeshOptions) {
    this.mesh = mesh;
    this.seed = seed;
    this.#clock = clock;
    this.#startedMs = clock.monotonicMs();
    this.#random = createRandom(seed, 'observed-mesh');
    const identity = this.#random.fork('network');
    this.meshLocalHex = `fd${identity.hex(14)}`;
    this.networkName = `Sim-${identity.hex(4)}`;
    this.panId = identity.integer(1, 0xfffd);
    this.channel = identity.integer(11, 26);
    this.#profiles = mesh.devices.map((device) => profileOf(seed, device));
  }

  profileOf(device: MeshDevice): DeviceProfile {
    const profile = this.#profiles[device.number];
    if (profile === undefined) throw new Error(`${device.name} is not of this mesh`);
    return profile;
  }

  /** Milliseconds that a device has been running. */
  upMs(device: MeshDevice): number {
    return this.profileOf(device).upBeforeStartMs + this.#clock.monotonicMs() - this.#startedMs;
  }

  get leaderWeight(): number {
    return leaderWeight;
  }

  isDead(device: MeshDevice): boolean {
    return this.#silentSinceMs.has(device);
  }

  /** `silentForMs`: it fell silent so long ago. A device that lives again is a router or child as before. */
  setDead(device: MeshDevice, dead: boolean, silentForMs = 0): void {
    if (!dead) {
      this.#silentSinceMs.delete(device);
      return;
    }
    const sinceMs = this.#clock.monotonicMs() - silentForMs;
    this.#silentSinceMs.set(device, sinceMs);
    for (const child of this.mesh.childrenOf(device)) {
      this.#movesAtMs.set(child, sinceMs + this.#random.between(0.1, 1) * childrenMoveWithinMs);
    }
  }

  /** Moves a child to another parent; its old one goes on listing it. False where there is no other parent. */
  makeGhost(child: MeshDevice): boolean {
    const parent = this.mesh.parentOf(child);
    const rloc16 = this.mesh.rloc16Of(child);
    if (parent === null || !this.mesh.reparent(child, (router) => this.isDead(router))) return false;
    this.#ghosts.push({ device: child, parent, rloc16, sinceMs: this.#clock.monotonicMs() });
    return true;
  }

  /** Radio hops over living routers; 0 to itself, null where there is no path. */
  hopsBetween(from: MeshDevice, to: MeshDevice): number | null {
    this.#settle();
    if (this.isDead(from) || this.isDead(to)) return null;
    if (from === to) return 0;
    const start = this.mesh.routerOf(from);
    const end = this.mesh.routerOf(to);
    const last = (from === start ? 0 : 1) + (to === end ? 0 : 1);
    if (this.isDead(start) || this.isDead(end)) return null;
    let hops = 0;
    for (let at = start; at !== end; hops += 1) {
      const route = this.#routesOf(at).get(routerIdOf(end));
      const next = route === undefined ? undefined : this.#routerOfId(route.nextHop);
      if (next === undefined || hops > this.mesh.routers.length) return null;
      at = next;
    }
    return hops + last;
  }

  /** The router ids that are given out, in order. */
  routersIn(member: MeshDevice): MeshDevice[] {
    this.#settle();
    return this.mesh.routers
      .filter((router) => this.mesh.inOnePartition(router, member))
      .filter((router) => this.#silentSeconds(router) < idReleasedAfterSeconds)
      .sort((one, other) => routerIdOf(one) - routerIdOf(other));
  }

  neighborsOf(router: MeshDevice): NeighborRouter[] {
    this.#settle();
    return this.mesh
      .neighborRoutersOf(router)
      .filter((other) => !this.#hasForgotten(router, other))
      .map((device) => ({
        device,
        ...this.#heard(router, device),
        linkAgeSeconds: Math.floor(Math.min(this.upMs(router), this.upMs(device)) / 1_000),
      }));
  }

  childrenOf(router: MeshDevice): ListedChild[] {
    this.#settle();
    const own = this.mesh.childrenOf(router).filter((child) => {
      return this.#silentSeconds(child) < this.profileOf(child).childTimeoutSeconds;
    });
    const ghosts = this.#ghosts.filter((ghost) => ghost.parent === router);
    return [
      ...own.map((device) => this.#listed(router, device, this.mesh.rloc16Of(device), null)),
      ...ghosts.map((ghost) => this.#listed(router, ghost.device, ghost.rloc16, ghost.sinceMs)),
    ].sort((one, other) => rloc16Number(one.rloc16) - rloc16Number(other.rloc16));
  }

  /** A router's own Route64, or the one that a full child keeps. */
  routesOf(device: MeshDevice): RouteRow[] {
    const router = this.mesh.routerOf(device);
    const routes = this.#routesOf(router);
    const linked = new Set(this.neighborsOf(router).map((neighbor) => neighbor.device));
    return this.routersIn(router).map((other) => {
      const routerId = routerIdOf(other);
      const quality = (from: MeshDevice, to: MeshDevice): number =>
        device === router && linked.has(other) ? linkQualityOf(linkMarginOf(this.mesh.rssi(from, to))) : 0;
      return {
        routerId,
        linkQualityOut: quality(router, other),
        linkQualityIn: quality(other, router),
        cost: other === router ? 1 : (routes.get(routerId)?.cost ?? 0),
      };
    });
  }

  /** Path cost to the leader; 0 for itself. */
  leaderCostOf(device: MeshDevice): number {
    const leader = this.mesh.leaderOf(device);
    const router = this.mesh.routerOf(device);
    return router === leader ? 0 : (this.#routesOf(router).get(routerIdOf(leader))?.cost ?? 0);
  }

  /** Over living routers alone. */
  #routesOf(router: MeshDevice): ReadonlyMap<number, Route> {
    const dead = new Set(this.mesh.routers.filter((other) => this.isDead(other)).map(routerIdOf));
    if (dead.size === 0) return this.mesh.routesOf(router);
    const graph = this.mesh.routerGraph(router);
    const living = graph.routerIds.filter((id) => !dead.has(id));
    const key = living.join();
    if (this.#livingRoutes.key !== key) this.#livingRoutes = { key, byRouter: new Map() };
    const { byRouter } = this.#livingRoutes;
    const known = byRouter.get(router);
    if (known !== undefined) return known;
    const routes = routesFrom({ ...graph, routerIds: living }, routerIdOf(router));
    byRouter.set(router, routes);
    return routes;
  }

  #routerOfId(routerId: number): MeshDevice | undefined {
    return this.mesh.routers.find((router) => routerIdOf(router) === routerId);
  }

  #listed(parent: MeshDevice, device: MeshDevice, rloc16: Rloc16, leftAtMs: number | null): ListedChild {
    const nowMs = this.#clock.monotonicMs();
    const attached = this.#attached.get(device);
    const linkedMs =
      attached?.parent === parent && attached.sinceMs > this.#startedMs
        ? nowMs - attached.sinceMs
        : Math.min(this.upMs(parent), this.upMs(device));
    const { pollPeriodMs } = this.profileOf(device);
    // Devices that listen say something about once in two minutes.
    const heardBefore = (noise(this.seed, device.number, Math.floor(nowMs / fadeEveryMs), 3) + 1) / 2;
    const silentSeconds = leftAtMs === null ? this.#silentSeconds(device) : (nowMs - leftAtMs) / 1_000;
    const usualGapSeconds = pollPeriodMs > 0 ? pollPeriodMs / 1_000 : 120;
    return {
      device,
      rloc16,
      ...this.#heard(parent, device),
      ageSeconds: Math.floor(silentSeconds + heardBefore * usualGapSeconds),
      linkAgeSeconds: Math.floor(linkedMs / 1_000),
      queuedMessages: pollPeriodMs > 0 && heardBefore > 0.95 ? 1 : 0,
    };
  }

  #heard(receiver: MeshDevice, sender: MeshDevice): Heard {
    const averageRssi = this.mesh.rssi(sender, receiver);
    const epoch = Math.floor(this.#clock.monotonicMs() / fadeEveryMs);
    const fade = noise(this.seed, receiver.number, sender.number, epoch) * fadeDb;
    const linkMargin = linkMarginOf(averageRssi);
    // Weak links lose frames; most of them are repeated, so that few messages are lost.
    const frameErrorRate = linkMargin > 15 ? 0 : ((16 - linkMargin) * 3) / 100;
    return {
      averageRssi,
      lastRssi: Math.round(averageRssi + fade),
      linkMargin,
      linkQuality: linkQualityOf(linkMargin),
      frameErrorRate: asSixteenBits(frameErrorRate),
      messageErrorRate: asSixteenBits(frameErrorRate ** 3),
    };
  }

  #silentSeconds(device: MeshDevice): number {
    const sinceMs = this.#silentSinceMs.get(device);
    return sinceMs === undefined ? 0 : (this.#clock.monotonicMs() - sinceMs) / 1_000;
  }

  #hasForgotten(router: MeshDevice, other: MeshDevice): boolean {
    const [least, most] = forgottenAfterSeconds;
    const share = (noise(this.seed, router.number, other.number, 4) + 1) / 2;
    return this.#silentSeconds(other) >= least + share * (most - least);
  }

  /** Does what has fallen due: children of dead routers move. */
  #settle(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [child, atMs] of this.#movesAtMs) {
      if (atMs > nowMs) continue;
      this.#movesAtMs.delete(child);
      const parent = this.mesh.parentOf(child);
      if (parent === null || !this.isDead(parent) || this.isDead(child)) continue;
      this.mesh.reparent(child, (router) => this.isDead(router));
    }
    for (const device of this.mesh.nodes) {
      const parent = this.mesh.parentOf(device);
      if (parent === null || isRouterRloc16(this.mesh.rloc16Of(device))) continue;
      if (this.#attached.get(device)?.parent === parent) continue;
      this.#attached.set(device, { parent, sinceMs: nowMs });
    }
  }
}

/** Error rates travel as 16 bits. */
function asSixteenBits(rate: number): number {
  return Math.fround(Math.round(rate * 0xffff) / 0xffff);
}
