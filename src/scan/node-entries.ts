/** One node as a person writes it, in a file, an import or a PUT; checked against what the firmware can hold. */
import { NodeError } from '../errors.ts';
import { firmwareLimits } from '../protocol/border-router-messages.ts';
import {
  asNodeName,
  type BorderRouterId,
  type ExtAddress,
  type NodeName,
  parseBorderRouterId,
  parseExtAddress,
} from '../protocol/ids.ts';
import { type Ipv6Address, ipv6Bits, parseIpv6 } from '../protocol/ipv6.ts';
import { isJsonObject } from '../protocol/json.ts';

export interface NodeEntry {
  readonly name: NodeName;
  readonly ipv6: Ipv6Address;
  readonly borderRouterId: BorderRouterId | null;
  /** Where the writer knows it: a node that never answers is then told from what its neighbours say of it. */
  readonly extAddress: ExtAddress | null;
}

/** `value` is an IPv6 address or `{"ipv6":…,"br_id":…,"ext_addr":…}`. Throws NodeError, whose sentence names the value seen. */
export function readNodeEntry(name: string, value: unknown): NodeEntry {
  const fields: Readonly<Record<string, unknown>> = isJsonObject(value) ? value : { ipv6: value };
  return {
    name: readName(name),
    ipv6: readIpv6(name, fields['ipv6']),
    borderRouterId: readBorderRouterId(name, fields['br_id']),
    extAddress: readExtAddress(name, fields['ext_addr']),
  };
}

/** The name where it may be a node's, else null. */
export function parseNodeName(text: string): NodeName | null {
  try {
    return readName(text);
  } catch {
    return null;
  }
}

/** A value as a message shows it: JSON, cut where it is long. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) return 'nothing';
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
}

function readName(name: string): NodeName {
  if (name.trim() === '') throw new NodeError('node_invalid', `A node needs a name; ${shown(name)} is empty`);
  if (!name.isWellFormed() || /\p{Cc}/u.test(name))
    throw new NodeError('node_invalid', `The name ${shown(name)} has control characters; use plain text`);
  const bytes = Buffer.byteLength(name);
  if (bytes > firmwareLimits.nodeNameBytes)
    throw new NodeError(
      'node_limit_exceeded',
      `The name ${shown(name)} has ${bytes} bytes; border routers hold at most ${firmwareLimits.nodeNameBytes}`,
    );
  return asNodeName(name);
}

function readIpv6(name: string, value: unknown): Ipv6Address {
  const ipv6 = typeof value === 'string' ? parseIpv6(value) : null;
  if (ipv6 === null)
    throw new NodeError('node_invalid', `${shown(name)} has ${shown(value)}, which is not an IPv6 address`);
  const bits = ipv6Bits(ipv6);
  if (bits === 0n || bits >> 120n === 0xffn)
    throw new NodeError('node_invalid', `${shown(name)} has ${ipv6}, which is not the address of one node`);
  if (Buffer.byteLength(ipv6) > firmwareLimits.targetIpv6Bytes)
    throw new NodeError(
      'node_limit_exceeded',
      `The address ${ipv6} of ${shown(name)} is longer than ${firmwareLimits.targetIpv6Bytes} bytes, the most that border routers hold`,
    );
  return ipv6;
}

function readExtAddress(name: string, value: unknown): ExtAddress | null {
  if (value === undefined || value === null) return null;
  const extAddress = typeof value === 'string' ? parseExtAddress(value) : null;
  if (extAddress !== null) return extAddress;
  throw new NodeError('node_invalid', `${shown(name)} has the ext_addr ${shown(value)}; write 16 hex digits`);
}

function readBorderRouterId(name: string, value: unknown): BorderRouterId | null {
  if (value === undefined || value === null) return null;
  const id = typeof value === 'string' ? parseBorderRouterId(value) : null;
  if (id !== null) return id;
  throw new NodeError(
    'node_invalid',
    `${shown(name)} has the br_id ${shown(value)}; write 1 to 64 of A–Z, a–z, 0–9, ".", "_" and "-"`,
  );
}
