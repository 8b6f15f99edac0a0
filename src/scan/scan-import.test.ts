import { describe, expect, it } from 'vitest';
import { finishedScan, sampleTopology } from '../../test/support/samples.ts';
import type { Scan } from '../protocol/scan.ts';
import type { Topology } from '../protocol/topology.ts';
import { toBundle } from '../topology/bundle.ts';
import { importScan } from './scan-import.ts';

describe('importScan', () => {
  const added: { scan: Scan; topology: Topology }[] = [];
  const parts = {
    archive: {
      add(scan: Scan, topology: Topology) {
        added.push({ scan, topology });
        return Promise.resolve();
      },
    },
    topologies: { ofImported: () => sampleTopology() },
    newId: () => 'fresh',
  };

  it('keeps a bundle as a scan of its own, under an id of this hub', async () => {
    const bundle: unknown = JSON.parse(toBundle(finishedScan(), { salt: new Uint8Array(32) }));
    expect(await importScan({ bundle, ...parts })).toEqual({ scanId: 'fresh' });
    expect(added).toMatchObject([
      { scan: { id: 'fresh', trigger: 'import', state: 'partial', expected: 2 } },
    ]);
  });

  it('keeps nothing of what is no bundle', async () => {
    added.length = 0;
    await expect(importScan({ bundle: { hello: 1 }, ...parts })).rejects.toMatchObject({
      name: 'BundleError',
    });
    expect(added).toEqual([]);
  });
});
