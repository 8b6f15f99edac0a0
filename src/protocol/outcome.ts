/** What became of one node in a scan. Every expected node of a finished scan has exactly one. */
export const outcomes = [
  'answered',
  'timed_out',
  'refused',
  'malformed',
  'unreachable',
  'border_router_lost',
  'cancelled',
] as const;
export type Outcome = (typeof outcomes)[number];

/** A count for every outcome. */
export type OutcomeCounts = Record<Outcome, number>;

export function countOutcomes(decided: Iterable<Outcome | null>): OutcomeCounts {
  const counts = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as OutcomeCounts;
  for (const outcome of decided) if (outcome !== null) counts[outcome] += 1;
  return counts;
}
