/** The outbox of notifications and the settings without a disk. `failWith` makes every call fail until it is null again. */
import type {
  AlertStore,
  NotificationUpdate,
  QueuedNotification,
} from '../../src/events/store/alert-store.ts';
import type { AlertId } from '../../src/protocol/ids.ts';

type Row = QueuedNotification & Pick<NotificationUpdate, 'sentAt' | 'deliveredAt' | 'seenAt'>;

export class MemoryAlertStore implements Pick<
  AlertStore,
  | 'dueNotifications'
  | 'nextNotificationAt'
  | 'updateNotifications'
  | 'noteSeen'
  | 'readSetting'
  | 'writeSetting'
> {
  readonly rows = new Map<string, Row>();
  readonly settings = new Map<string, string>();
  failWith: Error | null = null;
  looks = 0;

  add(...notifications: readonly QueuedNotification[]): void {
    for (const one of notifications)
      this.rows.set(one.id, { ...one, sentAt: null, deliveredAt: null, seenAt: null });
  }

  row(id: string): Row {
    const row = this.rows.get(id);
    if (row === undefined) throw new Error(`there is no notification ${id}`);
    return row;
  }

  dueNotifications(nowMs: number, limit: number): Promise<readonly QueuedNotification[]> {
    this.looks += 1;
    return this.#answer(() =>
      this.#pending()
        .filter(({ nextAttemptAt }) => nextAttemptAt === null || nextAttemptAt <= nowMs)
        .sort(
          (a, b) =>
            Number(b.severity === 'critical') - Number(a.severity === 'critical') ||
            a.createdAt - b.createdAt,
        )
        .slice(0, limit),
    );
  }

  nextNotificationAt(): Promise<number | null> {
    return this.#answer(() => {
      const times = this.#pending().map(({ createdAt, nextAttemptAt }) => nextAttemptAt ?? createdAt);
      return times.length === 0 ? null : Math.min(...times);
    });
  }

  updateNotifications(updates: readonly NotificationUpdate[]): Promise<void> {
    return this.#answer(() => {
      for (const update of updates) {
        const { seenAt } = this.row(update.id);
        this.rows.set(update.id, {
          ...this.row(update.id),
          ...update,
          seenAt,
          ...(seenAt === null ? {} : { state: 'seen' as const }),
        });
      }
    });
  }

  noteSeen(id: string, seenAt: number): Promise<{ readonly alertId: AlertId } | null> {
    return this.#answer(() => {
      const row = this.rows.get(id);
      if (row === undefined) return null;
      this.rows.set(id, { ...row, state: 'seen', seenAt: row.seenAt ?? seenAt });
      return { alertId: row.alertId };
    });
  }

  readSetting(name: string): Promise<string | null> {
    return this.#answer(() => this.settings.get(name) ?? null);
  }

  writeSetting(name: string, value: string): Promise<void> {
    return this.#answer(() => void this.settings.set(name, value));
  }

  #pending(): Row[] {
    return [...this.rows.values()].filter(({ state }) => state === 'pending');
  }

  #answer<T>(answer: () => T): Promise<T> {
    return this.failWith === null ? Promise.resolve(answer()) : Promise.reject(this.failWith);
  }
}
