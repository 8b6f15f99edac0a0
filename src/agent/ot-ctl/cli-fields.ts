/**
 * The ways in which the OpenThread CLI writes values, read by their names: versions add fields and columns, and change
 * spacing. A value that is odd is null.
 */
import { type ExtAddress, parseExtAddress } from '../../protocol/ids.ts';
import { type Ipv6Address, parseIpv6 } from '../../protocol/ipv6.ts';
import { parseRloc16, type Rloc16 } from '../../protocol/rloc16.ts';
import type { DeviceMode } from '../mesh/device-diagnostics.ts';

export type Fields = ReadonlyMap<string, string>;

/** Longer lines are no CLI's: the longest holds a diagnostic answer as hex. */
const maxLineLength = 8_192;

/**
 * `rss - ave:-83 last:-83 margin:17` → `rss.ave`, `rss.last`, `rss.margin`; `timeout:240 age:2` → `timeout`, `age`.
 * The group keeps the `timeout` of `csl` apart from the child's. The first of a name counts.
 */
export function readFields(line: string): Fields {
  const fields = new Map<string, string>();
  const bounded = line.slice(0, maxLineLength);
  const group = /^\s*([a-z][\w-]*) - /i.exec(bounded)?.[1]?.toLowerCase();
  for (const [, name = '', value = ''] of bounded.matchAll(/([a-z][\w-]*):\s*([^\s,]+)/gi)) {
    const key = group === undefined ? name.toLowerCase() : `${group}.${name.toLowerCase()}`;
    if (!fields.has(key)) fields.set(key, value);
  }
  return fields;
}

/** `Partition ID: 573303309` → `partitionid`: letters and digits of the name, in lower case. Null for other lines. */
export function readNamedValue(line: string): { readonly name: string; readonly value: string } | null {
  const bounded = line.slice(0, maxLineLength);
  const colon = bounded.indexOf(':');
  if (colon < 1) return null;
  return { name: plainName(bounded.slice(0, colon)), value: bounded.slice(colon + 1).trim() };
}

export function readNamedValues(lines: readonly string[]): Fields {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const named = readNamedValue(line);
    if (named !== null && !fields.has(named.name)) fields.set(named.name, named.value);
  }
  return fields;
}

/**
 * A table drawn with `|`. Each row by the plain names of its columns: `Extended MAC` → `extendedmac`. A row that is
 * shorter than its heading has the columns that it has.
 */
export function readTable(lines: readonly string[]): Fields[] {
  let columns: readonly string[] | null = null;
  const rows: Fields[] = [];
  for (const line of lines) {
    const trimmed = line.slice(0, maxLineLength).trim();
    if (!trimmed.startsWith('|')) continue;
    const cells = trimmed
      .replace(/^\|/, '')
      .replace(/\|$/, '')
      .split('|', 64)
      .map((cell) => cell.trim());
    if (columns === null) {
      columns = cells.map(plainName);
      continue;
    }
    const row = new Map<string, string>();
    columns.forEach((column, index) => {
      const cell = cells[index];
      if (cell !== undefined && !row.has(column)) row.set(column, cell);
    });
    rows.push(row);
  }
  return rows;
}

/** The first line that `parse` takes. */
export function firstValue<Value>(
  lines: readonly string[],
  parse: (text: string) => Value | null,
): Value | null {
  for (const line of lines) {
    const value = parse(line.slice(0, maxLineLength).trim());
    if (value !== null) return value;
  }
  return null;
}

/** Decimal, or hex behind `0x`. Trailing units (`240s`, `33%`) are left to callers. */
export function toWhole(text: string | undefined, min: number, max: number): number | null {
  if (text === undefined || !/^(-?\d{1,16}|0x[0-9a-f]{1,13})$/i.test(text)) return null;
  const number = Number(text);
  return Number.isSafeInteger(number) && number >= min && number <= max ? number : null;
}

/** dBm; 127 is OpenThread's "unknown". */
export const toRssi = (text: string | undefined): number | null => toWhole(text, -128, 20);

/** `33.21%` → 0.3321. */
export function toShare(text: string | undefined): number | null {
  const match = /^(\d{1,3}(?:\.\d{1,6})?)\s*%?$/.exec(text ?? '');
  if (match === null) return null;
  const percent = Number(match[1]);
  return percent <= 100 ? Math.round(percent * 100) / 10_000 : null;
}

/** `00:04:14` or, from a day on, `1d.00:04:14` → seconds. */
export function toDurationSeconds(text: string | undefined): number | null {
  const match = /^(?:(\d{1,6})d\.)?(\d{1,2}):(\d{2}):(\d{2})$/.exec(text ?? '');
  if (match === null) return null;
  const [days, hours, minutes, seconds] = match.slice(1).map((part: string | undefined) => Number(part ?? 0));
  return (days ?? 0) * 86_400 + (hours ?? 0) * 3_600 + (minutes ?? 0) * 60 + (seconds ?? 0);
}

/** All zeros is "not known". */
export function toExtAddress(text: string | undefined): ExtAddress | null {
  const address = parseExtAddress(text ?? '');
  return address === null || /^0{16}$/.test(address) ? null : address;
}

export const toRloc16 = (text: string | undefined): Rloc16 | null => parseRloc16(text ?? '');

/** An address at the start of a line, behind `- ` or blanks. */
export function toIpv6Address(line: string): Ipv6Address | null {
  const word =
    line
      .slice(0, maxLineLength)
      .replace(/^[\s-]+/, '')
      .split(/\s/, 1)[0] ?? '';
  return word.length > 64 ? null : parseIpv6(word);
}

/** `rdn`, `rn`, `-`. */
export function toMode(letters: string | undefined): DeviceMode | null {
  if (letters === undefined || !/^(-|[rdns]{1,4})$/.test(letters)) return null;
  return {
    rxOnWhenIdle: letters.includes('r'),
    fullThreadDevice: letters.includes('d'),
    fullNetworkData: letters.includes('n'),
  };
}

function plainName(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}
