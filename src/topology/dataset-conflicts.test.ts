import { describe, expect, it } from 'vitest';
import { borderRouter, ext, inputWith } from '../../test/fixtures/topology/observations.ts';
import { buildTopology } from './build-topology.ts';
import { findDatasetConflicts } from './dataset-conflicts.ts';
import type { BorderRouterDataset, TopologyBorderRouter } from './topology-input.ts';

const dataset: BorderRouterDataset = {
  extPanId: 'dead00beef00cafe',
  name: 'Home',
  panId: 0x1234,
  channel: 15,
  meshLocalPrefix: 'fd0d:7fc:a1b9:f050::/64',
};
const withDataset = (
  id: string,
  changes: Partial<BorderRouterDataset> = {},
  more: Partial<TopologyBorderRouter> = {},
): TopologyBorderRouter => borderRouter(id, { network: { ...dataset, ...changes }, ...more });

describe('border routers of one network', () => {
  it('must agree on name, PAN id, channel and mesh-local prefix', () => {
    const conflicts = findDatasetConflicts([
      withDataset('BR-1'),
      withDataset('BR-2', { channel: 20, panId: 1 }),
      withDataset('BR-3'),
    ]);
    expect([...conflicts.keys()]).toEqual(['BR-1', 'BR-2', 'BR-3']);
    expect(conflicts.get('BR-2')).toEqual([
      {
        brIds: ['BR-1', 'BR-2', 'BR-3'],
        field: 'pan_id',
        values: [
          { value: '0x0001', brIds: ['BR-2'] },
          { value: '0x1234', brIds: ['BR-1', 'BR-3'] },
        ],
        statement:
          'Border routers of network dead00beef00cafe differ in their PAN id: 0x0001 at BR-2; 0x1234 at BR-1, BR-3',
      },
      expect.objectContaining({
        field: 'channel',
        statement:
          'Border routers of network dead00beef00cafe differ in their channel: 15 at BR-1, BR-3; 20 at BR-2',
      }),
    ]);
  });

  it('agree where one says less, writes a prefix in another way, or is offline', () => {
    expect(
      findDatasetConflicts([
        withDataset('BR-1'),
        withDataset('BR-2', { name: null, channel: null, meshLocalPrefix: 'FD0D:07FC:A1B9:F050:0:0:0:0/64' }),
        withDataset('BR-3', { channel: 20 }, { online: false }),
        borderRouter('BR-4'),
      ]).size,
    ).toBe(0);
  });

  it('were meant to be of one network where name and mesh-local prefix are the same', () => {
    const conflicts = findDatasetConflicts([
      withDataset('BR-1'),
      withDataset('BR-2', { extPanId: '0123456789abcdef' }),
      withDataset('BR-3', { extPanId: '1111111111111111', name: '__proto__' }),
    ]);
    expect(conflicts.get('BR-1')).toMatchObject([{ field: 'ext_pan_id', brIds: ['BR-1', 'BR-2'] }]);
    expect(conflicts.has('BR-3')).toBe(false);
  });
});

it('are told with each network that they belong to', () => {
  const topology = buildTopology(
    inputWith([], {
      borderRouters: [
        withDataset('BR-1', {}, { extAddress: ext('1') }),
        withDataset('BR-2', { channel: 20 }, { extAddress: ext('2') }),
        withDataset(
          'BR-3',
          { extPanId: '0123456789abcdef' },
          { extAddress: ext('3'), networkKey: 'fd03::/64', networkPrefix: 'fd03::/64' },
        ),
      ],
    }),
  );
  expect(
    topology.networks.map(({ brIds, datasetConflicts }) => [
      brIds,
      datasetConflicts?.map(({ field }) => field),
    ]),
  ).toEqual([
    [['BR-3'], ['ext_pan_id']],
    [
      ['BR-1', 'BR-2'],
      ['channel', 'ext_pan_id'],
    ],
  ]);
});
