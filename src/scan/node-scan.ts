/**
 * One node's part in a scan, as a state machine. Pure: `nextNodeScan` maps a state and an event to the next state and
 * returns the same object where the event changes nothing, so that repeated and late messages are harmless.
 *
 *   waiting     in the queue of a border router; its deadline runs only once it was dispatched (or tried to be)
 *   in_flight   a command is out
 *   pausing     its border router asked to be tried again later
 *   decided     has its outcome; only a late answer changes that, and only where it had timed out
 *
 * waiting → in_flight by `dispatched`; in_flight → pausing by `told_to_wait`; in_flight, pausing → waiting by `requeued`;
 * any undecided state → decided by `answered`, `failed`, `expired` or `ended`; decided `timed_out` → decided `answered`
 * (late) by `answered`.
 */
import type { BorderRouterId, RequestId } from '../protocol/ids.ts';
import type { NetworkInfo } from '../protocol/network-info.ts';
import type { Outcome } from '../protocol/outcome.ts';

/** Times are monotonic milliseconds. */
interface Progress {
  /** The border router it waits for, was asked through, or is asked through. Null: none serves it. */
  readonly borderRouterId: BorderRouterId | null;
  /** Commands sent. */
  readonly attempts: number;
  /** When it was first dispatched, or first found its outbox full; null before. */
  readonly startedMs: number | null;
  /** `startedMs` and the node timeout; null before. */
  readonly deadlineMs: number | null;
}

export type NodeScan =
  | (Progress & { readonly phase: 'waiting' })
  | (Progress & { readonly phase: 'in_flight'; readonly requestId: RequestId })
  | (Progress & { readonly phase: 'pausing'; readonly untilMs: number })
  | (Progress & {
      readonly phase: 'decided';
      readonly outcome: Outcome;
      readonly decidedMs: number;
      readonly late: boolean;
      readonly error: string | null;
      readonly networkInfo: NetworkInfo | null;
    });

export type DecidedNodeScan = Extract<NodeScan, { phase: 'decided' }>;

export type NodeScanEvent =
  | {
      readonly type: 'dispatched';
      readonly requestId: RequestId;
      readonly borderRouterId: BorderRouterId;
      readonly atMs: number;
      readonly nodeTimeoutMs: number;
    }
  /** Its turn had come, but the border router's outbox was full: the deadline runs. */
  | { readonly type: 'blocked'; readonly atMs: number; readonly nodeTimeoutMs: number }
  | { readonly type: 'told_to_wait'; readonly requestId: RequestId; readonly untilMs: number }
  /** Back to a queue: the same border router's or another's. */
  | { readonly type: 'requeued'; readonly borderRouterId: BorderRouterId }
  | { readonly type: 'answered'; readonly networkInfo: NetworkInfo; readonly atMs: number }
  /** The failure of one command; of an older one it means nothing. */
  | {
      readonly type: 'failed';
      readonly requestId: RequestId;
      readonly outcome: Outcome;
      readonly error: string;
      readonly atMs: number;
    }
  /** Decided from this side: no border router, deadline, hard stop, cancellation. */
  | { readonly type: 'ended'; readonly outcome: Outcome; readonly error: string; readonly atMs: number };

export function waitingFor(borderRouterId: BorderRouterId | null): NodeScan {
  return { phase: 'waiting', borderRouterId, attempts: 0, startedMs: null, deadlineMs: null };
}

export function nextNodeScan(state: NodeScan, event: NodeScanEvent): NodeScan {
  if (state.phase === 'decided') {
    return event.type === 'answered' && state.outcome === 'timed_out'
      ? decided(state, {
          outcome: 'answered',
          atMs: event.atMs,
          late: true,
          error: null,
          networkInfo: event.networkInfo,
        })
      : state;
  }
  switch (event.type) {
    case 'dispatched':
      if (state.phase !== 'waiting') return state;
      return {
        phase: 'in_flight',
        requestId: event.requestId,
        borderRouterId: event.borderRouterId,
        attempts: state.attempts + 1,
        startedMs: state.startedMs ?? event.atMs,
        deadlineMs: state.deadlineMs ?? event.atMs + event.nodeTimeoutMs,
      };
    case 'blocked':
      return state.phase === 'waiting'
        ? {
            ...state,
            startedMs: state.startedMs ?? event.atMs,
            deadlineMs: state.deadlineMs ?? event.atMs + event.nodeTimeoutMs,
          }
        : state;
    case 'told_to_wait':
      if (state.phase !== 'in_flight' || state.requestId !== event.requestId) return state;
      return { ...progressOf(state), phase: 'pausing', untilMs: event.untilMs };
    case 'requeued':
      return { ...progressOf(state), phase: 'waiting', borderRouterId: event.borderRouterId };
    case 'answered':
      return decided(state, {
        outcome: 'answered',
        atMs: event.atMs,
        late: false,
        error: null,
        networkInfo: event.networkInfo,
      });
    case 'failed':
      if (state.phase !== 'in_flight' || state.requestId !== event.requestId) return state;
      return decided(state, { ...event, late: false, networkInfo: null });
    case 'ended':
      return decided(state, { ...event, late: false, networkInfo: null });
  }
}

function progressOf(state: Progress): Progress {
  const { attempts, borderRouterId, deadlineMs, startedMs } = state;
  return { attempts, borderRouterId, deadlineMs, startedMs };
}

function decided(
  state: Progress,
  decision: {
    readonly outcome: Outcome;
    readonly atMs: number;
    readonly late: boolean;
    readonly error: string | null;
    readonly networkInfo: NetworkInfo | null;
  },
): DecidedNodeScan {
  const { atMs, error, late, networkInfo, outcome } = decision;
  const { attempts, borderRouterId, deadlineMs, startedMs } = state;
  return {
    phase: 'decided',
    borderRouterId,
    attempts,
    startedMs,
    deadlineMs,
    outcome,
    decidedMs: atMs,
    late,
    error,
    networkInfo,
  };
}
