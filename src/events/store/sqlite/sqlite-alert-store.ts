/** `AlertStore` over `events.db`: questions in the thread that reads, changes in the thread that writes, before bulk commits. */
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import type { Compilable } from 'kysely';
import type { SqlResult, SqlValue } from '../../../database/sqlite-messages.ts';
import type { Alert, AlertState, Severity, Silence } from '../../../protocol/alert.ts';
import { type AlertId, asAlertId, asShardName, type ShardName } from '../../../protocol/ids.ts';
import type { AlertRow, AlertStateRow } from '../../alerts/alert-evaluator.ts';
import type { AlertQuery, AlertStore, NotificationUpdate, QueuedNotification } from '../alert-store.ts';
import { readCursor, writeCursor } from '../cursor.ts';
import type { Page } from '../event-store.ts';
import type { EventDatabaseSchema } from '../schema.ts';
import { alertRowOf, alertViewOf, queuedNotificationOf } from './alert-rows.ts';
import { updateNotifications } from './commit-sql.ts';
import type { WriteQueue } from './write-queue.ts';

interface SqliteAlertStoreParts {
  /** Of the thread that writes; makes statements, `writes` runs them. */
  readonly compiler: Kysely<EventDatabaseSchema>;
  /** Of the thread that reads. */
  readonly kysely: Kysely<EventDatabaseSchema>;
  readonly writes: WriteQueue;
}

/** Where a page ended: start and id of its last alert. */
const place = z.tuple([z.number(), z.string()]);

export class SqliteAlertStore implements AlertStore {
  readonly #compiler: Kysely<EventDatabaseSchema>;
  readonly #kysely: Kysely<EventDatabaseSchema>;
  readonly #writes: WriteQueue;

  constructor({ compiler, kysely, writes }: SqliteAlertStoreParts) {
    this.#compiler = compiler;
    this.#kysely = kysely;
    this.#writes = writes;
  }

  async shardAlerts(
    shard: ShardName,
  ): Promise<{ readonly states: readonly AlertStateRow[]; readonly alerts: readonly AlertRow[] }> {
    // One look at both: what a commit changes of them belongs together.
    const { rows } = await sql<{ state: string | null; row: string | null; stored_at: number | null }>`
      select json_object('rule', rule, 'subject', subject, 'state', state, 'dueAt', due_at) as state, null as row, null as stored_at
      from alert_states where shard = ${shard}
      union all
      select null, row, stored_at from alerts where shard = ${shard} and state <> 'resolved'
    `.execute(this.#kysely);
    return {
      states: rows.flatMap(({ state }) => (state === null ? [] : [JSON.parse(state) as AlertStateRow])),
      alerts: rows.flatMap(({ row, stored_at }) => (row === null ? [] : [alertRowOf({ row, stored_at })])),
    };
  }

  async alerts({ cursor, limit, rule, severity, states, subject }: AlertQuery): Promise<Page<Alert>> {
    let query = this.#kysely
      .selectFrom('alerts')
      .select(['id', 'started_at', 'row', 'stored_at'])
      .orderBy('started_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit + 1);
    if (states !== null) query = query.where('state', 'in', states);
    if (severity !== null) query = query.where('severity', '=', severity);
    if (rule !== null) query = query.where('rule', '=', rule);
    if (subject !== null) query = query.where('subject', '=', subject);
    if (cursor !== null) {
      const [startedAt, id] = readCursor(cursor, place);
      query = query.where((where) =>
        where.eb(where.refTuple('started_at', 'id'), '<', where.tuple(startedAt, id)),
      );
    }
    const rows = await query.execute();
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const notifications = await this.#notificationsOf(page.map(({ id }) => id));
    return {
      items: page.map((row) => alertViewOf(row, notifications.get(row.id) ?? [])),
      nextCursor: rows.length > limit && last !== undefined ? writeCursor([last.started_at, last.id]) : null,
    };
  }

  async alert(id: AlertId): Promise<Alert | null> {
    const row = await this.#kysely
      .selectFrom('alerts')
      .select(['row', 'stored_at'])
      .where('id', '=', id)
      .executeTakeFirst();
    if (row === undefined) return null;
    return alertViewOf(row, (await this.#notificationsOf([id])).get(id) ?? []);
  }

  async shardOfAlert(id: AlertId): Promise<ShardName | null> {
    const row = await this.#kysely
      .selectFrom('alerts')
      .select('shard')
      .where('id', '=', id)
      .executeTakeFirst();
    return row === undefined ? null : asShardName(row.shard);
  }

  async activeCounts(): Promise<
    readonly { readonly state: AlertState; readonly severity: Severity; readonly alerts: number }[]
  > {
    const rows = await this.#kysely
      .selectFrom('alerts')
      .select(({ fn }) => ['state', 'severity', fn.countAll<number>().as('alerts')])
      .where('state', '<>', sql.lit('resolved'))
      .groupBy(['state', 'severity'])
      .execute();
    return rows.map(({ alerts, severity, state }) => ({
      state: state as AlertState,
      severity: severity as Severity,
      alerts,
    }));
  }

  async silences({
    endedToo,
    nowMs,
  }: {
    readonly endedToo: boolean;
    readonly nowMs: number;
  }): Promise<readonly Silence[]> {
    let query = this.#kysely.selectFrom('silences').selectAll().orderBy('starts_at').orderBy('id');
    if (!endedToo) query = query.where('ends_at', '>', nowMs);
    const rows = await query.execute();
    return rows.map(({ created_at, created_by, ends_at, id, reason, rule, starts_at, subject }) => ({
      id,
      rule,
      subject,
      startsAt: starts_at,
      endsAt: ends_at,
      reason,
      createdBy: created_by,
      createdAt: created_at,
    }));
  }

  async putSilence(silence: Silence): Promise<void> {
    const values = {
      starts_at: silence.startsAt,
      ends_at: silence.endsAt,
      rule: silence.rule,
      subject: silence.subject,
      reason: silence.reason,
      created_by: silence.createdBy,
      created_at: silence.createdAt,
    };
    await this.#write(
      this.#compiler
        .insertInto('silences')
        .values({ id: silence.id, ...values })
        .onConflict((conflict) => conflict.column('id').doUpdateSet(values)),
    );
  }

  async endSilence(id: string, nowMs: number): Promise<boolean> {
    const result = await this.#write(
      this.#compiler
        .updateTable('silences')
        .set({ ends_at: nowMs })
        .where('id', '=', id)
        .where('ends_at', '>', nowMs),
    );
    return result.changes === 1;
  }

  async dueNotifications(nowMs: number, limit: number): Promise<readonly QueuedNotification[]> {
    const rows = await this.#kysely
      .selectFrom('notifications')
      .selectAll()
      .where('state', '=', sql.lit('pending'))
      .where((where) =>
        where.or([where('next_attempt_at', 'is', null), where('next_attempt_at', '<=', nowMs)]),
      )
      .orderBy(sql`severity = 'critical'`, 'desc')
      .orderBy('created_at')
      .orderBy('key')
      .limit(limit)
      .execute();
    return rows.map(queuedNotificationOf);
  }

  async nextNotificationAt(): Promise<number | null> {
    const row = await this.#kysely
      .selectFrom('notifications')
      .select(['next_attempt_at', 'created_at'])
      .where('state', '=', sql.lit('pending'))
      .orderBy('next_attempt_at')
      .limit(1)
      .executeTakeFirst();
    return row === undefined ? null : (row.next_attempt_at ?? row.created_at);
  }

  async updateNotifications(updates: readonly NotificationUpdate[]): Promise<void> {
    if (updates.length === 0) return;
    const rows = updates.map((update) => [
      update.id,
      update.state,
      update.attempts,
      update.nextAttemptAt,
      update.sentAt,
      update.deliveredAt,
      update.seenAt,
      update.error,
    ]);
    await this.#run(updateNotifications, [JSON.stringify(rows)]);
  }

  async noteSeen(notificationId: string, seenAt: number): Promise<{ readonly alertId: AlertId } | null> {
    const result = await this.#run(
      `update notifications set seen_at = coalesce(seen_at, ?), state = 'seen' where id = ? returning alert_id`,
      [seenAt, notificationId],
    );
    const row = result.rows[0] as { alert_id: string } | undefined;
    return row === undefined ? null : { alertId: asAlertId(row.alert_id) };
  }

  async readSetting(name: string): Promise<string | null> {
    const row = await this.#kysely
      .selectFrom('settings')
      .select('value')
      .where('name', '=', name)
      .executeTakeFirst();
    return row?.value ?? null;
  }

  async writeSetting(name: string, value: string): Promise<void> {
    await this.#write(
      this.#compiler
        .insertInto('settings')
        .values({ name, value })
        .onConflict((conflict) => conflict.column('name').doUpdateSet({ value })),
    );
  }

  async #notificationsOf(alertIds: readonly string[]) {
    const rows = await this.#kysely
      .selectFrom('notifications')
      .selectAll()
      .where('alert_id', 'in', sql<string>`(select value from json_each(${JSON.stringify(alertIds)}))`)
      .orderBy('created_at')
      .orderBy('key')
      .execute();
    return Map.groupBy(rows, (row) => row.alert_id);
  }

  #write(query: Compilable): Promise<SqlResult> {
    const compiled = query.compile();
    return this.#run(compiled.sql, compiled.parameters as readonly SqlValue[]);
  }

  async #run(text: string, parameters: readonly SqlValue[]): Promise<SqlResult> {
    const statements = [{ sql: text, parameters }];
    const [result] = await this.#writes.run('critical', { statements, transaction: true });
    if (result === undefined) throw new Error('a statement has no result');
    return result;
  }
}
