/** What a CoAP client is made of, what it is asked and what it answers. The client itself is in `coap-client.ts`. */
import type { Clock } from '../../clock.ts';
import type { CoapMethod } from '../../protocol/border-router-messages.ts';
import type { CoapEndpoint, DatagramTransport } from './transport.ts';

export interface CoapClientLimits {
  /** How long each try waits for an acknowledgement. */
  readonly ackTimeoutMs: number;
  /** Pauses before the tries after the first: with 1 s for each try, tries start at 0, 1,200 and 2,700 ms. */
  readonly retryPausesMs: readonly number[];
  /** Pauses before sending again when the stack has no buffers. */
  readonly noBufferPausesMs: readonly number[];
  /** For a request that names no `timeoutMs`. */
  readonly defaultTimeoutMs: number;
  /** Largest answer put together from blocks. */
  readonly maxBodyBytes: number;
  /** Larger payloads are sent in blocks of this size: 16, 32, … 1,024. */
  readonly blockBytes: number;
  /** Requests on the radio at a time; more wait in order. */
  readonly maxInFlight: number;
}

export const defaultCoapClientLimits: CoapClientLimits = {
  ackTimeoutMs: 1_000,
  retryPausesMs: [200, 500],
  noBufferPausesMs: [200, 500, 1_000],
  defaultTimeoutMs: 5_000,
  maxBodyBytes: 65_536,
  blockBytes: 1_024,
  maxInFlight: 8,
};

export interface CoapClientOptions {
  /** Made at the first request, so that an idle client holds no socket. */
  readonly openTransport: () => DatagramTransport;
  readonly clock?: Clock;
  /** 0 ≤ x < 1, for tokens and message ids; from the system's secure source where it is not given. */
  readonly random?: () => number;
  /** Where a mesh address is reached; itself on port 5683 where it is not given. */
  readonly resolveEndpoint?: (ipv6: string) => CoapEndpoint;
  readonly limits?: Partial<CoapClientLimits>;
}

export interface CoapRequest {
  /** A mesh address, given to `resolveEndpoint`. */
  readonly target: string;
  readonly method: CoapMethod;
  /** Without the leading slash; segments are separated by `/`, a query follows `?`. */
  readonly path: string;
  /** True where it is not given. */
  readonly confirmable?: boolean;
  readonly payload?: Uint8Array;
  /** Content-Format number of the payload: 50 JSON, 60 CBOR. */
  readonly contentFormat?: number;
  /** The whole request, blocks included. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface CoapResponse {
  /** `2.05`. */
  readonly code: string;
  readonly contentFormat: number | null;
  /** Whole, however many blocks it came in. */
  readonly payload: Uint8Array;
  readonly from: CoapEndpoint;
}

export interface CoapMulticast {
  /** `ff03::1`, given to `resolveEndpoint`. */
  readonly group: string;
  readonly path: string;
  /** How long answers are collected. */
  readonly windowMs: number;
  readonly signal?: AbortSignal;
}

/** One endpoint's answer to a multicast request. */
export interface CoapMulticastAnswer extends CoapResponse {
  /** Its body has more blocks: ask the node alone for the whole. */
  readonly partial: boolean;
}

/** Counted since the client was made. */
export interface CoapClientCounters {
  readonly requestsTotal: number;
  readonly responsesTotal: number;
  /** Datagrams sent again because no acknowledgement came. */
  readonly retriesTotal: number;
  readonly timeoutsTotal: number;
  readonly resetsTotal: number;
  /** Sends repeated because the stack had no buffers. */
  readonly noBufferRetriesTotal: number;
  readonly undecodableTotal: number;
  /** Messages that belong to no open exchange: late, duplicate or somebody else's. */
  readonly unmatchedTotal: number;
  readonly duplicatesTotal: number;
  /** Requests on the radio now. */
  readonly inFlight: number;
  /** Requests waiting for a place. */
  readonly waiting: number;
  /** Open message exchanges: 0 when nothing is asked. */
  readonly openExchanges: number;
}

/** Every failure is a `CoapError`: timed_out, reset, malformed, too_large, no_buffers, unreachable, cancelled, closed. */
export interface CoapClient {
  /** Resolves with any response, 4.04 as well as 2.05. */
  request(request: CoapRequest): Promise<CoapResponse>;
  /** One non-confirmable GET to a group; the first answer of each endpoint. */
  collect(request: CoapMulticast): Promise<readonly CoapMulticastAnswer[]>;
  counters(): CoapClientCounters;
  /** Fails all that is open with `closed` and frees the socket. Safe to call twice. */
  close(): void;
}
