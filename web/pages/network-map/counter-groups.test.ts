import { expect, test } from 'vitest';
import { fromWire } from '../../../src/protocol/wire.ts';
import { counterGroups } from './counter-groups.ts';

test('puts counters under the layer that keeps them, in an order that does not depend on the answer', () => {
  const groups = counterGroups({
    ...{ macInErrors: 3, leaderMs: 5, coapRetries: 2, parentChanges: 1, roleSleepy: 4, role_child: 2 },
    partition_id_changes: 7,
  });
  expect(groups.map(({ counters, title }) => [title, counters.map(({ label }) => label)])).toEqual([
    ['Place in the mesh', ['Parent changes', 'Partition changes', 'Times it became child', 'Time as leader']],
    ['Radio frames', ['Received with errors']],
    ['Other', ['Coap retries', 'Times it became sleepy']],
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

test('knows the counters of the wire as they come to the page', () => {
  const { counters } = fromWire({
    counters: { tracked_ms: 5, mac_in_unknown_protos: 1, attach_attempts: 2 },
  });
  expect(counterGroups(counters).map(({ counters: [first] }) => first)).toEqual([
    { name: 'attach_attempts', label: 'Attach attempts', value: 2 },
    { name: 'mac_in_unknown_protos', label: 'Received, protocol unknown', value: 1 },
  ]);
});
