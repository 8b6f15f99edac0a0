/** The order of the node list. Pure. */
import type { DisplayedMap, ShownNode } from './displayed-map.ts';
import { labelOf } from './displayed-map.ts';
import { roleInWords } from './node-words.ts';

export const sortKeys = [
  'name',
  'state',
  'role',
  'network',
  'rloc16',
  'parent',
  'latency',
  'lastSeen',
] as const;
export type SortKey = (typeof sortKeys)[number];

export interface SortOrder {
  readonly key: SortKey;
  readonly descending: boolean;
}

/** What needs attention first. */
const stateOrder: Readonly<Record<ShownNode['shown'], number>> = {
  silent: 0,
  waiting: 1,
  inferred: 2,
  answered: 3,
};

const byText = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

export function sortNodes(
  map: Pick<DisplayedMap, 'nodes' | 'nodeById'>,
  { key, descending }: SortOrder,
): ShownNode[] {
  const compare = comparison(map, key);
  return map.nodes.toSorted((a, b) => {
    const order = compare(a, b, descending);
    return order !== 0 ? order : byText.compare(labelOf(a), labelOf(b));
  });
}

type Comparison = (a: ShownNode, b: ShownNode, descending: boolean) => number;

function comparison(map: Pick<DisplayedMap, 'nodeById'>, key: SortKey): Comparison {
  switch (key) {
    case 'name':
      return texts(labelOf);
    case 'state':
      return numbers((node) => stateOrder[node.shown]);
    case 'role':
      return texts(roleInWords);
    case 'network':
      return texts((node) => node.network);
    case 'rloc16':
      return texts((node) => node.rloc16);
    case 'parent':
      return texts((node) => {
        const parent = node.parentId === null ? undefined : map.nodeById.get(node.parentId);
        return parent === undefined ? node.parentId : labelOf(parent);
      });
    case 'latency':
      return numbers((node) => (node.shown === 'answered' ? node.durationMs : null));
    case 'lastSeen':
      return numbers((node) => node.lastSeenAt);
  }
}

/** What is unknown comes last in either direction. */
function texts(valueOf: (node: ShownNode) => string | null): Comparison {
  return byValue(valueOf, (a, b) => byText.compare(a, b));
}

function numbers(valueOf: (node: ShownNode) => number | null): Comparison {
  return byValue(valueOf, (a, b) => a - b);
}

function byValue<Value>(
  valueOf: (node: ShownNode) => Value | null,
  compare: (a: Value, b: Value) => number,
): Comparison {
  return (left, right, descending) => {
    const a = valueOf(left);
    const b = valueOf(right);
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    return descending ? compare(b, a) : compare(a, b);
  };
}
