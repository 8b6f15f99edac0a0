import { expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { UpgradeRate } from './upgrade-rate.ts';

it('lets so many a minute through from each address', async () => {
  const clock = new FakeClock();
  const rate = new UpgradeRate({ perMinute: 2, clock });
  const take = (address: string | null) => rate.allow(address);
  expect([take('192.0.2.1'), take('192.0.2.1'), take('192.0.2.1'), take('192.0.2.2')]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  await clock.advance(60_000);
  expect(take('192.0.2.1')).toBe(true);
});

it('counts the addresses of one IPv6 /64 as one', () => {
  const rate = new UpgradeRate({ perMinute: 1, clock: new FakeClock() });
  expect([rate.allow('fd00::1'), rate.allow('fd00::2'), rate.allow('fd00:0:0:1::1')]).toEqual([
    true,
    false,
    true,
  ]);
});

it('forgets the oldest address rather than growing', () => {
  const rate = new UpgradeRate({ perMinute: 1, clock: new FakeClock() });
  expect(rate.allow('first')).toBe(true);
  for (let number = 0; number < 10_000; number += 1) rate.allow(`address-${number}`);
  expect(rate.allow('address-9999')).toBe(false);
  expect(rate.allow('first')).toBe(true);
});
