/** Programs of the system that the tests use for real: they are found, or installed where that is possible. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

interface SystemProgram {
  /** Any of these names will do. */
  readonly names: readonly string[];
  readonly debianPackage: string;
}

const programs: readonly SystemProgram[] = [
  { names: ['chromium', 'chromium-browser'], debianPackage: 'chromium' },
  { names: ['mosquitto_pub'], debianPackage: 'mosquitto-clients' },
];

/** The path of Chromium, which the environment may name as CHROMIUM; null where there is none. */
export function findChromium(): string | null {
  const named = process.env['CHROMIUM'] ?? '';
  return named === '' ? findProgram(['chromium', 'chromium-browser']) : named;
}

/** Installs what is missing on Debian and Ubuntu as root. Returns what is still missing and what to do, else null. */
export function installMissingPrograms(): string | null {
  const missing = missingPackages();
  if (missing.length === 0) return null;
  const names = missing.join(', ');
  const advice = `install with: apt-get install ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !isDebian()) return `Packages are missing: ${names}; ${advice}`;
  console.log(`Packages are missing and installed now: ${names}.`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const step of [['update'], ['install', '--yes', '--no-install-recommends', ...missing]]) {
    const { status } = spawnSync('apt-get', ['-q', ...step], { stdio: 'inherit', env: environment });
    if (status !== 0) return `Packages are missing and apt-get ${step.join(' ')} failed: ${names}; ${advice}`;
  }
  const still = missingPackages();
  return still.length === 0 ? null : `Installed, and their programs are not on the PATH: ${still.join(', ')}`;
}

function missingPackages(): string[] {
  return programs
    .filter(({ debianPackage, names }) =>
      debianPackage === 'chromium' ? findChromium() === null : findProgram(names) === null,
    )
    .map(({ debianPackage }) => debianPackage);
}

function findProgram(names: readonly string[]): string | null {
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

function isDebian(): boolean {
  try {
    return /^ID(?:_LIKE)?=.*\b(?:debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}
