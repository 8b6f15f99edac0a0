/**
 * One list of nodes out of three sources. Pure.
 *
 * The sources rank REST, file, discovery. Two records are one node when they have
 * - the same name, in REST and file;
 * - else the same IPv6 address;
 * - else the same extended address, from different sources or both from discovery. (Two names that a person gave to one
 *   device in one source stay two.)
 *
 * Of one node, the highest record gives name, address and border router; the extended address is the first one known.
 * A name that only discovery gives yields to REST and file, and to an earlier discovered node. Within a source records
 * are taken in the order of their names or keys, so the same records always give the same list.
 */
import type { NodeOrigin } from '../protocol/border-router.ts';
import { asNodeName, type ExtAddress, type NodeName } from '../protocol/ids.ts';
import { type Ipv6Address, ipv6Bits } from '../protocol/ipv6.ts';
import { type NodeEntry, parseNodeName } from './node-entries.ts';
import type { StoredNode } from './node-store.ts';
import type { RegisteredNode } from './registered-node.ts';

export interface NodeSources {
  readonly rest: ReadonlyMap<string, NodeEntry>;
  readonly file: ReadonlyMap<string, NodeEntry>;
  /** By key. */
  readonly discovered: ReadonlyMap<string, StoredNode>;
  /** What answers told. */
  readonly learned: ReadonlyMap<Ipv6Address, ExtAddress>;
}

export interface MergedNodes {
  /** By name, sorted. */
  readonly nodes: Map<NodeName, RegisteredNode>;
  /** Every address that a record of a node has, the overridden ones too. */
  readonly byIpv6: Map<Ipv6Address, NodeName>;
  readonly byExtAddress: Map<ExtAddress, NodeName>;
  /** Keys of the discovered records in each node. */
  readonly discoveredKeys: ReadonlyMap<NodeName, readonly string[]>;
  /** Records beyond the limit, by source, in order. */
  readonly leftOut: Readonly<Record<NodeOrigin, readonly string[]>>;
}

interface Candidate {
  readonly origin: NodeOrigin;
  /** Null where discovery has to make one up. */
  readonly name: NodeName | null;
  readonly key: string;
  readonly entry: Pick<NodeEntry, 'ipv6' | 'borderRouterId'>;
  readonly extAddress: ExtAddress | null;
}

interface Group {
  readonly lead: Candidate;
  readonly members: Candidate[];
  extAddress: ExtAddress | null;
}

export function mergeNodes(sources: NodeSources, limit: number): MergedNodes {
  const groups: Group[] = [];
  const byName = new Map<string, Group>();
  const byIpv6 = new Map<Ipv6Address, Group>();
  const byExtAddress = new Map<ExtAddress, Group>();
  const leftOut: Record<NodeOrigin, string[]> = { rest: [], file: [], discovery: [] };

  const sameDevice = (candidate: Candidate): Group | undefined => {
    const group = candidate.extAddress === null ? undefined : byExtAddress.get(candidate.extAddress);
    if (group === undefined || candidate.origin === 'discovery') return group;
    return group.members.some(({ origin }) => origin === candidate.origin) ? undefined : group;
  };

  for (const candidate of candidatesOf(sources)) {
    const sameName = candidate.origin === 'discovery' ? undefined : byName.get(candidate.key);
    let group = sameName ?? byIpv6.get(candidate.entry.ipv6) ?? sameDevice(candidate);
    if (group === undefined) {
      if (groups.length >= limit) {
        leftOut[candidate.origin].push(candidate.key);
        continue;
      }
      group = { lead: candidate, members: [], extAddress: null };
      groups.push(group);
      if (candidate.origin !== 'discovery') byName.set(candidate.key, group);
    }
    group.members.push(candidate);
    group.extAddress ??= candidate.extAddress;
    if (!byIpv6.has(candidate.entry.ipv6)) byIpv6.set(candidate.entry.ipv6, group);
    if (group.extAddress !== null && !byExtAddress.has(group.extAddress))
      byExtAddress.set(group.extAddress, group);
  }
  return named(groups, leftOut);
}

function* candidatesOf({ discovered, file, learned, rest }: NodeSources): Generator<Candidate> {
  for (const [origin, entries] of [
    ['rest', rest],
    ['file', file],
  ] as const) {
    for (const [key, entry] of sorted(entries)) {
      yield { origin, name: entry.name, key, entry, extAddress: learned.get(entry.ipv6) ?? null };
    }
  }
  // Those with an extended address first: their address is the newest that was seen of the device.
  const ordered = sorted(discovered);
  for (const withExtAddress of [true, false]) {
    for (const [key, record] of ordered) {
      if ((record.extAddress !== null) !== withExtAddress) continue;
      yield {
        origin: 'discovery',
        name: record.name === null ? null : parseNodeName(record.name),
        key,
        entry: record,
        extAddress: record.extAddress ?? learned.get(record.ipv6) ?? null,
      };
    }
  }
}

function named(groups: readonly Group[], leftOut: MergedNodes['leftOut']): MergedNodes {
  const unsorted = new Map<NodeName, Group>();
  for (const group of groups) {
    const names = group.lead.origin === 'discovery' ? namesFor(group) : [group.lead.name];
    const free = names.find((name) => name !== null && !unsorted.has(name));
    if (free !== undefined && free !== null) unsorted.set(free, group);
  }
  const nodes = new Map<NodeName, RegisteredNode>();
  const byIpv6 = new Map<Ipv6Address, NodeName>();
  const byExtAddress = new Map<ExtAddress, NodeName>();
  const discoveredKeys = new Map<NodeName, string[]>();
  for (const [name, { extAddress, lead, members }] of sorted(unsorted)) {
    const origins = new Set(members.map(({ origin }) => origin));
    nodes.set(name, {
      name,
      ipv6: lead.entry.ipv6,
      extAddress,
      borderRouterId: lead.entry.borderRouterId,
      origins: shownOrder.filter((origin) => origins.has(origin)),
    });
    for (const { entry } of members) if (!byIpv6.has(entry.ipv6)) byIpv6.set(entry.ipv6, name);
    if (extAddress !== null && !byExtAddress.has(extAddress)) byExtAddress.set(extAddress, name);
    const keys = members.filter(({ origin }) => origin === 'discovery').map(({ key }) => key);
    if (keys.length > 0) discoveredKeys.set(name, keys);
  }
  return { nodes, byIpv6, byExtAddress, discoveredKeys, leftOut };
}

const shownOrder: readonly NodeOrigin[] = ['file', 'rest', 'discovery'];

/** What a discovered node may be called, best first. The last one holds the whole address, so it is no other's. */
function namesFor({ extAddress, lead }: Group): NodeName[] {
  const bits = ipv6Bits(lead.entry.ipv6);
  const interfaceId = (bits & 0xffff_ffff_ffff_ffffn).toString(16).padStart(16, '0');
  return [lead.name, extAddress, `ip-${interfaceId}`, `ip-${bits.toString(36)}`]
    .filter((name) => name !== null)
    .map(asNodeName);
}

/** By code unit: the same everywhere. */
function sorted<Key extends string, Value>(map: ReadonlyMap<Key, Value>): [Key, Value][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
