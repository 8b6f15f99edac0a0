/** Dead letters: listed newest first, and settled once. */
import type { Kysely, Selectable } from 'kysely';
import { z } from 'zod';
import { asSensorId } from '../../../protocol/ids.ts';
import type { SensorEvent } from '../../../protocol/sensor-event.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import type { DeadLetter, DeadLetterQuery, DeadLetterReason, Page } from '../event-store.ts';
import type { DeadLettersTable, EventDatabaseSchema } from '../schema.ts';
import { laneOfCode } from './lane-codes.ts';
import type { WriteQueue } from './write-queue.ts';

const place = z.tuple([z.number(), z.number()]);

export class DeadLetterQueries {
  readonly #kysely: Kysely<EventDatabaseSchema>;
  readonly #writes: WriteQueue;

  constructor(parts: { readonly kysely: Kysely<EventDatabaseSchema>; readonly writes: WriteQueue }) {
    this.#kysely = parts.kysely;
    this.#writes = parts.writes;
  }

  async page({ cursor, limit, reason, sensor, state }: DeadLetterQuery): Promise<Page<DeadLetter>> {
    let query = this.#kysely
      .selectFrom('dead_letters')
      .selectAll()
      .orderBy('received_at', 'desc')
      .orderBy('key', 'desc')
      .limit(limit + 1);
    if (sensor !== null) query = query.where('sensor_id', '=', sensor);
    if (reason !== null) query = query.where('reason', '=', reason);
    if (state !== null) query = query.where('state', '=', state);
    if (cursor !== null) {
      const [receivedAt, key] = readCursor(cursor, place);
      query = query.where((where) =>
        where.eb(where.refTuple('received_at', 'key'), '<', where.tuple(receivedAt, key)),
      );
    }
    const rows = await query.execute();
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      items: page.map(deadLetterOf),
      nextCursor:
        rows.length > limit && last !== undefined ? writeCursor([last.received_at, last.key]) : null,
    };
  }

  async one(id: string): Promise<DeadLetter | null> {
    const row = await this.#kysely
      .selectFrom('dead_letters')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
    return row === undefined ? null : deadLetterOf(row);
  }

  async settle(id: string, state: 'replayed' | 'discarded'): Promise<boolean> {
    const statement = {
      sql: `update dead_letters set state = ? where id = ? and state = 'dead'`,
      parameters: [state, id],
    };
    const [result] = await this.#writes.run('critical', { statements: [statement], transaction: true });
    return result?.changes === 1;
  }
}

const deadLetterOf = (row: Selectable<DeadLettersTable>): DeadLetter => ({
  id: row.id,
  state: row.state as DeadLetter['state'],
  reason: row.reason as DeadLetterReason,
  detail: row.detail,
  sensorId: row.sensor_id === null ? null : asSensorId(row.sensor_id),
  lane: laneOfCode(row.lane),
  topic: row.topic,
  receivedAt: row.received_at,
  event: row.event === null ? null : (JSON.parse(row.event) as SensorEvent),
  payload: row.payload,
});
