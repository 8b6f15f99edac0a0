/**
 * Builds the web pages into `dist/web`, unless what is there is newer than everything it is made of; `--force` builds in
 * any case. Runs after an install: without the development packages (`npm ci --omit=dev`) there is nothing to build
 * with, and the hub says so on its pages instead of serving them.
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const built = join(root, 'dist/web/index.html');
/** What the pages import, and what they are built with. */
const sources = ['web', 'src/protocol', 'src/topology', 'src/client', 'vite.config.ts', 'package-lock.json'];

/** Folders count as well: a file that was removed changes its folder's time. */
function newestMs(path: string): number {
  if (!existsSync(path)) return 0;
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

function isStale(): boolean {
  if (!existsSync(built)) return true;
  return Math.max(...sources.map((source) => newestMs(join(root, source)))) > statSync(built).mtimeMs;
}

function canBuild(): boolean {
  try {
    createRequire(import.meta.url).resolve('vite');
    return true;
  } catch {
    return false;
  }
}

if (canBuild() && (process.argv.includes('--force') || isStale())) {
  const { build } = await import('vite');
  await build({ root: join(root, 'web'), configFile: join(root, 'vite.config.ts'), logLevel: 'warn' });
}
