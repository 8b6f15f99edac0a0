/**
 * Old entries of tables: devices that have moved or gone, and are listed until their entry expires. They make no link, no
 * second device and no missing router; they are told, so that nobody wonders about them.
 *
 * - A device that only neighbour tables name, in entries so old that the neighbour has long given it up, or with a place
 *   where another device has answered since: it is taken off the map. Route64 lists it where it still is a router.
 * - A device that is on the map, in the child table of a router that is no longer its parent.
 */
import type { Ghost } from '../protocol/topology.ts';
import { type DraftNode, isRouterRole, type Sighting } from './draft-node.ts';
import type { NodeDirectory } from './node-directory.ts';
import { compareText } from './text-order.ts';

/** Routers forget a neighbour that is silent for 90 to 200 s: an older entry proves nothing, seconds. */
const entriesLastSeconds = 200;

/** Takes devices off the map that only old entries name. Call once all answers' entries are filed. */
export function removeGhosts(directory: NodeDirectory): DraftNode[] {
  const ghosts: DraftNode[] = [];
  for (const node of directory.nodes) if (isGhost(node)) ghosts.push(node);
  for (const ghost of ghosts) directory.remove(ghost);
  return ghosts;
}

function isGhost({ answer, borderRouter, observation, sightings }: DraftNode): boolean {
  return (
    answer === null &&
    borderRouter === null &&
    observation === null &&
    sightings.length > 0 &&
    sightings.every(isOld)
  );
}

function isOld({ ageSeconds, rloc16, source }: Sighting): boolean {
  if (source !== 'neighbor_table' || ageSeconds === null) return false;
  // Without an RLOC16: who answered at that place is another device.
  return ageSeconds > entriesLastSeconds || (rloc16 === null && ageSeconds > 0);
}

/** Of one network: those taken off the map, and old entries of child tables. Sorted. */
export function tellGhosts(
  removed: readonly DraftNode[],
  members: readonly DraftNode[],
  label: (node: DraftNode) => string,
): Ghost[] {
  const ghosts = removed.map((ghost) => tellRemoved(ghost, label));
  for (const node of members) {
    const isOver = ({ reporter, source }: Sighting): boolean =>
      source === 'child_table' && reporter !== node.parent;
    if (node.sightings.some(isOver)) ghosts.push(tellMoved(node, node.sightings.filter(isOver), label));
  }
  return ghosts.sort(
    (a, b) => compareText(a.extAddr ?? '', b.extAddr ?? '') || compareText(a.rloc16 ?? '', b.rloc16 ?? ''),
  );
}

function tellRemoved(ghost: DraftNode, label: (node: DraftNode) => string): Ghost {
  const youngest = youngestOf(ghost.sightings);
  const rloc16 = youngest?.named ?? null;
  const what = ghost.extAddress ?? rloc16 ?? 'a device';
  return {
    rloc16,
    extAddr: ghost.extAddress,
    namedBy: namersOf(ghost.sightings),
    ageSeconds: youngest?.ageSeconds ?? null,
    statement: `Only ${namersIn(ghost.sightings, label)} still ${listVerb(ghost.sightings)} ${what}, last heard ${youngest?.ageSeconds ?? 0} s before`,
  };
}

function tellMoved(node: DraftNode, old: readonly Sighting[], label: (node: DraftNode) => string): Ghost {
  const youngest = youngestOf(old);
  const now =
    node.parent !== null
      ? `${label(node)} is a child of ${label(node.parent)} now`
      : isRouterRole(node.role)
        ? `${label(node)} is a router itself now`
        : `${label(node)} is elsewhere now`;
  return {
    rloc16: youngest?.named ?? null,
    extAddr: node.extAddress,
    namedBy: namersOf(old),
    ageSeconds: youngest?.ageSeconds ?? null,
    statement: `${now}, but the child table of ${namersIn(old, label)} still lists it`,
  };
}

function youngestOf(sightings: readonly Sighting[]): Sighting | null {
  let youngest: Sighting | null = null;
  for (const sighting of sightings)
    if (youngest === null || (sighting.ageSeconds ?? Infinity) < (youngest.ageSeconds ?? Infinity))
      youngest = sighting;
  return youngest;
}

function namersOf(sightings: readonly Sighting[]): string[] {
  return [...new Set(sightings.map(({ reporter }) => reporter.id))].sort(compareText);
}

function listVerb(sightings: readonly Sighting[]): string {
  return namersOf(sightings).length === 1 ? 'lists' : 'list';
}

const namersTold = 3;

/** At most three are spelled out. */
function namersIn(sightings: readonly Sighting[], label: (node: DraftNode) => string): string {
  const namers = [...new Set(sightings.map(({ reporter }) => reporter))].sort((a, b) =>
    compareText(a.id, b.id),
  );
  const told = namers.slice(0, namersTold).map(label).join(', ');
  return namers.length > namersTold ? `${told} and ${namers.length - namersTold} more` : told;
}
