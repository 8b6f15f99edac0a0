import { expect, test } from 'vitest';
import {
  countOf,
  formatAge,
  formatDecibels,
  formatDuration,
  formatExtAddress,
  formatMinute,
  formatMoment,
  formatSentence,
  formatShare,
  formatSpan,
  formatWord,
} from './format.ts';

const noon = new Date(2026, 1, 3, 12, 0, 0).getTime();

test('shows the time of day alone for a moment of today', () => {
  expect(formatMoment(noon + 2_000, noon)).toBe('12:00:02');
  expect(formatMinute(noon + 2_000, noon)).toBe('12:00');
});

test('shows the date as well for a moment of another day', () => {
  expect(formatMoment(noon - 24 * 3_600_000, noon)).toBe('2 Feb, 12:00');
});

test.each([
  [-3_000, 'just now'],
  [4_999, 'just now'],
  [42_500, '42 s ago'],
  [60_000, '1 min ago'],
  [3_599_999, '59 min ago'],
  [47 * 3_600_000, '47 h ago'],
  [49 * 3_600_000, '2 days ago'],
])('reads an age of %d ms as "%s"', (ageMs, text) => {
  expect(formatAge(ageMs)).toBe(text);
});

test.each([
  [84.4, '84 ms'],
  [3_700, '3.7 s'],
  [59_949, '59.9 s'],
  [59_960, '1 min 0 s'],
  [125_000, '2 min 5 s'],
])('reads a duration of %d ms as "%s"', (durationMs, text) => {
  expect(formatDuration(durationMs)).toBe(text);
});

test('counts one and many', () => {
  expect(countOf(1, 'node')).toBe('1 node');
  expect(countOf(1_000, 'node')).toBe('1,000 nodes');
  expect(countOf(0, 'entry', 'entries')).toBe('0 entries');
});

test('writes decibels with a minus sign', () => {
  expect(formatDecibels(-62, 'dBm')).toBe('−62 dBm');
  expect(formatDecibels(12, 'dB')).toBe('12 dB');
});

test('groups an extended address by four digits', () => {
  expect(formatExtAddress('4e3c91f5aa0821b7')).toBe('4e3c 91f5 aa08 21b7');
});

test('spells wire words as prose', () => {
  expect(formatWord('border_router_lost')).toBe('border router lost');
});

test.each([
  [0, '0 ms'],
  [840, '840 ms'],
  [61_000, '1 min 1 s'],
  [3_600_000, '1 h'],
  [3_600_000 + 59_000, '1 h'],
  [100 * 3_600_000, '4 d 4 h'],
  [4_000 * 86_400_000, '4,000 d'],
])('reads %d ms that last as "%s"', (spanMs, text) => {
  expect(formatSpan(spanMs)).toBe(text);
});

test('shows small shares with a decimal', () => {
  expect([0, 0.004, 0.0996, 0.1, 1].map(formatShare)).toEqual(['0 %', '0.4 %', '10.0 %', '10 %', '100 %']);
});

test('begins and ends a sentence, and leaves alone what is one', () => {
  expect(formatSentence('router 0x8400 stayed silent')).toBe('Router 0x8400 stayed silent.');
  expect(formatSentence('Is it on?')).toBe('Is it on?');
});
