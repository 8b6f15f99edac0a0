/**
 * An events.db of any size, written past the store in a minute: a day of readings every 10 s from as many sensors as it
 * takes. Every value is known by formula, so that what the store says of them can be checked.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { systemClock } from '../src/clock.ts';
import { openEventStores } from '../src/events/store/sqlite/open-event-stores.ts';
import { asSensorId, type SensorId } from '../src/protocol/ids.ts';

export const readingType = 'temperature';
export const dayMs = 86_400_000;
export const spacingMs = 10_000;
export const readingsPerDay = dayMs / spacingMs;
const perMinute = 60_000 / spacingMs;
/** As in the store: events in one run of readings. */
const slotSize = 2 ** 14;

export const sensorOf = (index: number): SensorId => asSensorId(`sensor-${index}`);
/** Of one sensor at one place in the day; a multiple of 1/8, so that sums are exact. */
export const valueOf = (sensor: number, place: number): number => (sensor % 64) + (place % 360) / 8;

/** Returns the number of sensors. `dayStartMs`: a whole day, Unix ms. */
export async function storeReadings({
  dataDir,
  dayStartMs,
  readings,
}: {
  readonly dataDir: string;
  readonly dayStartMs: number;
  readonly readings: number;
}): Promise<number> {
  const stores = await openEventStores({ dataDir, clock: systemClock, onCrash: () => undefined });
  await stores.close();
  const sensors = Math.ceil(readings / readingsPerDay);
  const database = new DatabaseSync(join(dataDir, 'events.db'));
  try {
    database.exec('pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -131072; begin');
    fill(database, { sensors, dayStartMs });
    database.exec('commit; pragma journal_mode = wal');
  } finally {
    database.close();
  }
  return sensors;
}

function fill(
  database: DatabaseSync,
  { dayStartMs, sensors }: { readonly sensors: number; readonly dayStartMs: number },
): void {
  const events = sensors * readingsPerDay;
  const run = (sql: string, ...parameters: (number | string)[]): void => {
    database.prepare(sql).run(...parameters);
  };
  const counted = (name: string, until: string): string =>
    `${name}(n) as (select 0 union all select n + 1 from ${name} where n + 1 < ${until})`;

  run('insert into reading_types (key, name) values (1, ?)', readingType);
  run(
    `with recursive ${counted('sensor', '?')}
      insert into sensors (key, id, first_seen_at) select n, 'sensor-' || n, ? from sensor`,
    sensors,
    dayStartMs,
  );
  run(
    `insert into sensor_lanes select key, 1, ?, 0, 0, ?, ?, 'boot', ? from sensors`,
    readingsPerDay,
    dayStartMs + dayMs - spacingMs,
    readingsPerDay - 1,
    spacingMs,
  );
  run(
    `insert into latest select key, 1, ?1, ?1, json(key % 64 + ?2), '°C' from sensors`,
    dayStartMs + dayMs - spacingMs,
    ((readingsPerDay - 1) % 360) / 8,
  );
  // Numbers are written into the text: as parameters they would not be integers.
  for (let first = 1; first <= events;) {
    const slot = Math.floor(first / slotSize);
    const last = Math.min(events, (slot + 1) * slotSize - 1);
    run(
      `with recursive ${counted('step', String(last - first + 1))}, new as (
        select ${first} + n as key, (${first} + n - 1) % ${sensors} as sensor, (${first} + n - 1) / ${sensors} as place
        from step
      )
      insert into events (key, lane, sensor_key, event_id, ts, received_at, stored_at, readings, more)
      select key, 1, sensor, 'event-' || key, ${dayStartMs} + place * ${spacingMs},
        ${dayStartMs} + place * ${spacingMs}, ${dayStartMs} + place * ${spacingMs} + 20,
        json_array(json_array(1, sensor % 64 + (place % 360) / 8.0, '°C')),
        json_array(null, place, 'boot', 'boot ' || place, json('[]'), 'mqtt', 1, 'sensors/sensor-' || sensor || '/temperature')
      from new`,
    );
    run(
      `insert into readings
        select ${slot}, 1, sensor_key, ts, key, readings ->> '$[0][1]' from events
        where key between ${first} and ${last} order by sensor_key, ts`,
    );
    run(
      `insert into event_slots
        select ${slot}, min(received_at), max(received_at), min(ts), max(ts) from events
        where key between ${first} and ${last}`,
    );
    first = last + 1;
  }
  fillRollups(database, dayStartMs);
}

function fillRollups(database: DatabaseSync, dayStartMs: number): void {
  for (const { column, table, widthMs } of [
    { table: 'minutes', column: 'minute', widthMs: 60_000 },
    { table: 'hours', column: 'hour', widthMs: 3_600_000 },
  ]) {
    const count = (widthMs / 60_000) * perMinute;
    const deltas = Array.from({ length: dayMs / widthMs }, (_, index) => {
      const values = Array.from({ length: count }, (__, reading) => valueOf(0, index * count + reading));
      const sum = values.reduce((total, value) => total + value, 0);
      return [dayStartMs + index * widthMs, Math.min(...values), Math.max(...values), sum];
    });
    database
      .prepare(
        `insert into ${table} (sensor_key, type_key, ${column}, min, max, sum, count)
          select sensors.key, 1, delta.value ->> 0, sensors.key % 64 + (delta.value ->> 1), sensors.key % 64 + (delta.value ->> 2),
            (sensors.key % 64) * ${count} + (delta.value ->> 3), ${count}
          from sensors cross join json_each(?1) as delta`,
      )
      .run(JSON.stringify(deltas));
  }
}
