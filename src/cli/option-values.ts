/** Reads the values of options. Each throws commander's `InvalidArgumentError`, whose sentence says what is valid. */
import { InvalidArgumentError } from 'commander';
import { parseDurationMs } from '../config.ts';
import {
  type BorderRouterId,
  type ExtAddress,
  parseBorderRouterId,
  parseExtAddress,
} from '../protocol/ids.ts';
import { formatIpv6Prefix, parseIpv6Prefix } from '../protocol/ipv6.ts';

export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER) {
  return (text: string): number => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new InvalidArgumentError(`Write a whole number ${range}.`);
  };
}

export function positiveNumber(text: string): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value > 0) return value;
  throw new InvalidArgumentError('Write a number above 0, such as 2 or 0.5.');
}

/** `0.05` or `5%`. */
export function share(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text);
  const value = match === null ? Number.NaN : Number(match[1]) / (match[2] === '%' ? 100 : 1);
  if (value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('Write a share from 0 to 1, or a percentage such as 5%.');
}

/** `40..250` or `100`, milliseconds. */
export function millisecondRange(text: string): readonly [number, number] {
  const match = /^(\d{1,7})(?:\.\.(\d{1,7}))?$/.exec(text);
  const low = Number(match?.[1] ?? Number.NaN);
  const high = Number(match?.[2] ?? match?.[1] ?? Number.NaN);
  if (low <= high) return [low, high];
  throw new InvalidArgumentError('Write milliseconds as 100, or as 40..250 with the lesser first.');
}

export interface CrashPlan {
  readonly borderRouterIndex: number;
  readonly atMs: number;
  readonly rebootAfterMs?: number;
}

/** `BR-002@10s`, and with a reboot five seconds later `BR-002@10s+5s`; bare numbers of time are seconds. */
export function crashPlan(text: string, earlier: readonly CrashPlan[] = []): readonly CrashPlan[] {
  const match = /^(?:[A-Za-z-]*?)(\d{1,6})@([\d.]+[a-z]*)(?:\+([\d.]+[a-z]*))?$/.exec(text);
  const number = Number(match?.[1] ?? 0);
  const atMs = secondsOrDuration(match?.[2]);
  const rebootAfterMs = secondsOrDuration(match?.[3]);
  if (number < 1 || atMs === null || (match?.[3] !== undefined && rebootAfterMs === null)) {
    throw new InvalidArgumentError(
      'Write BR-002@10s, or BR-002@10s+5s where it reboots 5 s after the crash.',
    );
  }
  const plan = { borderRouterIndex: number - 1, atMs };
  return [...earlier, rebootAfterMs === null ? plan : { ...plan, rebootAfterMs }];
}

const secondsOrDuration = (text: string | undefined): number | null =>
  text === undefined ? null : parseDurationMs(/[a-z]$/.test(text) ? text : `${text}s`);

export function borderRouterId(text: string): BorderRouterId {
  const id = parseBorderRouterId(text);
  if (id !== null) return id;
  throw new InvalidArgumentError(
    'Write 1 to 64 letters, digits, dots, underscores or hyphens, such as BR-001.',
  );
}

export function extAddress(text: string): ExtAddress {
  const address = parseExtAddress(text);
  if (address !== null) return address;
  throw new InvalidArgumentError('Write 16 hex digits, such as 5339695e8f14acf6.');
}

export function networkPrefix(text: string): string {
  const prefix = parseIpv6Prefix(text);
  if (prefix !== null) return formatIpv6Prefix(prefix);
  throw new InvalidArgumentError('Write an IPv6 prefix, such as fd78:8e78:3bfe:1::/64.');
}

/** A point in the past: ISO 8601, or a duration before now. Unix ms. */
export function pastTime(nowMs: number) {
  return (text: string): number => {
    const agoMs = /^\d+(?:\.\d+)?(?:ms|s|min|m|h|d)$/.test(text) ? parseDurationMs(text) : null;
    if (agoMs !== null) return nowMs - agoMs;
    const atMs = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
    if (!Number.isNaN(atMs)) return atMs;
    throw new InvalidArgumentError('Write a time such as 2026-01-31T14:00Z, or how long ago: 15min, 2h, 1d.');
  };
}

/** For options that may be repeated, or hold commas. */
export const list = (text: string, earlier: readonly string[] = []): readonly string[] => [
  ...earlier,
  ...text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== ''),
];
