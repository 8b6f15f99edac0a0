import { sampleTimeMs } from '../../../../test/support/event-samples.ts';
import { FakeClock } from '../../../../test/support/fake-clock.ts';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import { testEventHistory } from '../event-history.contract.ts';
import { type EventStoreUnderTest, testEventStore } from '../event-store.contract.ts';
import { openEventStores } from './open-event-stores.ts';

async function open(): Promise<EventStoreUnderTest> {
  const folder = await temporaryFolder();
  const clock = new FakeClock(sampleTimeMs);
  const openStores = () => openEventStores({ dataDir: folder.path, clock, onCrash: () => undefined });
  let stores = await openStores();
  return {
    store: stores.events,
    clock,
    async reopen() {
      await stores.close();
      stores = await openStores();
      return stores.events;
    },
    async release() {
      await stores.close();
      await folder.remove();
    },
  };
}

testEventStore('SqliteEventStore', open);
testEventHistory('SqliteEventStore', open);
