/**
 * Prometheus metrics of sensor events, alerts and notifications. Facts come per batch; latencies are observed per event.
 * A lane, a shard, a channel is a label; a sensor or an alert never is.
 */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { FactSource } from '../facts.ts';
import { alertStates, type AlertState, severities, type Severity } from '../protocol/alert.ts';
import { type Lane, lanes } from '../protocol/sensor-event.ts';

/** What is read at each scrape. */
export interface EventPipelineView {
  depths(): readonly {
    readonly shard: string;
    readonly entries: number;
    readonly bytes: number;
    readonly oldestDurableAt: number | null;
  }[];
  alertCounts(): Promise<
    readonly { readonly state: AlertState; readonly severity: Severity; readonly alerts: number }[]
  >;
  nowMs(): number;
  /** Names of the notification channels, which have their series from the start. */
  readonly channels: readonly string[];
}

export interface EventMetrics {
  watch(view: EventPipelineView): void;
  close(): void;
}

const breakerStates = { closed: 0, half_open: 1, open: 2 } as const;
const dropReasons = ['unknown_topic', 'qos0_not_durable', 'session_full', 'invalid'] as const;
const notificationResults = ['sent', 'delivered', 'failed', 'rejected', 'expired'] as const;

export function addEventMetrics({
  facts,
  registry,
}: {
  readonly facts: FactSource;
  readonly registry: Registry;
}): EventMetrics {
  const registers = [registry];
  let view: EventPipelineView | null = null;

  // -------------------------------------------------------------------------------------------------------- events
  const received = new Counter({
    name: 'threadhub_events_received_total',
    help: 'Events that arrived, by how',
    labelNames: ['protocol', 'lane', 'qos'],
    registers,
  });
  const stored = new Counter({
    name: 'threadhub_events_stored_total',
    help: 'Events committed to the store',
    labelNames: ['lane'],
    registers,
  });
  const duplicates = new Counter({
    name: 'threadhub_events_duplicate_total',
    help: 'Events that had been stored before and were not stored twice',
    labelNames: ['lane'],
    registers,
  });
  const deadLettered = new Counter({
    name: 'threadhub_events_dead_lettered_total',
    help: 'Events that could not be processed and were kept aside, by reason',
    labelNames: ['reason'],
    registers,
  });
  const dropped = new Counter({
    name: 'threadhub_events_dropped_total',
    help: 'What was shed on purpose, by reason; nothing of it was acknowledged as durable',
    labelNames: ['reason'],
    registers,
  });
  const latency = new Histogram({
    name: 'threadhub_event_latency_seconds',
    help: 'From the arrival of an event until it was durable, stored, on the live feed',
    labelNames: ['lane', 'stage'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60],
    registers,
  });
  const batchSize = new Histogram({
    name: 'threadhub_batch_size',
    help: 'Events in one transaction of the store',
    labelNames: ['lane'],
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000],
    registers,
  });
  const batchDuration = new Histogram({
    name: 'threadhub_batch_duration_seconds',
    help: 'Duration of one transaction of the store',
    labelNames: ['lane'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5],
    registers,
  });
  new Gauge({
    name: 'threadhub_stream_depth',
    help: 'Entries of the stream that wait for the store',
    labelNames: ['lane', 'shard'],
    registers,
    collect() {
      for (const { entries, shard } of view?.depths() ?? [])
        this.set({ lane: laneOf(shard), shard }, entries);
    },
  });
  new Gauge({
    name: 'threadhub_stream_bytes',
    help: 'Bytes of the stream that wait for the store',
    registers,
    collect() {
      this.set((view?.depths() ?? []).reduce((sum, { bytes }) => sum + bytes, 0));
    },
  });
  new Gauge({
    name: 'threadhub_stream_lag_seconds',
    help: 'Age of the oldest entry of a lane that waits for the store',
    labelNames: ['lane'],
    registers,
    collect() {
      for (const lane of lanes) {
        const oldest = (view?.depths() ?? [])
          .filter(({ shard }) => laneOf(shard) === lane)
          .map(({ oldestDurableAt }) => oldestDurableAt ?? Infinity);
        const oldestAt = Math.min(Infinity, ...oldest);
        const nowMs = view?.nowMs() ?? 0;
        this.set({ lane }, oldestAt === Infinity ? 0 : Math.max(0, nowMs - oldestAt) / 1_000);
      }
    },
  });
  const streamUnavailable = new Gauge({
    name: 'threadhub_stream_unavailable',
    help: '1 while the stream cannot write, and nothing is acknowledged',
    registers,
  });
  const breaker = new Gauge({
    name: 'threadhub_circuit_breaker_state',
    help: '0 closed, 1 half open, 2 open',
    labelNames: ['name'],
    registers,
  });
  for (const lane of lanes) {
    stored.inc({ lane }, 0);
    duplicates.inc({ lane }, 0);
    batchSize.zero({ lane });
    batchDuration.zero({ lane });
    for (const stage of ['durable', 'stored', 'live']) latency.zero({ lane, stage });
  }
  for (const reason of dropReasons) dropped.inc({ reason }, 0);
  breaker.set({ name: 'store' }, 0);

  // ------------------------------------------------------------------------------------- alerts and notifications
  new Gauge({
    name: 'threadhub_alerts',
    help: 'Alerts that are not resolved',
    labelNames: ['state', 'severity'],
    registers,
    async collect() {
      const counts = (await view?.alertCounts()) ?? [];
      for (const state of alertStates) {
        if (state === 'resolved') continue;
        for (const severity of severities) {
          const found = counts.find((count) => count.state === state && count.severity === severity);
          this.set({ state, severity }, found?.alerts ?? 0);
        }
      }
    },
  });
  const notifications = new Counter({
    name: 'threadhub_notifications_total',
    help: 'Attempts to notify, by channel and result',
    labelNames: ['channel', 'result'],
    registers,
  });
  const notificationLatency = new Histogram({
    name: 'threadhub_notification_latency_seconds',
    help: 'From an alert’s transition until a channel took the message',
    labelNames: ['channel'],
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3_600],
    registers,
  });
  const mqttClients = new Counter({
    name: 'threadhub_mqtt_connections_total',
    help: 'MQTT clients that connected, or were refused',
    labelNames: ['result'],
    registers,
  });
  for (const result of ['connected', 'refused']) mqttClients.inc({ result }, 0);

  const observeAll = (lane: Lane, stage: string, durationsMs: readonly number[]): void => {
    for (const durationMs of durationsMs) latency.observe({ lane, stage }, Math.max(0, durationMs) / 1_000);
  };
  const unsubscribe = [
    facts.on('events:received', ({ events, lane, protocol, qos }) =>
      received.inc({ protocol, lane, qos: qos === null ? '' : String(qos) }, events),
    ),
    facts.on('events:durable', ({ durationsMs, lane }) => observeAll(lane, 'durable', durationsMs)),
    facts.on('events:live', ({ durationsMs, lane }) => observeAll(lane, 'live', durationsMs)),
    facts.on('events:stored', ({ batchMs, duplicates: repeated, durationsMs, lane }) => {
      stored.inc({ lane }, durationsMs.length);
      if (repeated > 0) duplicates.inc({ lane }, repeated);
      batchSize.observe({ lane }, durationsMs.length);
      batchDuration.observe({ lane }, batchMs / 1_000);
      observeAll(lane, 'stored', durationsMs);
    }),
    facts.on('events:dead_lettered', ({ reason }) => deadLettered.inc({ reason })),
    facts.on('events:dropped', ({ events, reason }) => dropped.inc({ reason }, events)),
    facts.on('stream:unavailable', () => streamUnavailable.set(1)),
    facts.on('stream:available', () => streamUnavailable.set(0)),
    facts.on('circuit_breaker:changed', ({ name, state }) => breaker.set({ name }, breakerStates[state])),
    facts.on('notification:attempted', ({ channel, latencyMs, result }) => {
      notifications.inc({ channel, result });
      if (result === 'sent' || result === 'delivered')
        notificationLatency.observe({ channel }, Math.max(0, latencyMs) / 1_000);
    }),
    facts.on('mqtt:client_connected', () => mqttClients.inc({ result: 'connected' })),
    facts.on('mqtt:client_refused', () => mqttClients.inc({ result: 'refused' })),
  ];

  return {
    watch(shown) {
      view = shown;
      for (const channel of shown.channels)
        for (const result of notificationResults) notifications.inc({ channel, result }, 0);
    },
    close() {
      for (const stop of unsubscribe) stop();
    },
  };
}

const laneOf = (shard: string): Lane => (shard.startsWith('critical-') ? 'critical' : 'bulk');
