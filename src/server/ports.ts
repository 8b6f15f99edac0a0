/**
 * What the edges need of the rest of the hub, each as narrow as the edge that uses it.
 */
import type { WebSocket } from 'ws';
import type { BorderRouterCandidates } from '../discovery/border-router-candidates.ts';
import type { BorderRouterTokens } from '../links/border-router-tokens.ts';
import type { Alerts as AlertService } from '../events/alerts/alerts.ts';
import type { DecodedEvent, EventIntake } from '../events/ingest/event-intake.ts';
import type { DeadLetter, DeadLetterQuery, EventStore, Page } from '../events/store/event-store.ts';
import type { LatestValues } from '../events/store/latest-values.ts';
import type { LedgerView } from '../events/workers/ledger.ts';
import type { CoapMethod, CoapResponseMessage, FrameEncoding } from '../protocol/border-router-messages.ts';
import type { BorderRouter, Connection } from '../protocol/border-router.ts';
import type { BorderRouterId, ScanId } from '../protocol/ids.ts';
import type { Ipv6Address, Ipv6Prefix } from '../protocol/ipv6.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { Scan, ScanFilter, ScanTrigger, TriggeredScan } from '../protocol/scan.ts';
import type { Topology } from '../protocol/topology.ts';
import type { RegisteredNode } from '../scan/registered-node.ts';

/** What an upgrade request said of the border router, checked. */
export interface BorderRouterHandshake {
  readonly id: BorderRouterId;
  /** Null where it gave none: it then serves only the nodes that name it. */
  readonly networkPrefix: Ipv6Prefix | null;
  readonly encoding: FrameEncoding;
  readonly remoteAddress: string | null;
  /** The token that it came with; null where it came with none. */
  readonly tokenId: string | null;
}

export interface CoapCommand {
  readonly targetIpv6: Ipv6Address;
  readonly method: CoapMethod;
  /** Without the leading slash. */
  readonly path: string;
  readonly payload?: JsonValue | Uint8Array;
  readonly confirmable: boolean;
  readonly timeoutMs: number;
}

/** The border routers connected to this hub. */
export interface Links {
  /** `transport`: what the WebSocket runs over. */
  accept(
    socket: WebSocket,
    handshake: BorderRouterHandshake,
    transport: { readonly bytesRead: number },
  ): void;
  list(): BorderRouter[];
  get(id: BorderRouterId): BorderRouter | null;
  /** Throws LinkError. */
  sendCoap(id: BorderRouterId, command: CoapCommand): Promise<CoapResponseMessage>;
  connections(): Connection[];
}

/** Border routers that the local network announces. */
export type BorderRouterDiscovery = Pick<BorderRouterCandidates, 'find'>;

/** Starts, ends and shows running scans. */
export interface Scans {
  /** Throws ScanError `nothing_to_scan` or `hub_stopping`. */
  trigger(options: { filter: ScanFilter | null; trigger: ScanTrigger }): TriggeredScan;
  /** Throws ScanError `scan_not_found` or `scan_already_finished`. */
  cancel(id: ScanId): void;
  /** A running scan; null for any other. */
  get(id: ScanId): Scan | null;
  running(): Scan[];
}

export interface TopologyHistory {
  current(): Topology;
  /** As it was at that time, Unix ms; null where no scan had finished by then. */
  at(atMs: number): Promise<Topology | null>;
  ofScan(id: ScanId): Promise<Topology | null>;
  /** Reads an exported bundle back as a finished scan. Throws BundleError. */
  importBundle(bundle: unknown): Promise<{ scanId: ScanId }>;
}

/** The nodes to scan. Methods that change throw NodeError. */
export interface Nodes {
  list(): readonly RegisteredNode[];
  get(name: string): RegisteredNode | null;
  put(
    name: string,
    node: { ipv6: string; br_id?: string | null; ext_addr?: string | null },
  ): Promise<RegisteredNode>;
  /** What a file still says of it afterwards; null where it is gone. */
  remove(name: string): Promise<RegisteredNode | null>;
  /** An object in the format of `adresses.json`; bad entries are reported and skipped. */
  importNodes(object: unknown): Promise<{ accepted: number; problems: readonly string[] }>;
}

/** Border-router tokens; stored hashed, shown once. */
export type Tokens = Pick<BorderRouterTokens, 'create' | 'list' | 'revoke' | 'verify'>;

// ------------------------------------------------------------------------------------------------- sensor events

export interface DeadLetters {
  list(query: DeadLetterQuery): Promise<Page<DeadLetter>>;
  /** Throws EventError `dead_letter_not_found`. */
  get(id: string): Promise<DeadLetter>;
  /** Appended at the tail, marked `replayed`; `edited` replaces the event. Throws EventError or StreamError. */
  replay(id: string, edited: DecodedEvent | null): Promise<void>;
  /** Every dead one of a sensor, in their order. Resolves to how many. */
  replaySensor(sensorId: string): Promise<number>;
  /** Throws EventError `dead_letter_not_found`. */
  discard(id: string): Promise<void>;
}

/** What people do with alerts. */
export type Alerts = Pick<
  AlertService,
  | 'list'
  | 'get'
  | 'acknowledge'
  | 'snooze'
  | 'silences'
  | 'createSilence'
  | 'endSilence'
  | 'rules'
  | 'drill'
  | 'drillReport'
>;

/** A device that takes Web Push messages, as far as others may know of it. */
export interface PushDevice {
  readonly id: string;
  readonly channel: string | null;
  /** The address at its push service; whoever has it can disturb the device. */
  readonly endpoint: string;
  readonly createdAt: number;
}

/** Methods throw AlertError. */
export interface Notifications {
  /** What browsers subscribe with, base64url. */
  readonly publicKey: string;
  subscriptions(): readonly PushDevice[];
  /** `channel` null: every Web Push channel. */
  subscribe(subscription: {
    readonly channel: string | null;
    readonly endpoint: string;
    readonly p256dh: string;
    readonly auth: string;
  }): Promise<{ readonly id: string }>;
  unsubscribe(id: string): Promise<void>;
  noteSeen(id: string): Promise<void>;
}

/** Everything of sensor events that the edges show. */
export interface SensorEvents {
  readonly intake: EventIntake;
  readonly store: Pick<EventStore, 'events' | 'history'>;
  readonly latestValues: Pick<LatestValues, 'list' | 'get'>;
  readonly deadLetters: DeadLetters;
  readonly ledger: () => Promise<LedgerView>;
  readonly alerts: Alerts;
  readonly notifications: Notifications;
  /** What keeps events from being taken or stored now; null where nothing does. */
  readonly failure: () => string | null;
}
