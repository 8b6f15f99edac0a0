import { FakeClock } from '../../../test/support/fake-clock.ts';
import { LocalShardLeases } from './local-shard-leases.ts';
import { testShardLeases } from './shard-leases.contract.ts';

testShardLeases('LocalShardLeases', () => {
  const clock = new FakeClock();
  return Promise.resolve({
    leases: new LocalShardLeases({ clock, leaseMs: 2_500 }),
    pass: (ms) => clock.advance(ms),
    release: () => Promise.resolve(),
  });
});
