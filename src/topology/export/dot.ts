/** DOT, the language of Graphviz: one cluster per network; `neato` or `sfdp` lay it out best. */
import type { Topology, TopologyLink, TopologyNode } from '../../protocol/topology.ts';
import { nodeLabel } from '../node-label.ts';
import { linkRssi } from './link-signal.ts';
import { printable } from './printable-text.ts';

export function toDot(topology: Topology): string {
  const lines = [
    'graph topology {',
    '  layout=neato; overlap=false; splines=true; fontname="sans-serif";',
    '  node [fontname="sans-serif", fontsize=10]; edge [fontname="sans-serif", fontsize=8];',
  ];
  const byNetwork = Map.groupBy(topology.nodes, (node) => node.network);
  topology.networks.forEach((network, index) => {
    lines.push(
      `  subgraph cluster_${index} {`,
      `    label=${quoted([network.key, network.completeness.statement])};`,
      ...(byNetwork.get(network.key) ?? []).map((node) => `    ${nodeStatement(node)}`),
      '  }',
    );
  });
  for (const link of topology.links) lines.push(`  ${linkStatement(link)}`);
  return [...lines, '}', ''].join('\n');
}

function nodeStatement(node: TopologyNode): string {
  const lines = [
    nodeLabel(node),
    [node.role ?? 'unknown', node.rloc16].filter((part) => part !== null).join(' '),
  ];
  if (node.state === 'silent') lines.push('silent');
  const attributes = [
    `label=${quoted(lines)}`,
    `shape=${shapeOf(node)}`,
    `style=${node.state === 'answered' ? 'solid' : 'dashed'}`,
  ];
  if (node.state === 'silent') attributes.push('color=red');
  return `${quoted([node.id])} [${attributes.join(', ')}];`;
}

function shapeOf({ kind, role }: TopologyNode): string {
  if (kind === 'border_router') return 'doubleoctagon';
  if (role === 'leader') return 'doublecircle';
  return role === 'router' ? 'circle' : 'box';
}

function linkStatement(link: TopologyLink): string {
  const { aHearsB, bHearsA } = linkRssi(link);
  const attributes = [
    `style=${link.state === 'live' ? (link.kind === 'router_router' ? 'bold' : 'solid') : link.state === 'stale' ? 'dashed' : 'dotted'}`,
  ];
  if (aHearsB !== null || bHearsA !== null)
    attributes.push(`label=${quoted([`${aHearsB ?? '?'} / ${bHearsA ?? '?'} dBm`])}`);
  if (link.oneWay) attributes.push('color=orange');
  return `${quoted([link.a])} -- ${quoted([link.b])} [${attributes.join(', ')}];`;
}

/** A quoted string of one or more lines; only the quote and the backslash mean anything in it. */
function quoted(lines: readonly string[]): string {
  return `"${lines.map((line) => printable(line).replaceAll('\\', '\\\\').replaceAll('"', '\\"')).join('\\n')}"`;
}
