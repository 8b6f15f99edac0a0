import { describe, expect, it } from 'vitest';
import { fromWire, toWire } from './wire.ts';

describe('the wire mapping', () => {
  const domain = {
    scanId: 's',
    startedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    finishedAt: null,
    lqIn: 3,
    outcomes: { timed_out: 1, answered: 2 },
    nodes: [{ extAddr: 'x', networkInfo: { camelCase: 1, snake_case: { deepAt: 5 } } }],
    missing: undefined,
  };
  const wire = {
    scan_id: 's',
    started_at: '2026-01-02T03:04:05.006Z',
    finished_at: null,
    lq_in: 3,
    outcomes: { timed_out: 1, answered: 2 },
    nodes: [{ ext_addr: 'x', network_info: { camelCase: 1, snake_case: { deepAt: 5 } } }],
  };

  it('maps keys and times and leaves what is not ours untouched', () => {
    expect(toWire(domain)).toEqual(wire);
  });

  it('maps back to the same', () => {
    const { missing: _missing, ...present } = domain;
    expect(fromWire(wire)).toEqual(present);
  });
});
