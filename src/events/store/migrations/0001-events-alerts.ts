/**
 * Sensor events with their readings, rollups, latest values, dead letters and ledger; alerts with their notifications.
 *
 * The layout keeps what one batch writes on few pages, since every page touched is written whole, twice:
 * - `events` is appended to. Its keys count up, and 16,384 of them in a row are one slot.
 * - `readings` are clustered by slot, so that a batch writes within the newest slot only, however many sensors there are.
 *   `event_slots` has the span of times in each slot: questions about one sensor skip the slots that cannot answer.
 * - `minutes_recent` takes what batches add, minute by minute; settling moves it to `minutes` and `hours`, which are
 *   clustered by sensor for reading. A rollup is the sum of both places.
 */
import { type Kysely, type Migration, type RawBuilder, sql } from 'kysely';

export const eventsAlerts: Migration = { up };

const tables: readonly RawBuilder<unknown>[] = [
  sql`create table shards (
    name text not null primary key,
    position text,
    owner_epoch integer not null,
    committed_at integer
  ) without rowid`,
  sql`create table ledger (
    lane integer not null primary key,
    stored integer not null,
    duplicate integer not null,
    dead integer not null
  )`,

  // Neighbouring keys belong to one shard, so that a batch of a shard changes neighbouring rows.
  sql`create table sensors (
    key integer not null primary key,
    id text not null unique,
    name text,
    units text not null default '{}',
    first_seen_at integer not null
  )`,
  sql`create table sensor_lanes (
    sensor_key integer not null,
    lane integer not null,
    events integer not null,
    qos0_events integer not null,
    missed_seqs integer not null,
    last_received_at integer not null,
    last_seq real,
    boot_id text,
    usual_interval_ms real,
    primary key (sensor_key, lane)
  ) without rowid`,
  sql`create table reading_types (
    key integer not null primary key,
    name text not null unique
  )`,
  // Values as JSON text: they come back to the last digit.
  sql`create table latest (
    sensor_key integer not null,
    type_key integer not null,
    ts integer not null,
    received_at integer not null,
    value text not null,
    unit text,
    primary key (sensor_key, type_key)
  ) without rowid`,

  sql`create table events (
    key integer not null primary key,
    lane integer not null,
    sensor_key integer not null,
    event_id text not null,
    ts integer not null,
    received_at integer not null,
    stored_at integer not null,
    readings text not null,
    more text not null
  )`,
  sql`create index events_received_at on events (lane, received_at)`,
  sql`create table event_slots (
    slot integer not null primary key,
    first_received_at integer not null,
    last_received_at integer not null,
    first_ts integer not null,
    last_ts integer not null
  )`,
  // A number stays one; text and booleans are JSON text, which never looks like a number.
  sql`create table readings (
    slot integer not null,
    type_key integer not null,
    sensor_key integer not null,
    ts integer not null,
    event_key integer not null,
    value real not null,
    primary key (slot, type_key, sensor_key, ts, event_key)
  ) without rowid`,
  // 64 bits of the key's hash: two keys of one sensor would have to meet in it.
  sql`create table event_keys (
    hash integer not null,
    sensor_key integer not null,
    received_at integer not null,
    primary key (hash, sensor_key)
  ) without rowid`,
  sql`create table dead_letters (
    key integer not null primary key,
    id text not null unique,
    state text not null,
    reason text not null,
    detail text not null,
    sensor_id text,
    lane integer not null,
    topic text,
    received_at integer not null,
    event text,
    payload blob
  )`,
  sql`create index dead_letters_received_at on dead_letters (received_at)`,
  sql`create index dead_letters_sensor on dead_letters (sensor_id, received_at)`,

  sql`create table minutes_recent (
    minute integer not null,
    sensor_key integer not null,
    type_key integer not null,
    min real not null,
    max real not null,
    sum real not null,
    count integer not null,
    primary key (minute, sensor_key, type_key)
  ) without rowid`,
  sql`create table minutes (
    sensor_key integer not null,
    type_key integer not null,
    minute integer not null,
    min real not null,
    max real not null,
    sum real not null,
    count integer not null,
    primary key (sensor_key, type_key, minute)
  ) without rowid`,
  sql`create table hours (
    sensor_key integer not null,
    type_key integer not null,
    hour integer not null,
    min real not null,
    max real not null,
    sum real not null,
    count integer not null,
    primary key (sensor_key, type_key, hour)
  ) without rowid`,
  sql`create table retained (
    kind text not null primary key,
    since integer not null
  ) without rowid`,

  sql`create table alert_states (
    shard text not null,
    rule text not null,
    subject text not null,
    state text not null,
    due_at integer,
    primary key (shard, rule, subject)
  ) without rowid`,
  sql`create table alerts (
    id text not null primary key,
    shard text not null,
    rule text not null,
    severity text not null,
    state text not null,
    subject text not null,
    started_at integer not null,
    resolved_at integer,
    stored_at integer,
    row text not null
  )`,
  sql`create index alerts_started_at on alerts (started_at, id)`,
  sql`create index alerts_resolved_at on alerts (resolved_at) where resolved_at is not null`,
  sql`create index alerts_active on alerts (shard, state, severity) where state <> 'resolved'`,
  sql`create table notifications (
    key integer not null primary key,
    id text not null unique,
    alert_id text not null,
    channel text not null,
    transition text not null,
    idempotency_key text not null,
    severity text not null,
    created_at integer not null,
    message text not null,
    state text not null,
    attempts integer not null,
    next_attempt_at integer,
    sent_at integer,
    delivered_at integer,
    seen_at integer,
    error text
  )`,
  sql`create index notifications_alert on notifications (alert_id)`,
  sql`create index notifications_due on notifications (next_attempt_at) where state = 'pending'`,
  sql`create table silences (
    id text not null primary key,
    starts_at integer not null,
    ends_at integer not null,
    rule text,
    subject text,
    reason text not null,
    created_by text not null,
    created_at integer not null
  )`,
  sql`create table settings (
    name text not null primary key,
    value text not null
  )`,
];

async function up(database: Kysely<unknown>): Promise<void> {
  for (const table of tables) await table.execute(database);
}
