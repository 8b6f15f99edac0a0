import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { ScanError } from '../errors.ts';
import { ScanSchedule } from './scan-schedule.ts';

function setUp(intervalMs: number, failure: Error | null = null) {
  const clock = new FakeClock();
  const triggers: unknown[] = [];
  const schedule = new ScanSchedule({
    clock,
    intervalMs,
    orchestrator: {
      trigger(request) {
        triggers.push(request);
        if (failure !== null) throw failure;
        return { scanId: 's', joined: false, nodes: 1, borderRouters: 1 };
      },
    },
  });
  return { clock, schedule, triggers };
}

describe('ScanSchedule', () => {
  it('scans everything at each interval, and not at the start', async () => {
    const { clock, triggers } = setUp(900_000);
    await clock.advance(899_999);
    expect(triggers).toEqual([]);
    await clock.advance(900_001);
    expect(triggers).toEqual(Array(2).fill({ filter: null, trigger: 'schedule' }));
  });

  it('goes on where there was nothing to scan', async () => {
    const { clock, triggers } = setUp(1_000, new ScanError('nothing_to_scan', 'no node is registered'));
    await clock.advance(3_000);
    expect(triggers).toHaveLength(3);
  });

  it('never scans at interval 0, nor once closed', async () => {
    expect(setUp(0).clock.pending).toBe(0);
    const { clock, schedule, triggers } = setUp(1_000);
    schedule.close();
    await clock.advance(5_000);
    expect([triggers, clock.pending]).toEqual([[], 0]);
  });
});
