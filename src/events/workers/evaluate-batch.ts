/**
 * Asks the alert rules about a batch. Where they fail, it makes a difference whether this batch makes them fail, which is
 * the caller's to narrow down, or whether they fail whatever they are asked: then events are stored all the same.
 */
import { type AlertChanges, noAlertChanges, type ShardAlerts } from '../alerts/alert-evaluator.ts';
import type { PreparedBatch } from './prepare-batch.ts';

export interface Evaluation {
  readonly changes: AlertChanges;
  /** What the rules throw whatever they are asked; null where they work. */
  readonly engineFault: unknown;
}

/** Throws what the rules throw because of this batch. */
export function evaluateBatch(
  alerts: ShardAlerts,
  { evaluated: events, facts }: Pick<PreparedBatch, 'evaluated' | 'facts'>,
  nowMs: number,
  drainedThroughMs: number,
): Evaluation {
  try {
    return { changes: alerts.evaluate({ events, facts, nowMs, drainedThroughMs }), engineFault: null };
  } catch (error) {
    if (!failsAnyway(alerts, nowMs, drainedThroughMs)) throw error;
    return { changes: noAlertChanges, engineFault: error };
  }
}

function failsAnyway(alerts: ShardAlerts, nowMs: number, drainedThroughMs: number): boolean {
  try {
    // Evaluation changes nothing by itself.
    alerts.evaluate({ events: [], facts: [], nowMs, drainedThroughMs });
    return false;
  } catch {
    return true;
  }
}
