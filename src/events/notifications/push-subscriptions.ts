/**
 * What Web Push needs to be remembered: the key pair by which push services know this hub (VAPID, RFC 8292), made once and
 * kept, since subscriptions are bound to it; and the subscriptions of people's devices. Both are settings in the store.
 */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import webPush from 'web-push';
import { z } from 'zod';
import type { Clock } from '../../clock.ts';
import { AlertError } from '../../errors.ts';
import type { AlertStore } from '../store/alert-store.ts';

const keysSchema = z.object({ publicKey: z.string(), privateKey: z.string() });
const subscriptionSchema = z.object({
  id: z.string(),
  /** Null: whatever goes to any channel of this kind. */
  channel: z.string().nullable(),
  endpoint: z.string(),
  p256dh: z.string(),
  auth: z.string(),
  createdAt: z.number(),
});

export type VapidKeys = z.infer<typeof keysSchema>;
export type PushSubscription = z.infer<typeof subscriptionSchema>;
export type NewPushSubscription = Pick<PushSubscription, 'channel' | 'endpoint' | 'p256dh' | 'auth'>;

export interface PushSubscriptionsOptions {
  readonly store: Pick<AlertStore, 'readSetting' | 'writeSetting'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Whether messages may go there; `isPushService` but for tests. */
  readonly mayPushTo?: (endpoint: string) => boolean;
}

const keysSetting = 'web_push_keys';
const subscriptionsSetting = 'web_push_subscriptions';
/** Devices of a household or a site; each costs one request an alert. */
const maxPushSubscriptions = 200;

export class PushSubscriptions {
  readonly #options: PushSubscriptionsOptions;
  readonly #mayPushTo: (endpoint: string) => boolean;
  #keys: VapidKeys | null = null;
  #subscriptions: readonly PushSubscription[] = [];
  /** One change after the other: each writes the whole list. */
  #changing: Promise<unknown> = Promise.resolve();

  constructor(options: PushSubscriptionsOptions) {
    this.#options = options;
    this.#mayPushTo = options.mayPushTo ?? isPushService;
  }

  /** Makes the key pair at the first start. Rejects with StoreError. */
  async load(): Promise<void> {
    const { store } = this.#options;
    const keys = await store.readSetting(keysSetting);
    if (keys === null) {
      const made = webPush.generateVAPIDKeys();
      await store.writeSetting(keysSetting, JSON.stringify(made));
      this.#keys = made;
    } else {
      this.#keys = keysSchema.parse(JSON.parse(keys));
    }
    const kept = await store.readSetting(subscriptionsSetting);
    this.#subscriptions = kept === null ? [] : z.array(subscriptionSchema).parse(JSON.parse(kept));
  }

  get keys(): VapidKeys {
    if (this.#keys === null) throw new Error('the keys of Web Push have not been loaded');
    return this.#keys;
  }

  list(): readonly PushSubscription[] {
    return this.#subscriptions;
  }

  /** Of the devices that hear of a channel. */
  of(channel: string): readonly PushSubscription[] {
    return this.#subscriptions.filter((one) => one.channel === null || one.channel === channel);
  }

  /**
   * The same endpoint again replaces what was known of it. Rejects with AlertError `subscription_invalid`,
   * `subscription_limit_exceeded`, and with StoreError.
   */
  async add(subscription: NewPushSubscription): Promise<{ readonly id: string }> {
    if (!this.#mayPushTo(subscription.endpoint))
      throw new AlertError(
        'subscription_invalid',
        'the endpoint is not the https address of a push service; pass on what the browser gave',
      );
    const id = idOf(subscription.endpoint);
    await this.#change((before) => {
      const others = before.filter((one) => one.id !== id);
      if (others.length >= maxPushSubscriptions)
        throw new AlertError(
          'subscription_limit_exceeded',
          `${maxPushSubscriptions} devices are subscribed, which is all there may be; remove one first`,
        );
      return [...others, { ...subscription, id, createdAt: this.#options.clock.nowMs() }];
    });
    return { id };
  }

  /** False where there is none. Rejects with StoreError. */
  async remove(id: string): Promise<boolean> {
    let found = false;
    await this.#change((before) => {
      const rest = before.filter((one) => one.id !== id);
      found = rest.length < before.length;
      return found ? rest : before;
    });
    return found;
  }

  #change(change: (before: readonly PushSubscription[]) => readonly PushSubscription[]): Promise<void> {
    const changed = this.#changing.then(async () => {
      const after = change(this.#subscriptions);
      if (after === this.#subscriptions) return;
      await this.#options.store.writeSetting(subscriptionsSetting, JSON.stringify(after));
      this.#subscriptions = after;
    });
    this.#changing = changed.catch(() => undefined);
    return changed;
  }
}

const idOf = (endpoint: string): string => createHash('sha256').update(endpoint).digest('hex').slice(0, 32);

/**
 * Whoever may subscribe could otherwise have the hub post into the network around it. Names that resolve inwards are not
 * found out here: what is posted is encrypted to the subscriber's own key, and no answer is shown.
 */
function isPushService(endpoint: string): boolean {
  if (!URL.canParse(endpoint)) return false;
  const { hostname, password, port, protocol, username } = new URL(endpoint);
  if (protocol !== 'https:' || (port !== '' && port !== '443') || username !== '' || password !== '')
    return false;
  const isAddress = isIP(hostname) !== 0 || hostname.startsWith('[');
  return (
    !isAddress && hostname.includes('.') && !/\.(?:localhost|local|internal|home\.arpa)\.?$/i.test(hostname)
  );
}
