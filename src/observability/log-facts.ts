/**
 * Turns domain facts into log records. Levels say who is meant: `warn` is for an operator who can do something about
 * it, `info` tells the story of the day, `debug` is for somebody who looks into one border router or node.
 *
 * What a border router does wrong again and again is a warning once per connection and `debug` after that: a bad firmware
 * release must not fill the disk.
 */
import type { FactSource, LinkEnd } from '../facts.ts';
import { logEventFacts } from './log-event-facts.ts';
import type { Logger } from './logger.ts';

/** Ends that somebody asked for. */
const ordinaryEnds: readonly LinkEnd[] = ['closed_by_peer', 'replaced', 'hub_stopping'];

/** Strangers can send any name; what is remembered of them is bounded. */
const maxRemembered = 10_000;

/** Subscribes; returns the function that unsubscribes. */
export function logFacts(facts: FactSource, logger: Logger): () => void {
  const protocolErrors = new Set<string>();
  const refusals = new Set<string>();
  const isFirst = (seen: Set<string>, key: string): boolean => {
    if (seen.has(key)) return false;
    if (seen.size >= maxRemembered) seen.clear();
    seen.add(key);
    return true;
  };

  const subscriptions = [
    facts.on('border_router:connected', ({ id }) => {
      forget(protocolErrors, id);
      forget(refusals, id);
      logger.info({ border_router: id }, 'border router connected');
    }),
    facts.on('border_router:disconnected', ({ id, reason, replaced }) => {
      const level = replaced || ordinaryEnds.includes(reason) ? 'info' : 'warn';
      logger[level](
        { border_router: id, reason },
        replaced ? 'border router replaced by its new connection' : 'border router disconnected',
      );
    }),
    facts.on('border_router:refused', ({ status, code, borderRouterId, remoteAddress }) => {
      const level = isFirst(refusals, `${borderRouterId ?? ''}|${code}`) ? 'warn' : 'debug';
      logger[level](
        { border_router: borderRouterId, status, code, remote_address: remoteAddress },
        'border router refused',
      );
    }),
    facts.on('border_router:heartbeat', ({ id, heartbeat }) =>
      logger.debug(
        {
          border_router: id,
          uptime: heartbeat.uptime,
          status: heartbeat.status,
          nodes_count: heartbeat.nodesCount,
          queue_size: heartbeat.queueSize,
        },
        'heartbeat',
      ),
    ),
    facts.on('border_router:flapping', ({ id, replacements }) =>
      logger.warn(
        { border_router: id, replacements },
        'border router is replaced again and again; two devices may have the same id',
      ),
    ),
    facts.on('border_router:protocol_error', ({ id, kind, detail }) => {
      const key = `${id}|${kind}${kind === 'unknown_type' ? `|${detail}` : ''}`;
      const level = isFirst(protocolErrors, key) ? 'warn' : 'debug';
      logger[level]({ border_router: id, kind, detail }, 'border router broke the protocol');
    }),
    facts.on('border_router:nodes_seen', ({ id, nodes }) =>
      logger.debug({ border_router: id, nodes: nodes.length }, 'border router reported its nodes'),
    ),
    facts.on('scan:started', ({ scan }) =>
      logger.info(
        {
          scan_id: scan.id,
          trigger: scan.trigger,
          nodes: scan.expected,
          border_routers: scan.borderRouters.length,
        },
        'scan started',
      ),
    ),
    facts.on('scan:node_decided', ({ scanId, node }) =>
      logger[node.outcome === 'answered' ? 'debug' : 'info'](
        {
          scan_id: scanId,
          node: node.name,
          border_router: node.brId,
          outcome: node.outcome,
          late: node.late,
          duration_ms: node.durationMs,
          ...(node.error === null ? {} : { error: node.error }),
        },
        'node decided',
      ),
    ),
    facts.on('scan:finished', ({ scan }) => {
      const level = scan.state === 'partial' || scan.state === 'failed' ? 'warn' : 'info';
      logger[level](
        {
          scan_id: scan.id,
          state: scan.state,
          duration_ms: scan.durationMs,
          ...Object.fromEntries(Object.entries(scan.outcomes).filter(([, nodes]) => nodes > 0)),
          ...(scan.notes.length === 0 ? {} : { notes: scan.notes }),
        },
        'scan finished',
      );
    }),
    facts.on('nodes:changed', ({ count }) => logger.debug({ nodes: count }, 'nodes to scan changed')),
    facts.on('nodes:file_loaded', ({ path, accepted, problems }) => {
      logger.info({ path, nodes: accepted, problems: problems.length }, 'node file loaded');
      for (const problem of problems) logger.warn({ path }, `node file: ${problem}`);
    }),
  ];
  const stopEvents = logEventFacts(facts, logger);
  return () => {
    for (const unsubscribe of subscriptions) unsubscribe();
    stopEvents();
  };
}

/** Border-router ids hold no `|`. */
function forget(seen: Set<string>, id: string): void {
  for (const key of seen) if (key.startsWith(`${id}|`)) seen.delete(key);
}
