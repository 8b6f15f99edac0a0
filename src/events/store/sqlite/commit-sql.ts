/** The statements of a batch; each takes its rows as one JSON parameter, `commit-statements.ts` says which. */
import { slotBits } from './slots.ts';

/** [key, id, first seen at] */
export const insertSensors = `
  insert into sensors (key, id, first_seen_at)
  select value ->> 0, value ->> 1, value ->> 2 from json_each(?) as new
  where not exists (select 1 from sensors where key = new.value ->> 0 and id = new.value ->> 1)`;

/** [key, name] */
export const insertTypes = `
  insert into reading_types (key, name)
  select value ->> 0, value ->> 1 from json_each(?) as new
  where not exists (select 1 from reading_types where key = new.value ->> 0 and name = new.value ->> 1)`;

/** [key, lane, sensor key, event id, ts, received at, stored at, readings, more] */
export const insertEvents = `
  insert into events (key, lane, sensor_key, event_id, ts, received_at, stored_at, readings, more)
  select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value -> 7, value -> 8
  from json_each(?)`;

/** Of the events between two keys; JSON numbers become numbers in their column. */
export const insertReadings = `
  insert into readings (slot, type_key, sensor_key, ts, event_key, value)
  select events.key >> ${slotBits}, reading.value ->> 0, sensor_key, ts, events.key, reading.value -> 1
  from events, json_each(events.readings) as reading
  where events.key between ? and ?`;

/** [slot, first received at, last received at, first ts, last ts] */
export const widenSlots = `
  insert into event_slots (slot, first_received_at, last_received_at, first_ts, last_ts)
  select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 from json_each(?) where true
  on conflict (slot) do update set
    first_received_at = min(first_received_at, excluded.first_received_at),
    last_received_at = max(last_received_at, excluded.last_received_at),
    first_ts = min(first_ts, excluded.first_ts),
    last_ts = max(last_ts, excluded.last_ts)`;

/** [high 32 bits of the hash, low 32 bits, sensor key, received at] */
export const insertKeys = `
  insert or ignore into event_keys (hash, sensor_key, received_at)
  select ((value ->> 0) << 32) | (value ->> 1), value ->> 2, value ->> 3 from json_each(?)`;

/** [index, high, low, sensor key] */
export const findKeys = `
  select asked.value ->> 0 as found
  from json_each(?) as asked
  cross join event_keys
    on hash = ((asked.value ->> 1) << 32) | (asked.value ->> 2) and sensor_key = asked.value ->> 3`;

/** [sensor key, type key, ts, received at, value as JSON, unit] */
const insertLatest = `
  insert into latest (sensor_key, type_key, ts, received_at, value, unit)
  select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value -> 4, value ->> 5 from json_each(?) where true
  on conflict (sensor_key, type_key) do update set
    ts = excluded.ts, received_at = excluded.received_at, value = excluded.value, unit = excluded.unit`;
export const replaceLatest = insertLatest;
export const replaceOlderLatest = `${insertLatest} where excluded.ts >= ts`;

/** [minute, sensor key, type key, min, max, sum, count] */
export const insertMinutes = `
  insert into minutes_recent (minute, sensor_key, type_key, min, max, sum, count)
  select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
  from json_each(?) where true
  on conflict (minute, sensor_key, type_key) do update set
    min = min(min, excluded.min), max = max(max, excluded.max),
    sum = sum + excluded.sum, count = count + excluded.count`;

/** [sensor key, lane, events, QoS 0 events, missed, last received at, last seq, boot id, usual interval] */
export const upsertSensorLanes = `
  insert into sensor_lanes
    (sensor_key, lane, events, qos0_events, missed_seqs, last_received_at, last_seq, boot_id, usual_interval_ms)
  select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8
  from json_each(?) where true
  on conflict (sensor_key, lane) do update set
    events = events + excluded.events,
    qos0_events = qos0_events + excluded.qos0_events,
    missed_seqs = missed_seqs + excluded.missed_seqs,
    last_received_at = excluded.last_received_at,
    last_seq = excluded.last_seq,
    boot_id = excluded.boot_id,
    usual_interval_ms = excluded.usual_interval_ms`;

/** [sensor key, name or null, units by type]; what is not told stays. */
export const describeSensors = `
  update sensors set
    name = coalesce(told.value ->> 1, sensors.name),
    units = json_patch(sensors.units, told.value -> 2)
  from json_each(?) as told
  where sensors.key = told.value ->> 0`;

/** [id, reason, detail, sensor id, lane, topic, received at, event, payload in hexadecimal] */
export const insertDeadLetters = `
  insert or ignore into dead_letters
    (id, state, reason, detail, sensor_id, lane, topic, received_at, event, payload)
  select value ->> 0, 'dead', value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6,
    nullif(value -> 7, 'null'), unhex(value ->> 8)
  from json_each(?)`;

/** [lane, stored, duplicate, dead] */
export const addToLedger = `
  insert into ledger (lane, stored, duplicate, dead)
  select value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each(?) where true
  on conflict (lane) do update set
    stored = stored + excluded.stored,
    duplicate = duplicate + excluded.duplicate,
    dead = dead + excluded.dead`;

/** [rule, subject, state, due at], beside the shard as the first parameter. */
export const putAlertStates = `
  insert into alert_states (shard, rule, subject, state, due_at)
  select ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each(?) where true
  on conflict (shard, rule, subject) do update set state = excluded.state, due_at = excluded.due_at`;

/** [rule, subject], beside the shard as the first parameter. */
export const removeAlertStates = `
  delete from alert_states where (shard, rule, subject) in
    (select ?, value ->> 0, value ->> 1 from json_each(?))`;

/** [id, shard, rule, severity, state, subject, started at, resolved at, stored at, row] */
export const putAlerts = `
  insert into alerts (id, shard, rule, severity, state, subject, started_at, resolved_at, stored_at, row)
  select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8,
    value -> 9
  from json_each(?) where true
  on conflict (id) do update set
    severity = excluded.severity, state = excluded.state, resolved_at = excluded.resolved_at,
    stored_at = coalesce(stored_at, excluded.stored_at), row = excluded.row`;

/** [id, alert id, channel, transition, idempotency key, severity, created at, message] */
export const insertNotifications = `
  insert or ignore into notifications
    (id, alert_id, channel, transition, idempotency_key, severity, created_at, message, state, attempts)
  select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value -> 7, 'pending', 0
  from json_each(?)`;

/** [id, state, attempts, next attempt at, sent at, delivered at, seen at, error]; what has been seen stays so. */
export const updateNotifications = `
  update notifications set
    state = iif(notifications.seen_at is null, became.value ->> 1, 'seen'),
    attempts = became.value ->> 2,
    next_attempt_at = became.value ->> 3,
    sent_at = became.value ->> 4,
    delivered_at = became.value ->> 5,
    seen_at = coalesce(notifications.seen_at, became.value ->> 6),
    error = became.value ->> 7
  from json_each(?) as became
  where notifications.id = became.value ->> 0`;
