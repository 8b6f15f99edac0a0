/**
 * What happened in the domain, as typed facts. Domain code emits them; metrics, logs, browsers and the store subscribe.
 * A listener that throws is the listener's bug: it is reported and never reaches the emitter.
 */
import type { BorderRouterId, ScanId } from './protocol/ids.ts';
import type { Alert } from './protocol/alert.ts';
import type { HeartbeatMessage, SeenNode } from './protocol/border-router-messages.ts';
import type { JsonObject } from './protocol/json.ts';
import type { NetworkInfo } from './protocol/network-info.ts';
import type { Scan, ScanNode, ScanSummary } from './protocol/scan.ts';
import type { IngestProtocol, Lane } from './protocol/sensor-event.ts';
import type { Topology } from './protocol/topology.ts';

/** Why a border router's link ended. */
export type LinkEnd =
  | 'closed_by_peer'
  | 'replaced'
  | 'silent'
  | 'lost_in_flight'
  | 'protocol_error'
  | 'too_big'
  | 'too_slow'
  | 'flooding'
  | 'token_revoked'
  | 'hub_stopping'
  | 'socket_error';

/** Kinds of `threadhub_protocol_errors_total`. */
export type ProtocolErrorKind =
  | 'malformed'
  | 'salvaged'
  | 'unknown_type'
  | 'unattributed'
  | 'unknown_request'
  | 'duplicate'
  | 'br_id_mismatch'
  | 'too_big'
  | 'throttled';

/** Why something that arrived was shed on purpose; counted, never silent. */
export type EventDropReason =
  'unknown_topic' | 'qos0_not_durable' | 'session_full' | 'retained_full' | 'invalid';

export interface Facts {
  'border_router:connected': { readonly id: BorderRouterId; readonly atMs: number };
  'border_router:disconnected': {
    readonly id: BorderRouterId;
    readonly atMs: number;
    readonly reason: LinkEnd;
    /** Another connection of the same border router has taken over. */
    readonly replaced: boolean;
  };
  'border_router:refused': {
    readonly status: number;
    readonly code: string;
    readonly borderRouterId: string | null;
    readonly remoteAddress: string | null;
  };
  'border_router:heartbeat': {
    readonly id: BorderRouterId;
    readonly atMs: number;
    readonly heartbeat: HeartbeatMessage;
  };
  /** More than 5 replacements within a minute. */
  'border_router:flapping': { readonly id: BorderRouterId; readonly replacements: number };
  'border_router:protocol_error': {
    readonly id: BorderRouterId;
    readonly kind: ProtocolErrorKind;
    readonly detail: string;
  };
  'border_router:nodes_seen': {
    readonly id: BorderRouterId;
    readonly atMs: number;
    readonly network: JsonObject;
    readonly nodes: readonly SeenNode[];
  };
  /** An answer of a node, successful or not, with the time since its command was sent. */
  'border_router:answered': {
    readonly id: BorderRouterId;
    readonly success: boolean;
    readonly durationMs: number;
  };
  'scan:started': { readonly scan: ScanSummary };
  'scan:node_decided': {
    readonly scanId: ScanId;
    readonly node: ScanNode;
    /** `node.networkInfo` as it was read; absent where it was not read here. */
    readonly networkInfo?: NetworkInfo | null;
  };
  'scan:progress': { readonly scan: ScanSummary };
  'scan:finished': { readonly scan: Scan };
  'topology:updated': { readonly topology: Topology };
  'nodes:changed': { readonly count: number };
  /** The node file as a whole, after each (re)load. */
  'nodes:file_loaded': {
    readonly path: string;
    readonly accepted: number;
    readonly problems: readonly string[];
  };
  /** Facts of events are told per batch, not per event. */
  'events:received': {
    readonly lane: Lane;
    readonly protocol: IngestProtocol;
    readonly qos: 0 | 1 | 2 | null;
    readonly events: number;
  };
  /** From arrival to durable, one per event. */
  'events:durable': { readonly lane: Lane; readonly durationsMs: readonly number[] };
  /** Shed on purpose. */
  'events:dropped': {
    readonly reason: EventDropReason;
    readonly events: number;
    readonly topic: string | null;
  };
  /** One batch was committed. Durations are from arrival, one per stored event. */
  'events:stored': {
    readonly lane: Lane;
    readonly shard: string;
    readonly durationsMs: readonly number[];
    readonly duplicates: number;
    readonly batchMs: number;
  };
  'events:dead_lettered': {
    readonly lane: Lane;
    readonly reason: string;
    readonly sensorId: string | null;
    readonly detail: string;
  };
  /** They are on the live feed. Durations are from arrival. */
  'events:live': { readonly lane: Lane; readonly durationsMs: readonly number[] };
  /** Appends fail: nothing is acknowledged until they work again. */
  'stream:unavailable': { readonly code: string; readonly detail: string };
  'stream:available': { readonly afterMs: number };
  'shard:taken': { readonly shard: string; readonly worker: string; readonly epoch: number };
  'shard:lost': { readonly shard: string; readonly worker: string; readonly reason: string };
  'circuit_breaker:changed': {
    readonly name: string;
    readonly state: 'closed' | 'half_open' | 'open';
    readonly detail: string | null;
  };
  'mqtt:client_connected': { readonly clientId: string; readonly remoteAddress: string | null };
  'mqtt:client_disconnected': { readonly clientId: string; readonly reason: string };
  'mqtt:client_refused': { readonly clientId: string | null; readonly reason: string };
  'alert:changed': {
    readonly alert: Alert;
    /** Only what became of its notifications has changed. */
    readonly notificationsOnly?: true;
  };
  'alert_rules:loaded': {
    readonly path: string | null;
    readonly rules: number;
    /** A sentence each, with file and line in front; the rules in force stay where there is one. */
    readonly problems: readonly string[];
  };
  'notification:attempted': {
    readonly channel: string;
    readonly alertId: string;
    readonly result: 'sent' | 'delivered' | 'failed' | 'rejected' | 'expired';
    /** From the transition to this attempt's end. */
    readonly latencyMs: number;
    readonly error: string | null;
  };
}

export type FactName = keyof Facts;
export type FactListener<Name extends FactName> = (fact: Facts[Name]) => void;

export interface FactBusOptions {
  /** Called with what a listener threw. */
  readonly onListenerError: (name: FactName, error: unknown) => void;
}

export class FactBus {
  readonly #listeners = new Map<FactName, Set<(fact: never) => void>>();
  readonly #onListenerError: FactBusOptions['onListenerError'];

  constructor(options: FactBusOptions) {
    this.#onListenerError = options.onListenerError;
  }

  emit<Name extends FactName>(name: Name, fact: Facts[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        (listener as FactListener<Name>)(fact);
      } catch (error) {
        this.#onListenerError(name, error);
      }
    }
  }

  /** Returns the function that unsubscribes. */
  on<Name extends FactName>(name: Name, listener: FactListener<Name>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }
}

/** The half that domain code sees. */
export type FactEmitter = Pick<FactBus, 'emit'>;
/** The half that metrics, logs and edges see. */
export type FactSource = Pick<FactBus, 'on'>;
