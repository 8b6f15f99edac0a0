import { expect, it } from 'vitest';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { createHealth } from './health.ts';

const clock = new FakeClock();

it('is ready where every check resolves', async () => {
  const health = createHealth({
    clock,
    isStopping: () => false,
    checks: [{ name: 'store', check: () => Promise.resolve('anything') }],
  });
  expect(await health.notReady()).toEqual([]);
});

it('names every check that fails, and the stop', async () => {
  const health = createHealth({
    clock,
    isStopping: () => true,
    checks: [
      { name: 'store', check: () => Promise.reject(new Error('the disk is full')) },
      { name: 'broker', check: () => Promise.resolve() },
    ],
  });
  expect(await health.notReady()).toEqual([
    { name: 'hub', detail: 'the hub is stopping' },
    { name: 'store', detail: 'the disk is full' },
  ]);
});

it('does not wait for a check that hangs', async () => {
  const health = createHealth({
    clock,
    isStopping: () => false,
    checks: [{ name: 'store', check: () => new Promise(() => undefined) }],
  });
  const answer = health.notReady();
  await clock.advance(2_000);
  expect(await answer).toEqual([{ name: 'store', detail: 'no answer within 2000 ms' }]);
  expect(clock.pending).toBe(0);
});
