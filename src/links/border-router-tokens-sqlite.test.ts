import { MemoryTokenStore } from '../../test/support/memory-stores.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { openDatabase } from '../database/open-database.ts';
import { SqliteTokenStore } from './border-router-tokens-sqlite.ts';
import { testTokenStore } from './border-router-tokens-store.contract.ts';

testTokenStore('SqliteTokenStore', async () => {
  const folder = await temporaryFolder();
  let database = await openDatabase({ dataDir: folder.path });
  return {
    store: new SqliteTokenStore(database),
    reopen: async () => {
      await database.close();
      database = await openDatabase({ dataDir: folder.path });
      return new SqliteTokenStore(database);
    },
    release: async () => {
      await database.close();
      await folder.remove();
    },
  };
});

testTokenStore('MemoryTokenStore', () => {
  const store = new MemoryTokenStore();
  return Promise.resolve({
    store,
    reopen: () => Promise.resolve(store),
    release: () => Promise.resolve(),
  });
});
