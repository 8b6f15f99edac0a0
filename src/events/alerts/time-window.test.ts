import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isTimeZone, isWithin, nextStartMs, parseHours, type TimeWindow, weekdays } from './time-window.ts';

const window = (hours: string, fields: Partial<TimeWindow> = {}): TimeWindow => {
  const parsed = parseHours(hours);
  if (parsed === null) throw new Error(hours);
  return { ...parsed, days: weekdays, timeZone: 'UTC', ...fields };
};
const at = (text: string): number => Date.parse(text);

describe('hours of a rule', () => {
  it.each(['22-6', '24:00-06:00', '22:60-06:00', '22:00-24:01', '22:00', '', 'a:b-c:d'])(
    'are not %j',
    (text) => {
      expect(parseHours(text)).toBeNull();
    },
  );

  it('begin with their start and end before their end', () => {
    const day = window('08:00-17:30');
    expect(isWithin(day, at('2026-03-02T08:00:00Z'))).toBe(true);
    expect(isWithin(day, at('2026-03-02T17:29:59Z'))).toBe(true);
    expect(isWithin(day, at('2026-03-02T17:30:00Z'))).toBe(false);
    expect(isWithin(day, at('2026-03-02T07:59:59Z'))).toBe(false);
  });

  it('go past midnight, and belong to the day on which they begin', () => {
    const night = window('22:00-06:00', { days: ['fri'] });
    expect(isWithin(night, at('2026-03-06T23:00:00Z'))).toBe(true);
    expect(isWithin(night, at('2026-03-07T05:59:00Z'))).toBe(true);
    expect(isWithin(night, at('2026-03-06T05:00:00Z'))).toBe(false);
    expect(isWithin(night, at('2026-03-07T22:00:00Z'))).toBe(false);
  });

  it('follow summer time', () => {
    const morning = window('08:00-09:00', { timeZone: 'Europe/Paris' });
    expect(nextStartMs(morning, at('2026-03-28T00:00:00Z'))).toBe(at('2026-03-28T07:00:00Z'));
    expect(nextStartMs(morning, at('2026-03-28T12:00:00Z'))).toBe(at('2026-03-29T06:00:00Z'));
    expect(nextStartMs(morning, at('2026-10-24T12:00:00Z'))).toBe(at('2026-10-25T07:00:00Z'));
  });

  it('know time zones', () => {
    expect(isTimeZone('Europe/Paris')).toBe(true);
    expect(isTimeZone('Mars/Base')).toBe(false);
  });

  it('begin next within eight days, later than now, and are open then', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: at('2025-01-01'), max: at('2027-01-01') }),
        fc.integer({ min: 0, max: 1_439 }),
        fc.integer({ min: 1, max: 1_440 }),
        fc.subarray([...weekdays], { minLength: 1 }),
        fc.constantFrom('UTC', 'Asia/Kolkata', 'America/Phoenix', null),
        (nowMs, startMinute, endMinute, days, timeZone) => {
          const hours: TimeWindow = { startMinute, endMinute, days, timeZone };
          const nextMs = nextStartMs(hours, nowMs);
          expect(nextMs).toBeGreaterThan(nowMs);
          expect(nextMs - nowMs).toBeLessThanOrEqual(8 * 86_400_000);
          expect(isWithin(hours, nextMs)).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });
});
