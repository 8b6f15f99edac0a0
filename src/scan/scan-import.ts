/** Reads an exported bundle back as a finished scan of its own; the live map and the registry are not touched. */
import { asScanId, type ScanId } from '../protocol/ids.ts';
import { parseBundle } from '../topology/bundle.ts';
import type { ScanArchive } from './scan-archive.ts';
import type { Topologies } from './topologies.ts';

export interface ImportScanOptions {
  /** Parsed JSON. */
  readonly bundle: unknown;
  readonly archive: Pick<ScanArchive, 'add'>;
  readonly topologies: Pick<Topologies, 'ofImported'>;
  readonly newId: () => string;
}

/** Throws BundleError, StoreError. */
export async function importScan(options: ImportScanOptions): Promise<{ scanId: ScanId }> {
  const scanId = asScanId(options.newId());
  const scan = { ...parseBundle(options.bundle), id: scanId, trigger: 'import' as const };
  await options.archive.add(scan, options.topologies.ofImported(scan));
  return { scanId };
}
