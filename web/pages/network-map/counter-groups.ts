/** A node's counters under the layer that keeps them, by the names that the hub gives them. Pure. */
import { formatWord } from '../../ui/format.ts';

export interface CounterGroup {
  readonly title: string;
  /** `name` as on the wire. */
  readonly counters: readonly { readonly name: string; readonly label: string; readonly value: number }[];
}

/** MLE counters have no prefix: these are they. */
const meshCounters = new Set([
  ...['parent_changes', 'partition_id_changes', 'attach_attempts', 'better_partition_attach_attempts'],
  ...['role_disabled', 'role_detached', 'role_child', 'role_router', 'role_leader'],
  ...['tracked_ms', 'disabled_ms', 'detached_ms', 'child_ms', 'router_ms', 'leader_ms'],
]);
const meshOrder = [...meshCounters];
const radioPrefix = 'mac_';

/** Groups that have any; what is of no known layer comes last. */
export function counterGroups(counters: Readonly<Record<string, number>>): readonly CounterGroup[] {
  const entries = Object.entries(counters).map(([key, value]) => ({ name: wireName(key), value }));
  const mesh = entries
    .filter(({ name }) => meshCounters.has(name))
    .sort((a, b) => meshOrder.indexOf(a.name) - meshOrder.indexOf(b.name));
  const radio = entries.filter(({ name }) => name.startsWith(radioPrefix));
  const other = entries.filter(({ name }) => !meshCounters.has(name) && !name.startsWith(radioPrefix));
  return [
    { title: 'Place in the mesh', counters: mesh },
    { title: 'Radio frames', counters: radio },
    { title: 'Other', counters: other },
  ]
    .filter((group) => group.counters.length > 0)
    .map(({ counters: counted, title }) => ({
      title,
      counters: counted.map((counter) => ({ ...counter, label: labelOf(counter.name) })),
    }));
}

const labels: Readonly<Record<string, string>> = {
  partition_id_changes: 'Partition changes',
  better_partition_attach_attempts: 'Attempts at a better partition',
  tracked_ms: 'Counting for',
  mac_in_unicast: 'Received for it alone',
  mac_in_broadcast: 'Received for all',
  mac_in_errors: 'Received with errors',
  mac_in_discards: 'Received and discarded',
  mac_in_unknown_protos: 'Received, protocol unknown',
  mac_out_unicast: 'Sent to one',
  mac_out_broadcast: 'Sent to all',
  mac_out_errors: 'Not sent for errors',
  mac_out_discards: 'Discarded instead of sent',
};

function labelOf(name: string): string {
  const known = Object.hasOwn(labels, name) ? labels[name] : undefined;
  if (known !== undefined) return known;
  const role = /^role_(\w+)$/.exec(name)?.[1];
  if (role !== undefined) return `Times it became ${formatWord(role)}`;
  const spent = /^(\w+)_ms$/.exec(name)?.[1];
  if (spent !== undefined) return `Time as ${formatWord(spent)}`;
  return sentenceCase(formatWord(name.startsWith(radioPrefix) ? name.slice(radioPrefix.length) : name));
}

/** Keys of answers come here in camelCase, whatever the device wrote. */
const wireName = (key: string): string => key.replaceAll(/([a-z\d])([A-Z])/g, '$1_$2').toLowerCase();

const sentenceCase = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);
