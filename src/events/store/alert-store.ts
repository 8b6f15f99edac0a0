/**
 * Port: alerts, their states by shard, silences, and the outbox of notifications. What a batch changes of them is in the
 * batch's own transaction (`EventStore.commit`); what people and channels change is here.
 */
import type { Alert, AlertState, NotificationState, Severity, Silence } from '../../protocol/alert.ts';
import type { AlertId, ShardName } from '../../protocol/ids.ts';
import type { AlertRow, AlertStateRow, NewNotification } from '../alerts/alert-evaluator.ts';
import type { Page } from './event-store.ts';

export interface AlertQuery {
  readonly states: readonly AlertState[] | null;
  readonly severity: Severity | null;
  readonly rule: string | null;
  readonly subject: string | null;
  readonly limit: number;
  readonly cursor: string | null;
}

export interface QueuedNotification extends NewNotification {
  readonly state: NotificationState;
  readonly attempts: number;
  readonly nextAttemptAt: number | null;
  /** Of the last attempt. */
  readonly error: string | null;
}

/** What became of an attempt; absolute values. */
export interface NotificationUpdate {
  readonly id: string;
  readonly state: NotificationState;
  readonly attempts: number;
  readonly nextAttemptAt: number | null;
  readonly sentAt: number | null;
  readonly deliveredAt: number | null;
  readonly seenAt: number | null;
  readonly error: string | null;
}

/** Every method rejects with StoreError. */
export interface AlertStore {
  /** What the shard's owner needs: states of rules, and the alerts that are not resolved. */
  shardAlerts(
    shard: ShardName,
  ): Promise<{ readonly states: readonly AlertStateRow[]; readonly alerts: readonly AlertRow[] }>;
  /** Newest first. Throws EventError `cursor_invalid`. */
  alerts(query: AlertQuery): Promise<Page<Alert>>;
  alert(id: AlertId): Promise<Alert | null>;
  /** Null where there is no such alert. */
  shardOfAlert(id: AlertId): Promise<ShardName | null>;
  /** Alerts not resolved, by state and severity. */
  activeCounts(): Promise<
    readonly { readonly state: AlertState; readonly severity: Severity; readonly alerts: number }[]
  >;

  silences(options: { readonly endedToo: boolean; readonly nowMs: number }): Promise<readonly Silence[]>;
  putSilence(silence: Silence): Promise<void>;
  /** Ends it now; false where there is none, or it has ended. */
  endSilence(id: string, nowMs: number): Promise<boolean>;

  /** Pending ones that are due, critical ones first, then the oldest. */
  dueNotifications(nowMs: number, limit: number): Promise<readonly QueuedNotification[]>;
  /** When the next one is due, Unix ms. */
  nextNotificationAt(): Promise<number | null>;
  updateNotifications(updates: readonly NotificationUpdate[]): Promise<void>;
  /** A push service worker or a person has seen it; null where there is no such notification. */
  noteSeen(notificationId: string, seenAt: number): Promise<{ readonly alertId: AlertId } | null>;

  /** Small documents of the hub itself, such as the keys of Web Push and its subscriptions. */
  readSetting(name: string): Promise<string | null>;
  writeSetting(name: string, value: string): Promise<void>;
}
