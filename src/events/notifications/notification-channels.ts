/** The channels of the configuration as objects that send. What has not changed stays the same object over a reload. */
import type { Clock } from '../../clock.ts';
import { ChannelError } from '../../errors.ts';
import { createAlertmanagerChannel } from './alertmanager-channel.ts';
import type { ChannelConfig } from './channel-config.ts';
import { createEmailChannel } from './email-channel.ts';
import { createMqttChannel, type PublishHere } from './mqtt-channel.ts';
import type { NotificationChannel } from './notification-channel.ts';
import { createNtfyChannel } from './ntfy-channel.ts';
import type { PushSubscriptions } from './push-subscriptions.ts';
import type { Environment } from './secret.ts';
import { createWebPushChannel } from './web-push-channel.ts';
import { createWebhookChannel } from './webhook-channel.ts';

export interface NotificationChannelsOptions {
  /** Where `env:NAME` is looked up. */
  readonly environment: Environment;
  /** `notifications.contact` */
  readonly contact: string;
  readonly subscriptions: Pick<PushSubscriptions, 'keys' | 'of' | 'remove'>;
  readonly publishHere: PublishHere;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** A channel cannot be used as it is written; the sentence names it. */
  readonly onProblem: (problem: string) => void;
}

export class NotificationChannels {
  readonly #options: NotificationChannelsOptions;
  #made = new Map<string, { readonly config: string; readonly channel: NotificationChannel }>();

  constructor(options: NotificationChannelsOptions) {
    this.#options = options;
  }

  /** One that cannot be made is there all the same, and says why with every message. */
  of(configs: ReadonlyMap<string, ChannelConfig>): ReadonlyMap<string, NotificationChannel> {
    const before = this.#made;
    this.#made = new Map();
    for (const [name, channelConfig] of configs) {
      const config = JSON.stringify(channelConfig);
      const known = before.get(name);
      this.#made.set(
        name,
        known?.config === config ? known : { config, channel: this.#make(name, channelConfig) },
      );
    }
    return new Map([...this.#made].map(([name, { channel }]) => [name, channel]));
  }

  #make(name: string, config: ChannelConfig): NotificationChannel {
    try {
      return createChannel(name, config, this.#options);
    } catch (error) {
      if (!(error instanceof ChannelError)) throw error;
      this.#options.onProblem(`channel ${name}: ${error.message}`);
      return {
        name,
        kind: config.type,
        timeoutMs: 1_000,
        send: () => Promise.reject(error),
        close: () => Promise.resolve(),
      };
    }
  }
}

function createChannel(
  name: string,
  config: ChannelConfig,
  options: NotificationChannelsOptions,
): NotificationChannel {
  switch (config.type) {
    case 'web_push':
      return createWebPushChannel({ ...options, name, config });
    case 'webhook':
      return createWebhookChannel({ ...options, name, config });
    case 'ntfy':
      return createNtfyChannel({ ...options, name, config });
    case 'email':
      return createEmailChannel({ ...options, name, config });
    case 'mqtt':
      return createMqttChannel({ ...options, name, config });
    case 'alertmanager':
      return createAlertmanagerChannel({ ...options, name, config });
  }
}
