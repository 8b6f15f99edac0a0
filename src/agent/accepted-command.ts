/** A hub's command inside the agent, from receipt to its one answer, and the messages that answer it. */
import type {
  BorderRouterMessage,
  CoapResponseMessage,
  FailureCode,
  HubCommand,
  NodeSeenMessage,
  ScanNodeFailure,
  ScanNodeSuccess,
} from '../protocol/border-router-messages.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';
import type { DiscoverAnswer, ScanNodeAnswer, SendCoapAnswer, SourceFailure } from './node-source.ts';

export interface AcceptedCommand {
  readonly command: HubCommand;
  /** Monotonic. */
  readonly receivedMs: number;
  /** From receipt; after it nothing is sent. */
  readonly deadlineMs: number;
  /** Canonical; null for a command that has no target. */
  readonly target: Ipv6Address | null;
  /** Commands with the same key share one exchange; null: never shared, because asking twice is not asking once. */
  readonly shareKey: string | null;
  cancelTimer: () => void;
}

export type SourceAnswer =
  | { readonly command: 'scan_node'; readonly answer: Success<ScanNodeAnswer> }
  | { readonly command: 'send_coap'; readonly answer: Success<SendCoapAnswer> }
  | { readonly command: 'discover'; readonly answer: Success<DiscoverAnswer> }
  | { readonly command: 'failed'; readonly answer: SourceFailure };
type Success<Answer> = Extract<Answer, { ok: true }>;

export interface CommandFailure {
  readonly code: FailureCode;
  /** A sentence. */
  readonly reason: string;
  readonly retryAfterMs?: number;
}

/** The answer to one command; a failure where the source's answer is one. */
export function toMessage(command: HubCommand, result: SourceAnswer): BorderRouterMessage {
  const { requestId } = command;
  switch (result.command) {
    case 'failed':
      return failureMessage(command, result.answer);
    case 'scan_node': {
      const scan = command.command === 'scan_node' ? command : null;
      return {
        type: 'scan_node_result',
        success: true,
        requestId,
        nodeName: scan?.nodeName ?? null,
        targetIpv6: scan?.targetIpv6 ?? null,
        networkInfo: result.answer.networkInfo,
      } satisfies ScanNodeSuccess;
    }
    case 'send_coap': {
      const { code, contentFormat, payload } = result.answer;
      // An error response is an answer, yet no success: the caller sees the code and a sentence.
      const success = code.startsWith('2.');
      return {
        type: 'coap_response',
        requestId,
        success,
        code,
        contentFormat,
        payload,
        error: success ? null : `the node answered ${code}`,
        errorCode: success ? null : 'refused',
      } satisfies CoapResponseMessage;
    }
    case 'discover': {
      const { network, nodes } = result.answer;
      return { type: 'node_seen', requestId, network, nodes } satisfies NodeSeenMessage;
    }
  }
}

/** Every command has a failure that frees its request at the hub; for `discover` it is an empty list that says why. */
export function failureMessage(command: HubCommand, failure: CommandFailure): BorderRouterMessage {
  const { requestId } = command;
  switch (command.command) {
    case 'scan_node':
      return {
        type: 'scan_node_result',
        success: false,
        requestId,
        nodeName: command.nodeName,
        targetIpv6: command.targetIpv6,
        error: failure.reason,
        errorCode: failure.code,
        retryAfterMs: failure.retryAfterMs ?? null,
      } satisfies ScanNodeFailure;
    case 'send_coap':
      return {
        type: 'coap_response',
        requestId,
        success: false,
        code: null,
        contentFormat: null,
        payload: null,
        error: failure.reason,
        errorCode: failure.code,
      } satisfies CoapResponseMessage;
    case 'discover':
      return {
        type: 'node_seen',
        requestId,
        network: { error: failure.reason, error_code: failure.code },
        nodes: [],
      } satisfies NodeSeenMessage;
  }
}
