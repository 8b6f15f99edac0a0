import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ChildProgram } from '../../test/support/child-program.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { openDatabase } from './open-database.ts';

const holdDataDir = fileURLToPath(new URL('../../test/support/hold-data-dir.ts', import.meta.url));

describe('openDatabase', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeEach(async () => {
    folder = await temporaryFolder();
  });

  afterEach(() => folder.remove());

  const tokenRow = { id: 'a', br_id: 'BR-1', hash: new Uint8Array([1]), created_at: 1, last_used_at: null };

  it('makes the folder and keeps what is stored from one time to the next', async () => {
    const dataDir = join(folder.path, 'not', 'yet');
    const first = await openDatabase({ dataDir });
    await first.kysely.insertInto('border_router_tokens').values(tokenRow).execute();
    await first.close();
    await first.close();
    expect((await readdir(dataDir)).sort()).toEqual(['threadhub.db', 'threadhub.lock']);
    const second = await openDatabase({ dataDir });
    expect(await second.kysely.selectFrom('border_router_tokens').selectAll().execute()).toEqual([tokenRow]);
    await second.close();
  });

  it.runIf(process.platform === 'linux')(
    'refuses a place where the system makes no folders, instead of trying for ever',
    async () => {
      await expect(openDatabase({ dataDir: '/proc/threadhub/data' })).rejects.toMatchObject({
        code: 'data_dir_not_writable',
      });
    },
  );

  it('refuses a folder that this process uses already, and takes it once that one has closed', async () => {
    const first = await openDatabase({ dataDir: folder.path });
    await expect(openDatabase({ dataDir: folder.path })).rejects.toMatchObject({
      name: 'StartError',
      code: 'data_dir_in_use',
    });
    expect(await first.kysely.selectFrom('scans').selectAll().execute()).toEqual([]);
    await first.close();
    await (await openDatabase({ dataDir: folder.path })).close();
  });

  it('refuses a folder that another process uses, naming it, and takes it at once after kill -9', async () => {
    const other = new ChildProgram(holdDataDir, [folder.path, 'half-transaction']);
    try {
      expect(await other.firstLine()).toBe('ready');
      const refused = expect(openDatabase({ dataDir: folder.path })).rejects;
      await refused.toMatchObject({ code: 'data_dir_in_use' });
      await expect(openDatabase({ dataDir: folder.path })).rejects.toThrow(`process ${other.pid}`);
    } finally {
      await other.kill();
    }
    const database = await openDatabase({ dataDir: folder.path });
    expect(await database.kysely.selectFrom('border_router_tokens').selectAll().execute()).toEqual([]);
    expect(await readFile(join(folder.path, 'threadhub.pid'), 'utf8')).toBe(`${process.pid}\n`);
    await database.close();
  });

  it('says which folder cannot be written, and by whom, where a file stands in its place', async () => {
    const file = join(folder.path, 'file');
    await writeFile(file, '');
    const opening = openDatabase({ dataDir: file });
    await expect(opening).rejects.toMatchObject({ code: 'data_dir_not_writable' });
    await expect(openDatabase({ dataDir: join(file, 'below') })).rejects.toThrow(
      new RegExp(`^User \\S+ cannot write to the data folder ${join(file, 'below')}`),
    );
  });

  it('says so too where another user owns the folder', async () => {
    const dataDir = join(folder.path, 'foreign');
    await mkdir(dataDir);
    const root = process.getuid?.() === 0;
    // Root may write anywhere: there, a process of user 65534 tries.
    await chmod(folder.path, 0o755);
    await chmod(dataDir, root ? 0o755 : 0o555);
    const child = new ChildProgram(holdDataDir, [dataDir], root ? { uid: 65_534, gid: 65_534 } : {});
    await expect(child.firstLine()).rejects.toThrow(/StartError[^]*cannot write to the data folder/);
    expect(child.errors).toContain('data_dir_not_writable');
    expect(child.errors).toContain(dataDir);
    await child.kill();
    expect(await readdir(dataDir)).toEqual([]);
  });

  it('says that the database is damaged, and lets the folder go again', async () => {
    const path = join(folder.path, 'threadhub.db');
    await writeFile(path, 'this is not a database, and it is long enough to be read as one. '.repeat(20));
    await expect(openDatabase({ dataDir: folder.path })).rejects.toMatchObject({ code: 'store_corrupt' });
    await expect(openDatabase({ dataDir: folder.path })).rejects.toThrow(path);
  });

  it('does not open what a newer version has written', async () => {
    const database = await openDatabase({ dataDir: folder.path });
    await database.kysely
      .withTables<{ kysely_migration: { name: string; timestamp: string } }>()
      .insertInto('kysely_migration')
      .values({ name: '9999-from-the-future', timestamp: new Date(0).toISOString() })
      .execute();
    await database.close();
    await expect(openDatabase({ dataDir: folder.path })).rejects.toThrow(
      /cannot be brought up to date.*9999-from-the-future/,
    );
  });
});
