/**
 * The outbox of notifications at work: reads what is due, gives it to the lane of its channel, and records what became of
 * each attempt.
 *
 *   pending ── handed over ──► sent | delivered        (seen: somebody says so, see `web-push.ts` of the server)
 *      │ ▲
 *      │ └── channel_failed: again after 1 s, doubled up to 5 min (critical: 1 min), jittered, or when the receiver says
 *      ├──── channel_rejected, channel_misconfigured, no such channel ──► failed
 *      └──── older than `expireMs` ──► expired
 *
 * A row is pending until its attempt is recorded: where the hub ends in between, it is sent again with the same
 * idempotency key. What cannot be recorded for the moment is kept here until it can, and is not sent again meanwhile.
 *
 * What is not due for its channel (a pause of its breaker, a full lane) is given a later time in the store, so that it
 * never stands in the way of other channels.
 */
import type { Clock } from '../../clock.ts';
import { formatDuration } from '../../config.ts';
import type { FactEmitter } from '../../facts.ts';
import type { AlertId } from '../../protocol/ids.ts';
import type { NotificationMessage } from '../alerts/alert-evaluator.ts';
import type { AlertStore, NotificationUpdate, QueuedNotification } from '../store/alert-store.ts';
import { type AttemptOutcome, ChannelLane } from './channel-lane.ts';
import type { NotificationChannel } from './notification-channel.ts';

export interface NotificationDispatcherOptions {
  readonly store: Pick<AlertStore, 'dueNotifications' | 'nextNotificationAt' | 'updateNotifications'>;
  readonly facts: FactEmitter;
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  /** What could not be delivered for so long is given up. */
  readonly expireMs: number;
  /** Another state of one of its notifications is stored. */
  readonly onUpdated: (alertId: AlertId) => void;
  /** The store failed; it is tried again. */
  readonly onStoreError: (error: unknown) => void;
}

const pageSize = 200;
const firstRetryMs = 1_000;
const longestRetryMs = 300_000;
const longestCriticalRetryMs = 60_000;
/** How often to look where nothing is known to come due. */
const lookMs = 60_000;
/** What is taken stays due in the store and hides when the next one comes due. */
const lookWhileBusyMs = 1_000;
const shortestLookMs = 50;
const storeRetryMs = 1_000;
const stopWithinMs = 5_000;
const announcementAttempts = 3;
const announcementRetryMs = 10_000;

interface Change {
  readonly update: NotificationUpdate;
  readonly alertId: AlertId;
  /** There was an attempt, or it was given up: not only a later time to look at it again. */
  readonly isNews: boolean;
}

export class NotificationDispatcher {
  readonly #options: NotificationDispatcherOptions;
  readonly #lanes = new Map<string, ChannelLane>();
  /** Given to a lane, or on their way into the store. */
  readonly #taken = new Set<string>();
  /** Recorded while a look was on its way: what it brings of them is of before. */
  readonly #recordedSinceLook = new Set<string>();
  #changes: Change[] = [];
  #recording: Promise<void> | null = null;
  #looking: Promise<void> | null = null;
  #lookAgain = false;
  #cancelLook: () => void = () => undefined;
  #cancelRecord: () => void = () => undefined;
  /** Channels that were replaced, until what is on its way through them has ended. */
  readonly #leaving = new Set<Promise<void>>();
  #started = false;
  #stopped: Promise<void> | null = null;

  constructor(options: NotificationDispatcherOptions) {
    this.#options = options;
  }

  start(): void {
    this.#started = true;
    this.wake();
  }

  /** Those that are the same object go on as they are; what others have on its way ends first. */
  setChannels(channels: ReadonlyMap<string, NotificationChannel>): void {
    for (const [name, lane] of this.#lanes) {
      if (channels.get(name) === lane.channel) continue;
      this.#lanes.delete(name);
      const left = this.#leave(lane);
      this.#leaving.add(left);
      void left.finally(() => this.#leaving.delete(left));
    }
    for (const [name, channel] of channels)
      if (!this.#lanes.has(name)) this.#lanes.set(name, this.#lane(channel));
    this.wake();
  }

  /** There are new rows in the outbox. */
  wake(): void {
    if (!this.#started || this.#stopped !== null) return;
    if (this.#looking !== null) {
      this.#lookAgain = true;
      return;
    }
    this.#cancelLook();
    this.#looking = this.#look().finally(() => {
      this.#looking = null;
      if (this.#lookAgain) this.wake();
    });
  }

  /**
   * Tells every channel now, past the outbox: for when the store is what fails. Each gets three attempts. Resolves when
   * all have ended.
   */
  async announce(message: NotificationMessage, id: string): Promise<void> {
    await Promise.all([...this.#lanes.values()].map((lane) => this.#announceTo(lane, message, id)));
  }

  async #announceTo(lane: ChannelLane, message: NotificationMessage, id: string): Promise<void> {
    const { clock } = this.#options;
    const { name } = lane.channel;
    const told = { alertId: message.alertId, channel: name, createdAt: clock.nowMs() };
    for (let attempt = 1; attempt <= announcementAttempts && this.#stopped === null; attempt += 1) {
      if (attempt > 1) await new Promise<void>((resolve) => clock.after(announcementRetryMs, resolve));
      try {
        const { state } = await lane.sendNow({ id, idempotencyKey: `${id}:${name}`, message, attempt });
        this.#tell(told, state, null);
        return;
      } catch (error) {
        this.#tell(told, 'failed', error instanceof Error ? error.message : String(error));
      }
    }
  }

  /** Waits 5 s for what is on its way; what has no confirmation by then stays pending. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { clock } = this.#options;
    this.#cancelLook();
    const lanes = [...this.#lanes.values()];
    let giveUp: () => void = () => undefined;
    const tooLong = new Promise<'too long'>((resolve) => {
      giveUp = clock.after(stopWithinMs, () => resolve('too long'));
    });
    const ended = Promise.all([...lanes.map((lane) => this.#leave(lane)), ...this.#leaving]);
    await Promise.race([ended, tooLong]);
    // Aborted ones are not recorded: they are sent again at the next start.
    const changes = this.#changes;
    this.#cancelRecord();
    for (const lane of lanes) lane.abort();
    await Promise.race([Promise.all([this.#looking, this.#recording]), tooLong]);
    this.#changes = [];
    if (changes.length > 0)
      await Promise.race([this.#write(changes), tooLong]).catch(this.#options.onStoreError);
    giveUp();
  }

  #lane(channel: NotificationChannel): ChannelLane {
    return new ChannelLane({
      ...this.#options,
      channel,
      onOutcome: (notification, outcome) => this.#note(notification, outcome),
      onReturned: (notifications) => {
        for (const { id } of notifications) this.#taken.delete(id);
        this.wake();
      },
    });
  }

  async #leave(lane: ChannelLane): Promise<void> {
    await lane.drain();
    await lane.channel.close();
  }

  async #look(): Promise<void> {
    const { clock, onStoreError, store } = this.#options;
    let lookInMs = storeRetryMs;
    try {
      do {
        this.#lookAgain = false;
      } while ((await this.#placeDue()) || this.#again());
      const nextAt = await store.nextNotificationAt();
      const atLeastMs = this.#taken.size > 0 ? lookWhileBusyMs : shortestLookMs;
      lookInMs = nextAt === null ? lookMs : Math.max(atLeastMs, Math.min(lookMs, nextAt - clock.nowMs()));
    } catch (error) {
      onStoreError(error);
    }
    if (this.#stopped === null) this.#cancelLook = clock.after(lookInMs, () => this.wake());
  }

  #again(): boolean {
    return this.#lookAgain && this.#stopped === null;
  }

  /** True where there may be more. */
  async #placeDue(): Promise<boolean> {
    const { clock, store } = this.#options;
    const limit = pageSize + this.#taken.size;
    this.#recordedSinceLook.clear();
    const due = await store.dueNotifications(clock.nowMs(), limit);
    if (this.#stopped !== null) return false;
    const changes = due.flatMap((notification) => this.#place(notification) ?? []);
    await this.#write(changes);
    return due.length === limit;
  }

  /** What to record of it now, where no attempt is made. */
  #place(notification: QueuedNotification): Change | null {
    const { clock, expireMs } = this.#options;
    const { id } = notification;
    if (this.#taken.has(id) || this.#recordedSinceLook.has(id)) return null;
    const { attempts, channel, error } = notification;
    const lane = this.#lanes.get(channel);
    if (lane === undefined) {
      const reason = `channel_not_found: channels: has no ${channel}`;
      this.#tell(notification, 'rejected', reason);
      return changeOf(notification, { state: 'failed', error: reason });
    }
    if (clock.nowMs() >= notification.createdAt + expireMs) {
      lane.forget(notification);
      const reason = `not delivered within ${formatDuration(expireMs)}; ${
        error ?? (attempts === 0 ? 'the hub did not run' : 'no attempt succeeded')
      }`;
      this.#tell(notification, 'expired', reason);
      return changeOf(notification, { state: 'expired', error: reason });
    }
    // Taken before it is placed: its attempt may end at once.
    this.#taken.add(id);
    const hold = lane.place(notification);
    if (hold === null) return null;
    this.#taken.delete(id);
    const nextAttemptAt = this.#notAfterExpiry(notification, hold.atMs);
    return { ...changeOf(notification, { nextAttemptAt, error: error ?? hold.why }), isNews: false };
  }

  #note(notification: QueuedNotification, outcome: AttemptOutcome): void {
    if (this.#stopped !== null && 'error' in outcome) return;
    const attempts = notification.attempts + 1;
    this.#changes.push(this.#changeAfter({ ...notification, attempts }, outcome));
    this.#record();
  }

  #changeAfter(notification: QueuedNotification, outcome: AttemptOutcome): Change {
    const nowMs = this.#options.clock.nowMs();
    const lane = this.#lanes.get(notification.channel);
    if ('delivery' in outcome) {
      const { state } = outcome.delivery;
      this.#tell(notification, state, null);
      lane?.forget(notification);
      return changeOf(notification, {
        state,
        sentAt: nowMs,
        deliveredAt: state === 'delivered' ? nowMs : null,
        error: null,
      });
    }
    const { code, message, retryAfterMs } = outcome.error;
    if (code !== 'channel_failed') {
      this.#tell(notification, 'rejected', message);
      lane?.forget(notification);
      return changeOf(notification, { state: 'failed', error: `${code}: ${message}` });
    }
    this.#tell(notification, 'failed', message);
    const retryMs = Math.max(this.#retryMs(notification), retryAfterMs ?? 0);
    const nextAttemptAt = this.#notAfterExpiry(notification, nowMs + retryMs);
    lane?.expectAgain(notification, nextAttemptAt);
    return changeOf(notification, { nextAttemptAt, error: message });
  }

  /** `attempts`: made so far, at least one. */
  #retryMs({ attempts, severity }: QueuedNotification): number {
    const longestMs = severity === 'critical' ? longestCriticalRetryMs : longestRetryMs;
    return (
      Math.min(longestMs, firstRetryMs * 2 ** Math.min(attempts - 1, 30)) *
      (0.5 + 0.5 * this.#options.random())
    );
  }

  #notAfterExpiry({ createdAt }: QueuedNotification, atMs: number): number {
    return Math.round(Math.min(atMs, createdAt + this.#options.expireMs));
  }

  #tell(
    { alertId, channel, createdAt }: Pick<QueuedNotification, 'alertId' | 'channel' | 'createdAt'>,
    result: 'sent' | 'delivered' | 'failed' | 'rejected' | 'expired',
    error: string | null,
  ): void {
    const latencyMs = Math.max(0, this.#options.clock.nowMs() - createdAt);
    this.#options.facts.emit('notification:attempted', { channel, alertId, result, latencyMs, error });
  }

  /** One write at a time; what ends meanwhile goes into the next. */
  #record(): void {
    if (this.#recording !== null) return;
    this.#cancelRecord();
    this.#recording = this.#recordAll().finally(() => (this.#recording = null));
  }

  async #recordAll(): Promise<void> {
    const { clock, onStoreError } = this.#options;
    while (this.#changes.length > 0) {
      const changes = this.#changes;
      try {
        this.#changes = [];
        await this.#write(changes);
      } catch (error) {
        this.#changes = [...changes, ...this.#changes];
        onStoreError(error);
        if (this.#stopped === null) this.#cancelRecord = clock.after(storeRetryMs, () => this.#record());
        return;
      }
      for (const { update } of changes) {
        this.#taken.delete(update.id);
        this.#recordedSinceLook.add(update.id);
      }
    }
    this.wake();
  }

  async #write(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0) return;
    await this.#options.store.updateNotifications(changes.map(({ update }) => update));
    const news = changes.filter(({ isNews }) => isNews);
    for (const alertId of new Set(news.map((change) => change.alertId))) this.#options.onUpdated(alertId);
  }
}

function changeOf(
  { alertId, attempts, id }: QueuedNotification,
  became: Partial<Omit<NotificationUpdate, 'id'>>,
): Change {
  const update = {
    id,
    state: 'pending',
    attempts,
    nextAttemptAt: null,
    sentAt: null,
    deliveredAt: null,
    seenAt: null,
    error: null,
    ...became,
  } as const;
  return { update, alertId, isNews: true };
}
