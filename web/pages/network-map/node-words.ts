/** A node's role and state in words. Pure. */
import type { Outcome } from '../../../src/protocol/outcome.ts';
import type { Role } from '../../../src/protocol/network-info.ts';
import { countOf, formatWord } from '../../ui/format.ts';
import type { ShownNode } from './displayed-map.ts';

const roleWords: Readonly<Record<Role, string>> = {
  leader: 'Leader',
  router: 'Router',
  reed: 'Router-eligible',
  child: 'Child',
  sleepy_child: 'Sleepy child',
  detached: 'Detached',
  disabled: 'Disabled',
};

/** `Leader, border router`. */
export function roleInWords(node: Pick<ShownNode, 'role' | 'kind'>): string {
  const role = node.role === null ? null : roleWords[node.role];
  if (node.kind !== 'border_router') return role ?? 'Role unknown';
  return role === null ? 'Border router' : `${role}, border router`;
}

export const stateWords: Readonly<Record<ShownNode['shown'], string>> = {
  answered: 'Answered',
  silent: 'Silent',
  inferred: 'Inferred',
  waiting: 'Not decided yet',
};

const outcomeWords: Readonly<Record<Outcome, string>> = {
  answered: 'It answered in this scan.',
  timed_out: 'It was asked and gave no answer in time.',
  refused: 'It was reached and refused to answer.',
  malformed: 'It answered, but not in a form that can be read.',
  unreachable: 'No border router serves its address.',
  border_router_lost: 'Its border router was lost during the scan.',
  cancelled: 'The scan was cancelled before it was decided.',
};

/** One sentence that says what the state rests on. */
export function stateExplained(
  node: Pick<ShownNode, 'shown' | 'outcome' | 'late' | 'kind' | 'toldBy' | 'namedBy'>,
): string {
  switch (node.shown) {
    case 'waiting':
      return 'The running scan has not decided about it yet; what is shown is from before.';
    case 'inferred':
      return node.namedBy.length > 0
        ? `It told nothing itself: ${countOf(node.namedBy.length, 'other node names', 'other nodes name')} it.`
        : 'It told nothing itself: an earlier scan knew it.';
    case 'answered':
      if (node.outcome === null && node.kind === 'border_router') return 'It is connected to the hub.';
      if (node.toldBy !== undefined) return 'Its parent told of it in this scan; it was not asked itself.';
      return node.late ? 'It answered late, after its own deadline.' : outcomeWords.answered;
    case 'silent':
      if (node.outcome === null) {
        if (node.kind === 'border_router') return 'It is not connected to the hub.';
        return node.namedBy.length === 0
          ? 'It did not answer.'
          : `${countOf(node.namedBy.length, 'node names', 'nodes name')} it, but it gave no answer.`;
      }
      return outcomeWords[node.outcome];
  }
}

const threadVersions: Readonly<Record<number, string>> = { 2: '1.1', 3: '1.2', 4: '1.3', 5: '1.4' };

/** Devices give the version of Thread as a number of their own. */
export const threadVersionInWords = (version: number): string =>
  threadVersions[version] ?? `unknown (${version})`;

/** `silent`, `refused`, `border router lost`: for lists of what is missing. */
export function silenceInWords(outcome: Outcome | null): string {
  return outcome === null || outcome === 'timed_out' || outcome === 'answered'
    ? 'silent'
    : formatWord(outcome);
}
