/**
 * One Thread network as it stands: who is whose parent, which routers hear each other, who leads which partition. It
 * changes only by the methods here, which keep it consistent: RLOC16s unique, children within range of their parent, each
 * partition connected. What a node says of it is in `node-answer.ts`; packets are in `radio-transport.ts`.
 */
import { formatRloc16, type Rloc16, rloc16OfRouter } from '../protocol/rloc16.ts';
import type { Role } from '../protocol/network-info.ts';
import type { GroundTruthLink, GroundTruthNetwork, GroundTruthSignal } from './ground-truth.ts';
import { type MeshDevice, routerIdCount } from './mesh-device.ts';
import { formMesh, type FormedMesh, type MeshPlan } from './mesh-formation.ts';
import {
  createRadioModel,
  leastLinkMarginDb,
  linkCostOf,
  linkMarginOf,
  linkQualityOf,
  type RadioModel,
} from './radio-model.ts';
import type { SeededRandom } from './random.ts';
import { type Route, type RouterGraph, routesFrom } from './route-table.ts';

interface Partition {
  readonly id: number;
  leader: MeshDevice;
}

const maxChildId = 511;

export class Mesh {
  readonly index: number;
  /** `fd…::/64` */
  readonly prefix: string;
  /** 16 hex digits. */
  readonly extPanId: string;
  /** Border routers first. */
  readonly devices: readonly MeshDevice[];
  readonly #radio: RadioModel;
  readonly #random: SeededRandom;
  readonly #childLimit: number;
  readonly #whole: Partition;
  /** Set while split: the second partition and its routers. */
  #second: { readonly partition: Partition; readonly routers: ReadonlySet<MeshDevice> } | null = null;
  /** Long-term RSSI by `from * devices + to`; 0: not asked yet. */
  readonly #rssi: Int16Array;
  /** Forgotten at every change. */
  readonly #routes = new Map<MeshDevice, ReadonlyMap<number, Route>>();

  constructor(plan: MeshPlan, radioSeed: number, random: SeededRandom) {
    this.index = plan.networkIndex;
    this.#radio = createRadioModel(radioSeed);
    const formed: FormedMesh = formMesh(plan, this.#radio, random);
    this.prefix = formed.prefix;
    this.extPanId = formed.extPanId;
    this.devices = formed.devices;
    this.#childLimit = formed.childLimit;
    this.#whole = { id: formed.partitionId, leader: formed.leader };
    this.#random = random.fork('changes');
    this.#rssi = new Int16Array(formed.devices.length ** 2);
  }

  // ---------------------------------------------------------------------------------------------------------- asking

  get borderRouters(): readonly MeshDevice[] {
    return this.devices.filter((device) => device.kind === 'border_router');
  }

  get nodes(): readonly MeshDevice[] {
    return this.devices.filter((device) => device.kind === 'node');
  }

  get routers(): readonly MeshDevice[] {
    return this.devices.filter((device) => device.attachment.kind === 'router');
  }

  get isSplit(): boolean {
    return this.#second !== null;
  }

  /** Long-term RSSI, dBm, at `to`. */
  rssi(from: MeshDevice, to: MeshDevice): number {
    const key = from.number * this.devices.length + to.number;
    const known = this.#rssi[key] ?? 0;
    if (known !== 0) return known;
    const rssi = this.#radio.rssi(from.number, from.place, to.number, to.place);
    this.#rssi[key] = rssi;
    return rssi;
  }

  routerOf(device: MeshDevice): MeshDevice {
    return device.attachment.kind === 'router' ? device : device.attachment.parent;
  }

  parentOf(device: MeshDevice): MeshDevice | null {
    return device.attachment.kind === 'child' ? device.attachment.parent : null;
  }

  /** By child id. */
  childrenOf(router: MeshDevice): MeshDevice[] {
    return this.devices
      .filter((device) => device.attachment.kind === 'child' && device.attachment.parent === router)
      .sort((one, other) => childIdOf(one) - childIdOf(other));
  }

  /** Routers of its partition that this router hears and that hear it. */
  neighborRoutersOf(router: MeshDevice): MeshDevice[] {
    return this.routers.filter(
      (other) =>
        other !== router &&
        this.inOnePartition(router, other) &&
        this.#margin(router, other) >= leastLinkMarginDb,
    );
  }

  routesOf(router: MeshDevice): ReadonlyMap<number, Route> {
    const known = this.#routes.get(router);
    if (known !== undefined) return known;
    const routes = routesFrom(this.routerGraph(router), routerIdOf(router));
    this.#routes.set(router, routes);
    return routes;
  }

  /** The router mesh of the partition that this device is in. */
  routerGraph(member: MeshDevice): RouterGraph {
    const byId = new Map(
      this.routers
        .filter((router) => this.inOnePartition(router, member))
        .map((router) => [routerIdOf(router), router]),
    );
    return {
      routerIds: [...byId.keys()].sort((one, other) => one - other),
      linkCost: (from, to) => {
        const a = byId.get(from);
        const b = byId.get(to);
        return a === undefined || b === undefined ? null : linkCostOf(linkQualityOf(this.#margin(a, b)));
      },
    };
  }

  rloc16Of(device: MeshDevice): Rloc16 {
    const { attachment } = device;
    return attachment.kind === 'router'
      ? rloc16OfRouter(attachment.routerId)
      : formatRloc16((routerIdOf(attachment.parent) << 10) | attachment.childId);
  }

  roleOf(device: MeshDevice): Role {
    if (device.attachment.kind === 'router') {
      return this.#partitionOf(device).leader === device ? 'leader' : 'router';
    }
    const roles = { full: 'reed', minimal: 'child', sleepy: 'sleepy_child' } as const;
    return roles[device.deviceKind];
  }

  partitionIdOf(device: MeshDevice): number {
    return this.#partitionOf(device).id;
  }

  leaderOf(device: MeshDevice): MeshDevice {
    return this.#partitionOf(device).leader;
  }

  inOnePartition(one: MeshDevice, other: MeshDevice): boolean {
    return this.#second === null || this.#partitionOf(one) === this.#partitionOf(other);
  }

  // -------------------------------------------------------------------------------------------------------- changing

  /**
   * Moves a child to the best other router in range that has room and is not `out`. False where there is none, or it is a
   * router.
   */
  reparent(child: MeshDevice, isOut: (router: MeshDevice) => boolean = () => false): boolean {
    const { attachment } = child;
    if (attachment.kind === 'router') return false;
    let best: MeshDevice | null = null;
    for (const router of this.routers) {
      if (router === attachment.parent || !this.inOnePartition(child, router) || isOut(router)) continue;
      if (this.#margin(child, router) < leastLinkMarginDb) continue;
      if (this.childrenOf(router).length >= this.#childLimit) continue;
      if (best === null || this.#margin(child, router) > this.#margin(child, best)) best = router;
    }
    if (best === null) return false;
    child.attachment = { kind: 'child', parent: best, childId: this.#freeChildId(best) };
    child.parentChanges += 1;
    child.attachAttempts += 1;
    return true;
  }

  /** Gives a device another RLOC16; a router's children follow it with their child ids. */
  moveRloc16(device: MeshDevice): void {
    const { attachment } = device;
    device.attachAttempts += 1;
    if (attachment.kind === 'child') {
      device.attachment = { ...attachment, childId: this.#freeChildId(attachment.parent) };
      return;
    }
    const taken = new Set(this.routers.map(routerIdOf));
    const free = Array.from({ length: routerIdCount }, (_, id) => id).filter((id) => !taken.has(id));
    device.attachment = { kind: 'router', routerId: this.#random.pick(free) };
    this.#routes.clear();
  }

  /** About a quarter of the children change parent and one router that is no border router changes its RLOC16. */
  reroll(): void {
    for (const device of this.nodes) {
      if (device.attachment.kind === 'child' && this.#random.chance(0.25)) this.reparent(device);
    }
    const movable = this.routers.filter((router) => router.kind === 'node');
    if (movable.length > 0) this.moveRloc16(this.#random.pick(movable));
  }

  /** One child, at random, changes its parent. False where none can. */
  drift(): boolean {
    const children = this.nodes.filter((device) => device.attachment.kind === 'child');
    return this.#random.shuffle(children).some((child) => this.reparent(child));
  }

  /**
   * Falls apart into two connected halves, border routers on both sides where there are two. The second half gets its own
   * partition id and leader. False where there are fewer than two routers or it is split already.
   */
  split(): boolean {
    const [here, ...others] = [...this.borderRouters, ...this.routers];
    const there = others.find((router) => router !== here);
    if (here === undefined || there === undefined || this.#second !== null) return false;
    const side = new Map<MeshDevice, MeshDevice>([
      [here, here],
      [there, there],
    ]);
    // Both grow in turn, ring by ring: each router falls to the side that reaches it in fewer hops.
    let frontier = [here, there];
    while (frontier.length > 0) {
      const next: MeshDevice[] = [];
      for (const router of frontier) {
        const origin = side.get(router);
        for (const neighbor of this.neighborRoutersOf(router)) {
          if (side.has(neighbor) || origin === undefined) continue;
          side.set(neighbor, origin);
          next.push(neighbor);
        }
      }
      frontier = next;
    }
    const farFromLeader = side.get(this.#whole.leader) === there ? here : there;
    const routers = this.routers.filter((router) => side.get(router) === farFromLeader);
    const nodes = routers.filter((router) => router.kind === 'node');
    const leader = this.#random.pick(nodes.length > 0 ? nodes : routers);
    this.#second = {
      partition: { id: this.#random.integer(1, 0x7fffffff), leader },
      routers: new Set(routers),
    };
    this.#routes.clear();
    return true;
  }

  /** One partition again, the first one's id and leader. */
  heal(): void {
    this.#second = null;
    this.#routes.clear();
  }

  // --------------------------------------------------------------------------------------------------- ground truth

  groundTruth(isDead: (device: MeshDevice) => boolean): GroundTruthNetwork {
    const partitions = this.#second === null ? [this.#whole] : [this.#whole, this.#second.partition];
    return {
      index: this.index,
      prefix: this.prefix,
      extPanId: this.extPanId,
      partitions: partitions.map((partition) => ({
        partitionId: partition.id,
        leader: partition.leader.extAddress,
        members: this.devices
          .filter((device) => this.#partitionOf(device) === partition)
          .map((device) => device.extAddress),
      })),
      devices: this.devices.map((device) => ({
        kind: device.kind,
        name: device.name,
        extAddress: device.extAddress,
        ipv6: device.ipv6,
        room: device.place.room.kind,
        role: this.roleOf(device),
        rloc16: this.rloc16Of(device),
        partitionId: this.partitionIdOf(device),
        parent: this.parentOf(device)?.extAddress ?? null,
        dead: isDead(device),
      })),
      links: this.#links(),
    };
  }

  #links(): GroundTruthLink[] {
    const link = (kind: GroundTruthLink['kind'], one: MeshDevice, other: MeshDevice): GroundTruthLink => {
      const [a, b] = one.extAddress < other.extAddress ? [one, other] : [other, one];
      return {
        kind,
        a: a.extAddress,
        b: b.extAddress,
        aHearsB: this.#signal(b, a),
        bHearsA: this.#signal(a, b),
      };
    };
    return [
      ...this.devices.flatMap((device) => {
        const parent = this.parentOf(device);
        return parent === null ? [] : [link('parent_child', device, parent)];
      }),
      ...this.routers.flatMap((router) =>
        this.neighborRoutersOf(router)
          .filter((other) => other.number > router.number)
          .map((other) => link('router_router', router, other)),
      ),
    ];
  }

  #signal(from: MeshDevice, to: MeshDevice): GroundTruthSignal {
    const rssi = this.rssi(from, to);
    const linkMargin = linkMarginOf(rssi);
    return { rssi, linkMargin, linkQuality: linkQualityOf(linkMargin) };
  }

  /** Of the worse direction. */
  #margin(one: MeshDevice, other: MeshDevice): number {
    return Math.min(linkMarginOf(this.rssi(one, other)), linkMarginOf(this.rssi(other, one)));
  }

  #partitionOf(device: MeshDevice): Partition {
    return this.#second?.routers.has(this.routerOf(device)) === true ? this.#second.partition : this.#whole;
  }

  /** The next after the highest in use, as OpenThread counts; from the start again after 511. */
  #freeChildId(router: MeshDevice): number {
    const taken = new Set(this.devices.filter((device) => this.parentOf(device) === router).map(childIdOf));
    const highest = Math.max(0, ...taken);
    if (highest < maxChildId) return highest + 1;
    let id = 1;
    while (taken.has(id)) id += 1;
    return id;
  }
}

export function routerIdOf(router: MeshDevice): number {
  if (router.attachment.kind !== 'router') throw new Error(`${router.name} is not a router`);
  return router.attachment.routerId;
}

function childIdOf(device: MeshDevice): number {
  return device.attachment.kind === 'child' ? device.attachment.childId : 0;
}
