/**
 * Is the map complete, and what proves it? Route64 lists every router id that the leader has given out, so one table from
 * this scan names all routers of its partition, silent ones included. Neighbour tables, parents and border routers add
 * to that; so do registered nodes that were routers when they last answered.
 */
import { couldNotBeAsked } from '../protocol/border-router-messages.ts';
import type { Completeness, TopologyNode } from '../protocol/topology.ts';
import { type DraftNode, isAlive, isRouterRole } from './draft-node.ts';
import { countOf, nodeLabel } from './node-label.ts';
import type { PartitionScopes } from './partition-scopes.ts';
import { compareText } from './text-order.ts';

type MissingRouter = Completeness['missingRouters'][number];

export function proveCompleteness(
  network: string,
  drafts: readonly DraftNode[],
  nodeOf: (draft: DraftNode) => TopologyNode | undefined,
  { scopes, final, madeAt }: { scopes: PartitionScopes; final: boolean; madeAt: number },
): Completeness {
  const expected = drafts.filter(isExpected);
  const routers = expected.filter((node) => isRouterRole(node.role));
  const missing = routers
    .filter((node) => !isAlive(node))
    .map(nodeOf)
    .filter((node) => node !== undefined);
  const undecided = drafts.some(
    ({ observation }) => observation?.outcome === null || observation?.earlier === true,
  );
  const completeness = {
    complete: final && !undecided && missing.length === 0 && routers.length > 0,
    proved: hasRouteTables(network, drafts, scopes),
    expectedRouters: routers.length,
    answeredRouters: routers.length - missing.length,
    expectedNodes: expected.length,
    answeredNodes: expected.filter(isAlive).length,
    missingRouters: missing
      .map(({ id, name, rloc16, outcome, namedBy, lastSeenAt }): MissingRouter => {
        return { id, name, rloc16, outcome, namedBy, lastSeenAt };
      })
      .sort((a, b) => compareText(a.name ?? a.rloc16 ?? a.id, b.name ?? b.rloc16 ?? b.id)),
  };
  const labels = new Map(missing.map((node) => [node.id, `${labelWithPlace(node)} ${silence(node)}`]));
  return {
    ...completeness,
    statement: statementOf(completeness, { final: final && !undecided, madeAt, labels }),
  };
}

/** Asked, or named by an answer of this scan, or a border router with a place in the mesh. */
function isExpected(node: DraftNode): boolean {
  if (node.observation !== null || node.sightings.length > 0) return true;
  return node.borderRouter !== null && (node.rloc16 !== null || node.role !== null);
}

/** A Route64 table from each live partition. */
function hasRouteTables(network: string, drafts: readonly DraftNode[], scopes: PartitionScopes): boolean {
  const covered = new Set<number | null>();
  for (const { answer, observation } of drafts)
    if (answer !== null && answer.routes.length > 0 && observation?.earlier !== true)
      covered.add(scopes.resolve(network, answer.partitionId));
  return covered.size > 0 && [...scopes.liveIn(network)].every((partitionId) => covered.has(partitionId));
}

/** At most so many missing routers are spelled out; the list has them all. */
const namedInStatement = 3;

/** One sentence: "23 of 24 routers answered; 0x8400 silent, last seen 14:02 UTC". */
function statementOf(
  completeness: Omit<Completeness, 'statement'>,
  context: { final: boolean; madeAt: number; labels: ReadonlyMap<string, string> },
): string {
  const { expectedRouters, answeredRouters, expectedNodes, answeredNodes, missingRouters } = completeness;
  const routers = `${answeredRouters} of ${countOf(expectedRouters, 'router')} answered`;
  if (!context.final)
    return expectedRouters === 0
      ? `${answeredNodes} of ${countOf(expectedNodes, 'node')} answered so far`
      : `${routers} so far`;
  if (expectedRouters === 0)
    return `No router is known; ${answeredNodes} of ${countOf(expectedNodes, 'node')} answered`;
  const parts = [routers];
  for (const router of missingRouters.slice(0, namedInStatement))
    parts.push(
      `${context.labels.get(router.id) ?? router.id}, ${lastSeen(router.lastSeenAt, context.madeAt)}`,
    );
  if (missingRouters.length > namedInStatement)
    parts.push(`${missingRouters.length - namedInStatement} more did not answer`);
  if (!completeness.proved) parts.push('not proved, no route table came in this scan');
  return parts.join('; ');
}

function labelWithPlace(node: TopologyNode): string {
  const label = nodeLabel(node);
  return node.rloc16 === null || label === node.rloc16 ? label : `${label} (${node.rloc16})`;
}

function silence({ brId, error, outcome }: TopologyNode): string {
  if (outcome !== null && error?.includes(couldNotBeAsked) === true)
    return brId === null ? couldNotBeAsked : `${couldNotBeAsked} through ${brId}`;
  switch (outcome) {
    case 'refused':
      return 'refused';
    case 'malformed':
      return 'answered unreadably';
    case 'unreachable':
      return 'unreachable';
    case 'border_router_lost':
      return 'lost with its border router';
    case 'cancelled':
      return 'cancelled';
    case 'answered':
    case 'timed_out':
    case null:
      return 'silent';
  }
}

/** The time of day within the last 24 hours, else the date as well. */
function lastSeen(lastSeenAt: number | null, madeAt: number): string {
  if (lastSeenAt === null) return 'never answered';
  const text = new Date(lastSeenAt).toISOString();
  const time = `${text.slice(11, 16)} UTC`;
  return `last seen ${madeAt - lastSeenAt < 24 * 3_600_000 ? time : `${text.slice(0, 10)} ${time}`}`;
}
