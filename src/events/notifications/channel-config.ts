/**
 * The `channels:` of the configuration: one schema for each kind of channel. A secret may stand in the file, or in the
 * environment, as `env:NAME`.
 */
import { z } from 'zod';

/** Text that may be a secret: as it is, or the name of the variable that has it. */
const secret = z.string().min(1).max(1_024).describe('the text itself, or env:NAME');
const httpUrl = z.url({ protocol: /^https?$/, message: 'write an http or https URL' }).max(2_048);
const timeoutSeconds = z.number().min(1).max(120).default(10);

export const channelConfigSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('web_push'),
    /** For how long a push service keeps a message for a device that is off, seconds. */
    ttl: z.int().min(0).max(2_419_200).default(3_600),
  }),
  z.strictObject({
    type: z.literal('webhook'),
    url: httpUrl,
    /** Key of the HMAC-SHA256 signature; without one, messages are not signed. */
    secret: secret.optional(),
    headers: z.record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/), secret).default({}),
    timeout: timeoutSeconds,
  }),
  z.strictObject({
    type: z.literal('ntfy'),
    /** Of the topic: `https://ntfy.sh/my-home`. */
    url: httpUrl,
    token: secret.optional(),
    timeout: timeoutSeconds,
  }),
  z.strictObject({
    type: z.literal('email'),
    host: z.string().min(1).max(253),
    port: z.int().min(1).max(65_535).default(587),
    /** `implicit` (port 465), `starttls` (refused without it), or `none`. */
    tls: z.enum(['implicit', 'starttls', 'none']).default('starttls'),
    username: secret.optional(),
    password: secret.optional(),
    from: z.string().min(3).max(320),
    to: z.union([z.string().min(3).max(320), z.array(z.string().min(3).max(320)).min(1).max(100)]),
    timeout: timeoutSeconds,
  }),
  z.strictObject({
    type: z.literal('mqtt'),
    /** Absent: the hub's own broker. */
    url: z
      .url({ protocol: /^(?:mqtts?|wss?)$/, message: 'write an mqtt or mqtts URL' })
      .max(2_048)
      .optional(),
    /** `{rule}`, `{severity}`, `{subject}` and `{state}` are filled in. */
    topic: z
      .string()
      .min(1)
      .max(256)
      .regex(/^[^+#]*$/, 'write a topic without + and #'),
    retain: z.boolean().default(false),
    username: secret.optional(),
    password: secret.optional(),
    timeout: timeoutSeconds,
  }),
  z.strictObject({
    type: z.literal('alertmanager'),
    /** Of the server: `http://alertmanager:9093`. */
    url: httpUrl,
    username: secret.optional(),
    password: secret.optional(),
    timeout: timeoutSeconds,
  }),
]);

export type ChannelConfig = z.output<typeof channelConfigSchema>;
