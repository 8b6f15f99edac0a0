/**
 * `GET /node`: what the border router is now. The same facts under `/api/node` are a snapshot of the last discovery, and
 * say `disabled` before the first.
 */
import { formatIpv6Prefix, type Ipv6Address, parseIpv6Prefix } from '../../protocol/ipv6.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import type { BorderRouterState, ReadResult } from '../mesh/mesh-reader.ts';
import { failure, malformed } from './otbr-http-client.ts';
import { readLeader } from './read-diagnostics.ts';
import {
  extAddressField,
  field,
  hexField,
  integerField,
  ipv6Field,
  rloc16Field,
  textField,
} from './wire-fields.ts';

/** By number, as older versions and Espressif's border router write them (`otDeviceRole`). */
const roles = ['disabled', 'detached', 'child', 'router', 'leader'] as const;

export function readState(value: JsonValue, address: string): ReadResult<BorderRouterState> {
  if (!isJsonObject(value)) return malformed(`${address}/node answers with something else than an object`);
  const extAddress = extAddressField(value, 'extAddress', 'ExtAddress');
  const role = readRole(value);
  if (extAddress === null || role === null)
    return malformed(`${address}/node tells no extended address or no state`);
  const attached = role !== 'disabled' && role !== 'detached';
  const leader = attached ? readLeader(value) : null;
  const rlocAddress = ipv6Field(value, 'rlocAddress', 'RlocAddress');
  return {
    ok: true,
    value: {
      extAddress,
      rloc16: attached ? rloc16Field(value, 'rloc16', 'Rloc16') : null,
      role,
      partitionId: leader?.partitionId ?? null,
      leaderRouterId: leader?.leaderRouterId ?? null,
      extPanId: hexField(value, 16, 'extPanId', 'ExtPanId'),
      networkName: textField(value, 64, 'networkName', 'NetworkName'),
      meshLocalPrefix: rlocAddress === null ? null : prefixOf(rlocAddress),
      ipv6Addresses: rlocAddress === null ? [] : [rlocAddress],
      routerCount: integerField(value, [0, 63], 'routerCount', 'NumOfRouter'),
      channel: null,
      panId: null,
    },
  };
}

/** Why nothing of a mesh can be read from a border router in this state; null where it can. */
export function offReason({ role }: BorderRouterState, address: string): ReadResult<never> | null {
  if (role === 'disabled')
    return failure('off', `the Thread interface of ${address} is disabled: form or join a network`);
  if (role === 'detached')
    return failure('off', `${address} is detached: it is in no Thread network at the moment`);
  return null;
}

function readRole(object: JsonObject): BorderRouterState['role'] | null {
  const value = field(object, ['state', 'State']);
  if (typeof value === 'number') return roles[value] ?? null;
  return roles.find((role) => role === value) ?? null;
}

function prefixOf(address: Ipv6Address): string | null {
  const prefix = parseIpv6Prefix(`${address}/64`);
  return prefix === null ? null : formatIpv6Prefix(prefix);
}
