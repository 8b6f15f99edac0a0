/**
 * Decides each node's role, RLOC16, partition and parent. A node's own answer comes first, then what answers of this scan
 * say of it, then what earlier scans knew: only the last is `stale`.
 */
import type { Role } from '../protocol/network-info.ts';
import { isRouterRloc16, parseRloc16, type Rloc16, routerRloc16Of } from '../protocol/rloc16.ts';
import {
  bestSighting,
  compareSightings,
  type DraftNode,
  isAttached,
  isRouterRole,
  type Sighting,
} from './draft-node.ts';
import type { NodeDirectory } from './node-directory.ts';
import type { PartitionScopes } from './partition-scopes.ts';

export function placeNodes(directory: NodeDirectory, scopes: PartitionScopes): void {
  const leaders = new Set<string>();
  const partitionKey = (node: DraftNode): string =>
    `${node.network}\n${scopes.resolve(node.network, node.partitionId) ?? ''}`;

  for (const node of directory.nodes) {
    placeByOwnWord(node);
    if (node.role === 'leader') leaders.add(partitionKey(node));
  }
  for (const node of directory.nodes)
    if (node.role === null) placeByOthers(node, (draft) => leaders.has(partitionKey(draft)));
  for (const node of directory.nodes) node.parent = parentOf(node, directory, scopes);
}

/** From its answer, or from the heartbeat of a border router that is online. */
function placeByOwnWord(node: DraftNode): void {
  const { answer, borderRouter } = node;
  if (answer !== null) {
    node.role = answer.role;
    node.rloc16 = answer.rloc16;
    node.partitionId = isAttached(answer) ? answer.partitionId : null;
  } else if (borderRouter?.online === true && borderRouter.rloc16 !== null) {
    node.rloc16 = parseRloc16(borderRouter.rloc16);
    node.role = borderRouter.role ?? roleOf(node.rloc16, null);
    node.partitionId = borderRouter.partitionId;
  }
}

function placeByOthers(node: DraftNode, hasLeader: (node: DraftNode) => boolean): void {
  const { borderRouter, remembered } = node;
  const best = bestSighting(node);
  if (best !== null) {
    const mode = node.sightings.find((sighting) => sighting.mode !== null)?.mode ?? null;
    const lastRole = remembered?.role ?? borderRouter?.role ?? null;
    node.rloc16 = best.rloc16;
    node.partitionId = best.reporter.partitionId;
    node.role = roleOf(best.rloc16, mode);
    if (node.role === 'child' && mode === null && (lastRole === 'reed' || lastRole === 'sleepy_child'))
      node.role = lastRole;
    // A leader that fell silent is one until the others have elected another.
    if (node.role === 'router' && lastRole === 'leader' && !hasLeader(node)) {
      node.role = 'leader';
      node.stale = true;
    }
  } else if (borderRouter !== null && (borderRouter.rloc16 !== null || borderRouter.role !== null)) {
    node.rloc16 = borderRouter.rloc16 === null ? null : parseRloc16(borderRouter.rloc16);
    node.role = borderRouter.role ?? roleOf(node.rloc16, null);
    node.partitionId = borderRouter.partitionId;
    node.stale = !borderRouter.online;
  } else if (remembered !== null) {
    node.rloc16 = remembered.rloc16 === null ? null : parseRloc16(remembered.rloc16);
    node.role = remembered.role;
    node.partitionId = remembered.partitionId;
    node.stale = true;
  } else if (borderRouter?.online === true) {
    node.partitionId = borderRouter.partitionId;
  }
}

function roleOf(rloc16: Rloc16 | null, mode: string | null): Role | null {
  if (rloc16 === null) return null;
  if (isRouterRloc16(rloc16)) return 'router';
  return mode === null || mode.includes('r') ? 'child' : 'sleepy_child';
}

function parentOf(node: DraftNode, directory: NodeDirectory, scopes: PartitionScopes): DraftNode | null {
  if (isRouterRole(node.role)) return null;
  if (node.answer !== null && !isAttached(node.answer)) return null;
  const parent =
    ownParent(node, directory, scopes) ??
    tableParent(node) ??
    impliedParent(node, directory, scopes) ??
    (node.stale && node.remembered?.parentId != null
      ? directory.withEarlierId(node.remembered.parentId)
      : null);
  return parent === node ? null : parent;
}

function ownParent(node: DraftNode, directory: NodeDirectory, scopes: PartitionScopes): DraftNode | null {
  const parent = node.answer?.parent;
  if (parent == null) return null;
  if (parent.extAddress !== null) return directory.withExtAddress(parent.extAddress);
  return parent.rloc16 === null ? null : findAt(node, parent.rloc16, directory, scopes);
}

/** Whose child table lists it: the router that its RLOC16 belongs to, else the youngest entry. */
function tableParent(node: DraftNode): DraftNode | null {
  let best: Sighting | null = null;
  for (const sighting of node.sightings) {
    if (sighting.source !== 'child_table') continue;
    if (node.rloc16 !== null && sighting.reporter.rloc16 === routerRloc16Of(node.rloc16))
      return sighting.reporter;
    if (best === null || compareSightings(sighting, best) < 0) best = sighting;
  }
  // The RLOC16 that the node itself gives belongs to another router: the entry is old.
  return node.answer !== null && !isRouterRloc16(node.answer.rloc16) ? null : (best?.reporter ?? null);
}

function impliedParent(node: DraftNode, directory: NodeDirectory, scopes: PartitionScopes): DraftNode | null {
  if (node.rloc16 === null || isRouterRloc16(node.rloc16)) return null;
  return findAt(node, routerRloc16Of(node.rloc16), directory, scopes);
}

function findAt(
  node: DraftNode,
  rloc16: Rloc16,
  directory: NodeDirectory,
  scopes: PartitionScopes,
): DraftNode | null {
  const scope = node.stale ? scopes.resolveEarlier : scopes.resolve;
  return directory.find({
    network: node.network,
    partitionId: scope(node.network, node.partitionId),
    rloc16,
  });
}
