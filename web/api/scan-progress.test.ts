import { expect, test } from 'vitest';
import type { ScanSummary } from '../../src/protocol/scan.ts';
import { currentScan, fromList, noScans, scanCounts, withProgress, withScan } from './scan-progress.ts';

function summary(id: string, changes: Partial<ScanSummary> = {}): ScanSummary {
  return {
    id,
    state: 'running',
    trigger: 'browser',
    startedAt: 1_000,
    finishedAt: null,
    durationMs: null,
    expected: 10,
    undecided: 10,
    outcomes: {} as ScanSummary['outcomes'],
    late: 0,
    failovers: 0,
    borderRouters: [],
    slowest: [],
    notes: [],
    rateLimited: null,
    ...changes,
  };
}

const ended = (id: string, startedAt: number) =>
  summary(id, { state: 'completed', startedAt, finishedAt: startedAt + 500, undecided: 0 });

test('shows a scan from its start to its end', () => {
  let scans = withScan(noScans, summary('one'));
  expect(currentScan(scans)).toMatchObject({ id: 'one', state: 'running' });
  scans = withProgress(scans, {
    scanId: 'one',
    expected: 10,
    undecided: 3,
    outcomes: { answered: 6, timed_out: 1 },
  });
  expect(scanCounts(currentScan(scans) ?? summary('none'))).toEqual({ answered: 6, silent: 1, undecided: 3 });
  scans = withScan(scans, ended('one', 1_000));
  expect(currentScan(scans)).toMatchObject({ id: 'one', state: 'completed' });
});

test('ignores progress of a scan it does not know', () => {
  const scans = withScan(noScans, summary('one'));
  expect(withProgress(scans, { scanId: 'two', expected: 5, undecided: 0, outcomes: {} })).toEqual(scans);
});

test('shows the newest of two running scans, then the other', () => {
  let scans = withScan(withScan(noScans, summary('one')), summary('two', { startedAt: 2_000 }));
  expect(currentScan(scans)?.id).toBe('two');
  scans = withScan(scans, ended('two', 2_000));
  expect(currentScan(scans)?.id).toBe('one');
});

test('does not bring back a scan that has ended with what was read before its end', () => {
  const scans = withScan(withScan(noScans, summary('one')), ended('one', 1_000));
  expect(currentScan(fromList(scans, [summary('one', { undecided: 4 })], 2_000))?.state).toBe('completed');
});

test('does not step back to progress that was read before what was pushed', () => {
  let scans = withScan(noScans, summary('one'));
  scans = withProgress(scans, { scanId: 'one', expected: 10, undecided: 2, outcomes: { answered: 8 } });
  expect(currentScan(fromList(scans, [summary('one', { undecided: 7 })], 2_000))?.undecided).toBe(2);
});

test('learns from the list that a scan ended while the connection was lost', () => {
  const scans = withScan(noScans, summary('one'));
  expect(currentScan(fromList(scans, [ended('one', 1_000)], 2_000))?.state).toBe('completed');
});

test('keeps a scan that was announced a moment ago and is not listed yet', () => {
  const scans = withScan(noScans, summary('two', { startedAt: 5_000 }));
  expect(currentScan(fromList(scans, [ended('one', 1_000)], 5_100))?.id).toBe('two');
});

test('forgets a running scan that the hub no longer knows', () => {
  const scans = withScan(noScans, summary('one', { startedAt: 5_000 }));
  expect(currentScan(fromList(scans, [], 60_000))).toBeNull();
});

test('shows the last that ended where none is running', () => {
  expect(currentScan(fromList(noScans, [ended('two', 2_000), ended('one', 1_000)], 3_000))?.id).toBe('two');
});
