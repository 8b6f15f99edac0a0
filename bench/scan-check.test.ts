import { describe, expect, it } from 'vitest';
import { checkScan, type ScanToCheck } from './scan-check.ts';

/** A scan of a leader, its child and a dead router, as it should have been seen. */
function rightScan(): ScanToCheck {
  const truth = [
    {
      name: 'lamp',
      borderRouter: 'BR-001',
      extAddress: 'aa',
      role: 'leader',
      rloc16: '0x0400',
      parent: null,
    },
    { name: 'lock', borderRouter: 'BR-001', extAddress: 'bb', role: 'child', rloc16: '0x0401', parent: 'aa' },
    {
      name: 'plug',
      borderRouter: 'BR-001',
      extAddress: 'cc',
      role: 'router',
      rloc16: '0x0800',
      parent: null,
    },
  ];
  const outcomeOf = (name: string): string => (name === 'plug' ? 'timed_out' : 'answered');
  const nodes = truth.map(({ name }) => ({ name, outcome: outcomeOf(name), attempts: 1 }));
  const scan = { id: 's', state: 'completed', outcomes: { answered: 2, timed_out: 1, refused: 0 }, nodes };
  const topology = {
    scan_id: 's',
    final: true,
    nodes: truth.map(({ extAddress, name, parent, rloc16, role }) => ({
      kind: 'node',
      name,
      ext_addr: extAddress,
      parent_id: parent,
      rloc16,
      role,
      state: name === 'plug' ? 'silent' : 'answered',
    })),
  };
  const roundTrips = new Map([
    ['lamp', 40],
    ['lock', 50],
    ['plug', null],
  ]);
  return { scan, topology, results: nodes, truth, roundTrips } as unknown as ScanToCheck;
}

/** The right scan with one thing changed: `path` leads to it. */
function changed(path: readonly (string | number)[], value: unknown): string[] {
  const scan = rightScan();
  const last = path.at(-1) ?? '';
  const holder = path
    .slice(0, -1)
    .reduce<Record<string | number, unknown>>(
      (object, key) => object[key] as Record<string | number, unknown>,
      scan as unknown as Record<string, unknown>,
    );
  holder[last] = value;
  return checkScan(scan);
}

describe('the check of a scan', () => {
  it('has nothing to say about a right one', () => {
    expect(checkScan(rightScan())).toEqual([]);
  });

  it.each([
    ['a scan that did not complete', ['scan', 'state'], 'partial'],
    ['a count that is off', ['scan', 'outcomes', 'answered'], 3],
    ['an outcome that should not be there', ['scan', 'outcomes', 'refused'], 1],
    ['a dead node that answered', ['scan', 'nodes', 2, 'outcome'], 'answered'],
    ['a node that was asked twice', ['scan', 'nodes', 0, 'attempts'], 2],
    ['a browser that was told too little', ['results'], []],
    ['a topology of another scan', ['topology', 'scan_id'], 'r'],
    ['a topology that is not final', ['topology', 'final'], false],
    ['a node that is missing in the topology', ['topology', 'nodes', 1], { kind: 'node', state: 'answered' }],
    ['a wrong role', ['topology', 'nodes', 0, 'role'], 'router'],
    ['a wrong parent', ['topology', 'nodes', 1, 'parent_id'], 'cc'],
    ['a dead node that is shown as answered', ['topology', 'nodes', 2, 'state'], 'answered'],
  ])('finds %s', (_what, path, value) => {
    expect(changed(path, value)).not.toEqual([]);
  });
});
