/** Alert rules as people and programs see them: in the words of the file, times as durations. */
import { formatDuration } from '../../config.ts';
import type { AlertCondition, AlertRule, LevelTest, ReadingTest } from './alert-rule.ts';
import { type TimeWindow, weekdays } from './time-window.ts';

/** They say themselves in how many scans. */
const bringsScans: readonly AlertCondition['kind'][] = ['missing', 'incomplete', 'frame_error_rate'];

/** What the file would say, with every default in it. */
export function alertRuleView(rule: AlertRule): Readonly<Record<string, unknown>> {
  const { clear, condition, enabled, escalate, hold, name, notify, repeatMs, severity } = rule;
  const scans =
    hold.kind === 'scans' && !bringsScans.includes(condition.kind) ? { for: scansText(hold.scans) } : {};
  const isOwnHold = condition.kind === 'offline' || hold.kind === 'scans' || hold.holdMs === 0;
  return {
    name,
    enabled,
    severity,
    when: { ...conditionView(rule), ...scans, ...windowView(rule.during) },
    ...(clear === null ? {} : { clear: clearView(condition, clear) }),
    ...(isOwnHold ? {} : { for: formatDuration(hold.holdMs) }),
    ...(notify === null ? {} : { notify }),
    ...(repeatMs === null ? {} : { repeat: formatDuration(repeatMs) }),
    ...(escalate.length === 0
      ? {}
      : { escalate: escalate.map((step) => ({ after: formatDuration(step.afterMs), notify: step.notify })) }),
  };
}

function conditionView({ condition, hold }: AlertRule): Readonly<Record<string, unknown>> {
  const { subject } = condition;
  const ownScans = hold.kind === 'scans' ? hold.scans : 1;
  switch (condition.kind) {
    case 'reading':
      return { sensor: subject, type: condition.type, ...testView(condition.test) };
    case 'silent': {
      const { limit } = condition;
      const silent = limit.kind === 'fixed' ? formatDuration(limit.limitMs) : { times_usual: limit.times };
      return { sensor: subject, silent };
    }
    case 'offline':
      return { border_router: subject, offline: hold.kind === 'time' ? formatDuration(hold.holdMs) : null };
    case 'scan_failure_rate':
      return {
        border_router: subject,
        scan_failure_rate: { above: percent(condition.above), over: formatDuration(condition.overMs) },
      };
    case 'coap_latency_p99':
      return {
        border_router: subject,
        coap_latency_p99: {
          above: formatDuration(condition.aboveMs),
          over: formatDuration(condition.overMs),
        },
      };
    case 'partitions':
      return { network: subject, partitions: { above: condition.above } };
    case 'incomplete':
      return { network: subject, incomplete: { scans: ownScans } };
    case 'dataset_mismatch':
      return { network: subject, dataset_mismatch: true };
    case 'missing':
      return { node: subject, missing: { scans: ownScans } };
    case 'battery_below':
      return { node: subject, battery_below: condition.limitMillivolts };
    case 'flapping': {
      const { changes, withinMs } = condition;
      return { node: subject, flapping: { changes, within: formatDuration(withinMs) } };
    }
    case 'reboots': {
      const { above, withinMs } = condition;
      return { node: subject, reboots: { above, within: formatDuration(withinMs) } };
    }
    case 'margin_below':
      return { link: subject, margin_below: condition.limitDb };
    case 'margin_drops': {
      const { byDb, overMs } = condition;
      return { link: subject, margin_drops: { by: byDb, over: formatDuration(overMs) } };
    }
    case 'frame_error_rate':
      return {
        link: subject,
        frame_error_rate: { above: percent(condition.above), over: scansText(ownScans) },
      };
  }
}

function testView(test: ReadingTest): Readonly<Record<string, unknown>> {
  switch (test.kind) {
    case 'changes_by':
      return { changes_by: { by: test.by, within: formatDuration(test.withinMs) } };
    case 'rate':
      return {
        rate: {
          ...(test.above === null ? {} : { above: test.above }),
          ...(test.below === null ? {} : { below: test.below }),
          per: formatDuration(test.perMs),
        },
      };
    case 'equals':
      return { equals: test.value };
    case 'between':
      return { between: [test.low, test.high] };
    default:
      return { [test.kind]: test.limit };
  }
}

function clearView(condition: AlertCondition, clear: LevelTest): Readonly<Record<string, unknown>> {
  if (clear.kind !== 'above' && clear.kind !== 'below') return testView(clear);
  if (condition.kind === 'scan_failure_rate' || condition.kind === 'frame_error_rate')
    return { [clear.kind]: percent(clear.limit) };
  if (condition.kind === 'coap_latency_p99') return { [clear.kind]: formatDuration(clear.limit) };
  return testView(clear);
}

function windowView(window: TimeWindow | null): Readonly<Record<string, unknown>> {
  if (window === null) return {};
  const { days, endMinute, startMinute, timeZone } = window;
  const isAllDay = startMinute === 0 && endMinute === 1_440;
  return {
    ...(isAllDay ? {} : { during: `${hourText(startMinute)}-${hourText(endMinute)}` }),
    ...(days.length === weekdays.length ? {} : { days }),
    ...(timeZone === null ? {} : { timezone: timeZone }),
  };
}

const hourText = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;

const percent = (fraction: number): string => `${Number((fraction * 100).toPrecision(6))}%`;
const scansText = (scans: number): string => `${scans} ${scans === 1 ? 'scan' : 'scans'}`;
