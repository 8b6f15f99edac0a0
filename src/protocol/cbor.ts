/**
 * CBOR (RFC 8949) as Threadhub speaks it: plain maps, arrays, text, bytes and numbers, readable by any decoder.
 *
 * What is decoded here comes from nodes and border routers, so it is checked before it is built: a header of five bytes
 * can announce an array of 2³² elements, and a decoder that makes room for it first is stopped by one datagram.
 */
import { Decoder, Encoder, Tag } from 'cbor-x';

/** Deeper nesting is refused; Thread tables need four levels. */
export const maxCborDepth = 64;

// No record extension: its tags are known to cbor-x alone.
const encoder = new Encoder({ useRecords: false, tagUint8Array: false });
const decoder = new Decoder({ useRecords: false, mapsAsObjects: true });

/** What CBOR can carry here: JSON, and bytes. */
export type CborValue =
  string | number | boolean | null | Uint8Array | CborValue[] | { [key: string]: CborValue };

export function encodeCbor(value: unknown): Uint8Array {
  return encoder.encode(value);
}

/**
 * Throws an Error whose message is a sentence when the bytes are not one well-formed item, or hold what cannot be passed
 * on. Undefined and numbers that are not finite become null, integers beyond 2⁵³ text, dates ISO 8601 text; a tag that is
 * not known here is dropped and its value kept.
 */
export function decodeCbor(bytes: Uint8Array): CborValue {
  const problem = cborProblem(bytes);
  if (problem !== null) throw new Error(problem);
  return toPlain(decoder.decode(bytes));
}

function toPlain(value: unknown): CborValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
    case 'undefined':
      return null;
    case 'object':
      break;
    default:
      throw new Error(`the CBOR item holds a ${typeof value}`);
  }
  if (value === null) return null;
  if (Array.isArray(value)) return value.map(toPlain);
  if (value instanceof Uint8Array) return value;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (value instanceof Tag) return toPlain(value.value);
  if (Object.getPrototypeOf(value) !== Object.prototype)
    throw new Error('the CBOR item holds a value that neither JSON nor bytes can carry');
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, toPlain(entry)]));
}

/**
 * Checks that the bytes are exactly one well-formed item (RFC 8949, appendix C), that no announced count exceeds the
 * bytes that follow, and that nesting is at most `maxCborDepth`. Null when all is well.
 *
 *   initial byte: major type (3 bits) | additional information (5 bits)
 *   additional information 0–23: the value itself; 24–27: the next 1, 2, 4, 8 bytes; 31: indefinite length, or break
 */
export function cborProblem(bytes: Uint8Array): string | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  /** Items still to come at each level; -1: until a break; strings of an indefinite string: -2. */
  const open: number[] = [1];
  let at = 0;
  while (open.length > 0) {
    const level = open.length - 1;
    const left = open[level] ?? 0;
    if (left === 0) {
      open.pop();
      continue;
    }
    if (at >= bytes.length) return `the CBOR item ends after ${bytes.length} bytes, before it is complete`;
    const initial = bytes[at++] ?? 0;
    if (initial === 0xff) {
      if (left > 0) return `a CBOR break at byte ${at - 1} ends nothing`;
      open.pop();
      continue;
    }
    if (left > 0) open[level] = left - 1;
    const major = initial >> 5;
    const information = initial & 0x1f;
    if (left === -2 && (information === 31 || (major !== 2 && major !== 3)))
      return `a CBOR string at byte ${at - 1} has a part that is not a string`;
    let argument = information;
    if (information >= 24 && information <= 27) {
      const size = 1 << (information - 24);
      if (at + size > bytes.length)
        return `the CBOR item ends after ${bytes.length} bytes, before it is complete`;
      argument = readArgument(view, at, size);
      at += size;
    } else if (information > 27 && information < 31) {
      return `byte ${at - 1} is not a CBOR item`;
    }
    const indefinite = information === 31;
    const remaining = bytes.length - at;
    switch (major) {
      case 2:
      case 3:
        if (indefinite) open.push(-2);
        else if (argument > remaining) return `a CBOR string of ${argument} bytes has only ${remaining}`;
        else at += argument;
        break;
      case 4:
      case 5: {
        const items = major === 4 ? argument : argument * 2;
        if (!indefinite && items > remaining)
          return `a CBOR collection of ${argument} entries has only ${remaining} bytes`;
        open.push(indefinite ? -1 : items);
        break;
      }
      case 6:
        if (indefinite) return `byte ${at - 1} is not a CBOR item`;
        // Tags 28 and 29 share values: a few bytes could stand for a tree without end.
        if (argument === 28 || argument === 29) return `the CBOR item shares values, at byte ${at - 1}`;
        open.push(1);
        break;
      default:
        if (indefinite) return `byte ${at - 1} is not a CBOR item`;
    }
    if (open.length > maxCborDepth + 1) return `the CBOR item is nested deeper than ${maxCborDepth} levels`;
  }
  return at === bytes.length ? null : `${bytes.length - at} bytes follow the CBOR item`;
}

function readArgument(view: DataView, at: number, size: number): number {
  switch (size) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at);
    case 4:
      return view.getUint32(at);
    default:
      return Number(view.getBigUint64(at));
  }
}
