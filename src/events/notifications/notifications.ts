/** What people's devices tell and ask about notifications: to subscribe to Web Push, and that a message was seen. */
import type { Clock } from '../../clock.ts';
import { AlertError } from '../../errors.ts';
import type { AlertId } from '../../protocol/ids.ts';
import type { AlertStore } from '../store/alert-store.ts';
import type { NewPushSubscription, PushSubscription, PushSubscriptions } from './push-subscriptions.ts';

export interface NotificationsOptions {
  readonly store: Pick<AlertStore, 'noteSeen'>;
  readonly subscriptions: Pick<PushSubscriptions, 'keys' | 'list' | 'add' | 'remove'>;
  readonly isPushChannel: (name: string) => boolean;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly onUpdated: (alertId: AlertId) => void;
}

/** Methods that change something reject with StoreError too. */
export class Notifications {
  readonly #options: NotificationsOptions;

  constructor(options: NotificationsOptions) {
    this.#options = options;
  }

  /** What browsers subscribe with: the uncompressed point on P-256, base64url. */
  get publicKey(): string {
    return this.#options.subscriptions.keys.publicKey;
  }

  subscriptions(): readonly PushSubscription[] {
    return this.#options.subscriptions.list();
  }

  /**
   * Rejects with AlertError: `channel_not_found` where no Web Push channel has this name, `subscription_invalid`,
   * `subscription_limit_exceeded`.
   */
  async subscribe(subscription: NewPushSubscription): Promise<{ readonly id: string }> {
    const { channel } = subscription;
    if (channel !== null && !this.#options.isPushChannel(channel))
      throw new AlertError('channel_not_found', `channels: has no ${channel} of type web_push`);
    return this.#options.subscriptions.add(subscription);
  }

  /** Rejects with AlertError `subscription_not_found`. */
  async unsubscribe(id: string): Promise<void> {
    if (!(await this.#options.subscriptions.remove(id)))
      throw new AlertError('subscription_not_found', `there is no subscription ${id}`);
  }

  /** The first time counts. Rejects with AlertError `notification_not_found`. */
  async noteSeen(id: string): Promise<void> {
    const { clock, onUpdated, store } = this.#options;
    const seen = await store.noteSeen(id, clock.nowMs());
    if (seen === null) throw new AlertError('notification_not_found', `there is no notification ${id}`);
    onUpdated(seen.alertId);
  }
}
