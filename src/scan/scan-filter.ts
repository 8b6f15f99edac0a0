/** Which nodes a scan asks. Each list of a filter narrows further. */
import { ScanError } from '../errors.ts';
import type { OnlineBorderRouter } from '../links/border-router-links.ts';
import type { ScanFilter } from '../protocol/scan.ts';
import { parseIpv6Prefix, prefixContains } from '../protocol/ipv6.ts';
import type { RegisteredNode } from './registered-node.ts';

/** Throws ScanError `nothing_to_scan`; the sentence says why. */
export function nodesToScan(
  registered: readonly RegisteredNode[],
  filter: ScanFilter | null,
  online: readonly OnlineBorderRouter[],
): readonly RegisteredNode[] {
  if (registered.length === 0) {
    // Those that discover their nodes need some seconds after they connected.
    const ids = online.map(({ id }) => id);
    const told =
      ids.length === 0
        ? 'no border router is connected either'
        : `${ids.slice(0, 3).join(', ')}${ids.length > 3 ? ` and ${ids.length - 3} more` : ''} ${ids.length === 1 ? 'is' : 'are'} connected and may still be reading the mesh: try again in a few seconds`;
    throw new ScanError(
      'nothing_to_scan',
      `no node is registered, and ${told}; or import a node list (threadhub nodes import FILE) or PUT /api/nodes/{name}`,
    );
  }
  if (filter === null) return registered;
  const nodes = registered.filter((node) => matchesFilter(filter, node, online));
  if (nodes.length > 0) return nodes;
  const unknown = unknownFilterEntries(filter, registered, online);
  throw new ScanError(
    'nothing_to_scan',
    unknown.length > 0
      ? `nothing here is called ${unknown.slice(0, 5).join(', ')}; look at /api/nodes and /api/border_routers`
      : 'no registered node matches all of networks, border_routers and nodes; ask for fewer restrictions',
  );
}

function matchesFilter(
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
function unknownFilterEntries(
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
