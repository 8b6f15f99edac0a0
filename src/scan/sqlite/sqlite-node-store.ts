/** REST and discovered nodes in the hub's database. */
import type { Database } from '../../database/database.ts';
import { asBorderRouterId, asExtAddress } from '../../protocol/ids.ts';
import type { Ipv6Address } from '../../protocol/ipv6.ts';
import type { LearnedAddress, NodeChanges, NodeStore, StoredNode } from '../node-store.ts';

const rowsPerStatement = 200;

export class SqliteNodeStore implements NodeStore {
  readonly #kysely: Database['kysely'];

  constructor(database: Pick<Database, 'kysely'>) {
    this.#kysely = database.kysely;
  }

  async load(learnedLimit: number): Promise<{ nodes: StoredNode[]; learned: LearnedAddress[] }> {
    const nodes = await this.#kysely
      .selectFrom('nodes')
      .selectAll()
      .orderBy('origin')
      .orderBy('key')
      .execute();
    const learned = await this.#kysely
      .selectFrom('learned_addresses')
      .selectAll()
      .orderBy('learned_at', 'desc')
      .orderBy('ipv6')
      .limit(learnedLimit + 1)
      .execute();
    const firstForgotten = learned[learnedLimit];
    if (firstForgotten !== undefined) await this.#forgetBefore(firstForgotten.learned_at);
    return {
      nodes: nodes.map(({ br_id, ext_addr, ipv6, key, name, origin }) => ({
        origin,
        key,
        name,
        ipv6: ipv6 as Ipv6Address,
        extAddress: ext_addr === null ? null : asExtAddress(ext_addr),
        borderRouterId: br_id === null ? null : asBorderRouterId(br_id),
      })),
      learned: learned.slice(0, learnedLimit).map(({ ext_addr, ipv6, learned_at }) => ({
        ipv6: ipv6 as Ipv6Address,
        extAddress: asExtAddress(ext_addr),
        learnedAt: learned_at,
      })),
    };
  }

  async apply({ learned = [], remove = [], save = [] }: NodeChanges): Promise<void> {
    await this.#kysely.transaction().execute(async (transaction) => {
      for (const { key, origin } of remove)
        await transaction.deleteFrom('nodes').where('origin', '=', origin).where('key', '=', key).execute();
      for (const nodes of slices(lastOfEach(save, ({ key, origin }) => `${origin} ${key}`))) {
        const rows = nodes.map((node) => ({
          origin: node.origin,
          key: node.key,
          name: node.name,
          ipv6: node.ipv6,
          ext_addr: node.extAddress,
          br_id: node.borderRouterId,
        }));
        await transaction
          .insertInto('nodes')
          .values(rows)
          .onConflict((conflict) =>
            conflict.columns(['origin', 'key']).doUpdateSet((insert) => ({
              name: insert.ref('excluded.name'),
              ipv6: insert.ref('excluded.ipv6'),
              ext_addr: insert.ref('excluded.ext_addr'),
              br_id: insert.ref('excluded.br_id'),
            })),
          )
          .execute();
      }
      for (const addresses of slices(lastOfEach(learned, ({ ipv6 }) => ipv6))) {
        const rows = addresses.map(({ extAddress, ipv6, learnedAt }) => ({
          ipv6,
          ext_addr: extAddress,
          learned_at: learnedAt,
        }));
        await transaction
          .insertInto('learned_addresses')
          .values(rows)
          .onConflict((conflict) =>
            conflict.column('ipv6').doUpdateSet((insert) => ({
              ext_addr: insert.ref('excluded.ext_addr'),
              learned_at: insert.ref('excluded.learned_at'),
            })),
          )
          .execute();
      }
    });
  }

  async #forgetBefore(learnedAt: number): Promise<void> {
    await this.#kysely.deleteFrom('learned_addresses').where('learned_at', '<', learnedAt).execute();
  }
}

/** One statement must not write a row twice. */
function lastOfEach<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  return [...new Map(items.map((item) => [keyOf(item), item])).values()];
}

function* slices<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += rowsPerStatement)
    yield items.slice(start, start + rowsPerStatement);
}
