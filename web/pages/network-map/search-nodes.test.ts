import { expect, test } from 'vitest';
import { displayedMap } from './displayed-map.ts';
import { matchingNodes } from './search-nodes.ts';
import { nodeOf, topologyOf } from './test-support/topologies.ts';

const topology = topologyOf([
  nodeOf('lamp', { name: 'Kitchen lamp', extAddr: '4e3c91f5aa0821b7', rloc16: '0x8401' }),
  nodeOf('plug', { name: 'Kitchen plug', extAddr: '5339695e8f14acf6', rloc16: '0xa000' }),
  nodeOf('br', { name: null, kind: 'border_router', brId: 'BR-001', rloc16: '0x8400' }),
]);
const map = displayedMap({ latest: topology, settled: topology });

test.each([
  ['kitchen', ['lamp', 'plug']],
  ['lamp kitchen', ['lamp']],
  ['0xA000', ['plug']],
  ['8400', ['br']],
  ['4E:3C:91:F5', ['lamp']],
  ['5339 695e', ['plug']],
  ['br-001', ['br']],
  ['nothing', []],
])('finds "%s"', (text, ids) => {
  expect([...matchingNodes(map, text)]).toEqual(ids);
});
