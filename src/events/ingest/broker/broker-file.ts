/**
 * `mqtt.db`: what the broker must find again after a restart. Its tables, the statements that change them, and everything
 * in them, read once at the start; from then on the broker works from memory and writes through.
 */
import { join } from 'node:path';
import type { StoreError } from '../../../errors.ts';
import { storeErrorOf } from '../../../database/sqlite-errors.ts';
import { SqliteOpenFailure, SqliteThread } from '../../../database/sqlite-thread.ts';
import type { SqlRow, SqlStatement, SqlValue } from '../../../database/sqlite-messages.ts';
import type { BrokerSubscription, BrokerWill, Qos } from './aedes-internals.ts';

const setUp = `
  create table if not exists sessions (
    client_id text primary key,
    away_since integer
  ) without rowid;
  create table if not exists subscriptions (
    client_id text not null,
    filter text not null,
    qos integer not null,
    primary key (client_id, filter)
  ) without rowid;
  create table if not exists queued (
    id integer primary key,
    client_id text not null,
    topic text not null,
    payload blob not null,
    qos integer not null,
    retain integer not null,
    packet_id integer,
    released integer not null default 0
  );
  create index if not exists queued_by_client on queued (client_id);
  create table if not exists incoming (
    client_id text not null,
    packet_id integer not null,
    primary key (client_id, packet_id)
  ) without rowid;
  create table if not exists retained (
    topic text primary key,
    payload blob not null,
    qos integer not null
  );
  create table if not exists wills (
    id integer primary key,
    client_id text not null,
    topic text not null,
    payload blob not null,
    qos integer not null,
    retain integer not null
  );
`;

/** A message that waits for a session's client. */
export interface QueuedRow {
  readonly id: number;
  readonly clientId: string;
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: Qos;
  readonly retain: boolean;
  /** Set where a QoS 2 exchange has begun. */
  readonly packetId: number | null;
  /** Its receiver has it: what is left to send is PUBREL. */
  readonly released: boolean;
}

export interface RetainedRow {
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: Qos;
}

export interface BrokerContent {
  readonly sessions: readonly { readonly clientId: string; readonly awaySince: number | null }[];
  readonly subscriptions: readonly { readonly clientId: string; readonly subscription: BrokerSubscription }[];
  readonly queued: readonly QueuedRow[];
  readonly incoming: readonly { readonly clientId: string; readonly packetId: number }[];
  readonly retained: readonly RetainedRow[];
  readonly wills: readonly { readonly id: number; readonly clientId: string; readonly will: BrokerWill }[];
}

/** Throws StoreError. */
export async function openBrokerFile(
  dataDir: string,
  onCrash: (error: StoreError) => void,
): Promise<SqliteThread> {
  const databasePath = join(dataDir, 'mqtt.db');
  try {
    return await SqliteThread.open({ databasePath, lockPath: null, onCrash, setUp });
  } catch (error) {
    if (error instanceof SqliteOpenFailure) throw storeErrorOf(error.failure, databasePath);
    throw error;
  }
}

const readEverything: readonly string[] = [
  'select client_id, away_since from sessions',
  'select client_id, filter, qos from subscriptions',
  'select id, client_id, topic, payload, qos, retain, packet_id, released from queued order by id',
  'select client_id, packet_id from incoming',
  'select topic, payload, qos from retained',
  'select id, client_id, topic, payload, qos, retain from wills order by id',
];

export async function readBrokerFile(thread: Pick<SqliteThread, 'execute'>): Promise<BrokerContent> {
  const results = await thread.execute({
    statements: readEverything.map((sql) => ({ sql, parameters: [] })),
    transaction: false,
  });
  const [sessions, subscriptions, queued, incoming, retained, wills] = results.map(({ rows }) => rows);
  return {
    sessions: (sessions ?? []).map((row) => ({
      clientId: text(row, 'client_id'),
      awaySince: row['away_since'] === null ? null : number(row, 'away_since'),
    })),
    subscriptions: (subscriptions ?? []).map((row) => ({
      clientId: text(row, 'client_id'),
      subscription: { topic: text(row, 'filter'), qos: qos(row) },
    })),
    queued: (queued ?? []).map((row) => ({
      id: number(row, 'id'),
      clientId: text(row, 'client_id'),
      topic: text(row, 'topic'),
      payload: bytes(row),
      qos: qos(row),
      retain: number(row, 'retain') === 1,
      packetId: row['packet_id'] === null ? null : number(row, 'packet_id'),
      released: number(row, 'released') === 1,
    })),
    incoming: (incoming ?? []).map((row) => ({
      clientId: text(row, 'client_id'),
      packetId: number(row, 'packet_id'),
    })),
    retained: (retained ?? []).map((row) => ({
      topic: text(row, 'topic'),
      payload: bytes(row),
      qos: qos(row),
    })),
    wills: (wills ?? []).map((row) => ({
      id: number(row, 'id'),
      clientId: text(row, 'client_id'),
      will: {
        topic: text(row, 'topic'),
        payload: bytes(row),
        qos: qos(row),
        retain: number(row, 'retain') === 1,
      },
    })),
  };
}

const text = (row: SqlRow, column: string): string => String(row[column]);
const number = (row: SqlRow, column: string): number => Number(row[column]);
const qos = (row: SqlRow): Qos => number(row, 'qos') as Qos;
const bytes = (row: SqlRow): Buffer => {
  const value = row['payload'];
  return value instanceof Uint8Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.alloc(0);
};

const statement = (sql: string, ...parameters: readonly SqlValue[]): SqlStatement => ({ sql, parameters });
const flag = (value: boolean): number => (value ? 1 : 0);

export const brokerSql = {
  openSession: (clientId: string) =>
    statement(
      'insert into sessions (client_id, away_since) values (?, null) on conflict do update set away_since = null',
      clientId,
    ),
  leaveSession: (clientId: string, awaySince: number | null) =>
    statement('update sessions set away_since = ? where client_id = ?', awaySince, clientId),
  /** The session with everything in it but its deliveries, which have a life of their own. */
  dropSession: (clientId: string) => [
    statement('delete from sessions where client_id = ?', clientId),
    statement('delete from subscriptions where client_id = ?', clientId),
    statement('delete from queued where client_id = ?', clientId),
  ],
  subscribe: (clientId: string, filter: string, level: Qos) =>
    statement(
      'insert or replace into subscriptions (client_id, filter, qos) values (?, ?, ?)',
      clientId,
      filter,
      level,
    ),
  unsubscribe: (clientId: string, filter: string) =>
    statement('delete from subscriptions where client_id = ? and filter = ?', clientId, filter),
  queue: (row: Omit<QueuedRow, 'packetId' | 'released'>) =>
    statement(
      'insert into queued (id, client_id, topic, payload, qos, retain) values (?, ?, ?, ?, ?, ?)',
      row.id,
      row.clientId,
      row.topic,
      row.payload,
      row.qos,
      flag(row.retain),
    ),
  begin: (id: number, packetId: number) =>
    statement('update queued set packet_id = ? where id = ?', packetId, id),
  release: (id: number, packetId: number) =>
    statement('update queued set packet_id = ?, released = 1 where id = ?', packetId, id),
  unqueue: (id: number) => statement('delete from queued where id = ?', id),
  receive: (clientId: string, packetId: number) =>
    statement('insert or ignore into incoming (client_id, packet_id) values (?, ?)', clientId, packetId),
  forget: (clientId: string, packetId: number) =>
    statement('delete from incoming where client_id = ? and packet_id = ?', clientId, packetId),
  forgetAll: (clientId: string) => statement('delete from incoming where client_id = ?', clientId),
  retain: ({ topic, payload, qos: level }: RetainedRow) =>
    statement(
      'insert or replace into retained (topic, payload, qos) values (?, ?, ?)',
      topic,
      payload,
      level,
    ),
  unretain: (topic: string) => statement('delete from retained where topic = ?', topic),
  putWill: (id: number, clientId: string, will: BrokerWill) =>
    statement(
      'insert into wills (id, client_id, topic, payload, qos, retain) values (?, ?, ?, ?, ?, ?)',
      id,
      clientId,
      will.topic,
      will.payload,
      will.qos,
      flag(will.retain),
    ),
  dropWill: (id: number) => statement('delete from wills where id = ?', id),
} as const;
