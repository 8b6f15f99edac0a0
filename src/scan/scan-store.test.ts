import { MemoryScanStore } from '../../test/support/memory-scan-store.ts';
import { testScanStore } from './scan-store.contract.ts';

testScanStore('the store of the tests', () => {
  const store = new MemoryScanStore();
  return Promise.resolve({
    store,
    reopen: () => Promise.resolve(store),
    release: () => Promise.resolve(),
  });
});
