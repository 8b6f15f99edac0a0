/**
 * The text of `networkdiagnostic get`: one block for each device that answered.
 *
 *   DIAG_GET.rsp/ans from fd0d:…:e909: 00084e518eb2a238c2d2…     the answer's TLVs as hex
 *   Ext Address: 4e518eb2a238c2d2
 *   Mode:
 *       RxOnWhenIdle: 1
 *   IP6 Address List:
 *       - fd0d:7fc:a1b9:f050:0:ff:fe00:6000
 *   TrackedTime: 394472
 *
 * What the text leaves out (the Thread version, in every release so far) is read from the TLVs. Tables are not read here:
 * `meshdiag` tells them with signals.
 */
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import { type DeviceDiagnostics, type DeviceMode, nothingTold } from '../mesh/device-diagnostics.ts';
import { pickDiagnosticCounters } from './cli-counters.ts';
import { type Fields, readNamedValue, toExtAddress, toIpv6Address, toRloc16, toWhole } from './cli-fields.ts';
import { printableName } from '../../printable.ts';

const blockStart = /^\s*DIAG_GET\.rsp\/ans from \S{1,64}?:?(?:\s+([0-9a-f]*))?\s*$/i;

const maxBlocks = 256;
const maxAddresses = 64;
const maxTextLength = 64;

/** Types of network diagnostic TLVs (Thread 1.3 §10.11.4). */
const tlvTypes = { batteryLevel: 14, supplyVoltage: 15, version: 24 } as const;

interface Block {
  readonly tlvs: ReadonlyMap<number, Buffer>;
  readonly fields: Map<string, string>;
  readonly addresses: Ipv6Address[];
  hasAddresses: boolean;
}

export function parseNetworkDiagnostics(lines: readonly string[]): DeviceDiagnostics[] {
  const blocks: Block[] = [];
  let section = '';
  for (const line of lines) {
    const start = blockStart.exec(line.slice(0, 8_192));
    if (start !== null) {
      if (blocks.length >= maxBlocks) break;
      blocks.push({ tlvs: readTlvs(start[1] ?? ''), fields: new Map(), addresses: [], hasAddresses: false });
      section = '';
      continue;
    }
    const block = blocks.at(-1);
    if (block !== undefined) section = readLine(block, section, line);
  }
  return blocks.map(toDiagnostics);
}

/** Returns the section that the next line is in. */
function readLine(block: Block, section: string, line: string): string {
  if (section === 'ip6addresslist' && /^\s/.test(line)) {
    const address = toIpv6Address(line);
    if (address !== null && block.addresses.length < maxAddresses) block.addresses.push(address);
    return section;
  }
  const named = readNamedValue(line.replace(/^\s*- /, ''));
  if (named === null) return section;
  const isTop = !/^\s/.test(line);
  if (isTop && named.name === 'ip6addresslist') block.hasAddresses = true;
  // A table's rows repeat names of the device itself, such as its mode.
  const inTable = !isTop && (section === 'childtable' || section.endsWith('route'));
  if (!inTable && !block.fields.has(named.name) && block.fields.size < 256)
    block.fields.set(named.name, named.value);
  return isTop ? named.name : section;
}

function toDiagnostics({ addresses, fields, hasAddresses, tlvs }: Block): DeviceDiagnostics {
  const partitionId = toWhole(fields.get('partitionid'), 0, 0xffff_ffff);
  const leaderRouterId = toWhole(fields.get('leaderrouterid'), 0, 62);
  const counters = pickDiagnosticCounters(fields);
  return {
    ...nothingTold,
    extAddress: toExtAddress(fields.get('extaddress')),
    rloc16: toRloc16(fields.get('rloc16')),
    mode: modeOf(fields),
    leader: partitionId === null || leaderRouterId === null ? null : { partitionId, leaderRouterId },
    ipv6Addresses: hasAddresses ? addresses : null,
    counters: Object.keys(counters).length === 0 ? null : counters,
    eui64: toExtAddress(fields.get('eui64')),
    threadVersion:
      leadingWhole(fields.get('threadversion'), 254) ?? tlvNumber(tlvs, tlvTypes.version, 2, 254),
    vendorName: toText(fields.get('vendorname')),
    vendorModel: toText(fields.get('vendormodel')),
    softwareVersion: toText(fields.get('vendorswversion')),
    stackVersion: toText(fields.get('threadstackversion')),
    batteryPercent:
      leadingWhole(fields.get('batterylevel'), 100) ?? tlvNumber(tlvs, tlvTypes.batteryLevel, 1, 100),
    supplyMillivolts:
      leadingWhole(fields.get('supplyvoltage'), 0xffff) ?? tlvNumber(tlvs, tlvTypes.supplyVoltage, 2, 0xffff),
  };
}

function modeOf(fields: Fields): DeviceMode | null {
  const rxOn = toWhole(fields.get('rxonwhenidle'), 0, 1);
  const full = toWhole(fields.get('devicetype'), 0, 1);
  const fullNet = toWhole(fields.get('networkdata'), 0, 1);
  if (rxOn === null || full === null) return null;
  return { rxOnWhenIdle: rxOn === 1, fullThreadDevice: full === 1, fullNetworkData: (fullNet ?? full) === 1 };
}

/** `87%`, `3010 mV`. */
function leadingWhole(text: string | undefined, max: number): number | null {
  return toWhole(/^\d{1,6}/.exec(text ?? '')?.[0], 0, max);
}

/** Vendors leave names empty; other devices print them into a terminal. */
export function toText(text: string | undefined): string | null {
  return printableName(text ?? '', maxTextLength);
}

/** Type, length and value, each length one byte or, behind 0xff, two. The first of a type counts. */
function readTlvs(hex: string): Map<number, Buffer> {
  const bytes = Buffer.from(hex, 'hex');
  const tlvs = new Map<number, Buffer>();
  for (let offset = 0; offset + 2 <= bytes.length;) {
    const type = bytes.readUInt8(offset);
    const short = bytes.readUInt8(offset + 1);
    const isLong = short === 0xff;
    if (isLong && offset + 4 > bytes.length) break;
    const start = offset + (isLong ? 4 : 2);
    const end = start + (isLong ? bytes.readUInt16BE(offset + 2) : short);
    if (end > bytes.length) break;
    if (!tlvs.has(type)) tlvs.set(type, bytes.subarray(start, end));
    offset = end;
  }
  return tlvs;
}

function tlvNumber(
  tlvs: ReadonlyMap<number, Buffer>,
  type: number,
  length: number,
  max: number,
): number | null {
  const value = tlvs.get(type);
  if (value?.length !== length) return null;
  const number = value.readUIntBE(0, length);
  return number <= max ? number : null;
}
