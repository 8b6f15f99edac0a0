/** ntfy: published as JSON to the server's root (docs.ntfy.sh/publish/#publish-as-json), which takes titles in any script. */
import type { Clock } from '../../clock.ts';
import { ChannelError } from '../../errors.ts';
import type { NotificationMessage } from '../alerts/alert-evaluator.ts';
import type { ChannelConfig } from './channel-config.ts';
import { post } from './http-post.ts';
import type { NotificationChannel } from './notification-channel.ts';
import { isOver, titleOf } from './notification-text.ts';
import { type Environment, readSecret } from './secret.ts';

export interface NtfyChannelOptions {
  readonly name: string;
  readonly config: Extract<ChannelConfig, { type: 'ntfy' }>;
  readonly environment: Environment;
  readonly clock: Pick<Clock, 'nowMs'>;
}

/** 5 rings through "do not disturb" where the phone allows it; 3 is ntfy's default. */
const priorities = { critical: 5, warning: 4, info: 3 } as const;
/** Names of emoji, which ntfy shows before the title. */
const tags = { critical: 'rotating_light', warning: 'warning', info: 'information_source' } as const;
/** ntfy turns longer messages into attached files. */
const longestMessage = 3_500;

/** Throws ChannelError `channel_misconfigured`. */
export function createNtfyChannel({
  clock,
  config,
  environment,
  name,
}: NtfyChannelOptions): NotificationChannel {
  const { root, topic } = splitTopic(config.url);
  const token = config.token === undefined ? null : readSecret(config.token, environment);
  return {
    name,
    kind: 'ntfy',
    timeoutMs: config.timeout * 1_000,
    async send({ message }, signal) {
      await post({
        url: root,
        headers: {
          'content-type': 'application/json',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify({
          topic,
          title: titleOf(message),
          message: message.summary.slice(0, longestMessage),
          priority: priorityOf(message),
          tags: tagsOf(message),
        }),
        signal,
        nowMs: () => clock.nowMs(),
      });
      return { state: 'delivered' };
    },
    close: () => Promise.resolve(),
  };
}

const priorityOf = (message: NotificationMessage): number =>
  isOver(message) || message.transition === 'acknowledged' ? 3 : priorities[message.severity];

const tagsOf = (message: NotificationMessage): readonly string[] => [
  isOver(message) || message.transition === 'acknowledged' ? 'white_check_mark' : tags[message.severity],
  ...(message.drill ? ['drill'] : []),
];

function splitTopic(text: string): { readonly root: string; readonly topic: string } {
  const url = new URL(text);
  const parts = url.pathname.split('/').filter((part) => part !== '');
  const topic = parts.pop();
  if (topic === undefined)
    throw new ChannelError(
      'channel_misconfigured',
      `${text} names no topic; write it as https://ntfy.sh/my-home`,
    );
  url.pathname = `/${parts.join('/')}`;
  url.search = '';
  url.hash = '';
  return { root: url.href, topic: decodeURIComponent(topic) };
}
