import { expect, test } from 'vitest';
import { counterGroups } from './counter-groups.ts';

test('puts counters under the layer that keeps them, in an order that does not depend on the answer', () => {
  const groups = counterGroups({
    ...{ mac_in_errors: 3, leader_ms: 5, coapRetries: 2, parent_changes: 1, role_sleepy: 4, role_child: 2 },
    partition_id_changes: 7,
  });
  expect(groups.map(({ counters, title }) => [title, counters.map(({ label }) => label)])).toEqual([
    ['Place in the mesh', ['Parent changes', 'Partition changes', 'Times child', 'Time leader']],
    ['Radio frames', ['In errors']],
    ['Other', ['Coap retries', 'Times sleepy']],
  ]);
});

test('takes names of any kind, and has no group without counters', () => {
  expect(counterGroups({})).toEqual([]);
  const [group, ...none] = counterGroups(
    JSON.parse('{"__proto__": 1, "constructor": 2}') as Record<string, number>,
  );
  expect(group?.counters.map(({ value }) => value)).toEqual([1, 2]);
  expect(none).toEqual([]);
});
