/**
 * MQTT: one JSON object on a topic, QoS 1; delivered when the broker has acknowledged it. To a broker elsewhere each
 * message has its own connection: nothing is queued in a client that the outbox would not know of.
 */
import { connectAsync } from 'mqtt';
import { ChannelError } from '../../errors.ts';
import type { NotificationMessage } from '../alerts/alert-evaluator.ts';
import type { ChannelConfig } from './channel-config.ts';
import { reasonOf } from './http-post.ts';
import type { NotificationChannel } from './notification-channel.ts';
import { jsonOf } from './notification-text.ts';
import { type Environment, readSecret } from './secret.ts';

/** To the hub's own broker; rejects where it has none. */
export type PublishHere = (
  topic: string,
  payload: string,
  options: { readonly qos: 1; readonly retain: boolean },
) => Promise<void>;

export interface MqttChannelOptions {
  readonly name: string;
  readonly config: Extract<ChannelConfig, { type: 'mqtt' }>;
  readonly environment: Environment;
  readonly publishHere: PublishHere;
}

/** Throws ChannelError `channel_misconfigured`. */
export function createMqttChannel({
  config,
  environment,
  name,
  publishHere,
}: MqttChannelOptions): NotificationChannel {
  const { retain, topic, url } = config;
  const timeoutMs = config.timeout * 1_000;
  const credentials = {
    ...(config.username === undefined ? {} : { username: readSecret(config.username, environment) }),
    ...(config.password === undefined ? {} : { password: readSecret(config.password, environment) }),
  };
  return {
    name,
    kind: 'mqtt',
    timeoutMs,
    async send(notification, signal) {
      const filled = topicOf(topic, notification.message);
      try {
        if (url === undefined) {
          await publishHere(filled, jsonOf(notification), { qos: 1, retain });
        } else {
          await publishThere({ url, timeoutMs, credentials, signal }, (client) =>
            client.publishAsync(filled, jsonOf(notification), { qos: 1, retain }),
          );
        }
      } catch (error) {
        if (error instanceof ChannelError) throw error;
        throw new ChannelError(
          'channel_failed',
          `${url === undefined ? 'the broker of the hub' : new URL(url).host} did not acknowledge: ${reasonOf(error)}`,
          { cause: error },
        );
      }
      return { state: 'delivered' };
    },
    close: () => Promise.resolve(),
  };
}

type Client = Awaited<ReturnType<typeof connectAsync>>;

async function publishThere(
  {
    credentials,
    signal,
    timeoutMs,
    url,
  }: {
    readonly url: string;
    readonly timeoutMs: number;
    readonly credentials: { readonly username?: string; readonly password?: string };
    readonly signal: AbortSignal;
  },
  publish: (client: Client) => Promise<unknown>,
): Promise<void> {
  const options = { ...credentials, reconnectPeriod: 0, connectTimeout: timeoutMs, clean: true };
  const client = await connectAsync(url, options, false);
  const ended = new Promise<never>((_resolve, reject) => {
    const giveUp = (reason: string) => (): void => reject(new Error(reason));
    client.on('close', giveUp('the connection was closed'));
    client.on('error', reject);
    if (signal.aborted) reject(new Error('it took too long'));
    signal.addEventListener('abort', giveUp('it took too long'), { once: true });
  });
  try {
    await Promise.race([publish(client), ended]);
  } finally {
    ended.catch(() => undefined);
    client.end(true);
  }
}

/** What is filled in is one level: it cannot reach other topics, or be a wildcard. */
function topicOf(template: string, { rule, severity, state, subject }: NotificationMessage): string {
  const values = new Map<string, string>(Object.entries({ rule, severity, subject, state }));
  return template.replaceAll(/\{(\w+)\}/g, (whole, key: string) => {
    const value = values.get(key);
    // MQTT forbids NUL in topics and advises against the other control characters.
    return value === undefined ? whole : value.replaceAll(/[/+#\p{Cc}]/gu, '_');
  });
}
