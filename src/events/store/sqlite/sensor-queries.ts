/** Sensors with their latest values, by id. */
import { type Kysely, type Selectable, sql } from 'kysely';
import { z } from 'zod';
import { asSensorId, type SensorId } from '../../../protocol/ids.ts';
import type { ReadingValue } from '../../../protocol/sensor-event.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import type { Page, SensorView } from '../event-store.ts';
import type { EventDatabaseSchema } from '../schema.ts';
import type { KeyDirectory } from './key-directory.ts';

const place = z.tuple([z.string()]);

type SensorRow = Selectable<EventDatabaseSchema['sensors']>;

export class SensorQueries {
  readonly #directory: KeyDirectory;
  readonly #kysely: Kysely<EventDatabaseSchema>;

  constructor(parts: { readonly directory: KeyDirectory; readonly kysely: Kysely<EventDatabaseSchema> }) {
    this.#directory = parts.directory;
    this.#kysely = parts.kysely;
  }

  async page({ cursor, limit }: { limit: number; cursor: string | null }): Promise<Page<SensorView>> {
    let query = this.#kysely
      .selectFrom('sensors')
      .selectAll()
      .orderBy('id')
      .limit(limit + 1);
    if (cursor !== null) query = query.where('id', '>', readCursor(cursor, place)[0]);
    const rows = await query.execute();
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    return {
      items: await this.#views(page),
      nextCursor: rows.length > limit && last !== undefined ? writeCursor([last.id]) : null,
    };
  }

  async one(id: SensorId): Promise<SensorView | null> {
    const rows = await this.#kysely.selectFrom('sensors').selectAll().where('id', '=', id).execute();
    return (await this.#views(rows))[0] ?? null;
  }

  async #views(rows: readonly SensorRow[]): Promise<SensorView[]> {
    const keys = rows.map(({ key }) => key);
    if (keys.length === 0) return [];
    // One parameter: a page has more rows than a statement takes parameters.
    const asked = sql<number>`(select value from json_each(${JSON.stringify(keys)}))`;
    const [lanes, latest] = await Promise.all([
      this.#kysely.selectFrom('sensor_lanes').selectAll().where('sensor_key', 'in', asked).execute(),
      this.#kysely.selectFrom('latest').selectAll().where('sensor_key', 'in', asked).execute(),
    ]);
    const lanesOf = Map.groupBy(lanes, (row) => row.sensor_key);
    const latestOf = Map.groupBy(latest, (row) => row.sensor_key);
    return rows.map((row) => {
      const ofLanes = lanesOf.get(row.key) ?? [];
      const total = (pick: (lane: (typeof lanes)[number]) => number): number =>
        ofLanes.reduce((sum, lane) => sum + pick(lane), 0);
      const newest = ofLanes.toSorted((one, other) => other.last_received_at - one.last_received_at);
      const units = new Map(Object.entries(JSON.parse(row.units) as Record<string, string>));
      const readings = (latestOf.get(row.key) ?? []).map(({ received_at, ts, type_key, unit, value }) => {
        const type = this.#directory.typeName(type_key);
        return {
          type,
          value: JSON.parse(value) as ReadingValue,
          unit: unit ?? units.get(type) ?? null,
          ts,
          receivedAt: received_at,
        };
      });
      return {
        id: asSensorId(row.id),
        name: row.name,
        firstSeenAt: row.first_seen_at,
        lastSeenAt: newest[0]?.last_received_at ?? row.first_seen_at,
        events: total(({ events }) => events),
        qos0Events: total(({ qos0_events }) => qos0_events),
        missedSeqs: total(({ missed_seqs }) => missed_seqs),
        usualIntervalMs: newest.find((lane) => lane.usual_interval_ms !== null)?.usual_interval_ms ?? null,
        readings: readings.toSorted((one, other) => (one.type < other.type ? -1 : 1)),
      };
    });
  }
}
