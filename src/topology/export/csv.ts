/**
 * CSV after RFC 4180: CRLF, quotes where needed, one header. One table holds both nodes and links, so that one file is
 * one map; `record` says which a row is, and columns that do not apply are empty.
 *
 * A cell that a spreadsheet would take for a formula gets an apostrophe in front (`=`, `+`, `-`, `@`, tab, return).
 */
import type { Topology, TopologyLink, TopologyNode } from '../../protocol/topology.ts';
import { linkRssi } from './link-signal.ts';
import { printable } from './printable-text.ts';

type Cell = string | number | boolean | null;

const columns = [
  'record',
  'id',
  'name',
  'kind',
  'state',
  'outcome',
  'network',
  'partition_id',
  'role',
  'rloc16',
  'ext_addr',
  'ipv6',
  'br_id',
  'parent_id',
  'last_seen_at',
  'stale',
  'duration_ms',
  'battery_millivolts',
  'battery_percent',
  'told_by',
  'measured_at',
  'hostname',
  'vendor_name',
  'vendor_model',
  'software_version',
  'thread_version',
  'eui64',
  'ipv6_addresses',
  'error',
  'a',
  'b',
  'link_margin',
  'lqi',
  'rssi_at_a',
  'rssi_at_b',
  'one_way',
  'asymmetric',
] as const;

type Row = Partial<Record<(typeof columns)[number], Cell>>;

export function toCsv(topology: Topology): string {
  const rows = [...topology.nodes.map(nodeRow), ...topology.links.map(linkRow)];
  const lines = rows.map((row) => columns.map((column) => cell(row[column] ?? null)).join(','));
  return [columns.join(','), ...lines, ''].join('\r\n');
}

function nodeRow(node: TopologyNode): Row {
  return {
    record: 'node',
    id: node.id,
    name: node.name,
    kind: node.kind,
    state: node.state,
    outcome: node.outcome,
    network: node.network,
    partition_id: node.partitionId,
    role: node.role,
    rloc16: node.rloc16,
    ext_addr: node.extAddr,
    ipv6: node.ipv6,
    br_id: node.brId,
    parent_id: node.parentId,
    last_seen_at: node.lastSeenAt === null ? null : new Date(node.lastSeenAt).toISOString(),
    stale: node.stale,
    duration_ms: node.durationMs,
    battery_millivolts: node.batteryMillivolts,
    battery_percent: node.batteryPercent ?? null,
    told_by: node.toldBy ?? null,
    measured_at: node.measuredAt === undefined ? null : new Date(node.measuredAt).toISOString(),
    hostname: node.device?.hostname ?? null,
    vendor_name: node.device?.vendorName ?? null,
    vendor_model: node.device?.vendorModel ?? null,
    software_version: node.device?.softwareVersion ?? null,
    thread_version: node.device?.threadVersion ?? null,
    eui64: node.device?.eui64 ?? null,
    ipv6_addresses: node.ipv6Addresses?.join(' ') ?? null,
    error: node.error,
  };
}

function linkRow(link: TopologyLink): Row {
  const { aHearsB, bHearsA } = linkRssi(link);
  return {
    record: 'link',
    id: link.id,
    kind: link.kind,
    state: link.state,
    a: link.a,
    b: link.b,
    link_margin: link.linkMargin,
    lqi: link.lqi,
    rssi_at_a: aHearsB,
    rssi_at_b: bHearsA,
    one_way: link.oneWay,
    asymmetric: link.asymmetric,
  };
}

function cell(value: Cell): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${printable(value)}` : printable(value);
  return /[",]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
