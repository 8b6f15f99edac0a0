/** Which nodes a restricted scan covers. Each list given narrows further. */
import type { OnlineBorderRouter } from '../links/border-router-links.ts';
import type { ScanFilter } from '../protocol/scan.ts';
import { parseIpv6Prefix, prefixContains } from '../protocol/ipv6.ts';
import type { RegisteredNode } from './registered-node.ts';

export function matchesFilter(
  filter: ScanFilter,
  node: RegisteredNode,
  online: readonly OnlineBorderRouter[],
): boolean {
  if (filter.nodes !== undefined && !filter.nodes.includes(node.name)) return false;
  if (filter.networks !== undefined && !filter.networks.some((network) => inNetwork(network, node)))
    return false;
  const { borderRouters } = filter;
  return borderRouters === undefined || borderRouters.some((id) => servedBy(id, node, online));
}

/** Names of nodes and border routers in the filter that nobody has. */
export function unknownFilterEntries(
  filter: ScanFilter,
  nodes: readonly RegisteredNode[],
  online: readonly OnlineBorderRouter[],
): string[] {
  const names = new Set<string>(nodes.map((node) => node.name));
  const ids = new Set<string>([
    ...online.map(({ id }) => id),
    ...nodes.map((node) => node.borderRouterId).filter((id) => id !== null),
  ]);
  return [
    ...(filter.nodes ?? []).filter((name) => !names.has(name)),
    ...(filter.borderRouters ?? []).filter((id) => !ids.has(id)),
    ...(filter.networks ?? []).filter((network) => !nodes.some((node) => inNetwork(network, node))),
  ];
}

function inNetwork(network: string, node: RegisteredNode): boolean {
  const prefix = parseIpv6Prefix(network);
  return prefix !== null && prefixContains(prefix, node.ipv6);
}

/** A node named for a border router is that one's; another is every one's whose prefix holds it. */
function servedBy(id: string, node: RegisteredNode, online: readonly OnlineBorderRouter[]): boolean {
  if (node.borderRouterId !== null) return node.borderRouterId === id;
  const prefix = online.find((borderRouter) => borderRouter.id === id)?.networkPrefix;
  return prefix != null && prefixContains(prefix, node.ipv6);
}
