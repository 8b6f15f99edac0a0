/**
 * The tables of `events.db` as Kysely's queries see them; `migrations/` makes them and says why they are laid out so.
 * Times are Unix milliseconds, lanes 0 (critical) and 1 (bulk).
 */
import type { Generated } from 'kysely';

interface SensorsTable {
  key: number;
  id: string;
  name: string | null;
  /** JSON, described units by type. */
  units: string;
  first_seen_at: number;
}

interface SensorLanesTable {
  sensor_key: number;
  lane: number;
  events: number;
  qos0_events: number;
  missed_seqs: number;
  last_received_at: number;
  last_seq: number | null;
  boot_id: string | null;
  usual_interval_ms: number | null;
}

interface LatestTable {
  sensor_key: number;
  type_key: number;
  ts: number;
  received_at: number;
  /** JSON. */
  value: string;
  unit: string | null;
}

export interface EventsTable {
  key: number;
  lane: number;
  sensor_key: number;
  event_id: string;
  ts: number;
  received_at: number;
  stored_at: number;
  /** JSON: [[type key, value, unit], …]. */
  readings: string;
  /** JSON: [source ts, seq, boot id, dedup key, flags, protocol, QoS, topic]. */
  more: string;
}

interface EventSlotsTable {
  slot: number;
  first_received_at: number;
  last_received_at: number;
  first_ts: number;
  last_ts: number;
}

interface ReadingsTable {
  slot: number;
  type_key: number;
  sensor_key: number;
  ts: number;
  event_key: number;
  /** JSON where it is not a number. */
  value: number | string;
}

export interface DeadLettersTable {
  key: Generated<number>;
  id: string;
  state: string;
  reason: string;
  detail: string;
  sensor_id: string | null;
  lane: number;
  topic: string | null;
  received_at: number;
  /** JSON. */
  event: string | null;
  payload: Uint8Array | null;
}

interface RollupColumns {
  sensor_key: number;
  type_key: number;
  min: number;
  max: number;
  sum: number;
  count: number;
}

export interface AlertsTable {
  id: string;
  shard: string;
  rule: string;
  severity: string;
  state: string;
  subject: string;
  started_at: number;
  resolved_at: number | null;
  stored_at: number | null;
  /** The whole row as JSON. */
  row: string;
}

export interface NotificationsTable {
  key: Generated<number>;
  id: string;
  alert_id: string;
  channel: string;
  transition: string;
  idempotency_key: string;
  severity: string;
  created_at: number;
  /** JSON. */
  message: string;
  state: string;
  attempts: number;
  /** Null: at once. */
  next_attempt_at: number | null;
  sent_at: number | null;
  delivered_at: number | null;
  seen_at: number | null;
  error: string | null;
}

interface SilencesTable {
  id: string;
  starts_at: number;
  ends_at: number;
  rule: string | null;
  subject: string | null;
  reason: string;
  created_by: string;
  created_at: number;
}

export interface EventDatabaseSchema {
  shards: { name: string; position: string | null; owner_epoch: number; committed_at: number | null };
  ledger: { lane: number; stored: number; duplicate: number; dead: number };
  sensors: SensorsTable;
  sensor_lanes: SensorLanesTable;
  reading_types: { key: number; name: string };
  latest: LatestTable;
  events: EventsTable;
  event_slots: EventSlotsTable;
  readings: ReadingsTable;
  event_keys: { hash: number; sensor_key: number; received_at: number };
  dead_letters: DeadLettersTable;
  minutes_recent: RollupColumns & { minute: number };
  minutes: RollupColumns & { minute: number };
  hours: RollupColumns & { hour: number };
  /** Since when `raw` and `minutes` are whole. */
  retained: { kind: 'raw' | 'minutes'; since: number };
  alert_states: { shard: string; rule: string; subject: string; state: string; due_at: number | null };
  alerts: AlertsTable;
  notifications: NotificationsTable;
  silences: SilencesTable;
  settings: { name: string; value: string };
}
