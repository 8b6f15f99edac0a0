/** What happens to border routers that run in this process, as lines of the log: each state once, when it changes. */
import type { AgentFact } from '../agent/agent-options.ts';
import type { StockBorderRouterFact } from '../agent/stock-border-router.ts';
import type { Logger } from '../observability/logger.ts';
import { printable } from '../printable.ts';
import type { CollectionReport } from '../protocol/border-router-messages.ts';
import { withFullStop } from './hub-client.ts';

export function logAgentFact(logger: Logger, hub: string, fact: AgentFact): void {
  switch (fact.kind) {
    case 'connected':
      return logger.info({ hub, encoding: fact.encoding }, 'connected');
    case 'disconnected':
      return logger.warn({ code: fact.code, reason: fact.reason, abandoned: fact.abandoned }, 'disconnected');
    case 'refused':
      return logger.error(
        { hub, status: fact.status },
        `the hub refused: ${withFullStop(refusalText(fact.body))}`,
      );
    case 'connect_failed':
      return logger.warn({ hub }, `no connection: ${fact.reason}`);
    case 'replaced':
      return logger.error('another border router has this id; give each its own with --id');
    case 'reconnecting':
      return logger.debug({ delay_ms: fact.delayMs }, 'connecting again soon');
    case 'command_malformed':
      return logger.warn({ reason: fact.reason }, 'the hub sent something unreadable');
    case 'command_unknown':
      return logger.warn({ command: fact.command }, 'the hub sent a command that this version does not know');
    case 'command_answered':
      return logger.debug(
        {
          command: fact.command,
          request_id: fact.requestId,
          failure: fact.failure,
          duration_ms: fact.durationMs,
        },
        'command answered',
      );
    case 'command_failed':
      return logger.error({ request_id: fact.requestId, err: fact.error }, 'a bug: a command failed');
  }
}

/** The hub refuses with problem details; a proxy in between may say anything. */
function refusalText(body: string): string {
  try {
    const problem = JSON.parse(body) as { detail?: unknown } | null;
    if (typeof problem?.detail === 'string') return problem.detail;
  } catch {
    // Not ours.
  }
  return body.slice(0, 200);
}

/** Returns the function that logs what happens to one border router; the level falls to debug where nothing has changed. */
export function stockBorderRouterLog(logger: Logger, hub: string): (fact: StockBorderRouterFact) => void {
  let lastOutcome: string | null = null;
  return (fact) => {
    switch (fact.kind) {
      case 'waiting':
        return logger.warn(
          { code: fact.failure.code },
          `the border router cannot be read: ${withFullStop(printable(fact.failure.reason))} It is tried again.`,
        );
      case 'found': {
        const { extAddress, extPanId, networkName, role } = fact.state;
        return logger.info(
          { ext_addr: extAddress, role, network: networkName, ext_pan_id: extPanId },
          'found the border router',
        );
      }
      case 'connecting':
        return logger.info({ id: fact.id, hub, network_prefix: fact.networkPrefix }, 'connecting to the hub');
      case 'collected': {
        const outcome = outcomeOf(fact.report);
        const changed = outcome !== lastOutcome;
        lastOutcome = outcome;
        const level = !changed ? 'debug' : fact.report.complete ? 'info' : 'warn';
        return logger[level](collectionFields(fact.report), collectionSentence(fact.report));
      }
      case 'agent':
        return logAgentFact(logger, hub, fact.fact);
    }
  };
}

/** What makes a reading worth a line: not how long it took. */
function outcomeOf(report: CollectionReport): string {
  const { answeredRouters, complete, devices, expectedRouters, problemCode } = report;
  return JSON.stringify([complete, problemCode, devices, expectedRouters, answeredRouters]);
}

function collectionFields(report: CollectionReport) {
  return {
    source: report.source,
    dialect: report.dialect,
    routers: report.answeredRouters,
    expected_routers: report.expectedRouters,
    devices: report.devices,
    radio_requests: report.radioRequests,
    radio_budget: report.radioBudget,
    duration_ms: report.durationMs === null ? null : Math.round(report.durationMs),
    complete: report.complete,
    code: report.problemCode,
  };
}

function collectionSentence(report: CollectionReport): string {
  if (report.complete) return 'the mesh was read';
  const reason = report.problem === null ? 'not every router answered' : printable(report.problem);
  const extent = report.devices === 0 ? '' : ' completely';
  return `the mesh was not read${extent}: ${withFullStop(reason)}`;
}
