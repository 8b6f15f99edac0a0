/** Counts what a test run really showed, from vitest's JSON report and its exit code. */

/** The part of vitest's JSON report that is read. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
    }[];
  }[];
}

export interface TestCount {
  readonly passed: number;
  readonly failed: number;
  /** Sentences about what counts as failed beside failed tests. */
  readonly remarks: readonly string[];
}

/**
 * Files that could not load, errors outside any test, an empty run and, unless tests were chosen by hand, skipped tests
 * count as failed: each would otherwise look like a pass.
 */
export function countTests(
  report: VitestReport | null,
  exitCode: number | null,
  { chosenByHand }: { readonly chosenByHand: boolean },
): TestCount {
  if (report === null) return { passed: 0, failed: 1, remarks: ['The test runner wrote no report.'] };
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const passed = tests.filter((test) => test.status === 'passed').length;
  const remarks: string[] = [];
  let failed = tests.filter((test) => test.status === 'failed').length;

  for (const file of report.testResults) {
    const explained = file.assertionResults.some((test) => test.status === 'failed');
    if (file.status !== 'failed' || explained) continue;
    failed += 1;
    remarks.push(`${file.name} could not be run.`);
  }
  const skipped = tests.filter((test) => test.status !== 'passed' && test.status !== 'failed');
  if (!chosenByHand && skipped.length > 0) {
    failed += skipped.length;
    remarks.push(...skipped.map((test) => `Skipped: ${test.fullName}.`));
  }
  if (passed + failed === 0) {
    failed = 1;
    remarks.push('No test was run.');
  }
  if (exitCode !== 0 && failed === 0) {
    failed = 1;
    remarks.push(`The test runner ended with ${exitCode ?? 'a signal'}: an error outside any test.`);
  }
  return { passed, failed, remarks };
}
