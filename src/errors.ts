/**
 * What boundaries throw. What is ordinary in a mesh (a silent node) is an outcome, never an exception; our own bugs are
 * assertions. Each class has a closed union of codes; `docs/errors.md` lists every one, and a test holds the two together.
 * HTTP and WebSocket codes are mapped in `server/` only.
 */

/** Base of every error that Threadhub throws on purpose: what happened, the value seen, what to do. */
export abstract class ThreadhubError<Code extends string = string> extends Error {
  readonly code: Code;
  constructor(code: Code, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

export const configErrorCodes = ['config_invalid', 'config_unreadable'] as const;
/** The configuration cannot be used; `problems` has one line each, all of them. */
export class ConfigError extends ThreadhubError<(typeof configErrorCodes)[number]> {
  readonly problems: readonly string[];
  constructor(
    code: (typeof configErrorCodes)[number],
    message: string,
    problems: readonly string[],
    cause?: unknown,
  ) {
    super(code, message, { cause });
    this.problems = problems;
  }
}

export const startErrorCodes = [
  'port_in_use',
  'port_forbidden',
  'data_dir_not_writable',
  'data_dir_in_use',
  'listen_failed',
] as const;
/** The hub cannot start. */
export class StartError extends ThreadhubError<(typeof startErrorCodes)[number]> {}

export const scanErrorCodes = [
  'nothing_to_scan',
  'scan_not_found',
  'scan_already_finished',
  'hub_stopping',
] as const;
export class ScanError extends ThreadhubError<(typeof scanErrorCodes)[number]> {}

export const nodeErrorCodes = [
  'node_invalid',
  'node_limit_exceeded',
  'node_not_found',
  'node_conflict',
  'node_read_only',
] as const;
/** A node cannot be registered or changed. */
export class NodeError extends ThreadhubError<(typeof nodeErrorCodes)[number]> {}

export const linkErrorCodes = [
  'border_router_not_found',
  'border_router_offline',
  'border_router_lost',
  'command_too_large',
  'command_timed_out',
  'outbox_full',
] as const;
/** A command to a border router could not be sent or was not answered. */
export class LinkError extends ThreadhubError<(typeof linkErrorCodes)[number]> {}

export const storeErrorCodes = [
  'store_failed',
  'store_full',
  'store_locked',
  'store_closed',
  'store_corrupt',
  'store_fenced',
  'store_rejected',
] as const;
export class StoreError extends ThreadhubError<(typeof storeErrorCodes)[number]> {}

export const coapErrorCodes = [
  'timed_out',
  'reset',
  'malformed',
  'too_large',
  'no_buffers',
  'unreachable',
  'cancelled',
  'closed',
] as const;
/** A CoAP exchange that ended without a response. */
export class CoapError extends ThreadhubError<(typeof coapErrorCodes)[number]> {}

export const bundleErrorCodes = ['bundle_invalid', 'bundle_unsupported'] as const;
/** An exported scan cannot be read back. */
export class BundleError extends ThreadhubError<(typeof bundleErrorCodes)[number]> {}

export const tokenErrorCodes = ['token_not_found', 'token_conflict'] as const;
export class TokenError extends ThreadhubError<(typeof tokenErrorCodes)[number]> {}

export const simulationErrorCodes = ['options_invalid', 'nodes_not_registered'] as const;
/** A simulation cannot be built, or its hub does not take its nodes. */
export class SimulationError extends ThreadhubError<(typeof simulationErrorCodes)[number]> {}

export const commandErrorCodes = [
  'option_invalid',
  'hub_unreachable',
  'hub_unexpected',
  'request_refused',
  'file_unreadable',
  'file_invalid',
  'file_unwritable',
] as const;
/** A command of the CLI cannot do what was asked. */
export class CommandError extends ThreadhubError<(typeof commandErrorCodes)[number]> {}

export const streamErrorCodes = ['stream_full', 'stream_unavailable', 'stream_closed'] as const;
/** Events could not be made durable; nothing of them may be acknowledged. */
export class StreamError extends ThreadhubError<(typeof streamErrorCodes)[number]> {}

export const eventErrorCodes = [
  'event_invalid',
  'sensor_not_found',
  'dead_letter_not_found',
  'dead_letter_not_replayable',
  'cursor_invalid',
] as const;
/** What was asked of the sensor events cannot be done. */
export class EventError extends ThreadhubError<(typeof eventErrorCodes)[number]> {}

export const alertErrorCodes = [
  'alert_not_found',
  'alert_not_active',
  'alert_rule_not_found',
  'alert_rules_invalid',
  'alert_rules_read_only',
  'silence_not_found',
  'channel_not_found',
  'shard_unavailable',
  'notification_not_found',
  'subscription_invalid',
  'subscription_limit_exceeded',
  'subscription_not_found',
] as const;
export class AlertError extends ThreadhubError<(typeof alertErrorCodes)[number]> {}

export const channelErrorCodes = ['channel_failed', 'channel_rejected', 'channel_misconfigured'] as const;
/** A notification channel did not take a message: `channel_failed` may work later, the others will not. */
export class ChannelError extends ThreadhubError<(typeof channelErrorCodes)[number]> {
  /** For how long the receiver asks to be left alone, milliseconds; null where it did not say. */
  readonly retryAfterMs: number | null;
  constructor(
    code: (typeof channelErrorCodes)[number],
    message: string,
    { cause, retryAfterMs = null }: { cause?: unknown; retryAfterMs?: number | null } = {},
  ) {
    super(code, message, { cause });
    this.retryAfterMs = retryAfterMs;
  }
}
