/**
 * Builds the web pages after an install. Without the development packages (`npm ci --omit=dev`) there is nothing to
 * build with; the hub then says so on its pages instead of serving them.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

if (!existsSync(new URL('../web/index.html', import.meta.url))) process.exit(0);
try {
  require.resolve('vite');
} catch {
  process.exit(0);
}
const { build } = await import('vite');
await build({ logLevel: 'warn' });
