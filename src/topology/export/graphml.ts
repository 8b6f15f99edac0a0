/** GraphML (graphml.graphdrawing.org): an undirected graph with typed attributes, for Gephi, yEd, NetworkX, igraph. */
import type { Topology, TopologyLink, TopologyNode } from '../../protocol/topology.ts';
import { nodeLabel } from '../node-label.ts';
import { linkRssi } from './link-signal.ts';
import { xmlText } from './printable-text.ts';

type Value = string | number | boolean | null;
type Attribute<Item> = readonly [name: string, type: 'string' | 'double' | 'boolean', (item: Item) => Value];

const timeText = (time: number | null): string | null =>
  time === null ? null : new Date(time).toISOString();

const graphAttributes: readonly Attribute<Topology>[] = [
  ['scan_id', 'string', (topology) => topology.scanId],
  ['made_at', 'string', (topology) => timeText(topology.madeAt)],
  [
    'completeness',
    'string',
    (topology) => topology.networks.map((network) => network.completeness.statement).join(' | '),
  ],
];

const nodeAttributes: readonly Attribute<TopologyNode>[] = [
  ['label', 'string', nodeLabel],
  ['name', 'string', (node) => node.name],
  ['kind', 'string', (node) => node.kind],
  ['state', 'string', (node) => node.state],
  ['outcome', 'string', (node) => node.outcome],
  ['network', 'string', (node) => node.network],
  ['partition_id', 'double', (node) => node.partitionId],
  ['role', 'string', (node) => node.role],
  ['rloc16', 'string', (node) => node.rloc16],
  ['ext_addr', 'string', (node) => node.extAddr],
  ['ipv6', 'string', (node) => node.ipv6],
  ['br_id', 'string', (node) => node.brId],
  ['parent_id', 'string', (node) => node.parentId],
  ['last_seen_at', 'string', (node) => timeText(node.lastSeenAt)],
  ['stale', 'boolean', (node) => node.stale],
  ['battery_millivolts', 'double', (node) => node.batteryMillivolts],
  ['battery_percent', 'double', (node) => node.batteryPercent ?? null],
  ['told_by', 'string', (node) => node.toldBy ?? null],
  ['measured_at', 'string', (node) => timeText(node.measuredAt ?? null)],
  ['hostname', 'string', (node) => node.device?.hostname ?? null],
  ['vendor_name', 'string', (node) => node.device?.vendorName ?? null],
  ['vendor_model', 'string', (node) => node.device?.vendorModel ?? null],
  ['software_version', 'string', (node) => node.device?.softwareVersion ?? null],
  ['thread_version', 'double', (node) => node.device?.threadVersion ?? null],
  ['eui64', 'string', (node) => node.device?.eui64 ?? null],
  ['ipv6_addresses', 'string', (node) => node.ipv6Addresses?.join(' ') ?? null],
];

const linkAttributes: readonly Attribute<TopologyLink>[] = [
  ['kind', 'string', (link) => link.kind],
  ['state', 'string', (link) => link.state],
  ['link_margin', 'double', (link) => link.linkMargin],
  ['lqi', 'double', (link) => link.lqi],
  ['rssi_at_source', 'double', (link) => linkRssi(link).aHearsB],
  ['rssi_at_target', 'double', (link) => linkRssi(link).bHearsA],
  ['one_way', 'boolean', (link) => link.oneWay],
  ['asymmetric', 'boolean', (link) => link.asymmetric],
];

/** XML text. Node and edge ids are the topology's; attributes that are unknown are left out. */
export function toGraphml(topology: Topology): string {
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://graphml.graphdrawing.org/xmlns http://graphml.graphdrawing.org/xmlns/1.0/graphml.xsd">',
    ...keys('graph', graphAttributes),
    ...keys('node', nodeAttributes),
    ...keys('edge', linkAttributes),
    '  <graph id="topology" edgedefault="undirected">',
    ...values('graph', graphAttributes, topology, '    '),
  ];
  for (const node of topology.nodes)
    lines.push(
      `    <node id="${xmlText(node.id)}">`,
      ...values('node', nodeAttributes, node, '      '),
      '    </node>',
    );
  for (const link of topology.links)
    lines.push(
      `    <edge id="${xmlText(link.id)}" source="${xmlText(link.a)}" target="${xmlText(link.b)}">`,
      ...values('edge', linkAttributes, link, '      '),
      '    </edge>',
    );
  return [...lines, '  </graph>', '</graphml>', ''].join('\n');
}

function keys<Item>(target: string, attributes: readonly Attribute<Item>[]): string[] {
  return attributes.map(
    ([name, type]) =>
      `  <key id="${target}_${name}" for="${target}" attr.name="${name}" attr.type="${type}"/>`,
  );
}

function values<Item>(
  target: string,
  attributes: readonly Attribute<Item>[],
  item: Item,
  indent: string,
): string[] {
  return attributes.flatMap(([name, , valueOf]) => {
    const value = valueOf(item);
    return value === null ? [] : [`${indent}<data key="${target}_${name}">${xmlText(String(value))}</data>`];
  });
}
