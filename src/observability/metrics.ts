/**
 * Prometheus metrics of one hub, on their own registry. They only listen: to facts as they happen, and to views when
 * they are scraped. `docs/metrics.md` lists them.
 *
 * A border router's id is a label; a node, a scan or a connection never is. Border routers come and go, so their series
 * are dropped an hour after they have gone, and beyond 20,000 of them the rest share the label `other`.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../clock.ts';
import type { FactSource } from '../facts.ts';
import type { OutboxKind, OutboxObserver } from '../outbox/outbox-observer.ts';
import type { BorderRouter, Connection } from '../protocol/border-router.ts';
import { asBorderRouterId, type BorderRouterId } from '../protocol/ids.ts';
import { outcomes } from '../protocol/outcome.ts';
import { BorderRouterLabels } from './border-router-labels.ts';
import { addCollectionMetrics } from './collection-metrics.ts';
import { addEventMetrics, type EventPipelineView } from './event-metrics.ts';

export interface MetricsOptions {
  readonly facts: FactSource;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly version: string;
  /** Event loop, heap, garbage collection, file descriptors of this process; on where not said otherwise. */
  readonly processMetrics?: boolean;
}

export interface Metrics {
  readonly contentType: string;
  /** What outboxes report to. */
  readonly outboxObserver: OutboxObserver;
  /** The exposition text. */
  render(): Promise<string>;
  /** Shows these border routers at each scrape. */
  watchBorderRouters(view: () => readonly BorderRouter[]): void;
  /** Adds connections to count at each scrape. */
  watchConnections(view: () => readonly Connection[]): void;
  /** Shows the pipeline of sensor events at each scrape. */
  watchEvents(view: EventPipelineView): void;
  /** Stops listening. */
  close(): void;
}

const outboxKinds: readonly OutboxKind[] = ['border_router', 'live'];
const connectionKinds: readonly Connection['kind'][] = ['border_router', 'browser', 'live'];

export function createMetrics({ clock, facts, processMetrics = true, version }: MetricsOptions): Metrics {
  const registry = new Registry();
  const registers = [registry];
  let borderRouters: () => readonly BorderRouter[] = () => [];
  const connectionViews: (() => readonly Connection[])[] = [];
  const labels = new BorderRouterLabels({ clock, forget: (label) => forgetBorderRouter(label) });

  if (processMetrics) collectDefaultMetrics({ register: registry, prefix: 'threadhub_' });
  new Gauge({
    name: 'threadhub_build_info',
    help: 'Always 1; the labels say what runs',
    labelNames: ['version', 'node_version'],
    registers,
  }).set({ version, node_version: process.versions.node }, 1);

  // ------------------------------------------------------------------------------------------------ border routers
  const perBorderRouter = { labelNames: ['border_router'] as const, registers };
  const borderRouterUp = new Gauge({
    ...perBorderRouter,
    name: 'threadhub_border_router_up',
    help: '1 while the border router is connected, 0 for an hour after',
    collect: () => showBorderRouters(),
  });
  const lastHeartbeat = new Gauge({
    ...perBorderRouter,
    name: 'threadhub_border_router_last_heartbeat_seconds',
    help: 'Unix time of the last heartbeat',
  });
  const outboxMessages = new Gauge({
    ...perBorderRouter,
    name: 'threadhub_border_router_outbox_messages',
    help: 'Commands that wait for the border router to read them',
  });
  const collections = addCollectionMetrics(registers);
  const coapDuration = new Histogram({
    ...perBorderRouter,
    name: 'threadhub_coap_request_duration_seconds',
    help: 'From sending a command to the answer for its node, successful or not',
    // Healthy meshes answer in 40 to 250 ms; a node is given up after 5 s; late answers come after up to 93 s.
    buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 100],
  });
  const coapRetries = new Counter({
    ...perBorderRouter,
    name: 'threadhub_coap_retries_total',
    help: 'CoAP retransmissions, as heartbeats report them',
  });
  const nodeResults = new Counter({
    name: 'threadhub_scan_node_results_total',
    help: 'Nodes decided in scans, by outcome',
    labelNames: ['outcome'],
    registers,
  });
  const heartbeats = new Counter({
    name: 'threadhub_heartbeats_total',
    help: 'Heartbeats of border routers',
    registers,
  });
  const protocolErrors = new Counter({
    name: 'threadhub_protocol_errors_total',
    help: 'What border routers sent that they should not have, by kind',
    labelNames: ['kind'],
    registers,
  });
  const refusals = new Counter({
    name: 'threadhub_border_router_refusals_total',
    help: 'Border-router connections refused before the upgrade, by code',
    labelNames: ['code'],
    registers,
  });

  /** The count that each border router last reported; it starts again from 0 when the border router reboots. */
  const reportedRetries = new Map<string, number>();

  function showBorderRouters(): void {
    labels.prune();
    for (const gauge of [borderRouterUp, lastHeartbeat, outboxMessages]) gauge.reset();
    collections.reset();
    for (const borderRouter of borderRouters()) {
      const { lastHeartbeatAt, online } = borderRouter;
      const id = asBorderRouterId(borderRouter.id);
      const label = online ? labels.use(id) : labels.known(id);
      if (label !== id) continue;
      const at = { border_router: label };
      borderRouterUp.set(at, online ? 1 : 0);
      outboxMessages.set(at, borderRouter.outboxMessages);
      if (lastHeartbeatAt !== null) lastHeartbeat.set(at, lastHeartbeatAt / 1_000);
      if (borderRouter.collection !== null) collections.show(label, borderRouter.collection);
    }
  }

  function forgetBorderRouter(label: string): void {
    coapDuration.remove({ border_router: label });
    coapRetries.remove({ border_router: label });
    reportedRetries.delete(label);
  }

  function countRetries(id: BorderRouterId, total: number): void {
    const before = reportedRetries.get(id) ?? 0;
    reportedRetries.set(id, total);
    // The first report counts whole: after a restart of the hub the series then goes on where it was.
    coapRetries.inc({ border_router: id }, total >= before ? total - before : total);
  }

  // --------------------------------------------------------------------------------------------------------- scans
  const scanDuration = new Histogram({
    name: 'threadhub_scan_duration_seconds',
    help: 'Duration of finished scans',
    // The hard stop of a scan is 30 s by default.
    buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60],
    registers,
  });
  const scansFinished = new Counter({
    name: 'threadhub_scans_total',
    help: 'Finished scans, by the state in which they ended',
    labelNames: ['result'],
    registers,
  });
  for (const result of ['completed', 'partial', 'failed', 'cancelled']) scansFinished.inc({ result }, 0);
  const scanNodes = new Gauge({
    name: 'threadhub_scan_nodes',
    help: 'Nodes of the last finished scan, by outcome',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of outcomes) {
    nodeResults.inc({ outcome }, 0);
    scanNodes.set({ outcome }, 0);
  }
  const inProgress = new Gauge({
    name: 'threadhub_scans_in_progress',
    help: 'Scans that run now',
    registers,
  });
  const running = new Set<string>();

  // --------------------------------------------------------------------------------- connections and their outboxes
  new Gauge({
    name: 'threadhub_connections',
    help: 'Open connections, by kind',
    labelNames: ['kind'],
    registers,
    collect() {
      const counts = Map.groupBy(allConnections(), ({ kind }) => kind);
      for (const kind of connectionKinds) this.set({ kind }, counts.get(kind)?.length ?? 0);
    },
  });
  new Gauge({
    name: 'ws_outbox_queue_size',
    help: 'Messages in the fullest outbox of a kind',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const kind of outboxKinds) this.set({ kind }, 0);
      const largest = new Map<string, number>();
      for (const { kind, queueMessages } of allConnections())
        largest.set(kind, Math.max(largest.get(kind) ?? 0, queueMessages));
      for (const kind of outboxKinds) this.set({ kind }, largest.get(kind) ?? 0);
    },
  });
  const batchSize = new Histogram({
    name: 'ws_outbox_batch_size',
    help: 'Messages in one batch',
    labelNames: ['kind'],
    buckets: [1, 2, 5, 10, 20, 50, 100],
    registers,
  });
  const sendLatency = new Histogram({
    name: 'ws_outbox_send_latency_seconds',
    help: 'From the start of a flush to the socket’s confirmation',
    labelNames: ['kind'],
    buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25],
    registers,
  });
  const dropped = new Counter({
    name: 'ws_outbox_dropped_messages_total',
    help: 'Messages that a slow receiver did not get',
    labelNames: ['kind'],
    registers,
  });
  const sendErrors = new Counter({
    name: 'ws_outbox_send_errors_total',
    help: 'Sends that the socket refused',
    labelNames: ['kind'],
    registers,
  });
  for (const kind of outboxKinds) {
    batchSize.zero({ kind });
    sendLatency.zero({ kind });
    dropped.inc({ kind }, 0);
    sendErrors.inc({ kind }, 0);
  }

  const events = addEventMetrics({ facts, registry });

  const allConnections = (): Connection[] => connectionViews.flatMap((view) => view());

  const unsubscribe = [
    facts.on('border_router:connected', ({ id }) => void labels.use(id)),
    facts.on('border_router:disconnected', ({ id, replaced }) => {
      if (!replaced) labels.gone(id);
    }),
    facts.on('border_router:answered', ({ durationMs, id }) =>
      coapDuration.observe({ border_router: labels.use(id) }, durationMs / 1_000),
    ),
    facts.on('border_router:heartbeat', ({ heartbeat, id }) => {
      heartbeats.inc();
      if (labels.use(id) === id && heartbeat.coapRetriesTotal !== null)
        countRetries(id, heartbeat.coapRetriesTotal);
    }),
    facts.on('border_router:protocol_error', ({ kind }) => protocolErrors.inc({ kind })),
    facts.on('border_router:refused', ({ code }) => refusals.inc({ code })),
    facts.on('scan:started', ({ scan }) => {
      running.add(scan.id);
      inProgress.set(running.size);
    }),
    facts.on('scan:node_decided', ({ node }) => {
      if (node.outcome !== null) nodeResults.inc({ outcome: node.outcome });
    }),
    facts.on('scan:finished', ({ scan }) => {
      running.delete(scan.id);
      inProgress.set(running.size);
      scansFinished.inc({ result: scan.state });
      if (scan.durationMs !== null) scanDuration.observe(scan.durationMs / 1_000);
      for (const outcome of outcomes) scanNodes.set({ outcome }, scan.outcomes[outcome]);
    }),
  ];

  return {
    contentType: registry.contentType,
    outboxObserver: {
      flushed: (kind, messages) => batchSize.observe({ kind }, messages),
      confirmed: (kind, latencySeconds) => sendLatency.observe({ kind }, latencySeconds),
      dropped: (kind, messages) => dropped.inc({ kind }, messages),
      failed: (kind) => sendErrors.inc({ kind }),
    },
    render: () => registry.metrics(),
    watchBorderRouters(view) {
      borderRouters = view;
    },
    watchConnections(view) {
      connectionViews.push(view);
    },
    watchEvents: (view) => events.watch(view),
    close() {
      for (const stop of unsubscribe) stop();
      events.close();
      registry.clear();
    },
  };
}
