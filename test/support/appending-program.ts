/**
 * Appends numbered events to the stream of a data folder until it is killed, and writes each number down once its append
 * has resolved: `appending-program.ts DATA_DIR LOG_FILE FIRST_NUMBER`.
 */
import { openSync, writeSync } from 'node:fs';
import { systemClock } from '../../src/clock.ts';
import { deliveryKey } from '../../src/events/stream/delivery-key.ts';
import { shardOf } from '../../src/events/stream/durable-stream.ts';
import { openSqliteDurableStream } from '../../src/events/stream/sqlite/open-sqlite-durable-stream.ts';
import { sensorEvent } from './event-samples.ts';

const [dataDir = '', logPath = '', firstNumber = ''] = process.argv.slice(2);
const counts = { critical: 1, bulk: 3 };
const stream = await openSqliteDurableStream({
  dataDir,
  counts,
  maxBytes: 2 ** 40,
  clock: systemClock,
  facts: { emit: () => undefined },
  onCrash: (error) => {
    throw error;
  },
});
const log = openSync(logPath, 'a');
let next = Number(firstNumber);

const append = async (): Promise<void> => {
  const number = next++;
  const sensorId = `sensor-${number % 20}`;
  await stream.append([
    {
      shard: shardOf('bulk', sensorId, counts),
      entry: { kind: 'event', event: sensorEvent({ eventId: String(number), sensorId }) },
      deliveryKey: deliveryKey('client', number),
    },
  ]);
  writeSync(log, `${number}\n`);
};

const appendOnAndOn = async (): Promise<never> => {
  for (;;) await append();
};

process.stdout.write('appending\n');
await Promise.all(Array.from({ length: 40 }, appendOnAndOn));
