/**
 * `npm test`: everything, with what it needs. Installs or names what is missing, builds the pages where they are stale,
 * runs every test and ends with the line `N passed, N failed`. Arguments go to vitest.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findChromium, installMissingPrograms } from './system-programs.ts';
import { countTests, type TestCount, type VitestReport } from './test-report.ts';

const root = join(import.meta.dirname, '..');

/** Null where all is there, else what is missing. */
function prepare(): string | null {
  const missing = installMissingPrograms();
  if (missing !== null) return missing;
  const build = spawnSync(process.execPath, [join(root, 'scripts/build-web.ts')], { stdio: 'inherit' });
  return build.status === 0 ? null : 'The web pages could not be built.';
}

async function runTests(extraArguments: readonly string[]): Promise<TestCount> {
  const folder = mkdtempSync(join(tmpdir(), 'threadhub-test-'));
  const reportFile = join(folder, 'report.json');
  try {
    const vitest = join(createRequire(import.meta.url).resolve('vitest/package.json'), '../vitest.mjs');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...extraArguments], {
        cwd: root,
        stdio: 'inherit',
        env: { ...process.env, CHROMIUM: findChromium() ?? '' },
      });
      // Ctrl-C reaches vitest as well; its end is waited for.
      process.on('SIGINT', () => undefined);
      process.on('SIGTERM', () => child.kill('SIGTERM'));
      child.on('error', reject);
      child.on('close', resolve);
    });
    return countTests(readReport(reportFile), exitCode, { chosenByHand: extraArguments.length > 0 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readReport(path: string): VitestReport | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as VitestReport;
  } catch {
    return null;
  }
}

const missing = prepare();
const count: TestCount =
  missing === null ? await runTests(process.argv.slice(2)) : { passed: 0, failed: 1, remarks: [missing] };
for (const remark of count.remarks) console.error(remark);
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed === 0 ? 0 : 1;
