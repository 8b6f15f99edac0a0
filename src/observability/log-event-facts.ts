/**
 * Log records of sensor events, alerts and notifications. What can come thousands of times a second (a flood of bad
 * payloads, of unknown topics) is told once in a while with its count, so that it cannot fill the disk.
 */
import type { FactSource } from '../facts.ts';
import type { Logger } from './logger.ts';

/** Within so long, the same thing is counted and not told again. */
const repeatAfterMs = 60_000;
/** Strangers choose topics and sensor ids; what is remembered of them is bounded. */
const maxRemembered = 1_000;

interface Occurrences {
  toldAtMs: number;
  since: number;
}

/** Subscribes; returns the function that unsubscribes. `monotonicMs`: for tests. */
export function logEventFacts(
  facts: FactSource,
  logger: Logger,
  monotonicMs: () => number = () => performance.now(),
): () => void {
  const told = new Map<string, Occurrences>();
  /** Breakers that have opened and not closed since. */
  const open = new Set<string>();
  /** How many times it happened since it was last told, this time included; 0: do not tell now. */
  const countToTell = (key: string, times: number): number => {
    const nowMs = monotonicMs();
    const known = told.get(key);
    if (known !== undefined && nowMs - known.toldAtMs < repeatAfterMs) {
      known.since += times;
      return 0;
    }
    if (told.size >= maxRemembered) told.clear();
    told.set(key, { toldAtMs: nowMs, since: 0 });
    return (known?.since ?? 0) + times;
  };

  const subscriptions = [
    facts.on('events:dropped', ({ events, reason, topic }) => {
      const count = countToTell(`dropped|${reason}`, events);
      if (count > 0) logger.warn({ reason, topic, events: count }, 'events dropped');
    }),
    facts.on('events:dead_lettered', ({ detail, lane, reason, sensorId }) => {
      const count = countToTell(`dead|${reason}|${sensorId ?? ''}`, 1);
      if (count > 0) logger.warn({ sensor: sensorId, lane, reason, events: count }, `dead letter: ${detail}`);
    }),
    facts.on('stream:unavailable', ({ code, detail }) =>
      logger.error({ code }, `events cannot be made durable and are not acknowledged: ${detail}`),
    ),
    facts.on('stream:available', ({ afterMs }) =>
      logger.info({ after_ms: Math.round(afterMs) }, 'events can be made durable again'),
    ),
    facts.on('shard:taken', ({ epoch, shard, worker }) =>
      logger.debug({ shard, worker, epoch }, 'worker took a shard'),
    ),
    facts.on('shard:lost', ({ reason, shard, worker }) =>
      logger[reason === 'the hub is stopping' ? 'debug' : 'warn'](
        { shard, worker, reason },
        'worker lost a shard',
      ),
    ),
    facts.on('circuit_breaker:changed', ({ detail, name, state }) => {
      // Every attempt that fails opens it again: until it closes, that is nothing new.
      const isNews = state === 'closed' ? open.delete(name) : state === 'open' && !open.has(name);
      if (state === 'open') open.add(name);
      const level = !isNews ? 'debug' : state === 'open' ? 'error' : 'info';
      logger[level](
        { breaker: name, state, ...(detail === null ? {} : { error: detail }) },
        state === 'open' ? 'circuit breaker opened' : 'circuit breaker changed',
      );
    }),
    facts.on('mqtt:client_connected', ({ clientId, remoteAddress }) =>
      logger.debug({ mqtt_client: clientId, remote_address: remoteAddress }, 'MQTT client connected'),
    ),
    facts.on('mqtt:client_disconnected', ({ clientId, reason }) =>
      logger.debug({ mqtt_client: clientId, reason }, 'MQTT client disconnected'),
    ),
    facts.on('mqtt:client_refused', ({ clientId, reason }) => {
      const count = countToTell(`refused|${reason}`, 1);
      if (count > 0) logger.warn({ mqtt_client: clientId, reason, clients: count }, 'MQTT client refused');
    }),
    facts.on('alert:changed', ({ alert, notificationsOnly }) => {
      if (notificationsOnly === true) return;
      const step = alert.steps.at(-1);
      const level = alert.state === 'firing' && alert.severity === 'critical' ? 'warn' : 'info';
      logger[level](
        {
          alert_id: alert.id,
          rule: alert.rule,
          severity: alert.severity,
          state: alert.state,
          [alert.subjectKind]: alert.subject,
          ...(step === undefined ? {} : { step: step.kind, by: step.by }),
          ...(alert.drill ? { drill: true } : {}),
        },
        `alert: ${alert.summary}`,
      );
    }),
    facts.on('alert_rules:loaded', ({ path, problems, rules }) => {
      logger.info({ path, rules, problems: problems.length }, 'alert rules loaded');
      for (const problem of problems) logger.error({ path }, `alert rules: ${problem}`);
    }),
    facts.on('notification:attempted', ({ alertId, channel, error, latencyMs, result }) => {
      const failed = result === 'failed' || result === 'rejected' || result === 'expired';
      logger[failed ? 'warn' : 'info'](
        {
          alert_id: alertId,
          channel,
          result,
          latency_ms: Math.round(latencyMs),
          ...(error === null ? {} : { error }),
        },
        failed ? 'notification not delivered' : 'notification handed over',
      );
    }),
  ];
  return () => {
    for (const unsubscribe of subscriptions) unsubscribe();
  };
}
