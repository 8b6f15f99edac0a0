import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import type { Database } from './database.ts';
import { openDatabase } from './open-database.ts';

describe('Kysely over the database thread', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let database: Database;

  beforeEach(async () => {
    folder = await temporaryFolder();
    database = await openDatabase({ dataDir: folder.path });
  });

  afterEach(async () => {
    await database.close();
    await folder.remove();
  });

  type Writer = Pick<Database['kysely'], 'insertInto'>;
  const insert = (writer: Writer, ipv6: string) =>
    writer.insertInto('learned_addresses').values({ ipv6, ext_addr: 'e', learned_at: 1 }).execute();
  const addresses = async () =>
    (await database.kysely.selectFrom('learned_addresses').select('ipv6').orderBy('ipv6').execute()).map(
      ({ ipv6 }) => ipv6,
    );

  it('commits a transaction as a whole, and shows others nothing of it before', async () => {
    const seen: Promise<string[]>[] = [];
    await database.kysely.transaction().execute(async (transaction) => {
      await insert(transaction, 'a');
      seen.push(addresses());
      await insert(transaction, 'b');
    });
    // It was asked while the transaction was open, and answered after it.
    expect(await seen[0]).toEqual(['a', 'b']);
  });

  it('rolls a transaction back where its callback throws, and gives what was thrown', async () => {
    await expect(
      database.kysely.transaction().execute(async (transaction) => {
        await insert(transaction, 'a');
        throw new Error('on second thought');
      }),
    ).rejects.toThrow('on second thought');
    expect(await addresses()).toEqual([]);
  });

  it('keeps two transactions that are made together apart', async () => {
    const transfer = (name: string) =>
      database.kysely.transaction().execute(async (transaction) => {
        const { n } = await transaction
          .selectFrom('learned_addresses')
          .select(({ fn }) => fn.countAll<number>().as('n'))
          .executeTakeFirstOrThrow();
        await insert(transaction, `${name}${n}`);
      });
    await Promise.all(['a', 'b', 'c'].map(transfer));
    expect(await addresses()).toEqual(['a0', 'b1', 'c2']);
  });

  it('tells why a statement failed, and the next transaction is not caught in the failed one', async () => {
    await insert(database.kysely, 'a');
    await expect(
      database.kysely.transaction().execute(async (transaction) => {
        await insert(transaction, 'b');
        await insert(transaction, 'a');
      }),
    ).rejects.toMatchObject({ code: 'store_rejected' });
    await database.kysely.transaction().execute((transaction) => insert(transaction, 'c'));
    expect(await addresses()).toEqual(['a', 'c']);
  });

  it('survives a disk that fills up in the middle of a transaction', async () => {
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(database.kysely);
    await sql`pragma max_page_count = ${sql.lit(rows[0]?.page_count ?? 0)}`.execute(database.kysely);
    const tooMuch = database.kysely.transaction().execute(async (transaction) => {
      for (let index = 0; index < 100; index += 1) await insert(transaction, `${index} ${'x'.repeat(4_000)}`);
    });
    await expect(tooMuch).rejects.toMatchObject({ code: 'store_full' });
    await sql`pragma max_page_count = 100000`.execute(database.kysely);
    await insert(database.kysely, 'a');
    expect(await addresses()).toEqual(['a']);
  });

  it('counts the rows that it changed', async () => {
    await insert(database.kysely, 'a');
    await insert(database.kysely, 'b');
    const { numDeletedRows } = await database.kysely.deleteFrom('learned_addresses').executeTakeFirst();
    expect(numDeletedRows).toBe(2n);
  });

  it('lets an open transaction end before it closes, and refuses what comes after', async () => {
    const work = database.kysely.transaction().execute(async (transaction) => {
      await insert(transaction, 'a');
      await insert(transaction, 'b');
    });
    await Promise.resolve();
    await Promise.all([work, database.close()]);
    await expect(addresses()).rejects.toMatchObject({ code: 'store_closed' });
    database = await openDatabase({ dataDir: folder.path });
    expect(await addresses()).toEqual(['a', 'b']);
  });
});
