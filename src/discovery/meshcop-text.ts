/**
 * What a border router says of itself in the TXT record of `_meshcop._udp` (Thread 1.3 §8.4.1.1.2). Keys have two letters:
 *
 *   rv record version      id agent id, 16 bytes         xp extended PAN id, 8 bytes    xa extended address, 8 bytes
 *   tv Thread version      vn vendor  mn model           nn network name                pt partition id, 4 bytes
 *   sb state, 4 bytes      at active timestamp, 8 bytes  omr off-mesh-routable prefix: its length in bits, then its bytes
 */
import { type ExtAddress, parseExtAddress } from '../protocol/ids.ts';
import { formatIpv6Prefix, parseIpv6Prefix } from '../protocol/ipv6.ts';
import { printableName } from '../printable.ts';

export interface MeshcopText {
  readonly networkName: string | null;
  /** 16 lower-case hex digits. */
  readonly extPanId: string | null;
  readonly extAddress: ExtAddress | null;
  /** 32 lower-case hex digits; stays the same when the extended address does not. */
  readonly agentId: string | null;
  readonly partitionId: number | null;
  /** 16 hex digits; the upper 48 bits are seconds since 1970. Newer settings of a network win. */
  readonly activeTimestamp: string | null;
  readonly vendor: string | null;
  readonly model: string | null;
  /** `1.4.0`. */
  readonly threadVersion: string | null;
  /** Whether its Thread interface is up and attached; null where it does not say. */
  readonly threadActive: boolean | null;
  /** `fd7c:8336:ffd4:1::/64`: what other machines of the network reach its devices by. */
  readonly omrPrefix: string | null;
}

const maxTextLength = 64;

export function parseMeshcopText(entries: readonly Uint8Array[]): MeshcopText {
  const values = new Map<string, Buffer>();
  for (const entry of entries) {
    const bytes = Buffer.from(entry);
    const equals = bytes.indexOf(0x3d);
    if (equals < 1) continue;
    // Keys are case-insensitive, and the first of a name counts (RFC 6763 §6.4).
    const key = bytes.toString('latin1', 0, equals).toLowerCase();
    if (!values.has(key)) values.set(key, bytes.subarray(equals + 1));
  }
  return {
    networkName: toText(values.get('nn')),
    extPanId: toHex(values.get('xp'), 8),
    extAddress: parseExtAddress(toHex(values.get('xa'), 8) ?? ''),
    agentId: toHex(values.get('id'), 16),
    partitionId: toNumber(values.get('pt')),
    activeTimestamp: toHex(values.get('at'), 8),
    vendor: toText(values.get('vn')),
    model: toText(values.get('mn')),
    threadVersion: toText(values.get('tv')),
    threadActive: isActive(toNumber(values.get('sb'))),
    omrPrefix: toPrefix(values.get('omr')),
  };
}

/** Bytes, or the same as hex digits, which some responders publish. */
function toHex(value: Buffer | undefined, length: number): string | null {
  if (value === undefined) return null;
  if (value.length === length) return value.toString('hex');
  const text = value.toString('latin1').toLowerCase().replace(/^0x/, '');
  return text.length === 2 * length && /^[0-9a-f]+$/.test(text) ? text : null;
}

function toNumber(value: Buffer | undefined): number | null {
  const hex = toHex(value, 4);
  return hex === null ? null : Number.parseInt(hex, 16);
}

/** Bits 3 and 4 of the state: 0 not set up, 1 set up but not attached, 2 attached. */
function isActive(state: number | null): boolean | null {
  return state === null ? null : ((state >> 3) & 3) === 2;
}

function toText(value: Buffer | undefined): string | null {
  return printableName(value?.toString('utf8') ?? '', maxTextLength);
}

function toPrefix(value: Buffer | undefined): string | null {
  const bits = value?.[0];
  if (value === undefined || bits === undefined || bits < 1 || bits > 128) return null;
  const bytes = Buffer.alloc(16);
  if (value.length - 1 < Math.ceil(bits / 8) || value.length > 17) return null;
  value.copy(bytes, 0, 1);
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  const prefix = parseIpv6Prefix(`${groups.join(':')}/${bits}`);
  return prefix === null ? null : formatIpv6Prefix(prefix);
}
