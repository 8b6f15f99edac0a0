/** Commits batch after batch to the store in the folder it is given, until it is killed; says so after the first. */
import { systemClock } from '../../src/clock.ts';
import { openEventStores } from '../../src/events/store/sqlite/open-event-stores.ts';
import { sampleTimeMs, sensorEvent } from './event-samples.ts';
import { batchOf, bulkShard, deadLetter } from './store-batches.ts';

const eventsPerBatch = 200;

const { events: store } = await openEventStores({
  dataDir: process.argv[2] ?? '',
  clock: systemClock,
  onCrash: () => undefined,
});
const { epoch, position } = await store.takeShard(bulkShard);
const first = position === null ? 0 : Number(position);
for (let from = first; ; from++) {
  const events = Array.from({ length: eventsPerBatch }, (_, index) =>
    sensorEvent({
      eventId: `event ${from} ${index}`,
      sensorId: `sensor-${index % 50}`,
      dedupKey: `key ${from} ${index}`,
      ts: sampleTimeMs + from,
    }),
  );
  const deadLetters = [deadLetter({ id: `letter ${from}` })];
  await store.commit(
    batchOf(events, { epoch, to: from + 1, duplicates: 1, deadLetters, ...(from === 0 ? {} : { from }) }),
  );
  if (from === first) process.stdout.write('committing\n');
}
