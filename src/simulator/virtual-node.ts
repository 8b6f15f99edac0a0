/**
 * A Thread node's CoAP service as its firmware would offer it, on a real UDP socket: `GET /network-info`, a `led` to
 * switch, 4.04 for the rest, and on demand the faults that nodes in the field have. Its radio is not here: delay and loss
 * between it and a border router are the matter of `radio-transport.ts`.
 */
import { Encoder } from 'cbor-x';
import type { NamedOption } from 'coap-packet';
import type { Clock } from '../clock.ts';
import type { FrameEncoding } from '../protocol/border-router-messages.ts';
import type { JsonObject } from '../protocol/json.ts';
import {
  blockOption,
  CoapServer,
  type CoapServerReply,
  type CoapServerRequest,
  uintOption,
} from './coap-server.ts';
import type { Malformation, NodeFault } from './node-fault.ts';
import type { SeededRandom } from './random.ts';

export interface VirtualNodeOptions {
  readonly clock: Clock;
  readonly random: SeededRandom;
  /** What it says of itself now; called once for each answer. */
  readonly networkInfo: () => JsonObject;
  readonly encoding: FrameEncoding;
  /** Larger answers go block-wise. */
  readonly wholeAnswerBytes: number;
  /** Block size that it offers: 16, 32, … 1,024. */
  readonly blockBytes: number;
  /** Time until it listens, for each request; 0 for those that always do. */
  readonly pollDelayMs: () => number;
}

const jsonFormat = 50;
const cborFormat = 60;
const cborEncoder = new Encoder({ useRecords: false, tagUint8Array: false });

const hugeBodyBytes = 1_048_576;
/** Clients with a block-wise transfer under way; a node has memory for few. */
const maxTransfers = 4;

interface Body {
  readonly bytes: Uint8Array;
  readonly contentFormat: number | null;
}

export class VirtualNode {
  readonly #options: VirtualNodeOptions;
  readonly #server: CoapServer;
  /** The body that a client is fetching, by client: later blocks come from the same answer as the first. */
  readonly #transfers = new Map<string, Body & { readonly tag: number }>();
  #fault: NodeFault | null = null;
  #ledOn = false;
  #bodies = 0;

  constructor(options: VirtualNodeOptions) {
    this.#options = options;
    this.#server = new CoapServer({
      clock: options.clock,
      firstMessageId: options.random.integer(0, 0xffff),
      answer: (request) => this.#answer(request),
    });
  }

  get fault(): NodeFault | null {
    return this.#fault;
  }

  /** Null: healthy. */
  setFault(fault: NodeFault | null): void {
    this.#fault = fault;
  }

  /** Resolves with its UDP port on ::1. */
  open(): Promise<number> {
    return this.#server.listen();
  }

  close(): void {
    this.#server.close();
  }

  #answer(request: CoapServerRequest): CoapServerReply {
    const fault = this.#fault;
    if (fault?.kind === 'dead') return { kind: 'silence' };
    const reply = this.#route(request, fault?.kind === 'malformed' ? fault.how : null);
    if (reply.kind !== 'response') return reply;
    const slowerByMs = fault?.kind === 'slow' ? fault.byMs : fault?.kind === 'late' ? fault.afterMs : 0;
    return {
      ...reply,
      afterMs: this.#options.pollDelayMs() + slowerByMs,
      separate: fault?.kind === 'late',
    };
  }

  #route(request: CoapServerRequest, malformation: Malformation | null): CoapServerReply {
    if (request.block1?.more === true) return respond('4.13');
    switch (request.path) {
      case 'network-info':
        return request.method === 'GET' ? this.#networkInfo(request, malformation) : respond('4.05');
      case 'led':
        return this.#led(request);
      default:
        return respond('4.04');
    }
  }

  #networkInfo(request: CoapServerRequest, malformation: Malformation | null): CoapServerReply {
    switch (malformation) {
      case 'reset':
        return { kind: 'reset' };
      case 'not_found':
        return respond('4.04');
      case 'empty':
        return respond('2.05');
      case 'broken_json':
      case 'huge':
      case 'wrong_fields':
      case null:
        break;
    }
    const contentFormat = this.#chooseFormat(request);
    if (contentFormat === null) return respond('4.06');
    return this.#sendBody(request, () => {
      const networkInfo = (): Uint8Array => encode(this.#options.networkInfo(), contentFormat);
      switch (malformation) {
        case 'broken_json':
          return { bytes: half(networkInfo()), contentFormat };
        case 'huge':
          return { bytes: Buffer.alloc(hugeBodyBytes, '{"role":"router",'), contentFormat };
        case 'wrong_fields':
          return { bytes: encode({ status: 'ok', uptime: 1_234 }, contentFormat), contentFormat };
        case null:
          return { bytes: networkInfo(), contentFormat };
      }
    });
  }

  #led(request: CoapServerRequest): CoapServerReply {
    switch (request.method) {
      case 'GET': {
        const contentFormat = this.#chooseFormat(request);
        return contentFormat === null
          ? respond('4.06')
          : respond('2.05', { bytes: encode({ on: this.#ledOn }, contentFormat), contentFormat });
      }
      case 'PUT':
      case 'POST': {
        const on = switchOf(request);
        if (on === null) return respond('4.00');
        this.#ledOn = on;
        return respond('2.04');
      }
      case 'DELETE':
      case 'other':
        return respond('4.05');
    }
  }

  /** Null: the client accepts neither of the two. */
  #chooseFormat(request: CoapServerRequest): number | null {
    if (request.accept === null) return this.#options.encoding === 'cbor' ? cborFormat : jsonFormat;
    return request.accept === jsonFormat || request.accept === cborFormat ? request.accept : null;
  }

  /** Whole where it fits and no blocks were asked for, else the block asked for (RFC 7959 §2.4). */
  #sendBody(request: CoapServerRequest, make: () => Body): CoapServerReply {
    const { block2 } = request;
    const under = block2 === null || block2.number === 0 ? undefined : this.#transfers.get(request.client);
    const body = under ?? { ...make(), tag: (this.#bodies += 1) };
    const { bytes } = body;
    if (bytes.length <= this.#options.wholeAnswerBytes && (block2 === null || bytes.length <= block2.bytes)) {
      return respond('2.05', body);
    }
    const blockBytes = Math.min(this.#options.blockBytes, block2?.bytes ?? Infinity);
    // A client that asks for smaller blocks counts in its own size from the start.
    const number = block2?.number ?? 0;
    const start = number * blockBytes;
    if (start >= bytes.length) return respond('4.02');
    const more = start + blockBytes < bytes.length;
    if (more) this.#keep(request.client, body);
    else this.#transfers.delete(request.client);
    const options = [
      uintOption('ETag', body.tag),
      blockOption('Block2', { number, more, bytes: blockBytes }),
      ...(number === 0 ? [uintOption('Size2', bytes.length)] : []),
    ];
    const block = { bytes: bytes.subarray(start, start + blockBytes), contentFormat: body.contentFormat };
    return respond('2.05', block, options);
  }

  #keep(client: string, body: Body & { readonly tag: number }): void {
    this.#transfers.delete(client);
    this.#transfers.set(client, body);
    const [oldest] = this.#transfers.keys();
    if (this.#transfers.size > maxTransfers && oldest !== undefined) this.#transfers.delete(oldest);
  }
}

function respond(code: string, body: Body | null = null, options: NamedOption[] = []): CoapServerReply {
  const format =
    body?.contentFormat === null || body === null ? [] : [uintOption('Content-Format', body.contentFormat)];
  return {
    kind: 'response',
    code,
    options: [...format, ...options],
    payload: body?.bytes ?? new Uint8Array(),
    afterMs: 0,
    separate: false,
  };
}

function encode(value: JsonObject, contentFormat: number): Uint8Array {
  return contentFormat === cborFormat ? cborEncoder.encode(value) : Buffer.from(JSON.stringify(value));
}

function half(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, Math.floor(bytes.length / 2));
}

/** `{"on":true}` in JSON or CBOR; null for anything else. */
function switchOf(request: CoapServerRequest): boolean | null {
  try {
    const value: unknown =
      request.contentFormat === cborFormat
        ? cborEncoder.decode(request.payload)
        : JSON.parse(Buffer.from(request.payload).toString());
    const on = typeof value === 'object' && value !== null && 'on' in value ? value.on : null;
    return typeof on === 'boolean' ? on : null;
  } catch {
    return null;
  }
}
