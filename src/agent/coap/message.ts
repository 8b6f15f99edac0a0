/**
 * CoAP messages (RFC 7252 §3) as the exchange layer reads and writes them. The octets are coap-packet's work; this module
 * adds the checks that it leaves out and the option values that are used here.
 *
 *    0                   1                   2                   3
 *   |Ver| T |  TKL  |      Code     |          Message ID           |
 *   |   Token (TKL bytes, 0–8) …  |  Options …  |1 1 1 1 1 1 1 1| Payload …
 */
import { generate, parse } from 'coap-packet';

type CoapMessageType = 'con' | 'non' | 'ack' | 'rst';

/** Option numbers (RFC 7252 §5.10, RFC 7959 §2.1 and §4). */
export const optionNumbers = {
  etag: 4,
  uriPath: 11,
  contentFormat: 12,
  uriQuery: 15,
  block2: 23,
  block1: 27,
  size2: 28,
  size1: 60,
} as const;

export interface CoapOption {
  readonly number: number;
  readonly value: Uint8Array;
}

export interface CoapMessage {
  readonly type: CoapMessageType;
  /** `0.01` GET, `2.05` Content, `0.00` empty. */
  readonly code: string;
  readonly messageId: number;
  readonly token: Buffer;
  readonly options: readonly CoapOption[];
  readonly payload: Uint8Array;
}

export const emptyCode = '0.00';
export const methodCodes = { GET: '0.01', POST: '0.02', PUT: '0.03', DELETE: '0.04' } as const;

export const noBytes: Buffer = Buffer.alloc(0);
/** RFC 7252 §3: lengths 9–15 are reserved. */
const maxTokenBytes = 8;
/** A request with a full block and long paths still fits; larger ones are cut into blocks before they come here. */
const maxMessageBytes = 4_096;

const optionNames = new Map<string, number>([
  ['ETag', optionNumbers.etag],
  ['Uri-Path', optionNumbers.uriPath],
  ['Content-Format', optionNumbers.contentFormat],
  ['Uri-Query', optionNumbers.uriQuery],
  ['Block2', optionNumbers.block2],
  ['Block1', optionNumbers.block1],
  ['Size2', optionNumbers.size2],
  ['Size1', optionNumbers.size1],
]);

/** Throws a RangeError when the message cannot be written, which is the caller's mistake. */
export function encodeMessage(message: CoapMessage): Uint8Array {
  try {
    return generate(
      {
        code: message.code,
        messageId: message.messageId,
        token: message.token,
        confirmable: message.type === 'con',
        ack: message.type === 'ack',
        reset: message.type === 'rst',
        options: message.options.map(({ number, value }) => ({
          name: number.toString(),
          value: asBuffer(value),
        })),
        payload: asBuffer(message.payload),
      },
      maxMessageBytes,
    );
  } catch (error) {
    throw new RangeError(`a CoAP message cannot be written: ${error instanceof Error ? error.message : ''}`, {
      cause: error,
    });
  }
}

/** An acknowledgement or a reset: four bytes. */
export function encodeEmpty(type: 'ack' | 'rst', messageId: number): Uint8Array {
  return Uint8Array.of(type === 'ack' ? 0x60 : 0x70, 0, messageId >> 8, messageId & 0xff);
}

/** Null for anything that is not a CoAP message. */
export function decodeMessage(datagram: Uint8Array): CoapMessage | null {
  if (datagram.length < 4) return null;
  const tokenBytes = (datagram[0] ?? 0) & 0x0f;
  if (tokenBytes > maxTokenBytes || datagram.length < 4 + tokenBytes) return null;
  let packet;
  try {
    packet = parse(asBuffer(datagram));
  } catch {
    return null;
  }
  return {
    type: packet.confirmable ? 'con' : packet.ack ? 'ack' : packet.reset ? 'rst' : 'non',
    code: packet.code,
    messageId: packet.messageId,
    token: packet.token,
    options: packet.options.map(({ name, value }) => ({
      number: optionNames.get(String(name)) ?? Number(name),
      value,
    })),
    payload: packet.payload,
  };
}

export function findOption(message: CoapMessage, number: number): Uint8Array | null {
  return message.options.find((option) => option.number === number)?.value ?? null;
}

/** Option values of type uint: big-endian without leading zeros (RFC 7252 §3.2). */
export function encodeUint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Uint8Array.from(bytes);
}

/** Null where the option is absent or longer than 4 bytes. */
export function readUintOption(message: CoapMessage, number: number): number | null {
  const value = findOption(message, number);
  return value === null || value.length > 4 ? null : decodeUint(value);
}

export function decodeUint(value: Uint8Array): number {
  return value.reduce((sum, byte) => sum * 256 + byte, 0);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
