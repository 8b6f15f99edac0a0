/** How times, durations and counts read on the pages. Times are local, on a 24-hour clock: screens hang in one building. */

const timeOfDay = new Intl.DateTimeFormat('en-GB', {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const dayAndTime = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const full = new Intl.DateTimeFormat('en-GB', {
  dateStyle: 'medium',
  timeStyle: 'medium',
  hourCycle: 'h23',
});
const wholeNumber = new Intl.NumberFormat('en-GB');

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** `14:02:11` where it was on the same day as `nowMs`, else `3 Feb, 14:02`. */
export function formatMoment(atMs: number, nowMs: number): string {
  return isSameDay(atMs, nowMs) ? timeOfDay.format(atMs) : dayAndTime.format(atMs);
}

/** `14:02` where it was on the same day as `nowMs`, else `3 Feb, 14:02`. */
export function formatMinute(atMs: number, nowMs: number): string {
  return isSameDay(atMs, nowMs) ? timeOfDay.format(atMs).slice(0, 5) : dayAndTime.format(atMs);
}

/** Date and time in full, for titles. */
export function formatFull(atMs: number): string {
  return full.format(atMs);
}

/** `just now`, `42 s ago`, `3 min ago`, `5 h ago`, `2 days ago`. A time ahead of the clock reads as now. */
export function formatAge(ageMs: number): string {
  if (ageMs < 5 * secondMs) return 'just now';
  if (ageMs < minuteMs) return `${Math.floor(ageMs / secondMs)} s ago`;
  if (ageMs < hourMs) return `${Math.floor(ageMs / minuteMs)} min ago`;
  if (ageMs < 2 * dayMs) return `${Math.floor(ageMs / hourMs)} h ago`;
  return `${Math.floor(ageMs / dayMs)} days ago`;
}

/** `84 ms`, `3.7 s`, `2 min 5 s`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < secondMs) return `${Math.round(durationMs)} ms`;
  if (durationMs < 59_950) return `${(durationMs / secondMs).toFixed(1)} s`;
  const seconds = Math.round(durationMs / secondMs);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

const units = [
  [dayMs, 'd'],
  [hourMs, 'h'],
  [minuteMs, 'min'],
  [secondMs, 's'],
] as const;

/** In its two largest units, for what lasts: `3 d 4 h`, `12 min 5 s`, `840 ms`. */
export function formatSpan(spanMs: number): string {
  const largest = units.findIndex(([unitMs]) => spanMs >= unitMs);
  if (largest < 0) return `${Math.round(spanMs)} ms`;
  let restMs = spanMs;
  return units
    .slice(largest, largest + 2)
    .map(([unitMs, unit]) => {
      const count = Math.floor(restMs / unitMs);
      restMs -= count * unitMs;
      return count === 0 ? null : `${wholeNumber.format(count)} ${unit}`;
    })
    .filter((part) => part !== null)
    .join(' ');
}

/** 0–1 as `12 %`, and below a tenth as `1.2 %`. */
export function formatShare(share: number): string {
  const value = share * 100;
  return `${value > 0 && value < 10 ? value.toFixed(1) : Math.round(value)} %`;
}

/** Whole seconds, for what ticks: `7 s`, `2 min 5 s`. */
export function formatElapsed(elapsedMs: number): string {
  const seconds = Math.max(0, Math.floor(elapsedMs / secondMs));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

export function formatCount(count: number): string {
  return wholeNumber.format(count);
}

/** `1 node`, `22 nodes`. */
export function countOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${formatCount(count)} ${count === 1 ? singular : plural}`;
}

/** A signal as its receiver measured it, with a real minus sign. */
export function formatDecibels(value: number, unit: 'dBm' | 'dB'): string {
  return `${String(value).replace('-', '−')} ${unit}`;
}

/** `4e3c 91f5 aa08 21b7`: extended addresses are compared by eye. */
export function formatExtAddress(address: string): string {
  return address.replaceAll(/(.{4})(?=.)/g, '$1 ');
}

/** `border_router_lost` → `border router lost`. */
export function formatWord(word: string): string {
  return word.replaceAll('_', ' ');
}

/** What comes as part of a log line, begun and ended like a sentence. */
export function formatSentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}

function isSameDay(aMs: number, bMs: number): boolean {
  return new Date(aMs).toDateString() === new Date(bMs).toDateString();
}
