/**
 * Where border routers disagree on what makes a Thread network. Two of one extended PAN id must have the same name, PAN id,
 * channel and mesh-local prefix: they have a dataset of different age, or a wrong one, and one of them serves nobody. Two
 * of the same name and mesh-local prefix with different extended PAN ids were meant to be one network and are not.
 *
 * Only border routers that are online are judged: what another last said may have been mended.
 */
import { formatIpv6Prefix, parseIpv6Prefix } from '../protocol/ipv6.ts';
import type { DatasetConflict } from '../protocol/topology.ts';
import { compareText } from './text-order.ts';
import type { BorderRouterDataset, TopologyBorderRouter } from './topology-input.ts';

interface Member {
  readonly id: string;
  readonly dataset: BorderRouterDataset;
}

/** By the id of each border router that is part of it. */
export function findDatasetConflicts(
  borderRouters: readonly TopologyBorderRouter[],
): ReadonlyMap<string, readonly DatasetConflict[]> {
  const members = borderRouters
    .flatMap(({ id, network, online }): Member[] =>
      online && network != null ? [{ id, dataset: network }] : [],
    )
    .sort((a, b) => compareText(a.id, b.id));
  if (members.length < 2) return new Map();

  const conflicts: DatasetConflict[] = [];
  for (const [extPanId, ofNetwork] of groupBy(members, ({ dataset }) => dataset.extPanId))
    for (const { field, name, valueOf } of fields) {
      const values = valuesOf(ofNetwork, valueOf);
      if (values.length > 1)
        conflicts.push({
          brIds: values.flatMap((value) => value.brIds).sort(compareText),
          field,
          values,
          statement: `Border routers of network ${extPanId} differ in their ${name}: ${tell(values)}`,
        });
    }
  for (const namesakes of groupBy(members, nameAndPrefix).values()) {
    const values = valuesOf(namesakes, ({ extPanId }) => extPanId);
    if (values.length > 1)
      conflicts.push({
        brIds: values.flatMap((value) => value.brIds).sort(compareText),
        field: 'ext_pan_id',
        values,
        statement:
          `Border routers of the same network name ${quoted(namesakes[0]?.dataset.name ?? '')} and mesh-local prefix ` +
          `are of different networks: ${tell(values)}`,
      });
  }

  const byBorderRouter = new Map<string, DatasetConflict[]>();
  for (const conflict of conflicts)
    for (const id of conflict.brIds) {
      const known = byBorderRouter.get(id);
      if (known === undefined) byBorderRouter.set(id, [conflict]);
      else known.push(conflict);
    }
  return byBorderRouter;
}

interface Field {
  readonly field: Exclude<DatasetConflict['field'], 'ext_pan_id'>;
  /** In a sentence. */
  readonly name: string;
  /** Null where it is not told. */
  readonly valueOf: (dataset: BorderRouterDataset) => string | null;
}

const fields: readonly Field[] = [
  { field: 'network_name', name: 'network name', valueOf: ({ name }) => name },
  {
    field: 'pan_id',
    name: 'PAN id',
    valueOf: ({ panId }) => (panId === null ? null : `0x${panId.toString(16).padStart(4, '0')}`),
  },
  {
    field: 'channel',
    name: 'channel',
    valueOf: ({ channel }) => (channel === null ? null : String(channel)),
  },
  { field: 'mesh_local_prefix', name: 'mesh-local prefix', valueOf: prefixOf },
];

/** The same prefix may be written in several ways. */
function prefixOf({ meshLocalPrefix }: BorderRouterDataset): string | null {
  const prefix = meshLocalPrefix === null ? null : parseIpv6Prefix(meshLocalPrefix);
  return prefix === null ? meshLocalPrefix : formatIpv6Prefix(prefix);
}

function nameAndPrefix(member: Member): string | null {
  const prefix = prefixOf(member.dataset);
  return member.dataset.name === null || prefix === null ? null : `${member.dataset.name}\n${prefix}`;
}

/** Each value with who has it; sorted. */
function valuesOf(
  members: readonly Member[],
  valueOf: (dataset: BorderRouterDataset) => string | null,
): DatasetConflict['values'] {
  return [...groupBy(members, ({ dataset }) => valueOf(dataset))]
    .map(([value, having]) => ({ value, brIds: having.map(({ id }) => id) }))
    .sort((a, b) => compareText(a.value, b.value));
}

/** Without those that have no key. */
function groupBy(
  members: readonly Member[],
  keyOf: (member: Member) => string | null,
): Map<string, Member[]> {
  const groups = new Map<string, Member[]>();
  for (const member of members) {
    const key = keyOf(member);
    if (key === null) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [member]);
    else group.push(member);
  }
  return groups;
}

/** At most so many values, and border routers of a value, are spelled out. */
const told = 4;

function tell(values: DatasetConflict['values']): string {
  const parts = values.slice(0, told).map(({ brIds, value }) => {
    const more = brIds.length > told ? ` and ${brIds.length - told} more` : '';
    return `${quoted(value)} at ${brIds.slice(0, told).join(', ')}${more}`;
  });
  if (values.length > told) parts.push(`${values.length - told} more`);
  return parts.join('; ');
}

function quoted(value: string): string {
  return /^[\w:./]+$/.test(value) ? value : JSON.stringify(value);
}
