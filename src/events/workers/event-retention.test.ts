import { beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { asShardName } from '../../protocol/ids.ts';
import type { RetentionBounds } from '../store/event-store.ts';
import { EventRetention } from './event-retention.ts';

describe('EventRetention', () => {
  let clock: FakeClock;
  let asked: { atMs: number; bounds: RetentionBounds }[];
  let more: number;
  let critical: number;
  let failWith: Error | null;
  let errors: unknown[];
  let retention: EventRetention;

  beforeEach(() => {
    clock = new FakeClock();
    asked = [];
    more = 0;
    critical = 0;
    failWith = null;
    errors = [];
    retention = new EventRetention({
      store: {
        prune: (bounds) => {
          asked.push({ atMs: clock.monotonicMs(), bounds });
          return failWith === null ? Promise.resolve((more -= 1) > 0) : Promise.reject(failWith);
        },
      },
      stream: {
        depths: () => [
          {
            shard: asShardName('critical-0'),
            entries: critical,
            bytes: 0,
            oldestDurableAt: null,
            appended: 0,
          },
          { shard: asShardName('bulk-0'), entries: 9, bytes: 0, oldestDurableAt: null, appended: 0 },
        ],
      },
      clock,
      keepRawMs: 1_000,
      keepMinutesMs: 2_000,
      keepHoursMs: 3_000,
      keepKeysMs: 4_000,
      keepDeadLettersMs: 5_000,
      onStoreError: (error) => errors.push(error),
    });
  });

  it('takes one step a minute where there is nothing to do, with the bounds of that time', async () => {
    await clock.advance(180_000);
    expect(asked.map(({ atMs }) => atMs)).toEqual([60_000, 120_000, 180_000]);
    const { bounds } = asked[0] ?? {};
    expect(bounds).toEqual({
      rawBeforeMs: clock.nowMs() - 121_000,
      minutesBeforeMs: clock.nowMs() - 122_000,
      hoursBeforeMs: clock.nowMs() - 123_000,
      keysBeforeMs: clock.nowMs() - 124_000,
      deadLettersBeforeMs: clock.nowMs() - 125_000,
    });
  });

  it('goes on step by step while there is more, and leaves room between the steps', async () => {
    more = 5;
    await clock.advance(61_000);
    expect(asked.map(({ atMs }) => atMs - 60_000)).toEqual([0, 20, 40, 60, 80]);
  });

  it('waits while critical events wait', async () => {
    critical = 1;
    await clock.advance(70_000);
    expect(asked).toEqual([]);
    critical = 0;
    await clock.advance(200);
    expect(asked).toHaveLength(1);
  });

  it('says that a step failed, and tries again a minute later', async () => {
    failWith = new Error('down');
    await clock.advance(125_000);
    expect(errors).toEqual([failWith, failWith]);
    expect(asked).toHaveLength(2);
  });

  it('does nothing any more once it is closed', async () => {
    retention.close();
    await clock.advance(600_000);
    expect(asked).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
