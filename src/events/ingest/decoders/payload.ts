/** What payloads of all kinds of sources are made of: UTF-8 text, JSON, numbers and switches as text. */
import { isUtf8 } from 'node:buffer';
import type { ReadingValue } from '../../../protocol/sensor-event.ts';
import { maxTextLength } from '../accept-event.ts';

/** Null for what is not UTF-8. */
export function textOf(payload: Uint8Array): string | null {
  const bytes = Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const text = bytes.toString('utf8');
  return text.includes('\uFFFD') && !isUtf8(payload) ? null : text;
}

/** Undefined for what is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const numberPattern = /^\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d{1,3})?\s*$/i;

/** `22.5`, `-3e2`; null for anything else, `NaN`, `Infinity` and `0x10` included. */
export function parseNumber(text: string): number | null {
  if (text.length > 64 || !numberPattern.test(text)) return null;
  const number = Number(text);
  return Number.isFinite(number) ? number : null;
}

/** A number, or the words of a switch; null for other text. */
export function parseScalar(text: string): number | boolean | null {
  return parseNumber(text) ?? parseSwitch(text);
}

export function parseSwitch(text: string): boolean | null {
  switch (text.trim().toLowerCase()) {
    case 'true':
    case 'on':
      return true;
    case 'false':
    case 'off':
      return false;
    default:
      return null;
  }
}

/** A property of a flat object as a reading; null where it is none: null itself, lists, objects, long and empty text. */
export function flatValue(value: unknown): ReadingValue | null {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? value : null;
    case 'boolean':
      return value;
    case 'string':
      if (value === 'ON' || value === 'OFF') return value === 'ON';
      return value !== '' && value.length <= maxTextLength ? value : null;
    default:
      return null;
  }
}

/** `DewPoint`, `dew point`, `dew-point`: `dew_point`. */
export function snakeCase(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replaceAll(/[^\p{L}\p{N}]+/gu, '_')
    .replaceAll(/^_+|_+$/g, '')
    .toLowerCase();
}
