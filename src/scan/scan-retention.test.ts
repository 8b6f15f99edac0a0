import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { ScanRetention } from './scan-retention.ts';

function setUp(failure: Error | null = null) {
  const clock = new FakeClock();
  const deletedBefore: number[] = [];
  const errors: unknown[] = [];
  const retention = new ScanRetention({
    clock,
    keepMs: 86_400_000,
    onStoreError: (error) => errors.push(error),
    store: {
      deleteBefore(atMs) {
        deletedBefore.push(clock.nowMs() - atMs);
        return failure === null ? Promise.resolve(0) : Promise.reject(failure);
      },
    },
  });
  return { clock, deletedBefore, errors, retention };
}

describe('ScanRetention', () => {
  it('deletes what is older than it is kept, soon after the start and every hour', async () => {
    const { clock, deletedBefore } = setUp();
    await clock.advance(60_000);
    expect(deletedBefore).toEqual([86_400_000]);
    await clock.advance(2 * 3_600_000);
    expect(deletedBefore).toEqual([86_400_000, 86_400_000, 86_400_000]);
  });

  it('reports a store that fails, and tries again an hour later', async () => {
    const { clock, deletedBefore, errors } = setUp(new Error('disk full'));
    await clock.advance(60_000 + 3_600_000);
    expect([errors.length, deletedBefore.length]).toEqual([2, 2]);
  });

  it('does no more once closed, and reports no more', async () => {
    const clock = new FakeClock();
    const deletion = Promise.withResolvers<number>();
    const errors: unknown[] = [];
    const retention = new ScanRetention({
      clock,
      keepMs: 1,
      onStoreError: (error) => errors.push(error),
      store: { deleteBefore: () => deletion.promise },
    });
    await clock.advance(60_000);
    retention.close();
    deletion.reject(new Error('the database is closed'));
    await clock.advance(7_200_000);
    expect([errors, clock.pending]).toEqual([[], 0]);
  });
});
