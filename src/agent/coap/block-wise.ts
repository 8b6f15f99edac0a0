/**
 * Block-wise transfers (RFC 7959): a large payload goes up in Block1 pieces, a large answer comes down in Block2 pieces.
 * Each piece is a message exchange of its own; this module decides which piece comes next and when a body is not to be
 * trusted. It knows nothing of retries and deadlines.
 *
 *   Block option value, 0–3 bytes:  NUM (4, 12 or 20 bits) | M (1 bit: more follow) | SZX (3 bits: 2^(SZX+4) bytes)
 */
import { CoapError } from '../../errors.ts';
import {
  type CoapMessage,
  type CoapOption,
  decodeUint,
  encodeUint,
  findOption,
  noBytes,
  optionNumbers,
  readUintOption,
} from './message.ts';

export interface Block {
  readonly num: number;
  readonly more: boolean;
  /** Bytes: 16, 32, … 1,024. */
  readonly size: number;
}

export interface BodyRequest {
  /** Names the request in sentences. */
  readonly what: string;
  /** GET: an answer that changes half-way may be asked for again. */
  readonly repeatable: boolean;
  readonly options: readonly CoapOption[];
  readonly payload: Uint8Array;
}

export interface BodyLimits {
  readonly blockBytes: number;
  readonly maxBodyBytes: number;
}

/** The last response, with its whole body. */
export interface BodyResponse {
  readonly message: CoapMessage;
  readonly payload: Uint8Array;
}

/** One message exchange: the request's options and payload as given. */
export type ExchangeOne = (options: readonly CoapOption[], payload: Uint8Array) => Promise<CoapMessage>;

/** How often an answer may change under way before it is given up. */
const maxRestarts = 2;

export function encodeBlock({ num, more, size }: Block): Uint8Array {
  return encodeUint(num * 16 + (more ? 8 : 0) + (Math.log2(size) - 4));
}

/** Null for a value that is too long or of the reserved size 7. */
export function decodeBlock(value: Uint8Array): Block | null {
  if (value.length > 3) return null;
  const number = decodeUint(value);
  const szx = number & 0x07;
  return szx === 7 ? null : { num: number >> 4, more: (number & 0x08) !== 0, size: 1 << (szx + 4) };
}

export async function transferBody(
  request: BodyRequest,
  limits: BodyLimits,
  exchangeOne: ExchangeOne,
): Promise<BodyResponse> {
  const first = await upload(request, limits, exchangeOne);
  return download(request, limits, exchangeOne, first);
}

async function upload(
  request: BodyRequest,
  limits: BodyLimits,
  exchangeOne: ExchangeOne,
): Promise<CoapMessage> {
  const { payload, options, what } = request;
  let size = limits.blockBytes;
  if (payload.length <= size) {
    const response = await exchangeOne(options, payload);
    // 4.13 with a Block1 option: the node takes the same in smaller pieces (§2.9.3).
    const offered = response.code === '4.13' ? readBlock(response, optionNumbers.block1, what) : null;
    if (offered === null || offered.size >= payload.length) return response;
    size = offered.size;
  }
  let offset = 0;
  for (;;) {
    const chunk = payload.subarray(offset, offset + size);
    const block: Block = { num: offset / size, more: offset + chunk.length < payload.length, size };
    const total =
      offset === 0 ? [{ number: optionNumbers.size1, value: encodeUint(payload.length) }] : ([] as const);
    const response = await exchangeOne(
      [...options, { number: optionNumbers.block1, value: encodeBlock(block) }, ...total],
      chunk,
    );
    const echoed = readBlock(response, optionNumbers.block1, what);
    if (response.code === '2.31') {
      if (!block.more || echoed?.num !== block.num)
        throw malformed(what, 'the node asks for a block that was not sent');
      offset += chunk.length;
      size = Math.min(size, echoed.size);
    } else if (response.code === '4.13' && offset === 0 && echoed !== null && echoed.size < size) {
      size = echoed.size;
    } else {
      return response;
    }
  }
}

async function download(
  request: BodyRequest,
  limits: BodyLimits,
  exchangeOne: ExchangeOne,
  firstResponse: CoapMessage,
): Promise<BodyResponse> {
  const { what, options } = request;
  const ask = (num: number, size: number): Promise<CoapMessage> =>
    exchangeOne(
      [...options, { number: optionNumbers.block2, value: encodeBlock({ num, more: false, size }) }],
      noBytes,
    );
  let first = firstResponse;
  for (let restarts = 0; ;) {
    const body = new Body({ what, maxBytes: limits.maxBodyBytes, first });
    let changed: CoapMessage | null = null;
    while (body.next !== null) {
      const response = await ask(body.next.num, body.next.size);
      // The node gave up half-way: its error is the answer.
      if (!response.code.startsWith('2.')) return { message: response, payload: response.payload };
      if (!body.sameRepresentation(response)) {
        changed = response;
        break;
      }
      body.add(response);
    }
    if (changed === null) return { message: first, payload: body.toBytes() };
    restarts += 1;
    if (!request.repeatable || restarts > maxRestarts)
      throw malformed(what, 'the answer changed while it was transferred');
    const block = readBlock(changed, optionNumbers.block2, what);
    first = block?.num === 0 ? changed : await ask(0, block?.size ?? limits.blockBytes);
    if (!first.code.startsWith('2.')) return { message: first, payload: first.payload };
  }
}

/** An answer being put together. */
class Body {
  /** The block to ask for; null when the answer is whole. */
  next: { readonly num: number; readonly size: number } | null = null;
  readonly #what: string;
  readonly #maxBytes: number;
  readonly #etag: Uint8Array | null;
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor({ what, maxBytes, first }: { what: string; maxBytes: number; first: CoapMessage }) {
    this.#what = what;
    this.#maxBytes = maxBytes;
    this.#etag = findOption(first, optionNumbers.etag);
    const announced = readUintOption(first, optionNumbers.size2);
    if (announced !== null && announced > maxBytes) throw this.#tooLarge(announced);
    this.#take(first, readBlock(first, optionNumbers.block2, what));
  }

  sameRepresentation(response: CoapMessage): boolean {
    const etag = findOption(response, optionNumbers.etag);
    // Small servers send none, or only one with the first block.
    return etag === null || this.#etag === null || Buffer.compare(etag, this.#etag) === 0;
  }

  add(response: CoapMessage): void {
    const block = readBlock(response, optionNumbers.block2, this.#what);
    if (block === null) throw malformed(this.#what, 'an answer without a block follows one with a block');
    if (this.next !== null && block.size > this.next.size)
      throw malformed(this.#what, `the blocks grew from ${this.next.size} to ${block.size} bytes`);
    this.#take(response, block);
  }

  toBytes(): Uint8Array {
    const [only] = this.#chunks;
    return this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
  }

  #take(message: CoapMessage, block: Block | null): void {
    const { payload } = message;
    if (block !== null) {
      const offset = block.num * block.size;
      if (offset !== this.#bytes)
        throw malformed(this.#what, `a block starts at byte ${offset}; byte ${this.#bytes} was due`);
      if (block.more ? payload.length !== block.size : payload.length > block.size)
        throw malformed(this.#what, `a block of ${block.size} bytes has ${payload.length}`);
    }
    this.#bytes += payload.length;
    if (this.#bytes > this.#maxBytes) throw this.#tooLarge(this.#bytes);
    this.#chunks.push(payload);
    this.next = block?.more === true ? { num: this.#bytes / block.size, size: block.size } : null;
  }

  #tooLarge(bytes: number): CoapError {
    return new CoapError(
      'too_large',
      `${this.#what}: the answer has ${bytes} bytes or more; at most ${this.#maxBytes} are taken`,
    );
  }
}

function readBlock(message: CoapMessage, number: number, what: string): Block | null {
  const value = findOption(message, number);
  if (value === null) return null;
  const block = decodeBlock(value);
  if (block === null) throw malformed(what, 'a block option cannot be read');
  return block;
}

function malformed(what: string, reason: string): CoapError {
  return new CoapError('malformed', `${what}: ${reason}`);
}
