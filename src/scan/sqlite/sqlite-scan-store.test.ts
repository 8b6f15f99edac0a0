import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { ChildProgram } from '../../../test/support/child-program.ts';
import { sampleTimeMs } from '../../../test/support/samples.ts';
import { runningScan, scanAt, topologyOf } from '../../../test/support/stored-scans.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { openDatabase } from '../../database/open-database.ts';
import { asScanId } from '../../protocol/ids.ts';
import { testScanStore } from '../scan-store.contract.ts';
import { SqliteScanStore } from './sqlite-scan-store.ts';

testScanStore('SqliteScanStore', async () => {
  const folder = await temporaryFolder();
  let database = await openDatabase({ dataDir: folder.path });
  return {
    store: new SqliteScanStore(database),
    reopen: async () => {
      await database.close();
      database = await openDatabase({ dataDir: folder.path });
      return new SqliteScanStore(database);
    },
    release: async () => {
      await database.close();
      await folder.remove();
    },
  };
});

describe('SqliteScanStore', () => {
  const holdDataDir = fileURLToPath(new URL('../../../test/support/hold-data-dir.ts', import.meta.url));

  it('keeps the trace of a scan whose hub was killed in the middle of it', async () => {
    const folder = await temporaryFolder();
    const hub = new ChildProgram(holdDataDir, [folder.path, 'unfinished-scan']);
    try {
      expect(await hub.firstLine()).toBe('ready');
    } finally {
      await hub.kill();
    }
    const database = await openDatabase({ dataDir: folder.path });
    const store = new SqliteScanStore(database);
    expect(await store.get(asScanId('interrupted'))).toMatchObject({ state: 'running', undecided: 2 });
    expect(await store.endInterrupted(sampleTimeMs + 60_000)).toBe(1);
    expect(await store.get(asScanId('interrupted'))).toMatchObject({
      state: 'cancelled',
      outcomes: { cancelled: 2 },
    });
    await database.close();
    await folder.remove();
  });

  it('leaves the started scan as it was where the disk is full, and saves the end once there is room', async () => {
    const folder = await temporaryFolder();
    const database = await openDatabase({ dataDir: folder.path });
    const store = new SqliteScanStore(database);
    const names = Array.from({ length: 2_000 }, (_, index) => [`node-${index}`, 'answered'] as const);
    const scan = scanAt(1, Object.fromEntries(names));
    const started = { ...scan, state: 'running' as const, finishedAt: null };
    await store.saveStarted(started);
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(database.kysely);
    await sql`pragma max_page_count = ${sql.lit((rows[0]?.page_count ?? 0) + 4)}`.execute(database.kysely);
    await expect(store.saveFinished(scan, topologyOf(scan))).rejects.toMatchObject({ code: 'store_full' });
    expect(await store.get(asScanId('scan-1'))).toEqual(started);
    expect(await store.lastOutcomes()).toEqual(new Map());
    await sql`pragma max_page_count = 1000000`.execute(database.kysely);
    await store.saveFinished(scan, topologyOf(scan));
    expect(await store.get(asScanId('scan-1'))).toEqual(scan);
    await database.close();
    await folder.remove();
  });

  it('ends an interrupted scan whose nodes cannot be read', async () => {
    const folder = await temporaryFolder();
    const database = await openDatabase({ dataDir: folder.path });
    const store = new SqliteScanStore(database);
    await store.saveStarted(runningScan('cut off'));
    await database.kysely
      .updateTable('scan_documents')
      .set({ body: new Uint8Array(30) })
      .execute();
    expect(await store.endInterrupted(sampleTimeMs + 60_000)).toBe(1);
    expect(await store.get(asScanId('cut off'))).toMatchObject({ state: 'cancelled', nodes: [] });
    await database.close();
    await folder.remove();
  });

  it('says which scan is damaged, and reads the others', async () => {
    const folder = await temporaryFolder();
    const database = await openDatabase({ dataDir: folder.path });
    const store = new SqliteScanStore(database);
    await store.saveFinished(scanAt(1), null);
    await database.kysely
      .updateTable('scan_documents')
      .set({ body: new Uint8Array(30) })
      .execute();
    await store.saveFinished(scanAt(2), null);
    await expect(store.get(asScanId('scan-1'))).rejects.toMatchObject({
      code: 'store_corrupt',
      message: expect.stringContaining('scan-1') as string,
    });
    expect(await store.get(asScanId('scan-2'))).toEqual(scanAt(2));
    await database.close();
    await folder.remove();
  });
});
