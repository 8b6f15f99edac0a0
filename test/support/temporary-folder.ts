/** A fresh folder for one test; call the function that comes with it when the test is over. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'threadhub-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
