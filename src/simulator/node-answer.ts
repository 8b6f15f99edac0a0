/**
 * What a node says of itself when asked for `/network-info`: its tables as its own radio measured them, fading from one
 * answer to the next. The same node, answer number and seed give the same answer.
 */
import type { JsonObject } from '../protocol/json.ts';
import { toWire } from '../protocol/wire.ts';
import { type Mesh, routerIdOf } from './mesh.ts';
import type { MeshDevice } from './mesh-device.ts';
import { leastLinkMarginDb, linkMarginOf, linkQualityOf, noiseFloorDbm } from './radio-model.ts';
import { noise } from './random.ts';

export interface AnswerCircumstances {
  readonly seed: number;
  /** Counts this node's answers from 1. */
  readonly answerNumber: number;
  /** RSSI varies by as much either way. */
  readonly fadeDb: number;
  /** Seconds that a device has been silent; null for a living one. */
  silentForSeconds(device: MeshDevice): number | null;
}

/** Router id that Thread uses for "none". */
const noNextHop = 63;
/** Thread shows a router itself in its own Route64 with cost 1 and no link; cost 0 is a router out of reach. */
const costOfItself = 1;
const costOutOfReach = 0;

/** The wire form of network_info. */
export function networkInfoOf(mesh: Mesh, device: MeshDevice, at: AnswerCircumstances): JsonObject {
  const parent = mesh.parentOf(device);
  const isRouter = device.attachment.kind === 'router';
  const neighbors = isRouter ? mesh.neighborRoutersOf(device) : parent === null ? [] : [parent];
  const measured = (other: MeshDevice) => measure(mesh, device, other, at);
  return toWire({
    role: mesh.roleOf(device),
    rloc16: mesh.rloc16Of(device),
    extAddr: device.extAddress,
    partitionId: mesh.partitionIdOf(device),
    ...(parent === null
      ? {}
      : { parent: { rloc16: mesh.rloc16Of(parent), extAddr: parent.extAddress, ...measured(parent) } }),
    children: mesh.childrenOf(device).map((child) => ({
      rloc16: mesh.rloc16Of(child),
      extAddr: child.extAddress,
      ...measured(child),
      mode: modeOf(child),
      age: ageOf(device, child, at),
    })),
    neighbors: neighbors.map((neighbor) => ({
      rloc16: mesh.rloc16Of(neighbor),
      extAddr: neighbor.extAddress,
      ...measured(neighbor),
      age: ageOf(device, neighbor, at),
      ...frameErrors(measured(neighbor).linkMargin),
    })),
    ...(isRouter ? { routes: routesOf(mesh, device) } : {}),
    counters: { parentChanges: device.parentChanges, attachAttempts: device.attachAttempts },
    ...(device.deviceKind === 'sleepy'
      ? { battery: { voltageMv: 2_900 + Math.round(noise(at.seed, device.number, 7) * 200) } }
      : {}),
  }) as JsonObject;
}

/** What `receiver` measures of `sender` now. An established link fades no further than the least that still is one. */
function measure(mesh: Mesh, receiver: MeshDevice, sender: MeshDevice, at: AnswerCircumstances) {
  const fade = noise(at.seed, receiver.number, sender.number, at.answerNumber) * at.fadeDb;
  const rssi = Math.max(noiseFloorDbm + leastLinkMarginDb, Math.round(mesh.rssi(sender, receiver) + fade));
  const linkMargin = linkMarginOf(rssi);
  return { rssi, linkMargin, lqi: linkQualityOf(linkMargin) };
}

/** A row for every router of the partition, this one included, as in Route64. */
function routesOf(mesh: Mesh, router: MeshDevice): object[] {
  const routes = mesh.routesOf(router);
  const linked = new Set(mesh.neighborRoutersOf(router));
  return mesh.routers
    .filter((other) => mesh.inOnePartition(other, router))
    .map((other) => ({ other, routerId: routerIdOf(other) }))
    .sort((one, two) => one.routerId - two.routerId)
    .map(({ other, routerId }) => {
      const route = routes.get(routerId);
      const quality = (from: MeshDevice, to: MeshDevice): number =>
        linked.has(other) ? linkQualityOf(linkMarginOf(mesh.rssi(from, to))) : 0;
      return {
        routerId,
        nextHop: route?.nextHop ?? noNextHop,
        cost: other === router ? costOfItself : (route?.cost ?? costOutOfReach),
        lqIn: quality(other, router),
        lqOut: quality(router, other),
      };
    });
}

function modeOf(child: MeshDevice): string {
  return { full: 'rdn', minimal: 'rn', sleepy: 'n' }[child.deviceKind];
}

/** Seconds since it was last heard: advertisements come about twice a minute. */
function ageOf(device: MeshDevice, other: MeshDevice, at: AnswerCircumstances): number {
  const heardBefore = Math.floor((noise(at.seed, other.number, device.number, -at.answerNumber) + 1) * 15);
  return (at.silentForSeconds(other) ?? 0) + heardBefore;
}

/** Weak links lose frames; strong ones say nothing of it. */
function frameErrors(linkMargin: number): { frameErrorRate?: number } {
  return linkMargin > 10 ? {} : { frameErrorRate: Math.round((11 - linkMargin) * 2.5) / 100 };
}
