/**
 * Reading fields of answers that may hold anything. A field that is missing or odd is null and costs only itself. A field
 * has as many names as dialects gave it; the first that is there counts.
 */
import { parseExtAddress, type ExtAddress } from '../../protocol/ids.ts';
import { parseIpv6, type Ipv6Address } from '../../protocol/ipv6.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { parseRloc16, type Rloc16 } from '../../protocol/rloc16.ts';

/** Longer than any address text or number. */
const maxIdentifierLength = 64;
/** More than a device has: OpenThread holds up to 16. */
const maxAddresses = 64;

export function field(object: JsonObject, names: readonly string[]): JsonValue | undefined {
  const name = names.find((candidate) => Object.hasOwn(object, candidate));
  return name === undefined ? undefined : object[name];
}

export function objectField(object: JsonObject, ...names: string[]): JsonObject | null {
  const value = field(object, names);
  return isJsonObject(value) ? value : null;
}

/** The objects of a table, no more than `most`; null where there is no table. */
export function rowsField(object: JsonObject, most: number, ...names: string[]): JsonObject[] | null {
  const value = field(object, names);
  return Array.isArray(value) ? value.slice(0, most).filter(isJsonObject) : null;
}

export function integerField(
  object: JsonObject,
  [min, max]: readonly [number, number],
  ...names: string[]
): number | null {
  const value = field(object, names);
  return Number.isInteger(value) && Number(value) >= min && Number(value) <= max ? Number(value) : null;
}

/** A share, 0–1. */
export function rateField(object: JsonObject, ...names: string[]): number | null {
  const value = field(object, names);
  return typeof value === 'number' && value >= 0 && value <= 1 ? value : null;
}

/** Older dialects write 0 and 1. */
export function booleanField(object: JsonObject, ...names: string[]): boolean | null {
  const value = field(object, names);
  if (typeof value === 'boolean') return value;
  return value === 0 || value === 1 ? value === 1 : null;
}

/** Null where it is empty. */
export function textField(object: JsonObject, longest: number, ...names: string[]): string | null {
  const value = field(object, names);
  return typeof value === 'string' ? boundedText(value, longest) : null;
}

export function extAddressField(object: JsonObject, ...names: string[]): ExtAddress | null {
  const value = identifier(field(object, names));
  return value === null ? null : parseExtAddress(value);
}

/** Numbers and hex text, whichever the dialect, the resource or the version prefers. */
export function rloc16Field(object: JsonObject, ...names: string[]): Rloc16 | null {
  const value = field(object, names);
  if (typeof value === 'number') return parseRloc16(value);
  const text = identifier(value);
  return text === null ? null : parseRloc16(text);
}

/** Lower-case hex of so many digits. */
export function hexField(object: JsonObject, digits: number, ...names: string[]): string | null {
  const value = identifier(field(object, names))?.toLowerCase() ?? null;
  return value !== null && value.length === digits && /^[0-9a-f]+$/.test(value) ? value : null;
}

/** Null for `::` too, which stands for an address not known. */
export function ipv6Field(object: JsonObject, ...names: string[]): Ipv6Address | null {
  return readIpv6(field(object, names));
}

export function ipv6ListField(object: JsonObject, ...names: string[]): Ipv6Address[] | null {
  const value = field(object, names);
  if (!Array.isArray(value)) return null;
  const addresses = value.slice(0, maxAddresses).flatMap((entry) => readIpv6(entry) ?? []);
  return [...new Set(addresses)];
}

/** One line without control characters, cut to `longest`; null where nothing is left. */
export function boundedText(text: string, longest: number): string | null {
  const line = text
    .slice(0, longest * 4)
    .toWellFormed()
    // eslint-disable-next-line no-control-regex -- control characters are what it takes out
    .replaceAll(/[\u0000-\u0020\u007f-\u00a0\u2028\u2029]+/g, ' ')
    .trim()
    .slice(0, longest)
    .toWellFormed();
  return line === '' ? null : line;
}

function readIpv6(value: JsonValue | undefined): Ipv6Address | null {
  const text = identifier(value);
  const address = text === null ? null : parseIpv6(text);
  return address === '::' ? null : address;
}

const identifier = (value: JsonValue | undefined): string | null =>
  typeof value === 'string' && value.length <= maxIdentifierLength ? value : null;
