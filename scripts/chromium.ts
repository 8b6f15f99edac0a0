/** The system's Chromium, which the tests of the web pages drive. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const names = ['chromium', 'chromium-browser'];

/** Its path, which the environment may name as CHROMIUM; null where there is none. */
export function findChromium(): string | null {
  const named = process.env['CHROMIUM'] ?? '';
  if (named !== '') return named;
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not in this folder.
      }
    }
  }
  return null;
}

/** Installs it on Debian and Ubuntu as root. Returns what is missing where that is not possible or failed, else null. */
export function installChromium(): string | null {
  const advice = "install the package 'chromium' (apt-get install chromium)";
  if (process.getuid?.() !== 0 || !isDebian())
    return `Chromium is missing: ${advice}, and run the tests again.`;
  console.log("Chromium is missing: installing the package 'chromium'.");
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const step of [['update'], ['install', '--yes', '--no-install-recommends', 'chromium']]) {
    const { status } = spawnSync('apt-get', ['-q', ...step], { stdio: 'inherit', env: environment });
    if (status !== 0) return `Chromium is missing and apt-get ${step.join(' ')} failed: ${advice} by hand.`;
  }
  return findChromium() === null ? `Chromium was installed and is not on the PATH: ${advice} by hand.` : null;
}

function isDebian(): boolean {
  try {
    return /^ID(?:_LIKE)?=.*\b(?:debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}
