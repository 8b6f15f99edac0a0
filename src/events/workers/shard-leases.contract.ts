/** What every `ShardLeases` does; each adapter's test runs it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asShardName } from '../../protocol/ids.ts';
import type { ShardLeases } from './shard-leases.ts';

export interface ShardLeasesUnderTest {
  readonly leases: ShardLeases;
  /** Lets this much of a term of 1,000 ms pass. */
  pass(ms: number): Promise<void>;
  release(): Promise<void>;
}

export function testShardLeases(name: string, open: () => Promise<ShardLeasesUnderTest>): void {
  describe(`${name} as ShardLeases`, () => {
    let under: ShardLeasesUnderTest;
    let leases: ShardLeases;
    const shard = asShardName('bulk-0');
    const other = asShardName('bulk-1');

    beforeEach(async () => {
      under = await open();
      leases = under.leases;
    });

    afterEach(() => under.release());

    it('gives a shard to one owner at a time', async () => {
      expect(await leases.acquire(shard, 'a')).toBe(true);
      expect(await leases.acquire(shard, 'b')).toBe(false);
      expect(await leases.acquire(other, 'b')).toBe(true);
      expect(await leases.acquire(shard, 'a')).toBe(true);
    });

    it('gives a shard to another once its lease has run out', async () => {
      await leases.acquire(shard, 'a');
      await under.pass(900);
      expect(await leases.acquire(shard, 'b')).toBe(false);
      await under.pass(200);
      expect(await leases.acquire(shard, 'b')).toBe(true);
      expect(await leases.acquire(shard, 'a')).toBe(false);
    });

    it('renews what is still held, and says what is lost', async () => {
      await leases.acquire(shard, 'a');
      await leases.acquire(other, 'a');
      await under.pass(600);
      expect(await leases.renew([shard], 'a')).toEqual(new Set([shard]));
      await under.pass(600);
      expect(await leases.acquire(other, 'b')).toBe(true);
      expect(await leases.renew([shard, other], 'a')).toEqual(new Set([shard]));
      expect(await leases.acquire(shard, 'b')).toBe(false);
    });

    it('frees a released shard at once, and only for its owner', async () => {
      await leases.acquire(shard, 'a');
      await leases.release(shard, 'b');
      expect(await leases.acquire(shard, 'b')).toBe(false);
      await leases.release(shard, 'a');
      expect(await leases.acquire(shard, 'b')).toBe(true);
    });
  });
}
