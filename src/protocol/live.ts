/**
 * The live feed on `/ws/live`: newline-delimited JSON, several messages to a text frame. Times are Unix ms. The frames that
 * the hub sends on a connection are numbered from 1 in the order they are sent; a client acknowledges by that number.
 */
import { z } from 'zod';
import type { AlertWire } from './alert.ts';
import type { BorderRouterWire } from './border-router.ts';
import type { ScanNodeWire, ScanSummaryWire } from './scan.ts';
import type { LiveSensorEvent } from './sensor-event.ts';

/** A larger frame of a client closes its connection with 1009. */
export const maxLiveRequestBytes = 65_536;

export const livePath = '/ws/live';

export const liveTopics = ['events', 'alerts', 'topology', 'scans', 'border_routers'] as const;
export type LiveTopic = (typeof liveTopics)[number];

/**
 * `ordered`: every message, in order. `latest`: where the client is slow, the newest event of a sensor replaces older ones of
 * the same types, and the newest state of a border router, a scan or the topology its older ones. A message that replaced
 * an older one has that one's position, so that resuming from any position that was received misses nothing.
 */
export const liveModes = ['ordered', 'latest'] as const;
export type LiveMode = (typeof liveModes)[number];

/** A message of the feed before its position is put in. */
export type LiveMessage =
  | ({ readonly type: 'event' } & LiveSensorEvent)
  | ({ readonly type: 'alert' } & AlertWire)
  | { readonly type: 'scan'; readonly scan: ScanSummaryWire }
  | { readonly type: 'scan_node'; readonly scan_id: string; readonly node: ScanNodeWire }
  | {
      readonly type: 'topology';
      readonly scan_id: string | null;
      readonly nodes: number;
      readonly links: number;
    }
  | { readonly type: 'border_router'; readonly border_router: BorderRouterWire };

export const liveMessageTopics: Readonly<Record<LiveMessage['type'], LiveTopic>> = {
  event: 'events',
  alert: 'alerts',
  scan: 'scans',
  scan_node: 'scans',
  topology: 'topology',
  border_router: 'border_routers',
};

const requestId = z.union([z.number(), z.string().max(64)]);

export const liveRequestSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('subscribe'),
    id: requestId.optional(),
    topics: z.array(z.enum(liveTopics)).min(1).max(liveTopics.length),
    /** Patterns of sensor ids, `*` fits any part; absent: every sensor. */
    sensors: z.array(z.string().min(1).max(128)).max(1_000).optional(),
    mode: z.enum(liveModes).optional(),
    /** The last position that the client has: what came after it is sent first. */
    position: z.string().max(128).optional(),
  }),
  z.strictObject({ type: z.literal('unsubscribe'), id: requestId.optional() }),
  z.strictObject({ type: z.literal('ack'), batch: z.int().min(1) }),
  z.strictObject({ type: z.literal('ping'), id: requestId.optional() }),
]);
export type LiveRequest = z.infer<typeof liveRequestSchema>;

export interface SubscribedMessage {
  readonly type: 'subscribed';
  readonly id: number | string | null;
  /** What comes after it is sent. The position asked for, or the newest where that is unknown or none was given. */
  readonly position: string;
  /** Acknowledge after so many bytes, or the hub stops sending until you do. */
  readonly ack_bytes: number;
}

export interface UnsubscribedMessage {
  readonly type: 'unsubscribed';
  readonly id: number | string | null;
}

/** Messages that this client did not get. */
export interface GapMessage {
  readonly type: 'gap';
  /** The last position before the gap; null where it is not known. */
  readonly from: string | null;
  /** The last position within it. */
  readonly to: string;
  /** Null where it cannot be known how many. */
  readonly dropped: number | null;
  readonly reason: 'slow_consumer' | 'position_unknown';
}

export const liveErrorCodes = ['malformed', 'unknown_type', 'invalid_request', 'not_subscribed'] as const;
export type LiveErrorCode = (typeof liveErrorCodes)[number];

/** A request that was not understood; the connection stays open. */
export interface LiveErrorMessage {
  readonly type: 'error';
  readonly id: number | string | null;
  readonly code: LiveErrorCode;
  readonly message: string;
}

export interface PongMessage {
  readonly type: 'pong';
  readonly id: number | string | null;
}

/** Everything that the hub sends. */
export type LiveServerMessage =
  | (LiveMessage & { readonly position: string })
  | SubscribedMessage
  | UnsubscribedMessage
  | GapMessage
  | LiveErrorMessage
  | PongMessage;
