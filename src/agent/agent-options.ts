/** What an agent is made of, what it reports and how it is told to stop. The agent itself is in `agent.ts`. */
import type { ClientOptions, WebSocket } from 'ws';
import type { Clock } from '../clock.ts';
import type {
  BorderRouterNetwork,
  CollectionReport,
  FrameEncoding,
} from '../protocol/border-router-messages.ts';
import type { BorderRouterId } from '../protocol/ids.ts';
import type { NodeSource } from './node-source.ts';

/** Limits of one agent. The defaults are those of the ESP32 firmware. */
export interface AgentLimits {
  /** Request contexts, allocated once. */
  readonly contexts: number;
  /** Commands that the source works on at a time. */
  readonly inFlight: number;
  /** Commands waiting behind the contexts; one more is refused with `backlog_full`. */
  readonly queue: number;
  /** Token bucket: commands per second, and how many may come at once. */
  readonly commandsPerSecond: number;
  readonly burst: number;
  /** For a command that names no `deadline_ms`. */
  readonly defaultDeadlineMs: number;
  readonly heartbeatIntervalMs: number;
  /** Without an inbound frame or ping for this long, the hub is taken for dead. */
  readonly hubSilenceMs: number;
  readonly reconnectMinMs: number;
  readonly reconnectMaxMs: number;
  /** A connection that lasted this long was good: the next one is tried soon. */
  readonly stableAfterMs: number;
  /** More bytes than this waiting to be sent: the link is closed, the hub is not reading. */
  readonly maxBufferedBytes: number;
}

export const defaultAgentLimits: AgentLimits = {
  contexts: 16,
  inFlight: 8,
  queue: 32,
  commandsPerSecond: 10,
  burst: 32,
  defaultDeadlineMs: 5_000,
  heartbeatIntervalMs: 10_000,
  hubSilenceMs: 45_000,
  reconnectMinMs: 500,
  reconnectMaxMs: 30_000,
  stableAfterMs: 10_000,
  maxBufferedBytes: 1_048_576,
};

/** What the border router knows of itself; each field is left out of the heartbeat where it is null. */
export interface BorderRouterIdentity {
  readonly extAddress: string | null;
  readonly rloc16: string | number | null;
  readonly role: string | null;
  readonly partitionId: number | null;
  readonly nodesCount: number | null;
  readonly network: BorderRouterNetwork | null;
  readonly collection: CollectionReport | null;
}

/** What happens to an agent, for logs and for tests. */
export type AgentFact =
  | { readonly kind: 'connected'; readonly encoding: FrameEncoding }
  | {
      readonly kind: 'disconnected';
      /** WebSocket close code; 1006 where the connection just broke. */
      readonly code: number;
      readonly reason: string;
      /** Open commands that were dropped with the link. */
      readonly abandoned: number;
    }
  /** The hub answered the upgrade with an HTTP status: 400 bad parameter, 401 bad token, 503 stopping. */
  | { readonly kind: 'refused'; readonly status: number; readonly body: string }
  /** No connection: nobody listens, no route, a bad certificate. */
  | { readonly kind: 'connect_failed'; readonly reason: string }
  /** Another connection took this id (close code 4001): two agents are configured alike. */
  | { readonly kind: 'replaced' }
  | { readonly kind: 'reconnecting'; readonly delayMs: number }
  | { readonly kind: 'command_malformed'; readonly reason: string }
  | { readonly kind: 'command_unknown'; readonly command: string }
  | {
      readonly kind: 'command_answered';
      readonly command: 'scan_node' | 'send_coap' | 'discover';
      readonly requestId: string;
      /** Null for a success. */
      readonly failure: string | null;
      /** From receipt. */
      readonly durationMs: number;
    }
  /** Our own bug, answered as `refused`. */
  | { readonly kind: 'command_failed'; readonly requestId: string; readonly error: unknown };

export type AgentState = 'idle' | 'connecting' | 'connected' | 'waiting' | 'closed';

/** Opens the WebSocket; replaced in tests, and by a program that needs a proxy or its own certificates. */
export type OpenWebSocket = (url: string, protocols: string[], options: ClientOptions) => WebSocket;

export interface AgentOptions {
  /** `ws://hub:5001`; the path `/ws/br` is added where there is none. */
  readonly hub: string;
  readonly id: BorderRouterId;
  /** Null where the hub wants none. */
  readonly token: string | null;
  /** How the token travels; the query parameter is for hubs behind a proxy that drops the header. */
  readonly tokenIn?: 'header' | 'query';
  /** `fd78:8e78:3bfe:1::/64`; null: the hub learns no prefix. */
  readonly networkPrefix: string | null;
  /** CBOR falls back to JSON with a hub that does not offer it. */
  readonly encoding?: FrameEncoding;
  /** Owned by the caller: `close()` leaves it open. */
  readonly source: NodeSource;
  readonly clock?: Clock;
  /** 0 ≤ x < 1; spreads reconnections. */
  readonly random?: () => number;
  readonly limits?: Partial<AgentLimits>;
  readonly firmware?: string;
  readonly identity?: () => Partial<BorderRouterIdentity>;
  readonly onFact?: (fact: AgentFact) => void;
  readonly openWebSocket?: OpenWebSocket;
}

/** A snapshot; the counters run since the agent was made. */
export interface AgentStatus {
  readonly state: AgentState;
  /** Null while not connected. */
  readonly encoding: FrameEncoding | null;
  readonly inFlight: number;
  /** Contexts in use, those in flight included. */
  readonly contexts: number;
  readonly queued: number;
  readonly commandsTotal: number;
  readonly answeredTotal: number;
  readonly failedTotal: number;
  readonly refusedBacklogTotal: number;
  /** Answered with another command's exchange. */
  readonly sharedTotal: number;
  /** Dropped because their hub had gone. */
  readonly abandonedTotal: number;
  readonly connectionsTotal: number;
}

export interface Agent {
  readonly id: BorderRouterId;
  /** Connects, and keeps connecting until closed. */
  start(): void;
  status(): AgentStatus;
  /** Answers nothing more, closes the link with a close frame and resolves when it is gone (at most 1 s). */
  close(): Promise<void>;
  /** Ends as a power cut does: no close frame, nothing flushed. For crash tests; `start()` boots it again. */
  crash(): void;
}
