import { sampleTimeMs } from '../../../../test/support/event-samples.ts';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import { testAlertStore } from '../alert-store.contract.ts';
import { openEventStores } from './open-event-stores.ts';

testAlertStore('SqliteAlertStore', async () => {
  const folder = await temporaryFolder();
  const clock = new FakeClock(sampleTimeMs);
  const stores = await openEventStores({ dataDir: folder.path, clock, onCrash: () => undefined });
  return {
    ...stores,
    async release() {
      await stores.close();
      await folder.remove();
    },
  };
});
