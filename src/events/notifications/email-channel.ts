/**
 * E-mail by SMTP, one connection for each message: alerts are rare, and a connection kept open is one more that can be
 * dead when it counts. A receiver that was refused for the moment (4yz) is tried again without the others.
 */
import { createHash } from 'node:crypto';
import { createTransport } from 'nodemailer';
import { ChannelError } from '../../errors.ts';
import type { ChannelConfig } from './channel-config.ts';
import { reasonOf } from './http-post.ts';
import type { NotificationChannel } from './notification-channel.ts';
import { oneLine, textOf, titleOf } from './notification-text.ts';
import { PartialDeliveries } from './partial-deliveries.ts';
import { type Environment, readSecret } from './secret.ts';

export interface EmailChannelOptions {
  readonly name: string;
  readonly config: Extract<ChannelConfig, { type: 'email' }>;
  readonly environment: Environment;
}

/** Throws ChannelError `channel_misconfigured`. */
export function createEmailChannel({ config, environment, name }: EmailChannelOptions): NotificationChannel {
  const timeoutMs = config.timeout * 1_000;
  const auth =
    config.username === undefined
      ? {}
      : {
          auth: {
            user: readSecret(config.username, environment),
            pass: readSecret(config.password ?? '', environment),
          },
        };
  const transport = createTransport({
    host: config.host,
    port: config.port,
    secure: config.tls === 'implicit',
    requireTLS: config.tls === 'starttls',
    ignoreTLS: config.tls === 'none',
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...auth,
  });
  const receivers = [config.to].flat();
  const partial = new PartialDeliveries();
  return {
    name,
    kind: 'email',
    timeoutMs,
    async send({ idempotencyKey, message }, signal) {
      const rest = receivers.filter((receiver) => !partial.has(idempotencyKey, receiver));
      let refusals: readonly Refusal[];
      try {
        const sent: unknown = await transport.sendMail({
          from: config.from,
          to: rest,
          subject: `[Threadhub] ${titleOf(message)}`,
          text: textOf(message),
          messageId: messageIdOf(idempotencyKey),
          headers: {
            'Auto-Submitted': 'auto-generated',
            'X-Threadhub-Idempotency-Key': encodeURI(idempotencyKey),
            ...(message.severity === 'critical' ? { Importance: 'high', 'X-Priority': '1' } : {}),
          },
          signal,
        });
        refusals = refusalsOf(sent);
      } catch (error) {
        throw channelErrorOf(error, config.host);
      }
      const refused = new Set(refusals.map(({ recipient }) => recipient));
      for (const receiver of rest)
        if (![...refused].some((address) => receiver.includes(address)))
          partial.add(idempotencyKey, receiver);
      const later = refusals.filter(({ isFinal }) => !isFinal);
      const [first] = later;
      if (first !== undefined)
        throw new ChannelError(
          'channel_failed',
          `${receivers.length - later.length} of ${receivers.length} receivers have it; ${first.said}`,
        );
      partial.forget(idempotencyKey);
      return { state: 'delivered' };
    },
    close() {
      transport.close();
      return Promise.resolve();
    },
  };
}

interface Refusal {
  readonly recipient: string;
  /** A 5yz: the server will not take it later either. */
  readonly isFinal: boolean;
  readonly said: string;
}

function refusalsOf(sent: unknown): readonly Refusal[] {
  const errors = (sent as { readonly rejectedErrors?: readonly unknown[] }).rejectedErrors ?? [];
  return errors.map((error) => {
    const { recipient, responseCode } = error as { recipient?: string; responseCode?: number };
    return {
      recipient: recipient ?? '',
      isFinal: (responseCode ?? 0) >= 500,
      said: reasonOf(error),
    };
  });
}

/**
 * A 5yz answer to the message or its receivers is final; one to the login is not: somebody may correct the password.
 * 550 is what servers say to an unknown receiver, 552 and 554 to a message that they do not want.
 */
function channelErrorOf(error: unknown, host: string): ChannelError {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
  const isFinal =
    typeof responseCode === 'number' &&
    responseCode >= 500 &&
    (code === 'EENVELOPE' || code === 'EMESSAGE') &&
    responseCode !== 530;
  return new ChannelError(
    isFinal ? 'channel_rejected' : 'channel_failed',
    `${host} did not take the mail: ${oneLine(reasonOf(error)).slice(0, 300)}`,
    { cause: error },
  );
}

/** The same in every attempt, so that mail programs show a repeat once. */
const messageIdOf = (idempotencyKey: string): string =>
  `<${createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 40)}@threadhub>`;
