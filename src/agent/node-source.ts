/**
 * How an agent learns about the nodes of its mesh: the port behind which CoAP, the REST API of an OpenThread border
 * router or `ot-ctl` stand. The agent knows limits, deadlines and the hub; a source knows how to ask.
 *
 * A node that is silent, refuses or answers nonsense is a value. A source throws only for its own bugs (the agent turns
 * that into a `refused` answer). When the signal aborts, nobody waits any more: the source stops its work, frees what it
 * holds and settles soon, with any value.
 */
import type { CoapMethod, FailureCode, SeenNode } from '../protocol/border-router-messages.ts';
import type { Ipv6Address } from '../protocol/ipv6.ts';
import type { JsonObject, JsonValue } from '../protocol/json.ts';

export interface ScanNodeRequest {
  readonly targetIpv6: Ipv6Address;
  /** As the hub calls it; for sentences only. */
  readonly nodeName: string;
}

export interface SendCoapRequest {
  readonly targetIpv6: Ipv6Address;
  readonly method: CoapMethod;
  /** Without the leading slash; may hold a query behind `?`. */
  readonly path: string;
  /** Bytes go as they are, anything else as JSON. */
  readonly payload?: JsonValue | Uint8Array;
  readonly confirmable: boolean;
}

/** Why there is no answer: a closed code for programs, a sentence for people. */
export interface SourceFailure {
  readonly ok: false;
  readonly code: Extract<FailureCode, 'timed_out' | 'refused' | 'malformed'>;
  readonly reason: string;
}

/** `networkInfo` is the node's own object, decoded but not validated. */
export type ScanNodeAnswer = { readonly ok: true; readonly networkInfo: JsonObject } | SourceFailure;

/** Any response is an answer here, 4.04 as well as 2.05; a failure is the lack of one. */
export type SendCoapAnswer =
  | {
      readonly ok: true;
      /** `2.05`. */
      readonly code: string;
      /** CoAP Content-Format number, where the answer had one. */
      readonly contentFormat: number | null;
      /** JSON where JSON or CBOR could be read, else the bytes; null for an empty answer. */
      readonly payload: JsonValue | Uint8Array | null;
    }
  | SourceFailure;

export type DiscoverAnswer =
  { readonly ok: true; readonly network: JsonObject; readonly nodes: readonly SeenNode[] } | SourceFailure;

/** Counters since the source was made. */
export interface NodeSourceCounters {
  /** Requests on the radio now; null where the source does not speak CoAP itself. */
  readonly coapInFlight: number | null;
  /** Repeated tries; null as above. */
  readonly coapRetriesTotal: number | null;
}

/**
 * Whose pace a source's requests go at. `per_command`: each command is a request of its own, and the agent's limits space
 * them. `shared`: many commands are answered from one reading of the mesh, which paces itself.
 */
export type SourcePacing = 'per_command' | 'shared';

/** What a source tells unasked. */
export type SourceNews =
  /** It has finished a reading of its mesh: what it says of itself has changed. */
  | { readonly kind: 'collected' }
  /** Its mesh has other devices, or they other addresses, than were told last. */
  | { readonly kind: 'seen'; readonly network: JsonObject; readonly nodes: readonly SeenNode[] };

export const nodeSourceKinds = ['otbr-rest', 'ot-ctl', 'coap'] as const;
export type NodeSourceKind = (typeof nodeSourceKinds)[number];

/** Requests that one discovery may have open at a time; the agent counts it as that many, so that scans keep theirs. */
export const discoverRequests = 2;

export interface NodeSource {
  readonly kind: NodeSourceKind;
  readonly pacing: SourcePacing;
  scanNode(request: ScanNodeRequest, signal: AbortSignal): Promise<ScanNodeAnswer>;
  sendCoap(request: SendCoapRequest, signal: AbortSignal): Promise<SendCoapAnswer>;
  /** What can be seen without being told any address. Settles before the signal aborts only if it can. */
  discover(signal: AbortSignal): Promise<DiscoverAnswer>;
  counters(): NodeSourceCounters;
  /**
   * Calls back with what was not asked for, first with what is known already; a source that has no such thing leaves it out.
   * Returns how to stop that.
   */
  onNews?(listener: (news: SourceNews) => void): () => void;
  /** Ends what is open and frees sockets. Safe to call twice. */
  close(): Promise<void>;
}
