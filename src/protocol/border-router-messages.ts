/**
 * The border-router protocol: what travels on `/ws/br`, in both directions, as JSON text frames or, where the
 * subprotocol `threadhub.cbor` was negotiated, the same objects as CBOR binary frames (RFC 8949).
 *
 *   hub → border router   {"command": …}     one object a frame, under 1,024 bytes
 *   border router → hub   {"type": …}        one object a frame, at most 256 KiB
 *
 * The different key per direction is fixed: firmware in the field depends on it. Here are the messages, their
 * limits and the close codes; `border-router-codec.ts` reads and writes them. Connections, liveness and attribution of
 * answers are in `links/`, and on the other side in `agent/`.
 */
import type { BorderRouterId, NodeName, RequestId } from './ids.ts';
import type { Ipv6Address } from './ipv6.ts';
import type { JsonObject, JsonValue } from './json.ts';

export const borderRouterPath = '/ws/br';
/** WebSocket subprotocol that selects CBOR. */
export const cborSubprotocol = 'threadhub.cbor';

/**
 * What the ESP32 firmware's fixed buffers hold. `scan_node_context_t` has char[32], char[64] and char[48] for the three
 * names, each with its final zero.
 */
export const firmwareLimits = {
  nodeNameBytes: 31,
  requestIdBytes: 63,
  targetIpv6Bytes: 47,
  /** A command frame must stay under this. */
  commandBytes: 1_024,
} as const;

/** A larger frame from a border router closes the link with 1009. */
export const maxBorderRouterFrameBytes = 256 * 1_024;

/** WebSocket close codes of this protocol. */
export const closeCodes = {
  hubStopping: 1001,
  protocolError: 1008,
  tooBig: 1009,
  silent: 4000,
  replaced: 4001,
  tokenRevoked: 4003,
  tooSlow: 4008,
  flooding: 4029,
} as const;

export type FrameEncoding = 'json' | 'cbor';
/** A frame as `ws` sends it: text for JSON, bytes for CBOR. */
export type EncodedFrame = string | Uint8Array;

// ---------------------------------------------------------------------------------------------- hub → border router

export interface ScanNodeCommand {
  readonly command: 'scan_node';
  readonly requestId: RequestId;
  readonly nodeName: NodeName;
  readonly targetIpv6: Ipv6Address;
  /** Milliseconds from receipt; the border router gives up by then and sends no late answer. */
  readonly deadlineMs?: number;
}

export const coapMethods = ['GET', 'POST', 'PUT', 'DELETE'] as const;
export type CoapMethod = (typeof coapMethods)[number];

export interface SendCoapCommand {
  readonly command: 'send_coap';
  readonly requestId: RequestId;
  readonly targetIpv6: Ipv6Address;
  readonly method: CoapMethod;
  /** Without the leading slash. */
  readonly path: string;
  readonly payload?: JsonValue | Uint8Array;
  readonly confirmable: boolean;
  readonly deadlineMs?: number;
}

/** Asks the border router to report the nodes that it can see, as `node_seen`. */
export interface DiscoverCommand {
  readonly command: 'discover';
  readonly requestId: RequestId;
  readonly deadlineMs?: number;
}

export type HubCommand = ScanNodeCommand | SendCoapCommand | DiscoverCommand;

// ---------------------------------------------------------------------------------------------- border router → hub

/** In the `error` of a node that its border router had no way to ask: that it is silent nobody knows. */
export const couldNotBeAsked = 'could not be asked';

export const failureCodes = ['timed_out', 'refused', 'malformed', 'rate_limited', 'backlog_full'] as const;
export type FailureCode = (typeof failureCodes)[number];

export interface HeartbeatMessage {
  readonly type: 'heartbeat';
  readonly borderRouterId: BorderRouterId | null;
  /** The border router's uptime in its own unit (seconds or milliseconds); not a wall clock. */
  readonly uptime: number | null;
  readonly nodesCount: number | null;
  readonly status: string | null;
  readonly queueSize: number | null;
  readonly coapInFlight: number | null;
  readonly coapRetriesTotal: number | null;
  /** Bytes. */
  readonly heapFree: number | null;
  /** Wi-Fi or backbone signal, dBm. */
  readonly rssi: number | null;
  readonly partitionId: number | null;
  readonly firmware: string | null;
  /** The border router's own Thread interface, where it says so. */
  readonly extAddress: string | null;
  readonly rloc16: string | number | null;
  readonly role: string | null;
  /** The Thread network that it belongs to, where it says so. */
  readonly network: BorderRouterNetwork | null;
  /** How its last reading of the whole mesh went; null where it asks each node by itself. */
  readonly collection: CollectionReport | null;
}

/** What border routers of one network must agree on. Never a key. */
export interface BorderRouterNetwork {
  /** 16 lower-case hex digits. */
  readonly extPanId: string | null;
  readonly name: string | null;
  readonly panId: number | null;
  readonly channel: number | null;
  readonly meshLocalPrefix: string | null;
}

/** One reading of a mesh through a border router's own tables: what it cost and whether it was complete. */
export interface CollectionReport {
  /** `otbr-rest`, `ot-ctl`. */
  readonly source: string;
  /** `json-api`, `legacy` …; null before the border router was recognised. */
  readonly dialect: string | null;
  readonly address: string | null;
  /** When it ended, ms before the message. */
  readonly endedAgoMs: number | null;
  readonly durationMs: number | null;
  /** Requests that went out on the radio, and how many may for one collection. */
  readonly radioRequests: number | null;
  readonly radioBudget: number | null;
  readonly devices: number | null;
  readonly expectedRouters: number | null;
  readonly answeredRouters: number | null;
  /** Every router that Route64 or a neighbour names was read. */
  readonly complete: boolean;
  /** Why not: `off`, `too_old`, `rejected`, `unreachable`, `malformed`, `silent`, `over_budget` … */
  readonly problemCode: string | null;
  /** A sentence. */
  readonly problem: string | null;
}

export interface ScanNodeSuccess {
  readonly type: 'scan_node_result';
  readonly success: true;
  readonly requestId: RequestId | null;
  readonly nodeName: string | null;
  readonly targetIpv6: string | null;
  /** Not yet validated: `parseNetworkInfo` decides. */
  readonly networkInfo: unknown;
}

export interface ScanNodeFailure {
  readonly type: 'scan_node_result';
  readonly success: false;
  readonly requestId: RequestId | null;
  readonly nodeName: string | null;
  readonly targetIpv6: string | null;
  readonly error: string;
  readonly errorCode: FailureCode | null;
  /** The border router asks to be tried again after this time. */
  readonly retryAfterMs: number | null;
}

export interface CoapResponseMessage {
  readonly type: 'coap_response';
  readonly requestId: RequestId | null;
  readonly success: boolean;
  /** `2.05`; null where no response came. */
  readonly code: string | null;
  readonly contentFormat: number | null;
  readonly payload: JsonValue | Uint8Array | null;
  readonly error: string | null;
  readonly errorCode: FailureCode | null;
}

export interface NodeSeenMessage {
  readonly type: 'node_seen';
  /** Answers a `discover` where it has one. */
  readonly requestId: RequestId | null;
  readonly network: JsonObject;
  readonly nodes: readonly SeenNode[];
}

/** A node that a border router sees in its mesh without having been told of it. */
export interface SeenNode {
  readonly ipv6: string | null;
  readonly extAddress: string | null;
  readonly rloc16: string | number | null;
  readonly name: string | null;
  /** What it answered, where discovery asked it. */
  readonly networkInfo: unknown;
}

export type BorderRouterMessage =
  HeartbeatMessage | ScanNodeSuccess | ScanNodeFailure | CoapResponseMessage | NodeSeenMessage;
