/**
 * How a network comes to be: devices placed in rooms, routers chosen so that they cover the building and hear each other,
 * everything else attached to the best router in range. The result is connected whatever the seed: a device that hears
 * nobody is carried to where it does.
 */
import { asExtAddress } from '../protocol/ids.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';
import { parseIpv6 } from '../protocol/ipv6.ts';
import { createBuilding, type Building, type Place } from './building.ts';
import {
  type Attachment,
  type DeviceKind,
  type MeshDevice,
  maxRouters,
  routerIdCount,
  usualChildLimit,
} from './mesh-device.ts';
import {
  leastLinkMarginDb,
  linkCostOf,
  linkMarginOf,
  linkQualityOf,
  type RadioModel,
} from './radio-model.ts';
import type { SeededRandom } from './random.ts';
import { type RouterGraph, routesFrom } from './route-table.ts';

export interface MeshPlan {
  readonly networkIndex: number;
  /** Ids; each is a router of the mesh. At least one. */
  readonly borderRouterIds: readonly string[];
  readonly nodeCount: number;
  /** Routers in all, border routers included, 32 at most; absent: as many as the nodes need. */
  readonly routerCount?: number;
}

export interface FormedMesh {
  /** `fd…::/64` */
  readonly prefix: string;
  /** 16 hex digits. */
  readonly extPanId: string;
  /** 31 bits. */
  readonly partitionId: number;
  readonly leader: MeshDevice;
  /** Border routers first. */
  readonly devices: readonly MeshDevice[];
  readonly childLimit: number;
}

const nodesPerRoom = 3;
/** In a larger building 32 routers no longer hear each other well enough; more nodes share its rooms instead. */
const mostRooms = 60;
/** Share of nodes that run on batteries. */
const sleepyShare = 0.3;
/** Share of the nodes on mains that can never route. */
const minimalShare = 0.2;
/** A router joins where it is heard this well at least (quality 2), so that paths stay far below the cost of 16. */
const routerMarginDb = 12;

/** What a device is before it has a name, an address and a place in the mesh. */
interface Draft {
  readonly number: number;
  readonly kind: MeshDevice['kind'];
  readonly deviceKind: DeviceKind;
  place: Place;
}

type Margin = (a: Draft, b: Draft) => number;

export function formMesh(plan: MeshPlan, radio: RadioModel, random: SeededRandom): FormedMesh {
  const margin: Margin = (a, b) =>
    Math.min(
      linkMarginOf(radio.rssi(a.number, a.place, b.number, b.place)),
      linkMarginOf(radio.rssi(b.number, b.place, a.number, a.place)),
    );
  let rooms = Math.min(mostRooms, Math.round(plan.nodeCount / nodesPerRoom));
  let { drafts, routers } = placeAndChooseRouters(plan, rooms, margin, random);
  // Rarely a building is so long that its ends are out of each other's reach: they move closer together.
  while (rooms > 2 && !allReachable(routers, margin)) {
    rooms = Math.floor(rooms * 0.8);
    ({ drafts, routers } = placeAndChooseRouters(plan, rooms, margin, random));
  }
  const children = drafts.filter((draft) => !routers.includes(draft));
  const childLimit = Math.max(usualChildLimit, Math.ceil((children.length / routers.length) * 1.5));
  const parents = chooseParents(random.fork('attach').shuffle(children), routers, childLimit, margin);

  const devices = nameDevices(plan, drafts, random);
  attach(devices, routers, parents, random.fork('ids'));
  const candidates = devices.filter((device) => device.attachment.kind === 'router');
  const nodes = candidates.filter((device) => device.kind === 'node');
  return {
    prefix: `${prefixOf(random)}::/64`,
    extPanId: random.fork('ext-pan-id').hex(16),
    partitionId: random.fork('partition').integer(1, 0x7fffffff),
    leader: random.fork('leader').pick(nodes.length > 0 ? nodes : candidates),
    devices,
    childLimit,
  };
}

function placeAndChooseRouters(plan: MeshPlan, rooms: number, margin: Margin, random: SeededRandom) {
  const building = createBuilding(rooms, random.fork('building'));
  const drafts = draftDevices(plan, building, random.fork('places'), random.fork('kinds'));
  const target = routerTarget(plan, drafts, random.fork('routers'));
  return { drafts, routers: chooseRouters(drafts, target, margin) };
}

/** Whether every router has a path to every other below Thread's infinite cost. */
function allReachable(routers: readonly Draft[], margin: Margin): boolean {
  const graph: RouterGraph = {
    routerIds: routers.map((_, index) => index),
    linkCost: (from, to) => {
      const [a, b] = [routers[from], routers[to]];
      return a === undefined || b === undefined ? null : linkCostOf(linkQualityOf(margin(a, b)));
    },
  };
  return graph.routerIds.every((id) => routesFrom(graph, id).size === routers.length - 1);
}

/** Half a metre beside it: in range whatever the pair's own loss. */
function carryTo(draft: Draft, to: Draft): void {
  draft.place = { ...to.place, x: to.place.x + 0.5 };
}

function draftDevices(
  plan: MeshPlan,
  building: Building,
  places: SeededRandom,
  kinds: SeededRandom,
): Draft[] {
  const borderRouters = plan.borderRouterIds.map((_, number): Draft => ({
    number,
    kind: 'border_router',
    deviceKind: 'full',
    place: building.placeIn(places.pick(building.rooms)),
  }));
  const wanted = (plan.routerCount ?? 0) - plan.borderRouterIds.length;
  const nodes = Array.from({ length: plan.nodeCount }, (_, index): Draft => {
    const sleepy = kinds.chance(sleepyShare);
    const minimal = kinds.chance(minimalShare);
    return {
      number: borderRouters.length + index,
      kind: 'node',
      // The first can route, so that the smallest mesh has more than border routers in it; and as many as are asked for.
      deviceKind: index < Math.max(1, wanted) ? 'full' : sleepy ? 'sleepy' : minimal ? 'minimal' : 'full',
      place: building.placeIn(places.pick(building.rooms)),
    };
  });
  return [...borderRouters, ...nodes];
}

/** As many as are asked for; else one for every three to five nodes, border routers besides. 32 in all. */
function routerTarget(plan: MeshPlan, drafts: readonly Draft[], random: SeededRandom): number {
  const eligible = drafts.filter((draft) => draft.deviceKind === 'full').length;
  const usual = plan.borderRouterIds.length + Math.round(plan.nodeCount / random.between(3, 5));
  const wanted = plan.routerCount ?? usual;
  return Math.min(eligible, maxRouters, Math.max(wanted, plan.borderRouterIds.length + 1));
}

/**
 * Grows the router mesh from the first border router: of those that hear it well, the one that hears it least joins, so
 * that it spreads over the building and stays connected. The other border routers always join.
 */
function chooseRouters(drafts: readonly Draft[], target: number, margin: Margin): Draft[] {
  const first = drafts[0];
  if (first === undefined) return [];
  const routers = [first];
  const waiting = new Map(
    drafts
      .filter((draft) => draft !== first && draft.deviceKind === 'full')
      .map((draft) => [draft, margin(draft, first)]),
  );
  const join = (draft: Draft): void => {
    routers.push(draft);
    waiting.delete(draft);
    for (const [other, best] of waiting) waiting.set(other, Math.max(best, margin(other, draft)));
  };
  let mandatory = drafts.filter((draft) => draft.kind === 'border_router').length - 1;
  while (routers.length < target) {
    const inRange = [...waiting].filter(
      ([draft, best]) =>
        best >= routerMarginDb && (draft.kind === 'border_router' || routers.length + mandatory < target),
    );
    const [farthest] = inRange.reduce<readonly [Draft | null, number]>(
      (least, entry) => (entry[1] < least[1] ? entry : least),
      [null, Infinity],
    );
    const joining =
      farthest ?? [...waiting.keys()].find((draft) => draft.kind === 'border_router' || mandatory === 0);
    if (joining === undefined) break;
    if (farthest === null) carryTo(joining, first);
    if (joining.kind === 'border_router') mandatory -= 1;
    join(joining);
  }
  return routers;
}

/** Each child's parent: the router it hears best that has room; else it is carried to the router with the most room. */
function chooseParents(
  children: readonly Draft[],
  routers: readonly Draft[],
  childLimit: number,
  margin: Margin,
): Map<Draft, Draft> {
  const taken = new Map(routers.map((router) => [router, 0]));
  const parents = new Map<Draft, Draft>();
  for (const child of children) {
    let best: Draft | null = null;
    let bestMargin = leastLinkMarginDb - 1;
    for (const router of routers) {
      if ((taken.get(router) ?? 0) >= childLimit) continue;
      const heard = margin(child, router);
      if (heard > bestMargin) [best, bestMargin] = [router, heard];
    }
    if (best === null) {
      for (const router of routers) {
        if (best === null || (taken.get(router) ?? 0) < (taken.get(best) ?? 0)) best = router;
      }
      if (best === null) break;
      carryTo(child, best);
    }
    parents.set(child, best);
    taken.set(best, (taken.get(best) ?? 0) + 1);
  }
  return parents;
}

function nameDevices(plan: MeshPlan, drafts: readonly Draft[], random: SeededRandom): MeshDevice[] {
  const addresses = random.fork('addresses');
  const prefix = prefixOf(random);
  const namesInRooms = new Map<string, number>();
  return drafts.map(({ number, kind, deviceKind, place }) => {
    const room = place.room.kind;
    const nth = (namesInRooms.get(room) ?? 0) + (kind === 'node' ? 1 : 0);
    namesInRooms.set(room, nth);
    return {
      number,
      kind,
      deviceKind,
      name:
        kind === 'border_router'
          ? (plan.borderRouterIds[number] ?? '')
          : `n${plan.networkIndex + 1}-${room}-${String(nth).padStart(2, '0')}`,
      extAddress: asExtAddress(addresses.hex(16)),
      ipv6: address(prefix, addresses.hex(16)),
      place,
      attachment: { kind: 'router', routerId: 0 },
      parentChanges: 0,
      attachAttempts: 1,
    };
  });
}

/** The first 64 bits of the network's addresses, as text. */
function prefixOf(random: SeededRandom): string {
  return `fd${groups(random.fork('prefix').hex(10), 2)}:1`;
}

function attach(
  devices: readonly MeshDevice[],
  routers: readonly Draft[],
  parents: ReadonlyMap<Draft, Draft>,
  random: SeededRandom,
): void {
  const routerIds = random.shuffle(Array.from({ length: routerIdCount }, (_, id) => id));
  const set = (draft: Draft, attachment: Attachment): void => {
    const device = devices[draft.number];
    if (device !== undefined) device.attachment = attachment;
  };
  routers.forEach((router, index) => set(router, { kind: 'router', routerId: routerIds[index] ?? index }));
  const childIds = new Map<Draft, number>();
  for (const [child, parentDraft] of parents) {
    const parent = devices[parentDraft.number];
    if (parent === undefined) continue;
    const childId = (childIds.get(parentDraft) ?? 0) + 1;
    childIds.set(parentDraft, childId);
    set(child, { kind: 'child', parent, childId });
  }
}

/** Groups of four hex digits; the first group has `headDigits`. */
function groups(hex: string, headDigits: number): string {
  const rest = hex.slice(headDigits).match(/.{1,4}/g) ?? [];
  return [hex.slice(0, headDigits), ...rest].join(':');
}

function address(prefix: string, interfaceId: string): Ipv6Address {
  const text = `${prefix}:${groups(interfaceId, 4)}`;
  const parsed = parseIpv6(text);
  if (parsed === null) throw new Error(`${text} is not an IPv6 address`);
  return parsed;
}
