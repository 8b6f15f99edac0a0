/**
 * Port: one way to tell somebody about an alert. One file per channel. Trying again, expiry and the breaker are in the
 * dispatcher, not here.
 */
import type { NotificationMessage } from '../alerts/alert-evaluator.ts';

export interface OutgoingNotification {
  readonly id: string;
  readonly idempotencyKey: string;
  readonly message: NotificationMessage;
  readonly attempt: number;
}

/** `sent`: handed over, its confirmation may come later or never. `delivered`: a 2xx, SMTP 250 or PUBACK. */
export type Delivery = { readonly state: 'sent' | 'delivered' };

export interface NotificationChannel {
  readonly name: string;
  readonly kind: 'web_push' | 'webhook' | 'ntfy' | 'email' | 'mqtt' | 'alertmanager';
  /** An attempt that takes longer is aborted. */
  readonly timeoutMs: number;
  /** Gives up when the signal aborts. Throws ChannelError: `channel_failed` is tried again. */
  send(notification: OutgoingNotification, signal: AbortSignal): Promise<Delivery>;
  close(): Promise<void>;
}
