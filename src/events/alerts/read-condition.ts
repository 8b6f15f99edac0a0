/** Reads what stands in `when:` of a rule. */
import { formatDuration } from '../../config.ts';
import type { SubjectKind } from '../../protocol/alert.ts';
import type { AlertCondition, Hold, LevelTest, ReadingTest, SilenceLimit } from './alert-rule.ts';
import { isTimeZone, parseHours, type TimeWindow, type Weekday, weekdays } from './time-window.ts';
import type { YamlPlace } from './yaml-place.ts';

export interface ReadCondition {
  readonly condition: AlertCondition;
  readonly during: TimeWindow | null;
  /** The time that the condition brings itself. */
  readonly hold: Hold | null;
  /** `for: 3 scans` makes sense. */
  readonly scansCount: boolean;
}

const subjectKeys = ['sensor', 'border_router', 'network', 'node', 'link'] as const satisfies SubjectKind[];
type RuleSubject = (typeof subjectKeys)[number];

export const levelTests = ['equals', 'above', 'below', 'between'] as const;
const conditionsOf = {
  sensor: [...levelTests, 'changes_by', 'rate', 'silent'],
  border_router: ['offline', 'scan_failure_rate', 'coap_latency_p99'],
  network: ['partitions', 'incomplete', 'dataset_mismatch'],
  node: ['missing', 'battery_below', 'flapping', 'reboots'],
  link: ['margin_below', 'margin_drops', 'frame_error_rate'],
} as const satisfies Record<RuleSubject, readonly string[]>;
type ConditionKey = (typeof conditionsOf)[RuleSubject][number];

const conditionKeys: readonly ConditionKey[] = subjectKeys.flatMap((kind) => [...conditionsOf[kind]]);
const windowKeys = ['during', 'days', 'timezone'] as const;
const allKeys = [...subjectKeys, 'type', ...conditionKeys, 'for', ...windowKeys];
const shortestWindowMs = 1_000;

export function readCondition(when: YamlPlace): ReadCondition | null {
  const parts = when.parts(allKeys, 'when');
  if (parts === null) return null;
  const subjects = subjectKeys.filter((key) => parts.has(key));
  const [subject = 'sensor', other] = subjects;
  if (other !== undefined)
    return when.problem(`a rule is about one thing; this one names ${subjects.join(' and ')}`);
  if (subjects.length === 0 && !parts.has('type')) {
    return when.problem(
      `this rule does not say what it is about; write one of ${subjectKeys.join(', ')}, such as sensor: "*"`,
    );
  }
  const conditions = conditionKeys.filter((key) => parts.has(key));
  const [condition, second] = conditions;
  if (condition === undefined) {
    return when.problem(
      `this rule has no condition; for a ${subject} write one of ${conditionsOf[subject].join(', ')}`,
    );
  }
  if (second !== undefined) {
    return when.problem(
      `a rule has one condition; this one has ${conditions.join(' and ')}; for a range write between: [low, high]`,
    );
  }
  const place = parts.get(condition);
  if (place === undefined) return null;
  if (!(conditionsOf[subject] as readonly ConditionKey[]).includes(condition)) {
    return place.problem(
      `${condition} is nothing that a ${subject} has; it has ${conditionsOf[subject].join(', ')}`,
    );
  }
  const pattern = parts.has(subject)
    ? parts.get(subject)?.text('a name, or a pattern such as "freezer-*"', 256)
    : '*';
  if (pattern === undefined || pattern === null) return null;
  const read = readByKey(condition, place, pattern, parts.get('type'), when);
  if (read === null) return null;
  const scansCount = subject !== 'sensor' && condition !== 'offline' && read.hold === null;
  const heldFor = parts.get('for');
  if (heldFor !== undefined && read.hold !== null)
    return heldFor.problem(`${condition} has its own time already; leave out for`);
  const hold = heldFor === undefined ? read.hold : readHold(heldFor, { scansCount });
  return { condition: read.condition, during: readWindow(parts), hold, scansCount };
}

interface Read {
  readonly condition: AlertCondition;
  readonly hold: Hold | null;
}

function readByKey(
  key: ConditionKey,
  place: YamlPlace,
  subject: string,
  typePlace: YamlPlace | undefined,
  when: YamlPlace,
): Read | null {
  if (
    key === 'equals' ||
    key === 'above' ||
    key === 'below' ||
    key === 'between' ||
    key === 'changes_by' ||
    key === 'rate'
  ) {
    const type =
      typePlace === undefined
        ? when.problem('this rule does not say which type of reading it is about, such as type: temperature')
        : typePlace.text('a type of reading such as temperature', 64);
    const test = readReadingTest(key, place);
    return type === null || test === null
      ? null
      : { condition: { kind: 'reading', subject, type, test }, hold: null };
  }
  if (typePlace !== undefined) {
    typePlace.problem(`${key} is not about a type of reading; leave out type`);
    return null;
  }
  const plain = (condition: AlertCondition | null): Read | null =>
    condition === null ? null : { condition, hold: null };
  switch (key) {
    case 'silent': {
      const limit = readSilence(place);
      return plain(limit === null ? null : { kind: 'silent', subject, limit });
    }
    case 'offline': {
      const holdMs = place.durationMs('a duration such as 1min');
      return holdMs === null
        ? null
        : { condition: { kind: 'offline', subject }, hold: { kind: 'time', holdMs } };
    }
    case 'scan_failure_rate': {
      const parts = requiredParts(place, ['above', 'over'], '{above: 50%, over: 15min}');
      const above = parts?.get('above')?.fraction() ?? null;
      const overMs = parts?.get('over')?.durationMs() ?? null;
      return plain(above === null || overMs === null ? null : { kind: key, subject, above, overMs });
    }
    case 'coap_latency_p99': {
      const parts = requiredParts(place, ['above', 'over'], '{above: 5s, over: 15min}');
      const aboveMs = parts?.get('above')?.durationMs('a duration such as 5s') ?? null;
      const overMs = parts?.get('over')?.durationMs() ?? null;
      return plain(aboveMs === null || overMs === null ? null : { kind: key, subject, aboveMs, overMs });
    }
    case 'partitions': {
      const above = requiredParts(place, ['above'], '{above: 1}')
        ?.get('above')
        ?.whole('a number of partitions, 1 or more', 1, 1_000);
      return plain(above === undefined || above === null ? null : { kind: key, subject, above });
    }
    case 'incomplete':
    case 'missing': {
      const scans = requiredParts(place, ['scans'], '{scans: 2}')
        ?.get('scans')
        ?.whole('a number of scans from 1 to 1000', 1, 1_000);
      return scans === undefined || scans === null
        ? null
        : { condition: { kind: key, subject }, hold: { kind: 'scans', scans } };
    }
    case 'dataset_mismatch':
      return plain(
        place.scalar() === true
          ? { kind: key, subject }
          : place.expected('true, or leave the rule out or disable it'),
      );
    case 'flapping': {
      const parts = requiredParts(place, ['changes', 'within'], '{changes: 3, within: 1h}');
      const changes =
        parts?.get('changes')?.whole('a number of changes from 1 to 100000', 1, 100_000) ?? null;
      const withinMs = windowMs(parts?.get('within'));
      return plain(changes === null || withinMs === null ? null : { kind: key, subject, changes, withinMs });
    }
    case 'reboots': {
      const parts = requiredParts(place, ['above', 'within'], '{above: 2, within: 1d}');
      const above = parts?.get('above')?.whole('a number of restarts from 0 to 1000', 0, 1_000) ?? null;
      const withinMs = windowMs(parts?.get('within'));
      return plain(above === null || withinMs === null ? null : { kind: key, subject, above, withinMs });
    }
    case 'margin_drops': {
      const parts = requiredParts(place, ['by', 'over'], '{by: 10, over: 24h}');
      const byDb = parts?.get('by')?.number('a number of dB from 1 to 200', 1, 200) ?? null;
      const overMs = windowMs(parts?.get('over'));
      return plain(byDb === null || overMs === null ? null : { kind: key, subject, byDb, overMs });
    }
    case 'frame_error_rate': {
      const parts = requiredParts(place, ['above', 'over'], '{above: 30%, over: 3 scans}');
      const above = parts?.get('above')?.fraction() ?? null;
      const overPlace = parts?.get('over');
      const hold = overPlace === undefined ? null : readScans(overPlace);
      return above === null || hold === null ? null : { condition: { kind: key, subject, above }, hold };
    }
    case 'margin_below': {
      const limitDb = place.number('a link margin in dB such as 10', 0, 200);
      return plain(limitDb === null ? null : { kind: key, subject, limitDb });
    }
    case 'battery_below': {
      const limitMillivolts = place.number('a voltage in mV such as 2500', 0, 100_000);
      return plain(limitMillivolts === null ? null : { kind: key, subject, limitMillivolts });
    }
  }
}

function readReadingTest(
  key: (typeof levelTests)[number] | 'changes_by' | 'rate',
  place: YamlPlace,
): ReadingTest | null {
  switch (key) {
    case 'changes_by': {
      const parts = requiredParts(place, ['by', 'within'], '{by: 5, within: 10min}');
      const by = parts?.get('by')?.number('a number above 0', Number.MIN_VALUE) ?? null;
      const withinMs = windowMs(parts?.get('within'));
      return by === null || withinMs === null ? null : { kind: key, by, withinMs };
    }
    case 'rate': {
      const valid = '{above: 5, per: 1min}, or below: -5 for what falls';
      const parts = place.parts(['above', 'below', 'per'], key);
      if (parts === null) return null;
      const perPlace = parts.get('per');
      const limitPlace = parts.get('above') ?? parts.get('below');
      if (perPlace === undefined || limitPlace === undefined)
        return place.problem(`rate lacks a part; write ${valid}`);
      const above = parts.get('above')?.number() ?? null;
      const below = parts.get('below')?.number() ?? null;
      const perMs = windowMs(perPlace);
      return perMs === null || (above === null && below === null) ? null : { kind: key, above, below, perMs };
    }
    default:
      return readLevelTest(key, place);
  }
}

function windowMs(place: YamlPlace | undefined): number | null {
  const durationMs = place?.durationMs() ?? null;
  if (place === undefined || durationMs === null || durationMs >= shortestWindowMs) return durationMs;
  return place.expected(`a duration of at least ${formatDuration(shortestWindowMs)}`);
}

export function readLevelTest(key: (typeof levelTests)[number], place: YamlPlace): LevelTest | null {
  switch (key) {
    case 'equals': {
      const value = place.scalar();
      return value === null || (typeof value === 'string' && value.length > 256)
        ? place.expected('true, false, a number or a text')
        : { kind: key, value };
    }
    case 'above':
    case 'below': {
      const limit = place.number();
      return limit === null ? null : { kind: key, limit };
    }
    case 'between': {
      const ends = place.items('two numbers such as [2, 8]')?.map((item) => item.number()) ?? [null];
      const [low = null, high = null] = ends;
      if (ends.includes(null)) return null;
      return ends.length === 2 && low !== null && high !== null && low <= high
        ? { kind: key, low, high }
        : place.problem('between needs two numbers, the lower one first, such as [2, 8]');
    }
  }
}

function readSilence(place: YamlPlace): SilenceLimit | null {
  if (!place.isMap) {
    const limitMs = place.durationMs('a duration such as 2h, or {times_usual: 3}');
    return limitMs === null ? null : { kind: 'fixed', limitMs };
  }
  const times = requiredParts(place, ['times_usual'], '{times_usual: 3}')
    ?.get('times_usual')
    ?.number('a number from 1.5 to 1000', 1.5, 1_000);
  return times === undefined || times === null ? null : { kind: 'learned', times };
}

function requiredParts(
  place: YamlPlace,
  names: readonly string[],
  valid: string,
): ReadonlyMap<string, YamlPlace> | null {
  const parts = place.parts(names, place.name);
  if (parts === null) return null;
  const missing = names.filter((name) => !parts.has(name));
  return missing.length === 0
    ? parts
    : place.problem(`${place.name} lacks ${missing.join(' and ')}; write ${valid}`);
}

/** `3 scans`. */
function readScans(place: YamlPlace): Hold | null {
  const scans = scansOf(place.scalar());
  return scans !== null && scans >= 1 && scans <= 1_000
    ? { kind: 'scans', scans }
    : place.expected('a number of scans from 1 to 1000, such as 3 scans');
}

function scansOf(value: unknown): number | null {
  const match = typeof value === 'string' ? /^\s*(\d+)\s+scans?\s*$/.exec(value) : null;
  return match === null ? null : Number(match[1]);
}

/** `5m`, or `3 scans` where the rule looks at scans. */
export function readHold(place: YamlPlace, { scansCount }: Pick<ReadCondition, 'scansCount'>): Hold | null {
  const scans = scansOf(place.scalar());
  if (scans === null) {
    const holdMs = place.durationMs(
      scansCount
        ? 'a duration such as 5min, or a number of scans such as 3 scans'
        : 'a duration such as 30s or 5min',
    );
    return holdMs === null ? null : { kind: 'time', holdMs };
  }
  if (!scansCount) {
    place.problem(
      'scans are counted for networks, nodes, links and what border routers answer; write a duration',
    );
    return null;
  }
  if (scans >= 1 && scans <= 1_000) return { kind: 'scans', scans };
  place.expected('a number of scans from 1 to 1000');
  return null;
}

function readWindow(parts: ReadonlyMap<string, YamlPlace>): TimeWindow | null {
  const [duringPlace, daysPlace, zonePlace] = windowKeys.map((key) => parts.get(key));
  const duringText = duringPlace?.text('hours such as "22:00-06:00"') ?? null;
  const hours = duringText === null ? { startMinute: 0, endMinute: 1_440 } : parseHours(duringText);
  if (hours === null) duringPlace?.expected('hours such as "22:00-06:00"');
  const days = daysPlace === undefined ? weekdays : readDays(daysPlace);
  const timeZone = zonePlace?.text('a time zone such as Europe/Paris') ?? null;
  if (timeZone !== null && !isTimeZone(timeZone)) zonePlace?.expected('a time zone such as Europe/Paris');
  if (duringPlace === undefined && daysPlace === undefined) {
    zonePlace?.problem('timezone belongs to during or days, and there is neither');
    return null;
  }
  return hours === null ? null : { ...hours, days, timeZone };
}

function readDays(place: YamlPlace): readonly Weekday[] {
  const valid = `a list of days such as [${weekdays.slice(1, 4).join(', ')}]`;
  const items = place.items(valid) ?? [];
  const days = items.map((item) => item.word(weekdays)).filter((day) => day !== null);
  if (items.length === 0) place.problem(`there is no day in days; write ${valid}`);
  return weekdays.filter((day) => days.includes(day));
}
