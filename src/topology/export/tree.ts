/**
 * The topology as text for a terminal: network, partition, routers with their links, children under their parents.
 *
 *   fd78:8e78:3bfe:1::/64 · 9 of 9 routers answered
 *   └─ partition 573303309 · 13 nodes
 *      ├─ sim-1 leader 0x3400 BR-001
 *      │  ↔ sim-2 lq 3 −45/−48 dBm
 *      │  └─ lamp sleepy_child 0x3401 lq 2 −83 dBm
 */
import type {
  Partition,
  Topology,
  TopologyLink,
  TopologyNetwork,
  TopologyNode,
} from '../../protocol/topology.ts';
import { isRouterRole } from '../draft-node.ts';
import { countOf, nodeLabel } from '../node-label.ts';
import { compareText } from '../text-order.ts';
import { linkRssi } from './link-signal.ts';
import { printable } from './printable-text.ts';

interface Branch {
  readonly text: string;
  /** Lines under the text that are no branches. */
  readonly notes: string[];
  readonly branches: Branch[];
}

/** Ends with a line break. */
export function toTree(topology: Topology): string {
  const byId = new Map(topology.nodes.map((node) => [node.id, node]));
  const linksOf = new Map<string, TopologyLink[]>();
  for (const link of topology.links)
    for (const end of [link.a, link.b]) {
      const links = linksOf.get(end);
      if (links === undefined) linksOf.set(end, [link]);
      else links.push(link);
    }
  const partitionOf = new Map<string, Partition>();
  for (const { partitions } of topology.networks)
    for (const partition of partitions) for (const id of partition.nodeIds) partitionOf.set(id, partition);
  const parentOf = (node: TopologyNode): TopologyNode | null => {
    const parent = node.parentId === null ? undefined : byId.get(node.parentId);
    // Two children that name each other as parents hang under neither, and stay visible.
    return parent !== undefined &&
      partitionOf.get(parent.id) === partitionOf.get(node.id) &&
      (isRouterRole(parent.role) || parent.parentId === null)
      ? parent
      : null;
  };
  const context = { byId, linksOf, parentOf, childrenOf: groupByParent(topology.nodes, parentOf) };
  const lines: string[] = [];
  for (const network of topology.networks) print(networkBranch(network, context), '', '', lines);
  if (lines.length === 0) lines.push('No node is known yet');
  for (const point of topology.weakPoints)
    if (point.severity === 'warning') lines.push(`! ${printable(point.statement)}`);
  for (const statement of furtherStatements(topology)) lines.push(printable(statement));
  return `${lines.join('\n')}\n`;
}

/** Each once: border routers of two networks may conflict. */
function furtherStatements({ hypotheses = [], networks }: Topology): Set<string> {
  const statements = new Set<string>();
  for (const { datasetConflicts = [], partitionStatement, split } of networks) {
    if (partitionStatement !== undefined) statements.add(`${split ? '!' : '·'} ${partitionStatement}`);
    for (const { statement } of datasetConflicts) statements.add(`! ${statement}`);
  }
  for (const { ghosts = [] } of networks)
    for (const { statement } of ghosts) statements.add(`· ${statement}`);
  for (const { statement } of hypotheses) statements.add(`? ${statement}`);
  return statements;
}

interface TreeContext {
  readonly byId: ReadonlyMap<string, TopologyNode>;
  readonly linksOf: ReadonlyMap<string, readonly TopologyLink[]>;
  readonly childrenOf: ReadonlyMap<string, readonly TopologyNode[]>;
  /** The node it is listed under; null for those that stand at the top of their partition. */
  readonly parentOf: (node: TopologyNode) => TopologyNode | null;
}

function groupByParent(
  nodes: readonly TopologyNode[],
  parentOf: TreeContext['parentOf'],
): Map<string, TopologyNode[]> {
  const children = new Map<string, TopologyNode[]>();
  for (const node of nodes) {
    const parent = parentOf(node);
    if (parent === null) continue;
    const siblings = children.get(parent.id);
    if (siblings === undefined) children.set(parent.id, [node]);
    else siblings.push(node);
  }
  for (const siblings of children.values()) siblings.sort(byPlace);
  return children;
}

function networkBranch(network: TopologyNetwork, context: TreeContext): Branch {
  const split = network.split ? ' · SPLIT' : '';
  return {
    text: `${printable(network.key)} · ${printable(network.completeness.statement)}${split}`,
    notes: [],
    branches: network.partitions.map((partition): Branch => {
      const members = partition.nodeIds
        .map((id) => context.byId.get(id))
        .filter((node) => node !== undefined);
      const known =
        partition.partitionId === null ? 'partition unknown' : `partition ${partition.partitionId}`;
      return {
        text: `${known} · ${countOf(members.length, 'node')}${partition.stale ? ' · only from an earlier scan' : ''}`,
        notes: [],
        branches: members
          .filter((node) => context.parentOf(node) === null)
          .sort(byPlace)
          .map((node) => nodeBranch(node, context)),
      };
    }),
  };
}

function nodeBranch(node: TopologyNode, context: TreeContext): Branch {
  const links = context.linksOf.get(node.id) ?? [];
  const uplink = links.find((link) => link.kind === 'parent_child' && otherEnd(link, node) === node.parentId);
  const notes = links
    .filter((link) => link.kind === 'router_router')
    .map((link) => {
      const other = context.byId.get(otherEnd(link, node));
      return `↔ ${other === undefined ? otherEnd(link, node) : printable(nodeLabel(other))}${signal(link, node)}`;
    });
  return {
    text: `${describe(node)}${uplink === undefined ? '' : signal(uplink, node)}`,
    notes,
    branches: (context.childrenOf.get(node.id) ?? []).map((child) => nodeBranch(child, context)),
  };
}

function describe(node: TopologyNode): string {
  const parts = [printable(nodeLabel(node)), node.role ?? 'role unknown'];
  if (node.rloc16 !== null && node.rloc16 !== parts[0]) parts.push(node.rloc16);
  if (node.kind === 'border_router' && node.brId !== null && node.brId !== node.name)
    parts.push(`border router ${printable(node.brId)}`);
  if (node.state === 'silent')
    parts.push(node.outcome === null ? 'NO ANSWER YET' : `SILENT (${node.outcome})`);
  if (node.toldBy !== undefined) parts.push('(told by its parent)');
  if (node.state === 'inferred') parts.push('(named by others only)');
  if (node.stale) parts.push('(place from an earlier scan)');
  return parts.join(' ');
}

/** What the node hears first, then what the other end hears. */
function signal(link: TopologyLink, node: TopologyNode): string {
  const { aHearsB, bHearsA } = linkRssi(link);
  const [own, others] = link.a === node.id ? [aHearsB, bHearsA] : [bHearsA, aHearsB];
  const parts: string[] = [];
  if (link.lqi !== null) parts.push(`lq ${link.lqi}`);
  if (own !== null || others !== null) parts.push(`${own ?? '?'}/${others ?? '?'} dBm`);
  if (link.oneWay) parts.push('one way');
  if (link.state !== 'live') parts.push(`(${link.state})`);
  return parts.length === 0 ? '' : ` ${parts.join(' ')}`;
}

function otherEnd(link: TopologyLink, node: TopologyNode): string {
  return link.a === node.id ? link.b : link.a;
}

/** Leader first, then routers, then the rest; each by RLOC16. */
function byPlace(a: TopologyNode, b: TopologyNode): number {
  const rank = ({ role }: TopologyNode): number => (role === 'leader' ? 0 : role === 'router' ? 1 : 2);
  return rank(a) - rank(b) || compareText(a.rloc16 ?? '~', b.rloc16 ?? '~') || compareText(a.id, b.id);
}

function print(branch: Branch, first: string, rest: string, lines: string[]): void {
  lines.push(`${first}${branch.text}`);
  const bar = branch.branches.length > 0 ? '│' : ' ';
  for (const note of branch.notes) lines.push(`${rest}${bar}  ${note}`);
  branch.branches.forEach((child, index) => {
    const last = index === branch.branches.length - 1;
    print(child, `${rest}${last ? '└─ ' : '├─ '}`, `${rest}${last ? '   ' : '│  '}`, lines);
  });
}
