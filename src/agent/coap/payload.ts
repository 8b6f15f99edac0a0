/**
 * What a node answered, as JSON: Content-Format 50 is JSON, 60 is CBOR, and anything else is tried as JSON, then as CBOR,
 * because nodes in the field send no Content-Format at all.
 */
import { decodeCbor, maxCborDepth } from '../../protocol/cbor.ts';
import { isDeeperThan, type JsonValue } from '../../protocol/json.ts';

export const contentFormats = { json: 50, cbor: 60 } as const;

export type DecodedPayload =
  | { readonly ok: true; readonly value: JsonValue }
  /** A sentence that names what was seen. */
  | { readonly ok: false; readonly reason: string };

const utf8 = new TextDecoder('utf-8', { fatal: true });

export function decodePayload(payload: Uint8Array, contentFormat: number | null): DecodedPayload {
  if (payload.length === 0) return { ok: false, reason: 'the answer is empty' };
  switch (contentFormat) {
    case contentFormats.json:
      return decodeJson(payload);
    case contentFormats.cbor:
      return decodeCborPayload(payload);
    default: {
      const json = decodeJson(payload);
      if (json.ok) return json;
      const cbor = decodeCborPayload(payload);
      // Text that was meant as JSON is better explained as such.
      return cbor.ok || !looksLikeText(payload) ? cbor : json;
    }
  }
}

function decodeJson(payload: Uint8Array): DecodedPayload {
  try {
    const value = JSON.parse(utf8.decode(payload)) as JsonValue;
    return isDeeperThan(value, maxCborDepth)
      ? { ok: false, reason: `the answer is nested deeper than ${maxCborDepth} levels` }
      : { ok: true, value };
  } catch (error) {
    return { ok: false, reason: `the answer is not JSON (${reasonOf(error)}): ${excerpt(payload)}` };
  }
}

function decodeCborPayload(payload: Uint8Array): DecodedPayload {
  try {
    return { ok: true, value: withoutBytes(decodeCbor(payload)) };
  } catch (error) {
    return { ok: false, reason: `the answer is not CBOR (${reasonOf(error)}): ${excerpt(payload)}` };
  }
}

/** Bytes in CBOR are addresses and keys, which JSON carries as hex. */
function withoutBytes(value: ReturnType<typeof decodeCbor>): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(withoutBytes);
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withoutBytes(entry)]));
}

function looksLikeText(payload: Uint8Array): boolean {
  const first = payload[0] ?? 0;
  return first === 0x09 || first === 0x0a || first === 0x0d || (first >= 0x20 && first < 0x7f);
}

/** The beginning, readable and on one line. */
function excerpt(payload: Uint8Array): string {
  const begin = payload.subarray(0, 40);
  const text = looksLikeText(payload)
    ? JSON.stringify(
        Buffer.from(begin)
          .toString('latin1')
          .replaceAll(/[^\x20-\x7e]/g, '?'),
      )
    : `0x${Buffer.from(begin).toString('hex')}`;
  return `it has ${payload.length} bytes and begins with ${text}`;
}

function reasonOf(error: unknown): string {
  // V8's message quotes the text, control characters included.
  return error instanceof Error
    ? error.message.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 120)
    : String(error);
}
