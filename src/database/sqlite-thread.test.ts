import { access } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import type { StoreError } from '../errors.ts';
import type { SqlRow, SqlValue } from './sqlite-messages.ts';
import { SqliteThread, startSqliteWorker } from './sqlite-thread.ts';

describe('SqliteThread', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let thread: SqliteThread;
  let crashes: StoreError[];
  let workers: Worker[];

  beforeEach(async () => {
    folder = await temporaryFolder();
    crashes = [];
    workers = [];
    thread = await SqliteThread.open({
      databasePath: join(folder.path, 'a.db'),
      lockPath: join(folder.path, 'a.lock'),
      onCrash: (error) => void crashes.push(error),
      startWorker: (data) => {
        const worker = startSqliteWorker(data);
        workers.push(worker);
        return worker;
      },
    });
  });

  afterEach(async () => {
    await thread.close().catch(() => undefined);
    await folder.remove();
  });

  const statement = (sql: string, ...parameters: SqlValue[]) => ({ sql, parameters });
  const query = async (sql: string, ...parameters: SqlValue[]): Promise<SqlRow[]> => {
    const [result] = await thread.execute({
      statements: [statement(sql, ...parameters)],
      transaction: false,
    });
    return result?.rows ?? [];
  };

  it('answers with rows, changes and the last row id, of every type of value', async () => {
    await query('create table t (a integer primary key, b)');
    const [insert] = await thread.execute({
      statements: [statement('insert into t (b) values (?), (?)', 'text', new Uint8Array([1, 2]))],
      transaction: false,
    });
    expect(insert).toMatchObject({ rows: [], changes: 2, lastInsertRowId: 2 });
    await query('insert into t (b) values (?), (?)', 1.5, null);
    const rows = await query('select b from t order by a');
    expect(rows).toEqual([{ b: 'text' }, { b: new Uint8Array([1, 2]) }, { b: 1.5 }, { b: null }]);
  });

  it('runs requests in the order they were made, though they travel together', async () => {
    await query('create table t (a integer)');
    const results = await Promise.all([
      query('insert into t values (1)'),
      query('select count(*) as n from t'),
      query('insert into t values (2)'),
      query('select count(*) as n from t'),
    ]);
    expect([results[1], results[3]]).toEqual([[{ n: 1 }], [{ n: 2 }]]);
  });

  it('applies a transaction whole or not at all, and its neighbours in the batch all the same', async () => {
    await query('create table t (a integer unique)');
    const before = query('insert into t values (1)');
    const failing = thread.execute({
      statements: [statement('insert into t values (2)'), statement('insert into t values (1)')],
      transaction: true,
    });
    const after = query('insert into t values (3)');
    await expect(failing).rejects.toMatchObject({ code: 'store_rejected' });
    await Promise.all([before, after]);
    expect(await query('select a from t order by a')).toEqual([{ a: 1 }, { a: 3 }]);
  });

  it('sees a changed table through a statement that it had prepared before', async () => {
    await query('create table t (a integer)');
    await query('insert into t values (1)');
    expect(await query('select * from t')).toEqual([{ a: 1 }]);
    await query("alter table t add column b text default 'new'");
    expect(await query('select * from t')).toEqual([{ a: 1, b: 'new' }]);
  });

  it('writes ahead and syncs every commit', async () => {
    expect(await query('pragma journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(await query('pragma synchronous')).toEqual([{ synchronous: 2 }]);
    expect(await query('pragma foreign_keys')).toEqual([{ foreign_keys: 1 }]);
  });

  it('says that the disk is full, keeps what was there, and goes on once there is room', async () => {
    await query('create table t (a blob)');
    await query('insert into t values (?)', new Uint8Array(100));
    const [pages] = await query('pragma page_count');
    await query(`pragma max_page_count = ${Number(pages?.['page_count']) + 2}`);
    const large = new Uint8Array(100_000);
    await expect(query('insert into t values (?)', large)).rejects.toMatchObject({ code: 'store_full' });
    await expect(
      thread.execute({
        statements: [statement('delete from t'), statement('insert into t values (?)', large)],
        transaction: true,
      }),
    ).rejects.toMatchObject({ code: 'store_full' });
    expect(await query('select length(a) as n from t')).toEqual([{ n: 100 }]);
    await query('pragma max_page_count = 1000000');
    await query('insert into t values (?)', large);
    expect(await query('select count(*) as n from t')).toEqual([{ n: 2 }]);
  });

  it('never stops the caller while the database is busy', async () => {
    let turns = 0;
    let busy = true;
    const turn = (): void => {
      turns += 1;
      if (busy) setImmediate(turn);
    };
    setImmediate(turn);
    await query(
      'with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000) select max(i) from n',
    );
    busy = false;
    expect(turns).toBeGreaterThan(10);
  });

  it('finishes what was asked before the close and refuses what comes after it', async () => {
    await query('create table t (a integer)');
    const insert = query('insert into t values (1)');
    const close = thread.close();
    await expect(query('select 1')).rejects.toMatchObject({ code: 'store_closed' });
    await insert;
    await close;
    await thread.close();
    const again = await SqliteThread.open({
      databasePath: join(folder.path, 'a.db'),
      lockPath: join(folder.path, 'a.lock'),
      onCrash: () => undefined,
    });
    const [rows] = await again.execute({ statements: [statement('select a from t')], transaction: false });
    expect(rows?.rows).toEqual([{ a: 1 }]);
    await again.close();
  });

  it('rejects a value that cannot travel, and the rest of that turn with it, but stays open', async () => {
    const bad = thread.execute({
      statements: [{ sql: 'select ?', parameters: [(() => 1) as unknown as SqlValue] }],
      transaction: false,
    });
    await expect(bad).rejects.toMatchObject({ code: 'store_failed' });
    expect(await query('select 1 as one')).toEqual([{ one: 1 }]);
  });

  it('applies nothing of a transaction in which a statement changes other than the expected rows', async () => {
    await query('create table fence (epoch integer)');
    await query('create table t (a integer)');
    await query('insert into fence values (1)');
    const fenced = (epoch: number, a: number) =>
      thread.execute({
        statements: [
          statement('insert into t values (?)', a),
          { ...statement('update fence set epoch = epoch where epoch = ?', epoch), expectChanges: 1 },
        ],
        transaction: true,
      });
    const [stale, owned] = await Promise.allSettled([fenced(2, 2), fenced(1, 1)]);
    expect(stale).toMatchObject({ status: 'rejected', reason: { code: 'store_fenced' } });
    expect(owned).toMatchObject({ status: 'fulfilled' });
    expect(await query('select a from t')).toEqual([{ a: 1 }]);
  });

  describe('beside the thread that writes', () => {
    const openBeside = (options: { readOnly?: boolean; setUp?: string }) =>
      SqliteThread.open({
        databasePath: join(folder.path, 'a.db'),
        lockPath: null,
        onCrash: (error) => void crashes.push(error),
        ...options,
      });

    it('reads what is committed, from now on, and writes nothing', async () => {
      await query('create table t (a integer)');
      const reader = await openBeside({ readOnly: true });
      const read = async (sql: string) => {
        const [result] = await reader.execute({ statements: [statement(sql)], transaction: false });
        return result?.rows;
      };
      expect(await read('select a from t')).toEqual([]);
      await query('insert into t values (1)');
      expect(await read('select a from t')).toEqual([{ a: 1 }]);
      await expect(read('insert into t values (2)')).rejects.toMatchObject({ code: 'store_failed' });
      await reader.close();
      await query('insert into t values (3)');
      expect(await query('select a from t')).toEqual([{ a: 1 }, { a: 3 }]);
    });

    it('needs no lock where another thread holds it, and is refused where it asks for the same one', async () => {
      const other = await openBeside({});
      await other.close();
      const second = SqliteThread.open({
        databasePath: join(folder.path, 'a.db'),
        lockPath: join(folder.path, 'a.lock'),
        onCrash: () => undefined,
      });
      await expect(second).rejects.toMatchObject({ step: 'lock' });
    });

    it('runs what sets it up once it is open, and does not open where that fails', async () => {
      const set = await openBeside({ setUp: 'pragma cache_size = -77; pragma wal_autocheckpoint = 5' });
      const results = await set.execute({
        statements: [statement('pragma cache_size'), statement('pragma wal_autocheckpoint')],
        transaction: false,
      });
      expect(results.map(({ rows }) => rows)).toEqual([[{ cache_size: -77 }], [{ wal_autocheckpoint: 5 }]]);
      await set.close();
      await expect(openBeside({ setUp: 'no such statement' })).rejects.toMatchObject({ step: 'open' });
    });

    it('does not make a file to read from', async () => {
      const reader = SqliteThread.open({
        databasePath: join(folder.path, 'none.db'),
        lockPath: null,
        readOnly: true,
        onCrash: () => undefined,
      });
      await expect(reader).rejects.toMatchObject({ step: 'open' });
      await expect(access(join(folder.path, 'none.db'))).rejects.toMatchObject({ code: 'ENOENT' });
    });
  });

  it('rejects every open call when its thread dies, says so once, and refuses the next with the same reason', async () => {
    const slow = query(
      'with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000000) select max(i) from n',
    );
    const behind = query('select 1');
    const rejected = Promise.all([
      expect(slow).rejects.toMatchObject({ code: 'store_failed' }),
      expect(behind).rejects.toMatchObject({ code: 'store_failed' }),
    ]);
    await workers[0]?.terminate();
    await rejected;
    await expect(query('select 1')).rejects.toThrow('has died');
    expect(crashes).toHaveLength(1);
    await thread.close();
  });
});
