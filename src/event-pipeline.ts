/**
 * The second page of the composition root: the half of the hub that takes sensor events, top to bottom as an event goes.
 * What is opened here is released by the stack that `hub.ts` gives, in reverse: intake first, files last.
 */
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import { ChannelError } from './errors.ts';
import { AlertEngine } from './events/alerts/alert-engine.ts';
import { AlertRulesFile } from './events/alerts/alert-rules-file.ts';
import { Alerts } from './events/alerts/alerts.ts';
import { Drills } from './events/alerts/drills.ts';
import { MeshFactFeed } from './events/alerts/mesh-fact-feed.ts';
import { Silences } from './events/alerts/silences.ts';
import { createMqttBroker, type MqttBroker } from './events/ingest/broker/mqtt-broker.ts';
import { PublishDecoders } from './events/ingest/publish-decoders.ts';
import { StreamIntake } from './events/ingest/stream-intake.ts';
import type { LiveFeed } from './events/live/live-feed.ts';
import { MemoryLiveFeed } from './events/live/memory-live-feed.ts';
import { openNotifications } from './events/notifications/open-notifications.ts';
import { MemoryLatestValues } from './events/store/memory-latest-values.ts';
import { openEventStores } from './events/store/sqlite/open-event-stores.ts';
import { openSqliteDurableStream } from './events/stream/sqlite/open-sqlite-durable-stream.ts';
import { DeadLetters } from './events/workers/dead-letters.ts';
import { EventRetention } from './events/workers/event-retention.ts';
import { EventWorkers } from './events/workers/event-workers.ts';
import { Ledger, type LedgerView } from './events/workers/ledger.ts';
import { LocalShardLeases } from './events/workers/local-shard-leases.ts';
import type { FactBus } from './facts.ts';
import type { Logger } from './observability/logger.ts';
import type { Metrics } from './observability/metrics.ts';
import type { SensorEvents } from './server/ports.ts';

export interface EventPipelineOptions {
  readonly config: Config;
  /** The file whose alert rules are watched; null: there is none. */
  readonly configFile: string | null;
  readonly isBorderRouterOnline: (id: string) => boolean;
  readonly facts: FactBus;
  readonly metrics: Pick<Metrics, 'watchEvents'>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly logger: Logger;
  readonly onFatal: (error: Error) => void;
  readonly releases: AsyncDisposableStack;
}

export interface EventPipeline {
  /** What the edges show and change. */
  readonly events: SensorEvents;
  readonly liveFeed: LiveFeed;
  /** Null where the embedded broker is switched off. */
  readonly broker: MqttBroker | null;
}

/** Opens stream and store in the data folder, which is this hub's alone. Throws StoreError, ConfigError. */
export async function createEventPipeline(options: EventPipelineOptions): Promise<EventPipeline> {
  const { clock, config, facts, logger, newId, random, releases } = options;
  const counts = { critical: config.events.critical_shards, bulk: config.events.bulk_shards };
  const acceptance = {
    criticalTypes: new Set(config.events.critical_types),
    maxClockSkewMs: config.events.max_clock_skew,
    maxAgeMs: config.events.max_age,
    newId,
  };
  const onCrash = (error: Error): void => {
    logger.fatal({ err: error }, 'a database has stopped working');
    options.onFatal(error);
  };
  const opened = { dataDir: config.data_dir, clock, onCrash };

  // What is kept: the store, the stream before it, and what is known of it in memory.
  const stores = await openEventStores(opened);
  releases.defer(() => stores.close());
  const stream = await openSqliteDurableStream({
    ...opened,
    counts,
    facts,
    maxBytes: config.events.stream_bytes,
  });
  releases.defer(() => stream.close());
  const latestValues = new MemoryLatestValues({ clock });
  await latestValues.load(stores.events);
  const liveFeed = new MemoryLiveFeed({
    resumeMessages: config.live.resume_messages,
    resumeMs: config.live.resume,
    clock,
    newId,
  });

  // What is watched for: rules, silences, the states of both halves of the hub.
  const rules = new AlertRulesFile({
    path: options.configFile,
    given: { alerts: config.alerts, channels: config.channels },
    criticalTypes: config.events.critical_types,
    facts,
    clock,
  });
  releases.defer(() => rules.close());
  await rules.start();
  const silences = new Silences({ store: stores.alerts, clock, newId });
  await silences.load();
  const engine = new AlertEngine({
    store: stores.alerts,
    book: () => rules.book,
    silences,
    latestValues,
    isBorderRouterOnline: options.isBorderRouterOnline,
    counts,
    clock,
    newId,
    onDue: () => workers.timersChanged(),
  });

  // Where alerts are told.
  const onStoreError = (error: unknown): void =>
    logger.error({ err: error }, 'could not work on the events store; it is tried again');
  const failure = watchFailures(facts, () => workers.isStalled());
  const notifications = await openNotifications({
    config: config.notifications,
    store: stores.alerts,
    rules,
    publishHere: (topic, payload, publishing) => {
      if (broker !== null) return broker.publish(topic, payload, publishing);
      return Promise.reject(new ChannelError('channel_misconfigured', 'mqtt.enabled is false'));
    },
    environment: process.env,
    facts,
    clock,
    random,
    newId,
    pipelineFailure: failure,
    log: {
      storeError: onStoreError,
      say: (level, sentence) => logger[level](sentence),
    },
  });
  releases.defer(() => notifications.close());

  // From the stream into the store.
  const workers = new EventWorkers({
    stream,
    store: stores.events,
    alertStore: stores.alerts,
    alerts: engine,
    latestValues,
    liveFeed,
    leases: new LocalShardLeases({ clock, leaseMs: config.events.lease }),
    typeRules: new Map(Object.entries(config.events.types)),
    facts,
    clock,
    random,
    newId,
    workers: config.events.workers,
    leaseMs: config.events.lease,
    maxBatchEvents: config.events.batch,
    onNotifications: () => notifications.wake(),
    onFault: (error, what) => logger.error({ err: error }, what),
  });
  releases.defer(() => workers.stop());
  await workers.start();
  releases.defer(rules.onChanged(() => workers.timersChanged()));
  releases.defer(silences.onChanged(() => workers.timersChanged()));
  const retention = new EventRetention({
    store: stores.events,
    stream,
    clock,
    keepRawMs: config.events.keep_raw,
    keepMinutesMs: config.events.keep_minutes,
    keepHoursMs: config.events.keep_hours,
    keepKeysMs: config.events.dedup_window,
    keepDeadLettersMs: config.events.keep_dead_letters,
    onStoreError,
  });
  releases.defer(() => retention.close());

  // Into the stream.
  const meshFacts = new MeshFactFeed({
    facts,
    stream,
    counts,
    book: () => rules.book,
    clock,
    onError: (error) =>
      logger.warn({ err: error }, 'the alert rules are behind on the mesh; it is tried again'),
  });
  releases.defer(() => meshFacts.close());
  const drills = new Drills({
    store: stores.alerts,
    stream,
    counts,
    book: () => rules.book,
    clock,
    newId,
    intervalMs: config.notifications.drill_interval,
    onError: onStoreError,
  });
  releases.defer(() => drills.close());
  await drills.start();
  const decoders = new PublishDecoders({ rules: config.events.decoders });
  const intake = new StreamIntake({
    stream,
    decoders,
    shards: counts,
    acceptance,
    facts,
    clock,
  });
  const broker = config.mqtt.enabled
    ? await createMqttBroker({
        ...opened,
        config: config.mqtt,
        host: config.server.host,
        intake,
        stream,
        facts,
        logger,
      })
    : null;
  if (broker !== null) {
    releases.defer(() => broker.close());
    for (const { payload, topic } of broker.retained(decoders.discoveryFilters))
      decoders.learn(topic, Buffer.from(payload));
  }
  notifications.start();

  const ledger = new Ledger({ stream, store: stores.events, latestValues, facts });
  releases.defer(() => ledger.close());
  sayWhatDoesNotBalance(await ledger.view(), logger);
  options.metrics.watchEvents({
    depths: () => stream.depths(),
    alertCounts: () => stores.alerts.activeCounts(),
    nowMs: () => clock.nowMs(),
    channels: [...rules.channels.keys()],
  });
  return {
    liveFeed,
    broker,
    events: {
      intake,
      store: stores.events,
      latestValues,
      deadLetters: new DeadLetters({ store: stores.events, stream, shards: counts, acceptance, clock }),
      ledger: () => ledger.view(),
      alerts: new Alerts({
        store: stores.alerts,
        command: (shard, command) => workers.command(shard, command),
        silences,
        rules,
        drills,
      }),
      notifications: notifications.notifications,
      failure,
    },
  };
}

/** Before the first event of this run: where it does not balance now, stream and store are not of the same time. */
function sayWhatDoesNotBalance({ lanes }: LedgerView, logger: Logger): void {
  for (const { balanced, dead, duplicate, lane, received, stored } of lanes)
    if (!balanced)
      logger.error(
        { lane, received, stored, duplicate, dead },
        'the ledger does not balance: stream.db and events.db are not of the same time. Was one of them removed, or ' +
          'restored without the other? Events that are in neither any more are lost; new ones are taken as ever',
      );
}

/** What keeps events from being taken or stored now, for `/readyz`. */
function watchFailures(facts: FactBus, isStalled: () => boolean): () => string | null {
  let streamFailure: string | null = null;
  let storeFailure: string | null = null;
  facts.on('stream:unavailable', ({ detail }) => (streamFailure = detail));
  facts.on('stream:available', () => (streamFailure = null));
  facts.on('circuit_breaker:changed', ({ detail, name, state }) => {
    if (name === 'store') storeFailure = state === 'closed' ? null : (detail ?? 'the store of events fails');
  });
  return () =>
    streamFailure ?? storeFailure ?? (isStalled() ? 'events wait for the store and none gets on' : null);
}
