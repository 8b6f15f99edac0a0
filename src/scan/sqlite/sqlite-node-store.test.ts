import { describe, expect, it } from 'vitest';
import { MemoryNodeStore } from '../../../test/support/memory-stores.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { openDatabase } from '../../database/open-database.ts';
import { asExtAddress } from '../../protocol/ids.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import { testNodeStore } from '../node-store.contract.ts';
import { SqliteNodeStore } from './sqlite-node-store.ts';

testNodeStore('SqliteNodeStore', async () => {
  const folder = await temporaryFolder();
  let database = await openDatabase({ dataDir: folder.path });
  return {
    store: new SqliteNodeStore(database),
    reopen: async () => {
      await database.close();
      database = await openDatabase({ dataDir: folder.path });
      return new SqliteNodeStore(database);
    },
    release: async () => {
      await database.close();
      await folder.remove();
    },
  };
});

testNodeStore('MemoryNodeStore', () => {
  const store = new MemoryNodeStore();
  return Promise.resolve({
    store,
    reopen: () => Promise.resolve(store),
    release: () => Promise.resolve(),
  });
});

describe('SqliteNodeStore', () => {
  it('forgets learned addresses beyond the limit for good', async () => {
    const folder = await temporaryFolder();
    const database = await openDatabase({ dataDir: folder.path });
    const store = new SqliteNodeStore(database);
    await store.apply({
      learned: [1, 2, 3, 4, 5].map((index) => ({
        ipv6: `fd00::${index}` as Ipv6Address,
        extAddress: asExtAddress('5339695e8f14acf6'),
        learnedAt: index,
      })),
    });
    expect((await store.load(2)).learned.map(({ learnedAt }) => learnedAt)).toEqual([5, 4]);
    expect((await store.load(100)).learned.map(({ learnedAt }) => learnedAt)).toEqual([5, 4, 3]);
    await database.close();
    await folder.remove();
  });
});
