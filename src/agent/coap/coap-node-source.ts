/**
 * Nodes that serve CoAP themselves: `GET /network-info` over IPv6, as the firmware of the background mesh does. Discovery is
 * one multicast GET; the nodes known from before that stayed silent are then asked alone.
 */
import { CoapError } from '../../errors.ts';
import type { SeenNode } from '../../protocol/border-router-messages.ts';
import { type Ipv6Address, parseIpv6 } from '../../protocol/ipv6.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import {
  type DiscoverAnswer,
  discoverRequests,
  type NodeSource,
  type NodeSourceCounters,
  type ScanNodeAnswer,
  type ScanNodeRequest,
  type SendCoapAnswer,
  type SendCoapRequest,
  type SourceFailure,
} from '../node-source.ts';
import type { CoapClient, CoapMulticastAnswer, CoapResponse } from './coap-client-options.ts';
import { contentFormats, decodePayload } from './payload.ts';
import type { CoapEndpoint } from './transport.ts';
import { uriOptions } from './uri-path.ts';

export interface CoapNodeSourceOptions {
  /** Owned by the source from here on: `close()` closes it. */
  readonly client: CoapClient;
  /** `network-info` where it is not given. */
  readonly path?: string;
  /** All Thread nodes of the mesh that listen: `ff03::1`. */
  readonly group?: string;
  /** How long answers to the multicast are awaited: in a real mesh all were in after 0.11 s. */
  readonly discoverWindowMs?: number;
  /** The mesh address behind an endpoint; its own address where it is not given. */
  readonly addressOf?: (endpoint: CoapEndpoint) => string | null;
}

/** Requests outlive no command: the agent's signal ends them. This bounds one whose caller forgot. */
const longestRequestMs = 120_000;
/** Nodes that answered before, to be asked alone when a multicast leaves them silent. */
const maxKnownNodes = 512;

export class CoapNodeSource implements NodeSource {
  readonly kind = 'coap';
  readonly pacing = 'per_command';
  readonly #client: CoapClient;
  readonly #path: string;
  readonly #group: string;
  readonly #discoverWindowMs: number;
  readonly #addressOf: (endpoint: CoapEndpoint) => string | null;
  /** Requests for nodes' information under way, with the signals that may end them. */
  readonly #open = new Map<Ipv6Address, { answer: Promise<ScanNodeAnswer>; signal: AbortSignal }>();
  /** Addresses that answered, the latest last. */
  readonly #known = new Set<Ipv6Address>();

  constructor(options: CoapNodeSourceOptions) {
    this.#client = options.client;
    this.#path = options.path ?? 'network-info';
    this.#group = options.group ?? 'ff03::1';
    this.#discoverWindowMs = options.discoverWindowMs ?? 1_000;
    this.#addressOf = options.addressOf ?? (({ address }) => address);
  }

  /**
   * One request at a time for each node; whoever comes meanwhile takes its answer. A node need serve only one block-wise
   * transfer per client (RFC 7959 §2.4): of two, a scan's and a discovery's, each would find that the answer changed.
   */
  async scanNode({ targetIpv6 }: ScanNodeRequest, signal: AbortSignal): Promise<ScanNodeAnswer> {
    for (let open = this.#open.get(targetIpv6); open !== undefined; open = this.#open.get(targetIpv6)) {
      const answer = await Promise.race([open.answer, aborted(signal)]);
      if (signal.aborted) return refused('cancelled');
      if (answer !== null && !open.signal.aborted) return answer;
    }
    const answer = this.#ask(targetIpv6, signal);
    this.#open.set(targetIpv6, { answer, signal });
    try {
      return await answer;
    } finally {
      this.#open.delete(targetIpv6);
    }
  }

  async #ask(targetIpv6: Ipv6Address, signal: AbortSignal): Promise<ScanNodeAnswer> {
    let response: CoapResponse;
    try {
      response = await this.#client.request({
        target: targetIpv6,
        method: 'GET',
        path: this.#path,
        timeoutMs: longestRequestMs,
        signal,
      });
    } catch (error) {
      return toFailure(error);
    }
    const answer = readNetworkInfo(response);
    if (answer.ok) this.#remember(targetIpv6);
    return answer;
  }

  async sendCoap(request: SendCoapRequest, signal: AbortSignal): Promise<SendCoapAnswer> {
    const uri = uriOptions(request.path);
    if (!uri.ok) return refused(uri.reason);
    let response: CoapResponse;
    try {
      response = await this.#client.request({
        target: request.targetIpv6,
        method: request.method,
        path: request.path,
        confirmable: request.confirmable,
        ...toPayload(request.payload),
        timeoutMs: longestRequestMs,
        signal,
      });
    } catch (error) {
      return toFailure(error);
    }
    const { code, contentFormat, payload } = response;
    if (payload.length === 0) return { ok: true, code, contentFormat, payload: null };
    const decoded = decodePayload(payload, contentFormat);
    return { ok: true, code, contentFormat, payload: decoded.ok ? decoded.value : payload };
  }

  async discover(signal: AbortSignal): Promise<DiscoverAnswer> {
    let answers: readonly CoapMulticastAnswer[];
    try {
      answers = await this.#client.collect({
        group: this.#group,
        path: this.#path,
        windowMs: this.#discoverWindowMs,
        signal,
      });
    } catch (error) {
      return toFailure(error);
    }
    const seen = new Map<Ipv6Address, SeenNode>();
    const silent = new Set(this.#known);
    for (const answer of answers) {
      const address = parseIpv6(this.#addressOf(answer.from) ?? '');
      if (address === null) continue;
      const info = answer.partial ? null : readNetworkInfo(answer);
      if (info?.ok === true) {
        seen.set(address, toSeenNode(address, info.networkInfo));
        silent.delete(address);
      } else {
        seen.set(address, toSeenNode(address, null));
        silent.add(address);
      }
    }
    const addresses = silent.values();
    const askSilent = async (): Promise<void> => {
      for (const address of addresses) {
        if (signal.aborted) return;
        const answer = await this.scanNode({ targetIpv6: address, nodeName: '' }, signal);
        if (answer.ok) seen.set(address, toSeenNode(address, answer.networkInfo));
      }
    };
    await Promise.all(Array.from({ length: discoverRequests }, askSilent));
    for (const [address, node] of seen) if (node.networkInfo !== null) this.#remember(address);
    return { ok: true, network: {}, nodes: [...seen.values()] };
  }

  counters(): NodeSourceCounters {
    const { inFlight, retriesTotal } = this.#client.counters();
    return { coapInFlight: inFlight, coapRetriesTotal: retriesTotal };
  }

  close(): Promise<void> {
    this.#client.close();
    return Promise.resolve();
  }

  #remember(address: Ipv6Address): void {
    this.#known.delete(address);
    this.#known.add(address);
    if (this.#known.size <= maxKnownNodes) return;
    const [oldest] = this.#known;
    if (oldest !== undefined) this.#known.delete(oldest);
  }
}

function readNetworkInfo({ code, contentFormat, payload }: CoapResponse): ScanNodeAnswer {
  if (!code.startsWith('2.')) return refused(`the node answered ${describeCode(code)}`);
  const decoded = decodePayload(payload, contentFormat);
  if (!decoded.ok) return { ok: false, code: 'malformed', reason: decoded.reason };
  return isJsonObject(decoded.value)
    ? { ok: true, networkInfo: decoded.value }
    : {
        ok: false,
        code: 'malformed',
        reason: `the answer is ${JSON.stringify(decoded.value).slice(0, 60)}, not an object`,
      };
}

function toSeenNode(ipv6: Ipv6Address, networkInfo: JsonObject | null): SeenNode {
  const extAddress = networkInfo?.['ext_addr'] ?? networkInfo?.['ext'];
  const rloc16 = networkInfo?.['rloc16'];
  const name = networkInfo?.['name'];
  return {
    ipv6,
    extAddress: typeof extAddress === 'string' ? extAddress : null,
    rloc16: typeof rloc16 === 'string' || typeof rloc16 === 'number' ? rloc16 : null,
    name: typeof name === 'string' ? name : null,
    networkInfo,
  };
}

function toPayload(payload: JsonValue | Uint8Array | undefined): {
  payload?: Uint8Array;
  contentFormat?: number;
} {
  if (payload === undefined) return {};
  return payload instanceof Uint8Array
    ? { payload }
    : { payload: Buffer.from(JSON.stringify(payload)), contentFormat: contentFormats.json };
}

function toFailure(error: unknown): SourceFailure {
  if (!(error instanceof CoapError)) throw error;
  switch (error.code) {
    case 'timed_out':
      return { ok: false, code: 'timed_out', reason: error.message };
    case 'malformed':
    case 'too_large':
      return { ok: false, code: 'malformed', reason: error.message };
    case 'cancelled':
    case 'closed':
    case 'no_buffers':
    case 'reset':
    case 'unreachable':
      return refused(error.message);
  }
}

function aborted(signal: AbortSignal): Promise<null> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener('abort', () => resolve(null), { once: true });
  });
}

function refused(reason: string): SourceFailure {
  return { ok: false, code: 'refused', reason };
}

/** RFC 7252 table 6 and RFC 7959 §2.9. */
const codeNames: Readonly<Record<string, string>> = {
  '4.00': 'Bad Request',
  '4.01': 'Unauthorized',
  '4.02': 'Bad Option',
  '4.03': 'Forbidden',
  '4.04': 'Not Found',
  '4.05': 'Method Not Allowed',
  '4.06': 'Not Acceptable',
  '4.08': 'Request Entity Incomplete',
  '4.12': 'Precondition Failed',
  '4.13': 'Request Entity Too Large',
  '4.15': 'Unsupported Content-Format',
  '5.00': 'Internal Server Error',
  '5.01': 'Not Implemented',
  '5.02': 'Bad Gateway',
  '5.03': 'Service Unavailable',
  '5.04': 'Gateway Timeout',
  '5.05': 'Proxying Not Supported',
};

function describeCode(code: string): string {
  const name = codeNames[code];
  return name === undefined ? code : `${code} ${name}`;
}
