/** Reads an exported bundle back as a finished scan of its own; the live map and the registry are not touched. */
import { asScanId, type ScanId } from '../protocol/ids.ts';
import { readBundle } from '../topology/bundle.ts';
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
  const bundle = readBundle(options.bundle);
  const scan = { ...bundle.scan, id: scanId };
  await options.archive.add(scan, options.topologies.ofImported(scan, bundle.borderRouters));
  return { scanId };
}
