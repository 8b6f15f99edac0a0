/** The one sentence of an alert: what was seen, and what the rule says to it. */
import { formatDuration } from '../../config.ts';
import type { Reading, ReadingValue } from '../../protocol/sensor-event.ts';
import type { AlertRule, LevelTest } from './alert-rule.ts';

export interface Seen {
  readonly value: ReadingValue | null;
  readonly unit: Reading['unit'];
  /** Of a silence: how long it is, and how long it usually is. */
  readonly silence?: { readonly quietMs: number; readonly usualMs: number | null };
}

export function summaryOf(rule: AlertRule, subject: string, seen: Seen, drill: boolean): string {
  const sentence = sentenceOf(rule, subject, seen);
  return drill ? `Drill, no real alarm: ${sentence}` : sentence;
}

function sentenceOf({ condition, hold }: AlertRule, subject: string, { silence, unit, value }: Seen): string {
  const inUnit = (amount: ReadingValue | null): string =>
    `${amount ?? 'unknown'}${unit === null ? '' : ` ${unit}`}`;
  const scans = hold.kind === 'scans' && hold.scans > 1 ? ` in ${hold.scans} scans in a row` : '';
  switch (condition.kind) {
    case 'reading': {
      const { test, type } = condition;
      switch (test.kind) {
        case 'changes_by':
          return `${subject}: ${type} changed by ${inUnit(value)} within ${formatDuration(test.withinMs)}, limit ${test.by}`;
        case 'rate':
          return `${subject}: ${type} changes by ${inUnit(value)} per ${formatDuration(test.perMs)}, limit ${test.above ?? test.below ?? ''}`;
        default:
          return `${subject}: ${type} is ${inUnit(value)}${limitOf(test)}`;
      }
    }
    case 'silent':
      return silence === undefined
        ? `${subject} is silent`
        : `${subject} has sent nothing for ${roughly(silence.quietMs)}` +
            (silence.usualMs === null
              ? ''
              : `, usually there is something every ${roughly(silence.usualMs)}`);
    case 'offline':
      return `${subject} has been offline for ${hold.kind === 'time' ? formatDuration(hold.holdMs) : 'too long'}`;
    case 'scan_failure_rate':
      return `${subject}: ${percent(value)} of the nodes asked within ${formatDuration(condition.overMs)} did not answer, limit ${percent(condition.above)}`;
    case 'coap_latency_p99':
      return `${subject}: the slowest hundredth of the answers within ${formatDuration(condition.overMs)} took ${String(value)} ms or more, limit ${formatDuration(condition.aboveMs)}`;
    case 'partitions':
      return `${subject} is split into ${String(value)} partitions`;
    case 'incomplete':
      return value === 0
        ? `${subject}: its map is incomplete, no router is known${scans}`
        : `${subject}: its map is incomplete, ${count(value, 'router')} did not answer${scans}`;
    case 'dataset_mismatch':
      return `${subject}: its border routers disagree about it${value === null ? '' : `: ${value}`}`;
    case 'missing':
      return hold.kind === 'scans' && hold.scans > 1
        ? `${subject} did not answer in ${hold.scans} scans in a row`
        : `${subject} did not answer`;
    case 'margin_below':
      return `${subject}: link margin is ${String(value)} dB, below ${condition.limitDb} dB${scans}`;
    case 'margin_drops':
      return `${subject}: link margin is ${value ?? 'so many'} dB below its usual of the last ${formatDuration(condition.overMs)}, limit ${condition.byDb} dB${scans}`;
    case 'frame_error_rate':
      return `${subject}: ${percent(value)} of the frames are lost, limit ${percent(condition.above)}${scans}`;
    case 'flapping':
      return `${subject} changed its parent or partition, or tried to attach, ${count(value, 'time')} within ${formatDuration(condition.withinMs)}`;
    case 'reboots':
      return `${subject} started again ${count(value, 'time')} within ${formatDuration(condition.withinMs)}`;
    case 'battery_below':
      return `${subject}: battery at ${String(value)} mV, below ${condition.limitMillivolts} mV${scans}`;
  }
}

function limitOf(test: LevelTest): string {
  switch (test.kind) {
    case 'equals':
      return '';
    case 'above':
      return `, above ${test.limit}`;
    case 'below':
      return `, below ${test.limit}`;
    case 'between':
      return `, between ${test.low} and ${test.high}`;
  }
}

const count = (value: ReadingValue | null, what: string): string =>
  `${value ?? 'so many'} ${what}${value === 1 ? '' : 's'}`;

const percent = (value: ReadingValue | null): string =>
  typeof value === 'number' ? `${Math.round(value * 100)} %` : 'unknown';

/** In whole seconds, minutes, hours or days, as people say it. */
function roughly(durationMs: number): string {
  for (const [unitMs, unit] of [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
  ] as const) {
    if (durationMs >= 2 * unitMs) return `${Math.round(durationMs / unitMs)} ${unit}`;
  }
  return `${Math.max(1, Math.round(durationMs / 1_000))} s`;
}
