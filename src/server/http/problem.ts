/**
 * What goes wrong, as HTTP tells it: RFC 9457 problem details with a stable `code`. The table below is the only place
 * where codes become HTTP statuses.
 */
import { z } from 'zod';
import type {
  alertErrorCodes,
  bundleErrorCodes,
  eventErrorCodes,
  linkErrorCodes,
  nodeErrorCodes,
  scanErrorCodes,
  storeErrorCodes,
  streamErrorCodes,
  tokenErrorCodes,
} from '../../errors.ts';

/** Codes that only the edge itself gives. */
export const edgeErrorCodes = [
  'invalid_request',
  'malformed_json',
  'malformed_http',
  'host_not_allowed',
  'cross_origin_refused',
  'setup_required',
  'token_missing',
  'token_invalid',
  'route_not_found',
  'topology_not_found',
  'method_not_allowed',
  'body_too_large',
  'unsupported_media_type',
  'upgrade_required',
  'rate_limited',
  'node_timed_out',
  'node_refused',
  'node_malformed',
  'border_router_busy',
  'discovery_off',
  'discovery_failed',
  'not_ready',
  'internal_error',
] as const;
export type EdgeErrorCode = (typeof edgeErrorCodes)[number];

export type ProblemCode =
  | EdgeErrorCode
  | (typeof scanErrorCodes)[number]
  | (typeof nodeErrorCodes)[number]
  | (typeof linkErrorCodes)[number]
  | (typeof storeErrorCodes)[number]
  | (typeof bundleErrorCodes)[number]
  | (typeof tokenErrorCodes)[number]
  | (typeof streamErrorCodes)[number]
  | (typeof eventErrorCodes)[number]
  | (typeof alertErrorCodes)[number];

/** HTTP status of every code that a request can end with. */
export const problemStatuses: Readonly<Record<ProblemCode, number>> = {
  // the request itself
  invalid_request: 400,
  malformed_json: 400,
  malformed_http: 400,
  token_missing: 401,
  token_invalid: 401,
  host_not_allowed: 403,
  cross_origin_refused: 403,
  setup_required: 403,
  route_not_found: 404,
  topology_not_found: 404,
  method_not_allowed: 405,
  body_too_large: 413,
  unsupported_media_type: 415,
  upgrade_required: 426,
  rate_limited: 429,
  // scans
  nothing_to_scan: 409,
  scan_not_found: 404,
  scan_already_finished: 409,
  hub_stopping: 503,
  bundle_invalid: 400,
  bundle_unsupported: 400,
  // nodes
  node_invalid: 400,
  node_limit_exceeded: 400,
  node_not_found: 404,
  node_conflict: 409,
  node_read_only: 409,
  // border routers, and nodes behind them
  border_router_not_found: 404,
  border_router_offline: 503,
  border_router_busy: 503,
  border_router_lost: 502,
  command_too_large: 413,
  command_timed_out: 504,
  outbox_full: 503,
  node_timed_out: 504,
  node_refused: 502,
  node_malformed: 502,
  discovery_off: 409,
  discovery_failed: 503,
  token_not_found: 404,
  token_conflict: 409,
  // the hub
  not_ready: 503,
  store_failed: 503,
  store_full: 507,
  store_locked: 503,
  store_closed: 503,
  store_corrupt: 500,
  store_fenced: 503,
  store_rejected: 422,
  // sensor events
  stream_full: 503,
  stream_unavailable: 503,
  stream_closed: 503,
  event_invalid: 400,
  sensor_not_found: 404,
  dead_letter_not_found: 404,
  dead_letter_not_replayable: 409,
  cursor_invalid: 400,
  // alerts
  alert_not_found: 404,
  alert_not_active: 409,
  alert_rule_not_found: 404,
  alert_rules_invalid: 400,
  alert_rules_read_only: 409,
  silence_not_found: 404,
  channel_not_found: 404,
  shard_unavailable: 503,
  notification_not_found: 404,
  subscription_invalid: 400,
  subscription_limit_exceeded: 409,
  subscription_not_found: 404,
  internal_error: 500,
};

export const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(problemStatuses, code);

export const problemContentType = 'application/problem+json';

export const problemSchema = z
  .object({
    type: z.string().describe('URN of the code'),
    title: z.string().describe('The code in words'),
    status: z.number().int(),
    detail: z.string().describe('What happened, the value seen, what to do'),
    instance: z.string().describe('Path of the request'),
    code: z.string().describe('Stable; for programs'),
    request_id: z.string().optional().describe('The same as in the log'),
    errors: z
      .array(
        z.object({
          in: z.enum(['path', 'query', 'body', 'headers']),
          parameter: z.string().describe('Dotted path of the value; empty for the whole'),
          message: z.string(),
        }),
      )
      .optional()
      .describe('Every value that is wrong, where the request is'),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details' });
export type Problem = z.infer<typeof problemSchema>;
export type ProblemItem = NonNullable<Problem['errors']>[number];

/** A request that the edge itself turns down. */
export class EdgeError extends Error {
  readonly code: EdgeErrorCode;
  readonly items: readonly ProblemItem[] | null;
  constructor(code: EdgeErrorCode, detail: string, items: readonly ProblemItem[] | null = null) {
    super(detail);
    this.name = 'EdgeError';
    this.code = code;
    this.items = items;
  }
}

export interface ProblemContext {
  /** Path, with or without query: the query may hold a secret and is cut off. */
  readonly url: string;
  readonly requestId?: string;
  readonly items?: readonly ProblemItem[] | null;
}

export function makeProblem(code: ProblemCode, detail: string, context: ProblemContext): Problem {
  const words = code.replaceAll('_', ' ');
  return {
    type: `urn:threadhub:problem:${code}`,
    title: words.charAt(0).toUpperCase() + words.slice(1),
    status: problemStatuses[code],
    detail,
    instance: context.url.split('?', 1)[0] ?? '',
    code,
    ...(context.requestId === undefined ? {} : { request_id: context.requestId }),
    ...(context.items == null ? {} : { errors: [...context.items] }),
  };
}
