/** The statements of `retention.ts`. */
import { slotBits } from './slots.ts';

/** Hashes as text: they do not fit a number. */
export const lowestHash = '-9223372036854775808';
export const highestHash = '9223372036854775807';

/** The first sensors of the oldest minute. */
export const oldestRecentMinute = `
  select distinct minute, sensor_key from minutes_recent
  where minute = (select min(minute) from minutes_recent)
  order by sensor_key limit ?`;

const ofMinutesAndSensors = `
  from json_each(?) as asked cross join json_each(?) as sensor
  cross join minutes_recent as recent on recent.minute = asked.value and recent.sensor_key = sensor.value`;

const merge = `
    min = min(min, excluded.min), max = max(max, excluded.max),
    sum = sum + excluded.sum, count = count + excluded.count`;

/** Minutes, sensor keys. */
export const settleMinutes = `
  insert into minutes (sensor_key, type_key, minute, min, max, sum, count)
  select sensor_key, type_key, minute, min, max, sum, count ${ofMinutesAndSensors}
  where true on conflict (sensor_key, type_key, minute) do update set ${merge}`;

/** The hour, its minutes, sensor keys. */
export const settleHours = `
  insert into hours (sensor_key, type_key, hour, min, max, sum, count)
  select sensor_key, type_key, ?, min(min), max(max), sum(sum), sum(count) ${ofMinutesAndSensors}
  where true group by sensor_key, type_key
  on conflict (sensor_key, type_key, hour) do update set ${merge}`;

/** Minutes, sensor keys. */
export const deleteSettled = `
  delete from minutes_recent where (minute, sensor_key) in
    (select asked.value, sensor.value from json_each(?) as asked cross join json_each(?) as sensor)`;

/** Bound and limit for each lane. */
export const oldestEvents = `
  select key from (select key from events where lane = 0 and received_at < ? order by received_at limit ?)
  union all
  select key from (select key from events where lane = 1 and received_at < ? order by received_at limit ?)`;

/** Event keys. */
export const deleteReadings = `
  delete from readings where (slot, type_key, sensor_key, ts, event_key) in (
    select events.key >> ${slotBits}, reading.value ->> 0, sensor_key, ts, events.key
    from json_each(?) as asked cross join events on events.key = asked.value
    cross join json_each(events.readings) as reading)`;
export const deleteEvents = `delete from events where key in (select value from json_each(?))`;
export const deleteEmptySlots = `
  delete from event_slots where slot < (select coalesce(min(key) >> ${slotBits}, ${Number.MAX_SAFE_INTEGER}) from events)`;

/** Kind, since when it is whole. */
export const noteRetained = `
  insert into retained (kind, since) values (?, ?)
  on conflict (kind) do update set since = max(since, excluded.since)`;

export const oldestDeadLetters = `select key from dead_letters where received_at < ? order by received_at limit ?`;
export const deleteDeadLetters = `delete from dead_letters where key in (select value from json_each(?))`;

export const oldestResolvedAlerts = `select id from alerts where resolved_at < ? order by resolved_at limit ?`;
export const deleteAlerts = `delete from alerts where id in (select value from json_each(?))`;
export const deleteNotifications = `delete from notifications where alert_id in (select value from json_each(?))`;

/** After hash and sensor key, so many rows on. */
export const keyAfter = `
  select cast(hash as text) as hash, sensor_key from event_keys
  where (hash, sensor_key) > (cast(? as integer), ?)
  order by event_keys.hash, sensor_key limit 1 offset ?`;
/** Between two, the first left out; received before. */
export const deleteKeys = `
  delete from event_keys
  where (hash, sensor_key) > (cast(? as integer), ?) and (hash, sensor_key) <= (cast(? as integer), ?)
    and received_at < ?`;

const startOf = { minutes: 'minute', hours: 'hour' } as const;

/** After sensor key and type key: series with their oldest rollup. Every series has a latest value. */
export const seriesAfter = (table: 'minutes' | 'hours'): string => `
  select sensor_key, type_key, (
    select min(${startOf[table]}) from ${table}
    where ${table}.sensor_key = latest.sensor_key and ${table}.type_key = latest.type_key
  ) as oldest
  from latest where (sensor_key, type_key) > (?, ?) order by sensor_key, type_key limit ?`;

/** [sensor key, type key]; before; limit. */
export const deleteRollups = (table: 'minutes' | 'hours'): string => `
  delete from ${table} where (sensor_key, type_key, ${startOf[table]}) in (
    select rollup.sensor_key, rollup.type_key, rollup.${startOf[table]}
    from json_each(?) as asked
    cross join ${table} as rollup on rollup.sensor_key = asked.value ->> 0 and rollup.type_key = asked.value ->> 1
    where rollup.${startOf[table]} < ? limit ?)`;
