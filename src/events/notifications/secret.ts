/** Secrets of channels: `env:NAME` in the configuration stands for what the environment has under that name. */
import { ChannelError } from '../../errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const reference = /^env:([A-Za-z_][A-Za-z0-9_]*)$/;

/** Throws ChannelError `channel_misconfigured` where the environment has nothing of that name. */
export function readSecret(text: string, environment: Environment): string {
  const name = reference.exec(text)?.[1];
  if (name === undefined) return text;
  const value = environment[name];
  if (value !== undefined && value !== '') return value;
  throw new ChannelError(
    'channel_misconfigured',
    `the environment has no ${name}; set it and start the hub again, or write the text itself`,
  );
}
