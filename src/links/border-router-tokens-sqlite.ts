/** Token hashes in the hub's database. */
import type { Database } from '../database/database.ts';
import { asBorderRouterId } from '../protocol/ids.ts';
import type { StoredToken, TokenStore } from './border-router-tokens-store.ts';

export class SqliteTokenStore implements TokenStore {
  readonly #kysely: Database['kysely'];

  constructor(database: Pick<Database, 'kysely'>) {
    this.#kysely = database.kysely;
  }

  async all(): Promise<StoredToken[]> {
    const rows = await this.#kysely
      .selectFrom('border_router_tokens')
      .selectAll()
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    return rows.map(({ br_id, created_at, hash, id, last_used_at }) => ({
      id,
      borderRouterId: asBorderRouterId(br_id),
      hash,
      createdAt: created_at,
      lastUsedAt: last_used_at,
    }));
  }

  async add({ borderRouterId, createdAt, hash, id, lastUsedAt }: StoredToken): Promise<void> {
    await this.#kysely
      .insertInto('border_router_tokens')
      .values({ id, br_id: borderRouterId, hash, created_at: createdAt, last_used_at: lastUsedAt })
      .execute();
  }

  async remove(id: string): Promise<boolean> {
    const { numDeletedRows } = await this.#kysely
      .deleteFrom('border_router_tokens')
      .where('id', '=', id)
      .executeTakeFirst();
    return numDeletedRows > 0n;
  }

  async saveLastUsed(uses: readonly { readonly id: string; readonly lastUsedAt: number }[]): Promise<void> {
    await this.#kysely.transaction().execute(async (transaction) => {
      for (const { id, lastUsedAt } of uses)
        await transaction
          .updateTable('border_router_tokens')
          .set({ last_used_at: lastUsedAt })
          .where('id', '=', id)
          .execute();
    });
  }
}
