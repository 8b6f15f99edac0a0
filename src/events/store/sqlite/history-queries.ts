/**
 * The course of one sensor's readings of one type, as many points as were asked for. Raw readings where they are kept and
 * not too many fit a point, else rollups by minute or hour, joined to wider points here.
 */
import { type Kysely, type RawBuilder, sql } from 'kysely';
import type { ReadingValue } from '../../../protocol/sensor-event.ts';
import type { History, HistoryPoint, HistoryQuery } from '../event-store.ts';
import type { EventDatabaseSchema } from '../schema.ts';
import type { KeyDirectory } from './key-directory.ts';

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;

type Resolution = History['resolution'];

/** Wider points than this share of a rollup's width come from the rollup: a few more points are not worth 60 times the rows. */
const rollupFromShare = 0.5;

interface Series {
  readonly sensorKey: number;
  readonly typeKey: number;
}

interface Bucket {
  readonly ts: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly count: number;
}

interface RawRow {
  readonly ts: number;
  /** JSON where it is not a number. */
  readonly value: number | string;
}

export class HistoryQueries {
  readonly #directory: KeyDirectory;
  readonly #kysely: Kysely<EventDatabaseSchema>;

  constructor(parts: { readonly directory: KeyDirectory; readonly kysely: Kysely<EventDatabaseSchema> }) {
    this.#directory = parts.directory;
    this.#kysely = parts.kysely;
  }

  async history(query: HistoryQuery): Promise<History> {
    const sensorKey = this.#directory.sensorKey(query.sensor);
    const typeKey = this.#directory.typeKey(query.type);
    if (sensorKey === null || typeKey === null || query.toMs <= query.fromMs)
      return { resolution: 'raw', stepMs: 0, points: [] };
    const series = { sensorKey, typeKey };
    const [resolution, isText] = await Promise.all([this.#resolution(query), this.#isText(series)]);
    if (resolution === 'raw' || isText) return this.#raw(series, query, isText);
    const bucketing = bucketingOf(query, resolution === 'minute' ? minuteMs : hourMs);
    const points = await this.#rollups(resolution, series, query, bucketing);
    return { resolution, stepMs: bucketing.stepMs, points };
  }

  /** The finest that is whole in the span and has not many rows for each point. */
  async #resolution({ fromMs, points, toMs }: HistoryQuery): Promise<Resolution> {
    const rows = await this.#kysely.selectFrom('retained').selectAll().execute();
    const since = (kind: 'raw' | 'minutes'): number => rows.find((row) => row.kind === kind)?.since ?? 0;
    const wantedMs = (toMs - fromMs) / points;
    if (wantedMs < minuteMs * rollupFromShare && fromMs >= since('raw')) return 'raw';
    if (wantedMs < hourMs * rollupFromShare && fromMs >= since('minutes')) return 'minute';
    return 'hour';
  }

  /** Text has no rollups. */
  async #isText({ sensorKey, typeKey }: Series): Promise<boolean> {
    const latest = await this.#kysely
      .selectFrom('latest')
      .select('value')
      .where('sensor_key', '=', sensorKey)
      .where('type_key', '=', typeKey)
      .executeTakeFirst();
    return latest?.value.startsWith('"') ?? false;
  }

  /** Single readings while they fit; else buckets of numbers, or the last text of each. */
  async #raw({ sensorKey, typeKey }: Series, query: HistoryQuery, isText: boolean): Promise<History> {
    const { fromMs, points, toMs } = query;
    const inSpan = sql`
      event_slots cross join readings
        on readings.slot = event_slots.slot and type_key = ${typeKey} and sensor_key = ${sensorKey}
        and ts >= ${fromMs} and ts < ${toMs}
      where last_ts >= ${fromMs} and first_ts < ${toMs}`;
    const single = await sql<RawRow>`
      select ts, value from ${inSpan} order by ts, event_key limit ${points + 1}
    `.execute(this.#kysely);
    if (single.rows.length <= points)
      return { resolution: 'raw', stepMs: 0, points: single.rows.map(pointOfReading) };
    const wantedMs = (toMs - fromMs) / points;
    const bucketing = bucketingOf(query, wantedMs < secondMs ? 1 : secondMs);
    const bucket = bucketing.start(sql`ts`);
    if (isText) {
      // Beside a lone max(), SQLite gives the columns of the row that has it: the last value.
      const { rows } = await sql<{ start: number; value: string | number; count: number }>`
        select ${bucket} as start, value, count(*) as count, max(ts) from ${inSpan} group by start order by start
      `.execute(this.#kysely);
      const ofText = rows.map(({ count, start, value }) => ({
        ...pointOfReading({ ts: start, value }),
        count,
      }));
      return { resolution: 'raw', stepMs: bucketing.stepMs, points: ofText };
    }
    const number = sql`case value when 'true' then 1.0 when 'false' then 0.0 else iif(typeof(value) = 'real', value, null) end`;
    const { rows } = await sql<Bucket>`
      select ${bucket} as ts, min(number) as min, max(number) as max, sum(number) as sum, count(number) as count
      from (select ts, ${number} as number from ${inSpan}) where number is not null
      group by 1 order by 1
    `.execute(this.#kysely);
    return { resolution: 'raw', stepMs: bucketing.stepMs, points: rows.map(pointOfBucket) };
  }

  /** What is settled, and what waits to be, are summed up. */
  async #rollups(
    resolution: 'minute' | 'hour',
    { sensorKey, typeKey }: Series,
    { fromMs, toMs }: HistoryQuery,
    { start }: Bucketing,
  ): Promise<readonly HistoryPoint[]> {
    const baseMs = resolution === 'minute' ? minuteMs : hourMs;
    const firstMs = fromMs - (fromMs % baseMs);
    const settled =
      resolution === 'minute'
        ? sql`select minute as at, min, max, sum, count from minutes
            where sensor_key = ${sensorKey} and type_key = ${typeKey} and minute >= ${firstMs} and minute < ${toMs}`
        : sql`select hour as at, min, max, sum, count from hours
            where sensor_key = ${sensorKey} and type_key = ${typeKey} and hour >= ${firstMs} and hour < ${toMs}`;
    const { rows } = await sql<Bucket>`
      with recursive recent(minute) as (
        select min(minute) from minutes_recent where minute >= ${firstMs}
        union all
        select (select min(minute) from minutes_recent where minute > recent.minute)
        from recent where recent.minute is not null
      )
      select ${start(sql`at`)} as ts, min(min) as min, max(max) as max, sum(sum) as sum, sum(count) as count
      from (
        ${settled}
        union all
        select recent.minute as at, min, max, sum, count
        from recent cross join minutes_recent
          on minutes_recent.minute = recent.minute and sensor_key = ${sensorKey} and type_key = ${typeKey}
        where recent.minute < ${toMs}
      )
      group by 1 order by 1
    `.execute(this.#kysely);
    return rows.map(pointOfBucket);
  }
}

interface Bucketing {
  readonly stepMs: number;
  /** The start of the bucket that a time is in. */
  readonly start: (time: RawBuilder<unknown>) => RawBuilder<unknown>;
}

/** Buckets aligned to multiples of their width, so that a span that moves on keeps its points. */
function bucketingOf({ fromMs, points, toMs }: HistoryQuery, baseMs: number): Bucketing {
  const widthMs = toMs - fromMs;
  // A lone bucket begins with the span.
  if (points === 1) {
    const startMs = fromMs - (fromMs % baseMs);
    return { stepMs: Math.ceil((toMs - startMs) / baseMs) * baseMs, start: () => sql.lit(startMs) };
  }
  // One less than asked for: both ends may be part of a bucket.
  const stepMs = Math.max(1, Math.ceil(widthMs / (points - 1) / baseMs)) * baseMs;
  return { stepMs, start: (time) => sql`${time} - ${time} % ${sql.lit(stepMs)}` };
}

function pointOfReading({ ts, value }: RawRow): HistoryPoint {
  if (typeof value === 'number') return { ts, min: value, max: value, mean: value, count: 1, value: null };
  const plain = JSON.parse(value) as ReadingValue;
  const number = typeof plain === 'boolean' ? Number(plain) : null;
  return { ts, min: number, max: number, mean: number, count: 1, value: plain };
}

const pointOfBucket = ({ count, max, min, sum, ts }: Bucket): HistoryPoint => ({
  ts,
  min,
  max,
  mean: sum / count,
  count,
  value: null,
});
