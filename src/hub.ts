/**
 * The composition root: reads top to bottom as the hub is put together. Every part that holds something registers its
 * release the moment it exists; a stop runs them in reverse.
 */
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Clock, systemClock } from './clock.ts';
import type { Config } from './config.ts';
import { openDatabase } from './database/open-database.ts';
import { BorderRouterCandidates, meshcopService } from './discovery/border-router-candidates.ts';
import { browse } from './discovery/mdns-browser.ts';
import { probeRest } from './discovery/rest-probe.ts';
import { StoreError } from './errors.ts';
import { createEventPipeline } from './event-pipeline.ts';
import { feedFacts } from './events/live/feed-facts.ts';
import { FactBus } from './facts.ts';
import { BorderRouterLinks } from './links/border-router-links.ts';
import { BorderRouterTokens } from './links/border-router-tokens.ts';
import { logFacts } from './observability/log-facts.ts';
import type { Logger } from './observability/logger.ts';
import { createMetrics } from './observability/metrics.ts';
import type { RecentLogs } from './observability/recent-logs.ts';
import { defaultOutboxBudgetBytes, OutboxBudget } from './outbox/outbox-budget.ts';
import { asBorderRouterId, asExtAddress } from './protocol/ids.ts';
import { asIpv6Address, parseIpv6Prefix } from './protocol/ipv6.ts';
import { NodeFileWatcher } from './scan/node-file-watcher.ts';
import { NodeRegistry } from './scan/node-registry.ts';
import { ScanArchive } from './scan/scan-archive.ts';
import { importScan } from './scan/scan-import.ts';
import { ScanOrchestrator } from './scan/scan-orchestrator.ts';
import { ScanRetention } from './scan/scan-retention.ts';
import { ScanSchedule } from './scan/scan-schedule.ts';
import { Topologies } from './scan/topologies.ts';
import { createServer } from './server/server.ts';
import { createStores } from './stores.ts';

export interface HubOverrides {
  readonly logger: Logger;
  /** What `GET /api/logs` shows; nothing where absent. */
  readonly recentLogs?: RecentLogs;
  /** `threadhub.yaml`, whose alert rules are read again when it changes; null: there is none. */
  readonly configFile?: string | null;
  readonly clock?: Clock;
  /** 0 ≤ x < 1. */
  readonly random?: () => number;
  readonly newId?: () => string;
  /** Folder of the web build. */
  readonly webRoot?: string;
  /** The hub cannot go on: its database has died. */
  readonly onFatal?: (error: Error) => void;
}

export interface Hub {
  /** Listens. Throws StartError; what was opened is released then. */
  start(): Promise<{
    readonly url: string;
    readonly host: string;
    readonly port: number;
    /** The embedded broker; null where there is none. */
    readonly mqtt: { readonly url: string; readonly port: number } | null;
  }>;
  /**
   * Stops intake, ends scans as cancelled, closes links and connections, flushes, releases. However often it is called,
   * each promise resolves when all of that is done.
   */
  stop(): Promise<void>;
}

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

/** Opens what the hub needs; `start()` makes it reachable. Throws StartError or StoreError. */
export async function createHub(config: Config, overrides: HubOverrides): Promise<Hub> {
  const { logger } = overrides;
  const clock = overrides.clock ?? systemClock;
  const random = overrides.random ?? Math.random;
  const newId = overrides.newId ?? randomUUID;
  const releases = new AsyncDisposableStack();
  let stopping = false;
  let countBrowsers = (): number => 0;

  try {
    const facts = new FactBus({
      onListenerError: (name, error) =>
        logger.error({ err: error, fact: name }, 'a listener of a fact failed'),
    });
    releases.defer(logFacts(facts, logger));

    const database = await openDatabase({
      dataDir: config.data_dir,
      onCrash: (error) => {
        logger.fatal({ err: error }, 'the database has stopped working');
        overrides.onFatal?.(error);
      },
    });
    releases.defer(() => database.close());
    const stores = createStores(database);
    const onStoreError = (error: unknown): void =>
      logger.error(
        // The sentence says it all; a stack every few seconds would help to fill the disk.
        error instanceof StoreError ? { code: error.code, error: error.message } : { err: error },
        'could not save; it is tried again',
      );

    const tokens = new BorderRouterTokens({ store: stores.tokens, clock, onStoreError });
    releases.defer(() => tokens.close());
    await tokens.load();

    const nodes = new NodeRegistry({
      store: stores.nodes,
      facts,
      clock,
      onStoreError,
      networkPrefixOf: (id) => parseIpv6Prefix(links.networkPrefixOf(id) ?? ''),
    });
    releases.defer(() => nodes.close());
    await nodes.load();
    const nodeFile = new NodeFileWatcher({ path: config.nodes.file, registry: nodes, facts, clock });
    releases.defer(() => nodeFile.close());
    await nodeFile.start();

    const metrics = createMetrics({ facts, clock, version });
    releases.defer(() => metrics.close());

    const outboxBudget = new OutboxBudget(defaultOutboxBudgetBytes);
    const links = new BorderRouterLinks({
      limits: {
        pingIntervalMs: config.border_routers.ping_interval,
        silenceTimeoutMs: config.border_routers.silence_timeout,
        inFlightPingMs: config.border_routers.in_flight_ping,
        inFlightTimeoutMs: config.border_routers.in_flight_timeout,
        outboxMessages: config.border_routers.outbox_messages,
        outboxBytes: config.border_routers.outbox_bytes,
        framesPerSecond: config.border_routers.frame_rate,
        frameBurst: config.border_routers.frame_burst,
      },
      clock,
      random,
      facts,
      outboxObserver: metrics.outboxObserver,
      outboxBudget,
    });
    metrics.watchBorderRouters(() => links.list());
    releases.defer(tokens.onRevoked((tokenId) => links.closeByToken(tokenId)));

    const orchestrator = new ScanOrchestrator({
      links,
      nodes,
      limits: {
        perBorderRouter: config.scan.per_border_router,
        total: config.scan.total,
        nodeTimeoutMs: config.scan.node_timeout,
        scanTimeoutMs: config.scan.timeout,
      },
      clock,
      newId,
      facts,
    });
    const topologies = new Topologies({
      store: stores.scans,
      borderRouters: links,
      nodes,
      scans: orchestrator,
      facts,
      clock,
      updateIntervalMs: config.scan.update_interval,
      isWatched: () => countBrowsers() > 0,
      onStoreError: (error) =>
        logger.error({ err: error }, 'could not read a past scan; the map does without it'),
    });
    releases.defer(() => topologies.close());
    const archive = new ScanArchive({
      store: stores.scans,
      scans: orchestrator,
      topologies,
      facts,
      clock,
      onStoreError,
    });
    releases.defer(() => archive.close());
    const { interrupted } = await archive.load(clock.nowMs());
    if (interrupted > 0) logger.warn({ scans: interrupted }, 'ended scans that an earlier hub left running');
    await topologies.load();
    const retention = new ScanRetention({
      store: stores.scans,
      clock,
      keepMs: config.scan.keep,
      onStoreError,
    });
    releases.defer(() => retention.close());

    learnNodes({ config, facts, links, logger, nodes, releases });

    const pipeline = await createEventPipeline({
      config,
      configFile: overrides.configFile ?? null,
      isBorderRouterOnline: (id) => links.get(asBorderRouterId(id))?.online === true,
      facts,
      metrics,
      clock,
      random,
      newId,
      logger,
      onFatal: (error) => overrides.onFatal?.(error),
      releases,
    });

    const candidates = new BorderRouterCandidates({
      browse: (signal) =>
        browse({ service: meshcopService, interface: config.discovery.interface, clock, signal }),
      probe: (url) => probeRest(url, clock),
      clock,
    });

    const server = createServer({
      config,
      links,
      orchestrator,
      topologies: {
        current: () => topologies.current(),
        at: (atMs) => topologies.at(atMs),
        ofScan: async (id) => (orchestrator.get(id) === null ? archive.topology(id) : topologies.current()),
        importBundle: (bundle) => importScan({ bundle, archive, topologies, newId }),
      },
      nodes,
      tokens,
      ...(config.discovery.mdns ? { candidates } : {}),
      scans: archive,
      events: pipeline.events,
      live: {
        feed: pipeline.liveFeed,
        budget: outboxBudget,
        observer: metrics.outboxObserver,
        random,
      },
      ...(overrides.recentLogs === undefined ? {} : { logs: overrides.recentLogs }),
      facts,
      metrics,
      clock,
      logger,
      webRoot: overrides.webRoot ?? fileURLToPath(new URL('../dist/web', import.meta.url)),
      version,
      isStopping: () => stopping,
    });
    countBrowsers = () => server.browserCount;
    releases.defer(
      feedFacts({
        facts,
        feed: pipeline.liveFeed,
        borderRouters: links,
        clock,
        isWatched: () => server.liveClientCount > 0,
      }),
    );
    releases.defer(() => server.close());
    // Closed before it: a search that somebody waits for would hold up the stop.
    releases.defer(() => candidates.close());
    releases.defer(() => links.close());
    releases.defer(() => orchestrator.close());
    const schedule = new ScanSchedule({ orchestrator, clock, intervalMs: config.scan.interval });
    releases.defer(() => schedule.close());

    let stopped: Promise<void> | null = null;
    const stop = (): Promise<void> => {
      stopping = true;
      stopped ??= releases.disposeAsync();
      return stopped;
    };
    return {
      async start() {
        try {
          const { host, port } = await server.listen();
          const urlHost = host.includes(':') ? `[${host}]` : host;
          const mqtt = (await pipeline.broker?.listen()) ?? null;
          return {
            url: `http://${urlHost}:${port}`,
            host,
            port,
            mqtt: mqtt === null ? null : { url: `mqtt://${urlHost}:${mqtt.port}`, port: mqtt.port },
          };
        } catch (error) {
          await stop();
          throw error;
        }
      },
      stop,
    };
  } catch (error) {
    await releases.disposeAsync();
    throw error;
  }
}

/** What border routers and answers teach about nodes goes to the registry. */
function learnNodes(parts: {
  readonly config: Config;
  readonly facts: FactBus;
  readonly links: BorderRouterLinks;
  readonly logger: Logger;
  readonly nodes: NodeRegistry;
  readonly releases: AsyncDisposableStack;
}): void {
  const { config, facts, links, logger, nodes, releases } = parts;
  releases.defer(
    facts.on('scan:node_decided', ({ node }) => {
      if (node.outcome !== 'answered' || node.extAddr === null) return;
      // A scan has both from the registry and from parsed answers: they are in their one form already.
      nodes.learn(asIpv6Address(node.ipv6), asExtAddress(node.extAddr));
    }),
  );
  if (!config.nodes.discovery) return;
  releases.defer(
    facts.on('border_router:nodes_seen', ({ id, nodes: seen }) => {
      for (const problem of nodes.noteSeen(id, seen).problems) logger.warn({ border_router: id }, problem);
    }),
  );
  if (!config.nodes.discover_on_connect) return;
  releases.defer(facts.on('border_router:connected', ({ id }) => void links.discover(id)));
}
