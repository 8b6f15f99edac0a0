/**
 * `GET /api/devices`: the devices that the border router has met. It keeps dead ones for minutes.
 *
 * The mode of children comes with `fullThreadDevice` and `rxOnWhenIdle` swapped (seen in August 2026). It matters only where
 * the two differ, and there one of both readings is a full device with its receiver off, which cannot exist: whether
 * swapped or repaired, the device is minimal and listens. What devices and parents say in diagnostics wins over this list.
 */
import { type Ipv6Address, parseIpv6 } from '../../protocol/ipv6.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import type { DeviceKind, ListedDevice } from '../mesh/mesh-reader.ts';
import type { FieldNames } from './otbr-dialect.ts';
import {
  booleanField,
  extAddressField,
  hexField,
  ipv6Field,
  objectField,
  rowsField,
  textField,
} from './wire-fields.ts';

/** The border router's own limit is 200. */
const maxDevices = 1_024;

export interface DeviceList {
  readonly devices: readonly ListedDevice[];
  /** By its modes and names; null where no device tells. */
  readonly fieldNames: FieldNames | null;
}

/** `meshLocalPrefix`: `fd…::/64`, to make addresses of. Null for what is no list of devices. */
export function readDevices(value: JsonValue, meshLocalPrefix: string | null): DeviceList | null {
  const items = isJsonObject(value) ? rowsField(value, maxDevices, 'data') : null;
  if (items === null) return null;
  const devices = new Map<string, ListedDevice>();
  let fieldNames: FieldNames | null = null;
  for (const item of items) {
    const attributes = objectField(item, 'attributes');
    if (attributes === null) continue;
    fieldNames ??= namesIn(attributes);
    const extAddress = extAddressField(attributes, 'extAddress') ?? extAddressField(item, 'id');
    if (extAddress === null) continue;
    devices.set(extAddress, {
      extAddress,
      kind: kindOf(attributes),
      ipv6Addresses: addressesOf(attributes, meshLocalPrefix),
      hostname: textField(attributes, 253, 'hostname', 'hostName'),
    });
  }
  return { devices: [...devices.values()], fieldNames };
}

function kindOf(attributes: JsonObject): DeviceKind | null {
  const role = textField(attributes, 16, 'role');
  if (role === 'router' || role === 'leader') return 'router';
  const mode = objectField(attributes, 'mode');
  if (role !== 'child' || mode === null) return null;
  const one = booleanField(mode, 'fullThreadDevice', 'deviceTypeFTD');
  const other = booleanField(mode, 'rxOnWhenIdle');
  if (one === null || other === null) return null;
  if (one !== other) return 'minimal';
  return one ? 'full' : 'sleepy';
}

function addressesOf(attributes: JsonObject, meshLocalPrefix: string | null): Ipv6Address[] {
  const interfaceId = hexField(attributes, 16, 'mlEidIid');
  const omr = ipv6Field(attributes, 'omrIpv6Address');
  const mlEid =
    interfaceId === null || meshLocalPrefix === null || /^0+$/.test(interfaceId)
      ? null
      : joined(meshLocalPrefix, interfaceId);
  return [mlEid, omr].filter((address) => address !== null);
}

function joined(prefix: string, interfaceId: string): Ipv6Address | null {
  const tail = interfaceId.match(/.{4}/g)?.join(':') ?? '';
  const head = expandedHead(prefix);
  return head === null ? null : parseIpv6(`${head}:${tail}`);
}

/** The four groups of a /64. */
function expandedHead(prefix: string): string | null {
  const [address = ''] = prefix.split('/');
  const [left = '', right] = address.split('::');
  const groups = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const all =
    right === undefined
      ? groups
      : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - tail.length)).fill('0'), ...tail];
  return all.length === 8 ? all.slice(0, 4).join(':') : null;
}

function namesIn(attributes: JsonObject): FieldNames | null {
  const mode = objectField(attributes, 'mode') ?? {};
  if (Object.hasOwn(mode, 'fullThreadDevice') || Object.hasOwn(attributes, 'hostname')) return 'current';
  if (Object.hasOwn(mode, 'deviceTypeFTD') || Object.hasOwn(attributes, 'hostName')) return 'before_2026_07';
  return null;
}
