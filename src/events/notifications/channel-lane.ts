/**
 * What goes to one channel: notifications that are due, a few at a time, critical ones first and with places of their own, so
 * that a slow receiver of many messages does not hold up an alarm. What one alert tells stays in its order.
 *
 * A lane knows nothing of the store: it says what became of each attempt, and what it cannot take now and until when.
 */
import type { Clock } from '../../clock.ts';
import { formatDuration } from '../../config.ts';
import { ChannelError } from '../../errors.ts';
import type { FactEmitter } from '../../facts.ts';
import type { QueuedNotification } from '../store/alert-store.ts';
import { ChannelBreaker } from './channel-breaker.ts';
import type { Delivery, NotificationChannel, OutgoingNotification } from './notification-channel.ts';

export type AttemptOutcome = { readonly delivery: Delivery } | { readonly error: ChannelError };

export interface ChannelLaneOptions {
  readonly channel: NotificationChannel;
  readonly clock: Clock;
  readonly random: () => number;
  readonly facts: FactEmitter;
  readonly onOutcome: (notification: QueuedNotification, outcome: AttemptOutcome) => void;
  /** They are not taken any more. */
  readonly onReturned: (notifications: readonly QueuedNotification[]) => void;
}

interface Hold {
  /** Unix ms. */
  readonly atMs: number;
  readonly why: string | null;
}

const placesForAll = 4;
/** Beyond those, for critical ones only. */
const placesForCritical = 4;
const maxQueued = 256;
const whileFullMs = 1_000;

export class ChannelLane {
  readonly channel: NotificationChannel;
  readonly #options: ChannelLaneOptions;
  readonly #breaker: ChannelBreaker;
  readonly #queues = { critical: [] as QueuedNotification[], other: [] as QueuedNotification[] };
  /** When the last of those put off comes back, Unix ms, and how many more may come with it. */
  readonly #lines = { critical: { atMs: 0, places: 0 }, other: { atMs: 0, places: 0 } };
  readonly #inFlight = new Map<string, { readonly alertId: string; readonly abort: AbortController }>();
  /** By alert: its notification that is to be tried again, and when, Unix ms; later ones wait for it. */
  readonly #retries = new Map<string, { readonly id: string; readonly atMs: number }>();
  #idle: (() => void)[] = [];
  #closed = false;

  constructor(options: ChannelLaneOptions) {
    this.#options = options;
    this.channel = options.channel;
    this.#breaker = new ChannelBreaker({ ...options, name: options.channel.name });
  }

  /** Null: taken, an outcome will follow. Otherwise when to bring it again, Unix ms. */
  place(notification: QueuedNotification): Hold | null {
    const nowMs = this.#options.clock.nowMs();
    const earlier = this.#retries.get(notification.alertId);
    if (earlier?.id === notification.id) this.#retries.delete(notification.alertId);
    else if (earlier !== undefined && earlier.atMs > nowMs) return { atMs: earlier.atMs, why: null };
    const waitMs = this.#breaker.waitMs();
    if (waitMs > 0) return this.#hold(notification, nowMs + waitMs, this.#breaker.lastError);
    const queue = this.#queues[kindOf(notification)];
    if (queue.length >= maxQueued || this.#closed) return this.#hold(notification, nowMs + whileFullMs, null);
    queue.push(notification);
    this.#startNext();
    return null;
  }

  /** It is tried again then, Unix ms; what else its alert tells waits for it. */
  expectAgain({ alertId, id }: QueuedNotification, atMs: number): void {
    this.#retries.set(alertId, { id, atMs });
  }

  /** It is not tried again. */
  forget({ alertId, id }: QueuedNotification): void {
    if (this.#retries.get(alertId)?.id === id) this.#retries.delete(alertId);
  }

  /** Past the queue and the breaker: for what must not wait for either. Rejects with ChannelError. */
  sendNow(outgoing: OutgoingNotification): Promise<Delivery> {
    return this.#attempt(outgoing, new AbortController()).catch((error: unknown) => {
      throw channelErrorOf(error);
    });
  }

  /** Starts nothing more. Resolves when what is on its way has ended. */
  drain(): Promise<void> {
    this.#closed = true;
    this.#returnQueued();
    if (this.#inFlight.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  abort(): void {
    for (const { abort } of this.#inFlight.values()) abort.abort();
  }

  /** A backlog comes back little by little: brought again as a whole, it would be put off again as a whole. */
  #hold(notification: QueuedNotification, earliestMs: number, why: string | null): Hold {
    const line = this.#lines[kindOf(notification)];
    if (line.atMs < earliestMs) {
      line.atMs = earliestMs;
      line.places = maxQueued;
    } else if (line.places === 0) {
      line.atMs += whileFullMs;
      line.places = maxQueued;
    }
    line.places -= 1;
    if (!this.#retries.has(notification.alertId)) this.expectAgain(notification, line.atMs);
    return { atMs: line.atMs, why };
  }

  #startNext(): void {
    for (;;) {
      if (this.#closed) return;
      const isRefilled = this.#queues.critical.length + this.#queues.other.length > 0;
      if (isRefilled && this.#breaker.waitMs() > 0) return this.#returnQueued();
      const next = this.#takeNext();
      if (next === null) return;
      this.#start(next);
    }
  }

  #takeNext(): QueuedNotification | null {
    const busy = this.#inFlight.size;
    const { allowed } = this.#breaker;
    const alerts = new Set([...this.#inFlight.values()].map(({ alertId }) => alertId));
    for (const [queue, places] of [
      [this.#queues.critical, placesForAll + placesForCritical],
      [this.#queues.other, placesForAll],
    ] as const) {
      if (busy >= Math.min(allowed, places)) continue;
      const index = queue.findIndex(({ alertId }) => !alerts.has(alertId));
      if (index >= 0) return queue.splice(index, 1)[0] ?? null;
    }
    return null;
  }

  #start(notification: QueuedNotification): void {
    const abort = new AbortController();
    this.#inFlight.set(notification.id, { alertId: notification.alertId, abort });
    this.#breaker
      .run(() => this.#attempt(outgoingOf(notification), abort))
      .then(
        (delivery) => this.#end(notification, { delivery }),
        (error: unknown) => this.#end(notification, { error: channelErrorOf(error) }),
      );
  }

  /** Ends in time, also where the channel does not heed the signal. */
  #attempt(outgoing: OutgoingNotification, abort: AbortController): Promise<Delivery> {
    const { channel } = this;
    return new Promise((resolve, reject) => {
      abort.signal.addEventListener('abort', () =>
        reject(
          new ChannelError(
            'channel_failed',
            `no confirmation within ${formatDuration(Math.round(channel.timeoutMs))}`,
          ),
        ),
      );
      const cancel = this.#options.clock.after(channel.timeoutMs, () => abort.abort());
      Promise.resolve()
        .then(() => channel.send(outgoing, abort.signal))
        .then(resolve, reject)
        .finally(cancel);
    });
  }

  #end(notification: QueuedNotification, outcome: AttemptOutcome): void {
    this.#inFlight.delete(notification.id);
    if ('error' in outcome && outcome.error.retryAfterMs !== null)
      this.#breaker.quieten(outcome.error.retryAfterMs);
    this.#options.onOutcome(notification, outcome);
    this.#startNext();
    if (this.#inFlight.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #returnQueued(): void {
    const queued = [...this.#queues.critical.splice(0), ...this.#queues.other.splice(0)];
    if (queued.length > 0) this.#options.onReturned(queued);
  }
}

const kindOf = ({ severity }: QueuedNotification): 'critical' | 'other' =>
  severity === 'critical' ? 'critical' : 'other';

const outgoingOf = ({ attempts, id, idempotencyKey, message }: QueuedNotification): OutgoingNotification => ({
  id,
  idempotencyKey,
  message,
  attempt: attempts + 1,
});

/** Anything else is a fault of a channel's code; the message is not lost for it. */
const channelErrorOf = (error: unknown): ChannelError =>
  error instanceof ChannelError
    ? error
    : new ChannelError('channel_failed', error instanceof Error ? error.message : String(error), {
        cause: error,
      });
