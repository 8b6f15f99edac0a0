/**
 * The devices that the border router lists: a snapshot of the last discovery, never of now. Devices that died or left
 * stay; of more than 200 the oldest give way.
 */
import type { JsonObject } from '../../protocol/json.ts';
import type { MeshDevice } from '../mesh-device.ts';
import type { SeededRandom } from '../random.ts';
import { modeOf } from './diagnostics.ts';
import { ItemCollection } from './item-collection.ts';
import type { ObservedMesh } from './observed-mesh.ts';

interface ListedItem {
  readonly attributes: JsonObject;
  readonly isBorderRouter: boolean;
  readonly createdMs: number;
  readonly updatedMs: number | null;
}

const unknownMode: JsonObject = { fullThreadDevice: false, rxOnWhenIdle: false, fullNetworkData: false };

export class DeviceCollection {
  readonly items: ItemCollection<ListedItem>;

  constructor(random: SeededRandom) {
    this.items = new ItemCollection(random);
  }

  /** As after the start, when only the border router itself is listed and nothing is known of it. */
  reset(borderRouter: MeshDevice, node: JsonObject, nowMs: number): void {
    this.items.clear();
    this.items.add(borderRouter.extAddress, {
      attributes: {
        ...itemOf(borderRouter.extAddress, '0'.repeat(16), '::', '', '', unknownMode),
        ...node,
      },
      isBorderRouter: true,
      createdMs: nowMs,
      updatedMs: null,
    });
  }

  /** A device that answered itself. */
  put(observed: ObservedMesh, device: MeshDevice, node: JsonObject | null, nowMs: number): void {
    const isRouter = device.attachment.kind === 'router';
    const attributes = {
      ...listedAttributes(observed, device, isRouter ? 'router' : 'child', modeOf(device)),
      ...node,
    };
    this.#set(device.extAddress, attributes, node !== null, nowMs);
  }

  /** A device of a child table. Two of the flags of its mode are swapped, as upstream does. */
  putChild(observed: ObservedMesh, device: MeshDevice, nowMs: number): void {
    const { rxOnWhenIdle = false, fullThreadDevice = false, fullNetworkData = false } = modeOf(device);
    const swapped = { fullThreadDevice: rxOnWhenIdle, rxOnWhenIdle: fullThreadDevice, fullNetworkData };
    this.#set(device.extAddress, listedAttributes(observed, device, 'child', swapped), false, nowMs);
  }

  /** A device that was here under an extended address that it has no longer. */
  putFormer(observed: ObservedMesh, device: MeshDevice, extAddress: string, nowMs: number): void {
    const isRouter = device.attachment.kind === 'router';
    const attributes = listedAttributes(observed, device, isRouter ? 'router' : 'child', modeOf(device));
    this.#set(extAddress, { ...attributes, extAddress }, false, nowMs);
  }

  #set(id: string, attributes: JsonObject, isBorderRouter: boolean, nowMs: number): void {
    const known = this.items.get(id);
    if (known === undefined) {
      this.items.add(id, { attributes, isBorderRouter, createdMs: nowMs, updatedMs: null });
      return;
    }
    const item = { ...known, attributes, isBorderRouter };
    this.items.replace(id, isBorderRouter ? { ...item, updatedMs: nowMs } : item);
  }
}

function listedAttributes(
  observed: ObservedMesh,
  device: MeshDevice,
  role: string,
  { fullThreadDevice = false, rxOnWhenIdle = false, fullNetworkData = false }: JsonObject,
): JsonObject {
  const { mlEidIid, hostname } = observed.profileOf(device);
  const mode = { fullThreadDevice, rxOnWhenIdle, fullNetworkData };
  return itemOf(device.extAddress, mlEidIid, device.ipv6, hostname, role, mode);
}

function itemOf(
  extAddress: string,
  mlEidIid: string,
  omrIpv6Address: string,
  hostname: string,
  role: string,
  mode: JsonObject,
): JsonObject {
  return { extAddress, mlEidIid, omrIpv6Address, hostname, role, mode };
}
