/**
 * Pages of events, newest first by arrival. Without a sensor or type they come from the index of arrivals; with one they
 * are gathered slot by slot, from the slots with the newest arrivals on.
 */
import { type Kysely, type Selectable, sql } from 'kysely';
import { z } from 'zod';
import type { EventFlag, IngestProtocol, Reading, SensorEvent } from '../../../protocol/sensor-event.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import type { EventQuery, Page, StoredEvent } from '../event-store.ts';
import type { EventDatabaseSchema, EventsTable } from '../schema.ts';
import type { KeyDirectory } from './key-directory.ts';
import { laneCode, laneOfCode } from './lane-codes.ts';

type EventRow = Selectable<EventsTable>;
type More = [
  sourceTs: number | null,
  seq: number | null,
  bootId: string | null,
  dedupKey: string | null,
  flags: EventFlag[],
  protocol: IngestProtocol,
  qos: SensorEvent['qos'],
  topic: string | null,
];

/** Where a page ended: arrival and key of its last event. */
const place = z.tuple([z.number(), z.number()]);

interface Span {
  /** Inclusive. */
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly lanes: readonly number[];
  /** Events at or after this arrival and key are left out. */
  readonly before: readonly [number, number] | null;
  readonly limit: number;
}

/** Slots looked through at once: few first, since mostly they have enough. */
const firstSlots = 4;
const maxSlots = 512;

export class EventQueries {
  readonly #directory: KeyDirectory;
  readonly #kysely: Kysely<EventDatabaseSchema>;

  constructor(parts: { readonly directory: KeyDirectory; readonly kysely: Kysely<EventDatabaseSchema> }) {
    this.#directory = parts.directory;
    this.#kysely = parts.kysely;
  }

  async page(query: EventQuery): Promise<Page<StoredEvent>> {
    const span: Span = {
      fromMs: query.fromMs ?? 0,
      toMs: query.toMs ?? Number.MAX_SAFE_INTEGER,
      lanes: query.lane === null ? [0, 1] : [laneCode(query.lane)],
      before: query.cursor === null ? null : readCursor(query.cursor, place),
      limit: query.limit + 1,
    };
    const rows = await this.#rows(query, span);
    const page = rows.slice(0, query.limit);
    const last = page.at(-1);
    return {
      items: page.map((row) => this.#storedEvent(row)),
      nextCursor:
        rows.length > query.limit && last !== undefined ? writeCursor([last.received_at, last.key]) : null,
    };
  }

  async #rows({ sensor, type }: EventQuery, span: Span): Promise<readonly EventRow[]> {
    if (sensor === null && type === null) return this.#ofAll(span);
    const sensorKey = sensor === null ? null : this.#directory.sensorKey(sensor);
    const typeKey = type === null ? null : this.#directory.typeKey(type);
    const isUnknown = (sensor !== null && sensorKey === null) || (type !== null && typeKey === null);
    if (isUnknown) return [];
    const types = typeKey === null ? await this.#typesOf(sensorKey ?? 0) : [typeKey];
    return this.#ofReadings({ sensorKey, types }, span);
  }

  async #ofAll(span: Span): Promise<readonly EventRow[]> {
    // Each lane is one walk along the index.
    const ofLanes = await Promise.all(
      span.lanes.map((lane) => {
        let query = this.#kysely
          .selectFrom('events')
          .selectAll()
          .where('lane', '=', lane)
          .where('received_at', '>=', span.fromMs)
          .where('received_at', '<', span.toMs)
          .orderBy('received_at', 'desc')
          .orderBy('key', 'desc')
          .limit(span.limit);
        if (span.before !== null) {
          const [receivedAt, key] = span.before;
          query = query.where((where) =>
            where.eb(where.refTuple('received_at', 'key'), '<', where.tuple(receivedAt, key)),
          );
        }
        return query.execute();
      }),
    );
    return ofLanes.flat().toSorted(newestFirst).slice(0, span.limit);
  }

  async #typesOf(sensorKey: number): Promise<readonly number[]> {
    const rows = await this.#kysely
      .selectFrom('latest')
      .select('type_key')
      .where('sensor_key', '=', sensorKey)
      .execute();
    return rows.map(({ type_key }) => type_key);
  }

  async #ofReadings(
    { sensorKey, types }: { readonly sensorKey: number | null; readonly types: readonly number[] },
    span: Span,
  ): Promise<readonly EventRow[]> {
    const slots = await this.#kysely
      .selectFrom('event_slots')
      .select(['slot', 'last_received_at'])
      .where('last_received_at', '>=', span.fromMs)
      .where('first_received_at', '<', span.toMs)
      .where('first_received_at', '<=', span.before?.[0] ?? Number.MAX_SAFE_INTEGER)
      .orderBy('last_received_at', 'desc')
      .execute();
    let found: readonly EventRow[] = [];
    for (let start = 0, count = firstSlots; start < slots.length; start += count, count *= 2) {
      count = Math.min(count, maxSlots);
      const newestLeft = slots[start]?.last_received_at ?? 0;
      const last = found.at(-1);
      // Nothing in the slots that are left arrived after what the page has.
      if (found.length === span.limit && last !== undefined && last.received_at > newestLeft) break;
      const asked = slots.slice(start, start + count).map(({ slot }) => slot);
      const more = await this.#inSlots(asked, { sensorKey, types }, span);
      found = [...found, ...more].toSorted(newestFirst).slice(0, span.limit);
    }
    return found;
  }

  async #inSlots(
    slots: readonly number[],
    { sensorKey, types }: { readonly sensorKey: number | null; readonly types: readonly number[] },
    span: Span,
  ): Promise<readonly EventRow[]> {
    const ofSensor = sensorKey === null ? sql`` : sql`and readings.sensor_key = ${sensorKey}`;
    const [receivedBefore, keyBefore] = span.before ?? [Number.MAX_SAFE_INTEGER, 0];
    const { rows } = await sql<EventRow>`
      select events.* from (
        select distinct event_key
        from json_each(${JSON.stringify(slots)}) as asked
        cross join json_each(${JSON.stringify(types)}) as type
        cross join readings on slot = asked.value and type_key = type.value ${ofSensor}
      ) cross join events on events.key = event_key
      where received_at >= ${span.fromMs} and received_at < ${span.toMs}
        and (received_at, events.key) < (${receivedBefore}, ${keyBefore})
        and lane in (${sql.join(span.lanes)})
      order by received_at desc, events.key desc
      limit ${span.limit}
    `.execute(this.#kysely);
    return rows;
  }

  #storedEvent(row: EventRow): StoredEvent {
    const [sourceTs, seq, bootId, dedupKey, flags, protocol, qos, topic] = JSON.parse(row.more) as More;
    const readings = JSON.parse(row.readings) as [number, Reading['value'], string | null][];
    return {
      storedAt: row.stored_at,
      event: {
        eventId: row.event_id,
        sensorId: this.#directory.sensorId(row.sensor_key),
        lane: laneOfCode(row.lane),
        readings: readings.map(([type, value, unit]) => ({
          type: this.#directory.typeName(type),
          value,
          unit,
        })),
        ts: row.ts,
        sourceTs,
        receivedAt: row.received_at,
        seq,
        bootId,
        dedupKey,
        flags,
        protocol,
        qos,
        topic,
      },
    };
  }
}

const newestFirst = (one: EventRow, other: EventRow): number =>
  other.received_at - one.received_at || other.key - one.key;
