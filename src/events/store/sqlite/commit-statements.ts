/**
 * One batch as the statements of one transaction: the fence first, then one statement for each table that the batch
 * changes, its rows as one JSON parameter. A batch so costs a dozen calls of SQLite and one message to its thread.
 */
import type { SqlStatement, SqlValue } from '../../../database/sqlite-messages.ts';
import type { SensorId } from '../../../protocol/ids.ts';
import { lanes } from '../../../protocol/sensor-event.ts';
import { laneOfShard } from '../../stream/durable-stream.ts';
import type { LatestChange, NewDeadLetter, StoreBatch } from '../event-store.ts';
import { foldLatest } from '../fold-latest.ts';
import * as sql from './commit-sql.ts';
import { hashKey } from './key-hash.ts';
import type { KeyDirectory } from './key-directory.ts';
import { laneCode } from './lane-codes.ts';
import { slotOf } from './slots.ts';

export interface CommitPlan {
  readonly statements: readonly SqlStatement[];
  /** Whose rows the transaction writes, for `KeyDirectory.noteStored`. */
  readonly sensorKeys: readonly number[];
  readonly typeKeys: readonly number[];
}

interface Context {
  readonly directory: KeyDirectory;
  /** Of the batch's first event; the others follow it. */
  readonly firstEventKey: number;
}

type Row = readonly unknown[];

export function commitStatements(batch: StoreBatch, { directory, firstEventKey }: Context): CommitPlan {
  const { alerts, deadLetters, descriptions, events, latest, minutes, sensors, shard } = batch;
  const keys = new BatchKeys(batch, directory);
  const changes: SqlStatement[] = [];
  const add = (text: string, rows: readonly Row[], ...before: SqlValue[]): void => {
    if (rows.length > 0) changes.push({ sql: text, parameters: [...before, JSON.stringify(rows)] });
  };
  if (events.length > 0) {
    const rows = eventRows(batch, { keys, firstEventKey });
    add(sql.widenSlots, rows.slots);
    add(sql.insertEvents, rows.events);
    const range = [firstEventKey, firstEventKey + events.length - 1];
    changes.push({ sql: sql.insertReadings, parameters: range });
    add(sql.insertKeys, rows.keys);
  }
  const [replacing, onlyIfNewer] = latestRows(latest, keys);
  add(sql.replaceLatest, replacing);
  add(sql.replaceOlderLatest, onlyIfNewer);
  const minuteRow = (delta: (typeof minutes)[number]): Row => {
    const { count, max, min, minute, sensorId, sum, type } = delta;
    return [minute, keys.sensor(sensorId), keys.type(type), min, max, sum, count];
  };
  add(sql.insertMinutes, minutes.map(minuteRow));
  const laneRow = (change: (typeof sensors)[number]): Row => [
    keys.sensor(change.sensorId),
    laneCode(change.lane),
    change.events,
    change.qos0Events,
    change.missedSeqs,
    change.lastReceivedAt,
    change.lastSeq,
    change.bootId,
    change.usualIntervalMs,
  ];
  add(sql.upsertSensorLanes, sensors.map(laneRow));
  for (const { name, sensorId, units } of descriptions)
    add(sql.describeSensors, [[keys.sensor(sensorId), name, units]]);
  add(sql.insertDeadLetters, deadLetters.map(deadLetterRow));
  add(sql.addToLedger, ledgerRows(batch));

  add(
    sql.putAlertStates,
    alerts.states.map(({ dueAt, rule, state, subject }) => [rule, subject, state, dueAt]),
    shard,
  );
  add(
    sql.removeAlertStates,
    alerts.removedStates.map(({ rule, subject }) => [rule, subject]),
    shard,
  );
  add(sql.putAlerts, alertRows(batch));
  add(sql.insertNotifications, notificationRows(batch));

  const newKeys = keys.unstored();
  const statements = [fence(batch), ...newKeys.statements, ...changes];
  return { statements, sensorKeys: newKeys.sensorKeys, typeKeys: newKeys.typeKeys };
}

function fence({ committedAt, epoch, from, shard, to }: StoreBatch): SqlStatement {
  return {
    sql: 'update shards set position = ?, committed_at = ? where name = ? and position is ? and owner_epoch = ?',
    parameters: [to, committedAt, shard, from, epoch],
    expectChanges: 1,
  };
}

/** The keys that a batch uses, and the rows of those that have none yet. */
class BatchKeys {
  readonly #batch: StoreBatch;
  readonly #directory: KeyDirectory;
  readonly #unstored = new Map<number, SensorId>();

  constructor(batch: StoreBatch, directory: KeyDirectory) {
    this.#batch = batch;
    this.#directory = directory;
  }

  sensor(id: SensorId): number {
    const key = this.#directory.takeSensorKey(id, this.#batch.shard);
    if (!this.#directory.isSensorStored(key)) this.#unstored.set(key, id);
    return key;
  }

  type(name: string): number {
    return this.#directory.takeTypeKey(name);
  }

  unstored(): CommitPlan {
    const statements: SqlStatement[] = [];
    if (this.#unstored.size > 0) {
      const firstSeen = this.#firstSeen();
      const rows = [...this.#unstored].map(([key, id]) => [key, id, firstSeen.get(id)]);
      statements.push({ sql: sql.insertSensors, parameters: [JSON.stringify(rows)] });
    }
    const types = this.#directory.unstoredTypes();
    if (types.length > 0) {
      const rows = types.map(({ key, name }) => [key, name]);
      statements.push({ sql: sql.insertTypes, parameters: [JSON.stringify(rows)] });
    }
    return {
      statements,
      sensorKeys: [...this.#unstored.keys()],
      typeKeys: types.map(({ key }) => key),
    };
  }

  /** When the new sensors were first heard of. */
  #firstSeen(): Map<SensorId, number> {
    const { committedAt, events } = this.#batch;
    const times = new Map([...this.#unstored.values()].map((id) => [id, committedAt]));
    for (const { receivedAt, sensorId } of events) {
      const known = times.get(sensorId);
      if (known !== undefined && receivedAt < known) times.set(sensorId, receivedAt);
    }
    return times;
  }
}

function eventRows(
  { committedAt, events }: StoreBatch,
  { firstEventKey, keys }: { readonly keys: BatchKeys; readonly firstEventKey: number },
): { readonly events: readonly Row[]; readonly keys: readonly Row[]; readonly slots: readonly Row[] } {
  const rows: Row[] = [];
  const keyRows: Row[] = [];
  const slots = new Map<number, [number, number, number, number, number]>();
  let key = firstEventKey;
  for (const event of events) {
    const { dedupKey, receivedAt, ts } = event;
    const sensorKey = keys.sensor(event.sensorId);
    rows.push([
      key,
      laneCode(event.lane),
      sensorKey,
      event.eventId,
      ts,
      receivedAt,
      committedAt,
      event.readings.map(({ type, unit, value }) => [keys.type(type), value, unit]),
      [
        event.sourceTs,
        event.seq,
        event.bootId,
        dedupKey,
        event.flags,
        event.protocol,
        event.qos,
        event.topic,
      ],
    ]);
    if (dedupKey !== null) {
      const { high, low } = hashKey(dedupKey);
      keyRows.push([high, low, sensorKey, receivedAt]);
    }
    const slot = slotOf(key);
    const span = slots.get(slot);
    if (span === undefined) {
      slots.set(slot, [slot, receivedAt, receivedAt, ts, ts]);
    } else {
      span[1] = Math.min(span[1], receivedAt);
      span[2] = Math.max(span[2], receivedAt);
      span[3] = Math.min(span[3], ts);
      span[4] = Math.max(span[4], ts);
    }
    key += 1;
  }
  return { events: rows, keys: keyRows, slots: [...slots.values()] };
}

/** One row for each sensor and type: those that replace whatever is there, and those that replace only what is older. */
function latestRows(changes: readonly LatestChange[], keys: BatchKeys): readonly [Row[], Row[]] {
  const folded = new Map<string, LatestChange>();
  for (const change of changes) {
    const series = `${keys.sensor(change.sensorId)} ${change.reading.type}`;
    const before = folded.get(series);
    folded.set(series, before === undefined ? change : foldLatest(before, change));
  }
  const replacing: Row[] = [];
  const onlyIfNewer: Row[] = [];
  for (const { onlyIfNewer: conditional, reading, receivedAt, sensorId, ts } of folded.values()) {
    const row = [keys.sensor(sensorId), keys.type(reading.type), ts, receivedAt, reading.value, reading.unit];
    (conditional ? onlyIfNewer : replacing).push(row);
  }
  return [replacing, onlyIfNewer];
}

const deadLetterRow = (letter: NewDeadLetter): Row => [
  letter.id,
  letter.reason,
  letter.detail,
  letter.sensorId,
  laneCode(letter.lane),
  letter.topic,
  letter.receivedAt,
  letter.event,
  letter.payload === null ? null : Buffer.from(letter.payload).toString('hex'),
];

const ledgerRows = ({ deadLetters, duplicates, events, shard }: StoreBatch): Row[] =>
  lanes
    .map((lane) => [
      laneCode(lane),
      events.reduce((count, event) => count + Number(event.lane === lane), 0),
      lane === laneOfShard(shard) ? duplicates : 0,
      deadLetters.filter((letter) => letter.lane === lane).length,
    ])
    .filter(([, ...counts]) => counts.some((count) => count > 0));

/** An alert is stored with the batch that fired it. */
const alertRows = ({ alerts, committedAt }: StoreBatch): Row[] =>
  alerts.alerts.map((alert) => [
    alert.id,
    alert.shard,
    alert.rule,
    alert.severity,
    alert.state,
    alert.subject,
    alert.startedAt,
    alert.resolvedAt,
    alert.stages.storedAt ?? (alert.stages.firedAt === null ? null : committedAt),
    alert,
  ]);

const notificationRows = ({ alerts }: StoreBatch): Row[] =>
  alerts.notifications.map((notification) => [
    notification.id,
    notification.alertId,
    notification.channel,
    notification.transition,
    notification.idempotencyKey,
    notification.severity,
    notification.createdAt,
    notification.message,
  ]);
