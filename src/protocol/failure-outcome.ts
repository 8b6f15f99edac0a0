/** How a border router's failure report reads as an outcome. */
import type { ScanNodeFailure } from './border-router-messages.ts';
import type { Outcome } from './outcome.ts';

export type FailureOutcome = Extract<Outcome, 'timed_out' | 'refused' | 'malformed'>;

/**
 * `error_code` decides where it is there. Without it, the text does: exhausted retries or a timeout → `timed_out`;
 * an undecodable answer → `malformed`; reset, 4.xx, 5.xx or a failure to send → `refused`.
 */
export function failureOutcome(failure: Pick<ScanNodeFailure, 'error' | 'errorCode'>): FailureOutcome {
  switch (failure.errorCode) {
    case 'timed_out':
    case 'malformed':
    case 'refused':
      return failure.errorCode;
    case 'rate_limited':
    case 'backlog_full':
      return 'refused';
    case null:
      break;
  }
  const text = failure.error.toLowerCase();
  if (/time[d]?[\s_-]*out|retr(y|ies|ansmi\w+)\b.*(exhaust|exceed|fail)|no (response|answer|ack)/.test(text))
    return 'timed_out';
  if (/malformed|undecodable|decod|parse|invalid (json|cbor|payload)|not json/.test(text)) return 'malformed';
  return 'refused';
}
