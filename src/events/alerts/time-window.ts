/**
 * Hours of the day, and days of the week, in which a rule may begin to hold. A window that ends at or before its start goes
 * past midnight and belongs to the day on which it begins. Wall time of its zone, so that it follows summer time.
 */

/** Sunday first, as `Date` counts. */
export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
export type Weekday = (typeof weekdays)[number];

export interface TimeWindow {
  /** Minutes after midnight. */
  readonly startMinute: number;
  /** Minutes after midnight, exclusive; at most `startMinute`: of the next day. */
  readonly endMinute: number;
  readonly days: readonly Weekday[];
  /** IANA name; null: the time zone of the hub. */
  readonly timeZone: string | null;
}

const dayMs = 86_400_000;
const minuteMs = 60_000;

/** `22:00-06:00`; null for anything else. */
export function parseHours(text: string): Pick<TimeWindow, 'startMinute' | 'endMinute'> | null {
  const match = /^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$/.exec(text);
  if (match === null) return null;
  const [, startHour, startMinute, endHour, endMinute] = match.map(Number) as [
    number,
    number,
    number,
    number,
    number,
  ];
  if (startMinute > 59 || endMinute > 59 || startHour > 23 || endHour > 24) return null;
  const end = endHour * 60 + endMinute;
  return end > 1_440 ? null : { startMinute: startHour * 60 + startMinute, endMinute: end };
}

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

export function isWithin(window: TimeWindow, timeMs: number): boolean {
  const { day, minute } = wallTime(timeMs, window.timeZone);
  const { endMinute, startMinute } = window;
  if (startMinute < endMinute) return minute >= startMinute && minute < endMinute && hasDay(window, day);
  if (minute >= startMinute) return hasDay(window, day);
  return minute < endMinute && hasDay(window, (day + 6) % 7);
}

/** The next beginning of the window after a time, Unix ms. */
export function nextStartMs(window: TimeWindow, afterMs: number): number {
  for (let days = 0; days <= 8; days += 1) {
    const { midnightUtcMs } = wallTime(afterMs, window.timeZone);
    const wall = midnightUtcMs + days * dayMs + window.startMinute * minuteMs;
    if (!hasDay(window, new Date(wall).getUTCDay())) continue;
    const startMs = fromWall(wall, window.timeZone);
    if (startMs > afterMs) return startMs;
  }
  return afterMs + dayMs;
}

const hasDay = (window: TimeWindow, day: number): boolean => window.days.includes(weekdays[day] ?? 'sun');

interface WallTime {
  readonly day: number;
  /** After midnight. */
  readonly minute: number;
  /** That day's midnight, written as if it were UTC. */
  readonly midnightUtcMs: number;
}

function wallTime(timeMs: number, timeZone: string | null): WallTime {
  const wall = new Date(timeMs + offsetMs(timeMs, timeZone));
  return {
    day: wall.getUTCDay(),
    minute: wall.getUTCHours() * 60 + wall.getUTCMinutes(),
    midnightUtcMs: Date.UTC(wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate()),
  };
}

/** The instant at which clocks of the zone show `wall`, a time written as if it were UTC. Twice, for a change near by. */
function fromWall(wall: number, timeZone: string | null): number {
  const guess = wall - offsetMs(wall, timeZone);
  return wall - offsetMs(guess, timeZone);
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What the zone's clocks are ahead of UTC. */
function offsetMs(timeMs: number, timeZone: string | null): number {
  if (timeZone === null) return -new Date(timeMs).getTimezoneOffset() * minuteMs;
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(timeMs).map(({ type, value }) => [type, Number(value)]));
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
  const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'));
  return wall - Math.floor(timeMs / minuteMs) * minuteMs;
}
