import { describe, expect, it } from 'vitest';
import { countTests, type VitestReport } from './test-report.ts';

const file = (status: string, ...tests: [fullName: string, status: string][]) => ({
  name: '/src/x.test.ts',
  status,
  assertionResults: tests.map(([fullName, testStatus]) => ({ fullName, status: testStatus })),
});
const report = (...testResults: VitestReport['testResults'][number][]): VitestReport => ({ testResults });
const all = { chosenByHand: false };

describe('countTests', () => {
  it('counts passed and failed tests', () => {
    const run = report(
      file('passed', ['a', 'passed'], ['b', 'passed']),
      file('failed', ['c', 'failed'], ['d', 'passed']),
    );
    expect(countTests(run, 1, all)).toEqual({ passed: 3, failed: 1, remarks: [] });
  });

  it('counts a file that could not load as one failure', () => {
    const run = report(file('passed', ['a', 'passed']), file('failed'));
    expect(countTests(run, 1, all)).toEqual({
      passed: 1,
      failed: 1,
      remarks: ['/src/x.test.ts could not be run.'],
    });
  });

  it('counts an error outside any test as a failure', () => {
    expect(countTests(report(file('passed', ['a', 'passed'])), 1, all)).toMatchObject({
      passed: 1,
      failed: 1,
    });
    expect(countTests(report(file('passed', ['a', 'passed'])), null, all)).toMatchObject({ failed: 1 });
  });

  it('counts a run without tests, or without a report, as a failure', () => {
    expect(countTests(report(), 0, all)).toMatchObject({ passed: 0, failed: 1 });
    expect(countTests(null, 0, all)).toMatchObject({ passed: 0, failed: 1 });
  });

  it('counts skipped tests as failures, unless tests were chosen by hand', () => {
    const run = report(file('passed', ['a', 'passed'], ['b', 'skipped'], ['c', 'todo']));
    expect(countTests(run, 0, all)).toEqual({
      passed: 1,
      failed: 2,
      remarks: ['Skipped: b.', 'Skipped: c.'],
    });
    expect(countTests(run, 0, { chosenByHand: true })).toMatchObject({ passed: 1, failed: 0 });
  });
});
