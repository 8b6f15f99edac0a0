/**
 * The tables of one router: `meshdiag childtable`, `routerneighbortable` and `childip6`. An entry starts with its RLOC16 and
 * goes on, indented:
 *
 *   rloc16:0x6001 ext-addr:a654f540eac5cbaf ver:5
 *       timeout:240 age:2 supvn:129 q-msg:0
 *       rx-on:no type:mtd full-net:no
 *       rss - ave:-83 last:-83 margin:17
 *       err-rate - frame:0.00% msg:0.00%
 *       conn-time:00:04:14
 *       csl - sync:no period:0 timeout:0 channel:0
 *
 *   child-rloc16: 0x8c01
 *       fd0d:7fc:a1b9:f050:8374:f270:55a0:d2c0
 */
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import type { Rloc16 } from '../../protocol/rloc16.ts';
import type { ChildRow, DeviceMode, NeighborRow, Reception } from '../mesh/device-diagnostics.ts';
import {
  type Fields,
  readFields,
  toDurationSeconds,
  toExtAddress,
  toIpv6Address,
  toRloc16,
  toRssi,
  toShare,
  toWhole,
} from './cli-fields.ts';

/** A parent's 9 bits of child ids. */
const maxEntries = 512;
const maxAddresses = 64;
const maxSeconds = 0xffff_ffff;

/** `linkQuality` and the addresses stay null: this table has neither. */
export function parseChildTable(lines: readonly string[]): ChildRow[] {
  return readEntries(lines).map(({ fields, rloc16 }) => ({
    extAddress: toExtAddress(fields.get('ext-addr')),
    rloc16,
    mode: modeOf(fields),
    ageSeconds: toWhole(fields.get('age'), 0, maxSeconds),
    linkAgeSeconds: toDurationSeconds(fields.get('conn-time')),
    timeoutSeconds: toWhole(fields.get('timeout'), 0, maxSeconds),
    queuedMessages: toWhole(fields.get('q-msg'), 0, 0xffff),
    threadVersion: toWhole(fields.get('ver'), 1, 254),
    ipv6Addresses: null,
    ...receptionOf(fields),
  }));
}

export function parseNeighborTable(lines: readonly string[]): NeighborRow[] {
  return readEntries(lines).map(({ fields, rloc16 }) => ({
    extAddress: toExtAddress(fields.get('ext-addr')),
    rloc16,
    linkAgeSeconds: toDurationSeconds(fields.get('conn-time')),
    ageSeconds: toWhole(fields.get('age'), 0, maxSeconds),
    ...receptionOf(fields),
  }));
}

/** By child. Parents know the addresses of minimal devices only. */
export function parseChildAddresses(lines: readonly string[]): Map<Rloc16, Ipv6Address[]> {
  const children = new Map<Rloc16, Ipv6Address[]>();
  let addresses: Ipv6Address[] | null = null;
  for (const line of lines) {
    const fields = readFields(line);
    const rloc16 = toRloc16(fields.get('child-rloc16') ?? fields.get('rloc16'));
    if (rloc16 !== null) {
      if (children.size >= maxEntries) break;
      addresses = children.get(rloc16) ?? [];
      children.set(rloc16, addresses);
      continue;
    }
    const address = toIpv6Address(line);
    if (address !== null && addresses !== null && addresses.length < maxAddresses) addresses.push(address);
  }
  return children;
}

function readEntries(lines: readonly string[]): { readonly rloc16: Rloc16; readonly fields: Fields }[] {
  const entries: { readonly rloc16: Rloc16; readonly fields: Map<string, string> }[] = [];
  for (const line of lines) {
    const fields = readFields(line);
    const rloc16 = toRloc16(fields.get('rloc16'));
    if (rloc16 !== null) {
      if (entries.length >= maxEntries) break;
      entries.push({ rloc16, fields: new Map(fields) });
      continue;
    }
    const entry = entries.at(-1)?.fields;
    if (entry === undefined || entry.size > 64) continue;
    for (const [name, value] of fields) if (!entry.has(name)) entry.set(name, value);
  }
  return entries;
}

function receptionOf(fields: Fields): Reception {
  return {
    linkMargin: toWhole(fields.get('rss.margin') ?? fields.get('margin'), 0, 130),
    averageRssi: toRssi(fields.get('rss.ave') ?? fields.get('ave')),
    lastRssi: toRssi(fields.get('rss.last') ?? fields.get('last')),
    frameErrorRate: toShare(fields.get('err-rate.frame') ?? fields.get('frame')),
    messageErrorRate: toShare(fields.get('err-rate.msg') ?? fields.get('msg')),
    linkQuality: toWhole(fields.get('lq'), 1, 3),
  };
}

function modeOf(fields: Fields): DeviceMode | null {
  const rxOn = toFlag(fields.get('rx-on'), 'yes', 'no');
  const full = toFlag(fields.get('type'), 'ftd', 'mtd');
  const fullNet = toFlag(fields.get('full-net'), 'yes', 'no');
  if (rxOn === null || full === null) return null;
  return { rxOnWhenIdle: rxOn, fullThreadDevice: full, fullNetworkData: fullNet ?? full };
}

function toFlag(text: string | undefined, yes: string, no: string): boolean | null {
  return text === yes ? true : text === no ? false : null;
}
