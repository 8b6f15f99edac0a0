/**
 * The hub's MQTT ingest alone, in a process of its own: broker, decoders and stream. Its first argument says how durable:
 *
 *   durable   as in the hub
 *   memory    the same, with a stream whose append resolves at once and keeps nothing
 *   broker    no decoders either: what came is acknowledged
 *
 * The second is its data folder. SIGTERM ends it.
 */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../src/clock.ts';
import { defaultConfig } from '../../src/config.ts';
import { createMqttBroker } from '../../src/events/ingest/broker/mqtt-broker.ts';
import type { EventIntake } from '../../src/events/ingest/event-intake.ts';
import { PublishDecoders } from '../../src/events/ingest/publish-decoders.ts';
import { StreamIntake } from '../../src/events/ingest/stream-intake.ts';
import type { DurableStream } from '../../src/events/stream/durable-stream.ts';
import { openSqliteDurableStream } from '../../src/events/stream/sqlite/open-sqlite-durable-stream.ts';
import { FactBus } from '../../src/facts.ts';

const [mode = 'durable', dataDir = '.'] = process.argv.slice(2);
const config = defaultConfig();
const clock = systemClock;
const fail = (error: unknown): never => {
  throw error instanceof Error ? error : new Error(String(error));
};
const facts = new FactBus({ onListenerError: (_, error) => fail(error) });
const counts = { critical: config.events.critical_shards, bulk: config.events.bulk_shards };

type IngestStream = Pick<DurableStream, 'append' | 'forgetDelivery' | 'forgetDeliveriesOf' | 'close'>;
const nothing = Promise.resolve();
const keepsNothing: IngestStream = {
  append: () => nothing,
  forgetDelivery: () => nothing,
  forgetDeliveriesOf: () => nothing,
  close: () => nothing,
};
const stream: IngestStream =
  mode === 'durable'
    ? await openSqliteDurableStream({
        dataDir,
        counts,
        maxBytes: config.events.stream_bytes,
        clock,
        facts,
        onCrash: fail,
      })
    : keepsNothing;

const intake: Pick<EventIntake, 'takePublish'> =
  mode === 'broker'
    ? { takePublish: () => nothing }
    : new StreamIntake({
        stream,
        decoders: new PublishDecoders({ rules: config.events.decoders }),
        shards: counts,
        acceptance: {
          criticalTypes: new Set(config.events.critical_types),
          maxClockSkewMs: config.events.max_clock_skew,
          maxAgeMs: config.events.max_age,
          newId: randomUUID,
        },
        facts,
        clock,
      });
const broker = await createMqttBroker({
  config: { ...config.mqtt, port: 0 },
  host: '127.0.0.1',
  dataDir,
  intake,
  stream,
  facts,
  clock,
  logger: { warn: (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`) },
  onCrash: fail,
});
const { port } = await broker.listen();
process.stdout.write(`listens at mqtt://127.0.0.1:${port} \n`);

process.once('SIGTERM', () => {
  void broker
    .close()
    .then(() => stream.close())
    .then(() => process.exit(0));
});
