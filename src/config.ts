/**
 * The configuration's one schema: names, defaults, units. Loading (file, environment, flags, the later wins) is in
 * `config-loader.ts`; every default is explained in `docs/configuration.md`.
 */
import { z } from 'zod';

/** What a key's metadata tells the loader, beside its schema. */
export interface ConfigKeyMeta {
  /** Completes "write …" in a problem: `a duration such as 500ms, 5s, 15min`. */
  readonly valid: string;
  /** Printed as a duration, kept in milliseconds. */
  readonly duration?: boolean;
  /** A list: environment and flags separate its items with commas. */
  readonly list?: boolean;
  /** Never printed. */
  readonly secret?: boolean;
  /** A map or a list of its own shape: environment and flags give it as JSON. */
  readonly structured?: boolean;
}

const durationUnitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `setTimeout` fires at once beyond 2³¹ − 1 ms; no timer may be configured longer. */
const longestTimerMs = 24 * 86_400_000;

/** `500ms`, `5s`, `15min` (or `15m`), `2h`, `7d`, or a plain number of milliseconds. Null for anything else. */
export function parseDurationMs(value: string | number): number | null {
  if (typeof value === 'number') return Number.isFinite(value) && value >= 0 ? Math.round(value) : null;
  const match = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)?\s*$/.exec(value);
  if (match === null) return null;
  return Math.round(Number(match[1]) * (durationUnitsMs[match[2] ?? 'ms'] ?? 1));
}

/** The shortest exact form: 900000 is `15min`. `parseDurationMs` reads it back. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  for (const unit of ['d', 'h', 'min', 's']) {
    const unitMs = durationUnitsMs[unit] ?? 1;
    if (milliseconds % unitMs === 0) return `${milliseconds / unitMs}${unit}`;
  }
  return `${milliseconds}ms`;
}

interface DurationLimits {
  readonly minMs?: number;
  readonly maxMs?: number;
  /** Zero is allowed beside the range, and switches something off. */
  readonly zeroIsOff?: boolean;
}

function duration(
  defaultText: string,
  { minMs = 1, maxMs = longestTimerMs, zeroIsOff = false }: DurationLimits = {},
) {
  const range = `from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  const valid = `a duration ${range} such as 500ms, 5s, 15min or 2h${zeroIsOff ? '; 0 switches it off' : ''}`;
  return z
    .union([z.string(), z.number()])
    .transform((value, context) => {
      const milliseconds = parseDurationMs(value);
      const allowed =
        milliseconds !== null &&
        ((milliseconds === 0 && zeroIsOff) || (milliseconds >= minMs && milliseconds <= maxMs));
      if (allowed) return milliseconds;
      context.addIssue({ code: 'custom', message: `write ${valid}` });
      return z.NEVER;
    })
    .prefault(defaultText)
    .meta({ valid, duration: true } satisfies ConfigKeyMeta);
}

/** Text is taken as well, since the environment and flags have nothing else; `true`, `null` and `''` are no numbers. */
function whole(defaultValue: number, min: number, max: number, remark = '') {
  const valid = `a whole number from ${min} to ${max}${remark}`;
  return z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\s*\d{1,15}\s*$/)
        .transform(Number),
    ])
    .pipe(z.number().int().min(min).max(max))
    .prefault(defaultValue)
    .meta({ valid } satisfies ConfigKeyMeta);
}

const text = (defaultText: string, valid: string) =>
  z
    .string()
    .trim()
    .min(1)
    .default(defaultText)
    .meta({ valid } satisfies ConfigKeyMeta);

const flag = (defaultFlag: boolean) =>
  z
    .union([z.boolean(), z.enum(['true', 'false']).transform((word) => word === 'true')])
    .default(defaultFlag)
    .meta({ valid: 'true or false' } satisfies ConfigKeyMeta);

const choice = <const Words extends readonly [string, ...string[]]>(
  words: Words,
  defaultWord: Words[number],
) =>
  z
    .enum(words)
    .default(defaultWord as never)
    .meta({ valid: `one of ${words.join(', ')}` } satisfies ConfigKeyMeta);

const port = (defaultPort: number) => whole(defaultPort, 0, 65_535, '; 0 takes any free port');
const count = (defaultCount: number, max = 1_000_000) => whole(defaultCount, 1, max);

const words = (defaultWords: readonly string[], valid: string) =>
  z
    .array(z.string().trim().min(1).max(64))
    .max(1_000)
    .default([...defaultWords])
    .meta({ valid, list: true } satisfies ConfigKeyMeta);

const structured = <Schema extends z.ZodType>(schema: Schema, defaultValue: z.input<Schema>, valid: string) =>
  schema.prefault(defaultValue as never).meta({ valid, structured: true } satisfies ConfigKeyMeta);

/** YAML of before 1.2 and some tools write `off` as false. */
const localBorderRouter = z
  .union([
    z.enum(['auto', 'off']),
    z.literal(false).transform(() => 'off' as const),
    z.url({ protocol: /^https?$/ }).refine((text) => {
      const url = URL.parse(text);
      return (
        url !== null &&
        `${url.username}${url.password}${url.search}${url.hash}` === '' &&
        url.pathname === '/'
      );
    }),
  ])
  .default('auto')
  .meta({
    valid: 'auto, off, or the http address of a border router’s REST API, such as http://192.168.1.20:8081',
  } satisfies ConfigKeyMeta);

const roles = ['all', 'hub'] as const;

/** What readings of a type may be; outside of it an event is a dead letter. */
const typeRuleSchema = z
  .strictObject({
    min: z.number().optional(),
    max: z.number().optional(),
    unit: z.string().min(1).max(32).optional(),
  })
  .refine(({ max, min }) => min === undefined || max === undefined || min <= max);

/** Which decoder reads which topics; `+` and `#` as in MQTT filters. */
const decoderRuleSchema = z.strictObject({
  decoder: z.enum(['native', 'house', 'zigbee2mqtt', 'tasmota', 'esphome', 'homeassistant']),
  topics: z.array(z.string().min(1).max(256)).min(1).max(100),
});

const defaultTypeRules: Readonly<Record<string, z.input<typeof typeRuleSchema>>> = {
  temperature: { min: -60, max: 150, unit: '°C' },
  humidity: { min: 0, max: 100, unit: '%' },
  battery: { min: 0, max: 100, unit: '%' },
};

const defaultDecoderRules: z.input<typeof decoderRuleSchema>[] = [
  { decoder: 'house', topics: ['maison/capteurs/#'] },
  { decoder: 'native', topics: ['sensors/#'] },
  { decoder: 'zigbee2mqtt', topics: ['zigbee2mqtt/#'] },
  { decoder: 'tasmota', topics: ['tele/#', 'stat/#'] },
  { decoder: 'homeassistant', topics: ['homeassistant/#'] },
  { decoder: 'esphome', topics: ['+/+/+/state'] },
];

export const configSchema = z.strictObject({
  server: z
    .strictObject({
      /** Address to listen on. Anything but loopback closes what has no credentials. */
      host: text('127.0.0.1', 'an address or a name of this machine, such as 127.0.0.1, :: or 0.0.0.0'),
      port: port(5001),
      /** Requests a second and address to the REST API; 0 switches the limit off. */
      rate_limit: whole(1_000, 0, 1_000_000, '; 0 switches the limit off'),
    })
    .prefault({}),
  /** Folder for SQLite files. */
  data_dir: text('./data', 'the path of a folder'),
  roles: z
    .array(z.enum(roles))
    .min(1)
    .default(['all'])
    .meta({ valid: `a list of ${roles.join(', ')}`, list: true } satisfies ConfigKeyMeta),
  log: z
    .strictObject({
      level: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info'),
      /** `json` for machines, `pretty` for people; `auto` is pretty on a terminal. */
      format: choice(['auto', 'json', 'pretty'], 'auto'),
    })
    .prefault({}),
  nodes: z
    .strictObject({
      /** The node list, `{"name": "ipv6"}`; watched. An absent file is an empty list. */
      file: text('./adresses.json', 'the path of a file'),
      /** Take nodes that border routers report. */
      discovery: flag(true),
      /** Ask a border router to report its nodes when it connects. */
      discover_on_connect: flag(true),
    })
    .prefault({}),
  scan: z
    .strictObject({
      /** Time between scheduled scans; 0 switches them off. */
      interval: duration('15min', { minMs: 1_000, zeroIsOff: true }),
      /** Time from a node's dispatch to its `timed_out`. */
      node_timeout: duration('5s', { maxMs: 600_000 }),
      /** Hard stop of a whole scan. */
      timeout: duration('30s', { maxMs: 3_600_000 }),
      /** Nodes in flight per border router. */
      per_border_router: count(16, 1_024),
      /** Nodes in flight in all. */
      total: count(256, 65_536),
      /** Shortest time between two partial topology updates. */
      update_interval: duration('500ms', { maxMs: 60_000 }),
      /** Finished scans are kept this long. */
      keep: duration('90d', { minMs: 60_000, maxMs: 3_650 * 86_400_000 }),
    })
    .prefault({}),
  discovery: z
    .strictObject({
      /** Look for border routers by mDNS when somebody asks. */
      mdns: flag(true),
      /** On this interface, by name or IPv4 address; null: on all but loopback. */
      interface: z
        .union([z.null(), z.string().trim().min(1).max(64)])
        .transform((name) => (name === 'null' ? null : name))
        .prefault(null)
        .meta({ valid: 'the name or IPv4 address of a network interface, or null' } satisfies ConfigKeyMeta),
    })
    .prefault({}),
  border_routers: z
    .strictObject({
      /** Ask for a token even on loopback. */
      require_token: flag(false),
      /** `serve` maps the stock border router of this machine: the one on loopback, none, or one by its address. */
      local: localBorderRouter,
      /** Time between pings of a quiet link; jittered by a tenth either way. */
      ping_interval: duration('15s', { minMs: 10, maxMs: 3_600_000 }),
      /** Silence after which a link is closed. */
      silence_timeout: duration('30s', { minMs: 10, maxMs: 3_600_000 }),
      /** While commands are in flight: silence before a ping … */
      in_flight_ping: duration('1s', { minMs: 10, maxMs: 600_000 }),
      /** … and before the border router counts as lost. */
      in_flight_timeout: duration('3s', { minMs: 10, maxMs: 600_000 }),
      /** Outbox bounds of one link. */
      outbox_messages: count(256),
      outbox_bytes: whole(256 * 1_024, 1_024, 64 * 1_024 * 1_024, ' (bytes)'),
      /** Frames a second that one link may send for long … */
      frame_rate: count(200),
      /** … and at once. */
      frame_burst: count(400),
      /** WebSocket upgrades a minute and address. */
      upgrade_rate: count(60_000),
    })
    .prefault({}),
  mqtt: z
    .strictObject({
      /** The embedded broker. */
      enabled: flag(true),
      /** It listens on `server.host`. */
      port: port(1883),
      /** Connections at once. */
      max_connections: count(20_000),
      /** Largest packet, bytes. */
      max_packet: whole(256 * 1_024, 1_024, 16 * 1_024 * 1_024, ' (bytes)'),
      /** Messages kept for a persistent session that is away; beyond it the newest are dropped and counted. */
      session_messages: count(10_000),
      /** A persistent session that has been away so long is forgotten. */
      session_expiry: duration('7d', { minMs: 60_000, maxMs: 365 * 86_400_000 }),
    })
    .prefault({}),
  events: z
    .strictObject({
      /** Types whose events take the critical lane. */
      critical_types: words(
        ['smoke', 'gas', 'carbon_monoxide', 'water_leak', 'intrusion', 'panic', 'tamper'],
        'a list of types of reading, such as smoke, gas',
      ),
      /** A source's time further ahead than this is replaced by the arrival. */
      max_clock_skew: duration('10min', { maxMs: 86_400_000 }),
      /** A source's time older than this is replaced by the arrival. */
      max_age: duration('7d', { minMs: 1_000, maxMs: 3_650 * 86_400_000 }),
      /** For so long a second delivery of the same event is known as one. */
      dedup_window: duration('24h', { minMs: 1_000, maxMs: 365 * 86_400_000 }),
      /** Ordered partitions of each lane. */
      critical_shards: count(4, 256),
      bulk_shards: count(8, 256),
      /** Tasks that take shards and write to the store. */
      workers: count(3, 256),
      /** A worker that gives no sign for so long loses its shards. */
      lease: duration('5s', { minMs: 100, maxMs: 600_000 }),
      /** Events in one transaction of the bulk lane, at most. */
      batch: count(500, 10_000),
      /** Bytes of the stream that wait for the store; beyond it producers are held. */
      stream_bytes: whole(4 * 1_024 * 1_024 * 1_024, 1_024 * 1_024, 2 ** 50, ' (bytes)'),
      types: structured(
        z.record(z.string().min(1).max(64), typeRuleSchema),
        { ...defaultTypeRules },
        'a map of types with min, max and unit, such as {temperature: {min: -20, max: 60, unit: °C}}',
      ),
      /** In order: the first whose pattern fits a topic decodes it. */
      decoders: structured(
        z.array(decoderRuleSchema).max(100),
        defaultDecoderRules,
        'a list of decoders with their topics, such as [{decoder: native, topics: [sensors/#]}]',
      ),
      /** Raw events and readings are kept this long … */
      keep_raw: duration('30d', { minMs: 60_000, maxMs: 3_650 * 86_400_000 }),
      /** … rollups by minute … */
      keep_minutes: duration('90d', { minMs: 60_000, maxMs: 3_650 * 86_400_000 }),
      /** … and by hour. */
      keep_hours: duration('1825d', { minMs: 3_600_000, maxMs: 36_500 * 86_400_000 }),
      /** Dead letters are kept this long. */
      keep_dead_letters: duration('90d', { minMs: 60_000, maxMs: 3_650 * 86_400_000 }),
    })
    .prefault({}),
  live: z
    .strictObject({
      /** Outbox bounds of one live client. */
      outbox_messages: count(512),
      outbox_bytes: whole(1_024 * 1_024, 1_024, 64 * 1_024 * 1_024, ' (bytes)'),
      /** The longest that a busy outbox gathers messages for one frame. */
      coalesce: duration('25ms', { minMs: 0, maxMs: 1_000 }),
      /** Bytes that a client may leave without acknowledgement. */
      unacknowledged_bytes: whole(2 * 1_024 * 1_024, 1_024, 64 * 1_024 * 1_024, ' (bytes)'),
      /** Messages of the live feed kept for clients that come back. */
      resume_messages: count(100_000),
      /** … and for how long. */
      resume: duration('2min', { minMs: 1_000, maxMs: 3_600_000 }),
    })
    .prefault({}),
  notifications: z
    .strictObject({
      /** A notification that could not be delivered for so long is given up, with its reason. */
      expire: duration('24h', { minMs: 1_000, maxMs: 30 * 86_400_000 }),
      /** The address that push services may write to; `mailto:` or `https:`. */
      contact: text('mailto:threadhub@localhost.localdomain', 'a mailto: or https: address'),
      /** A drill of every critical rule so often; 0 switches it off. */
      drill_interval: duration('0s', { minMs: 60_000, maxMs: 365 * 86_400_000, zeroIsOff: true }),
      /** The hub beats to this URL, so that somebody else notices when it is gone; empty switches it off. */
      heartbeat_url: z
        .union([z.literal(''), z.url({ protocol: /^https?$/ })])
        .default('')
        .meta({ valid: 'an http or https URL, or nothing', secret: true } satisfies ConfigKeyMeta),
      heartbeat_interval: duration('1min', { minMs: 1_000 }),
    })
    .prefault({}),
  /** Both are read by readers of their own, which know the line of each part. */
  alerts: structured(z.array(z.unknown()).max(10_000).nullable(), null, 'a list of alert rules'),
  channels: z
    .record(z.string(), z.unknown())
    .nullable()
    .prefault(null)
    .meta({
      valid: 'a map of notification channels',
      structured: true,
      secret: true,
    } satisfies ConfigKeyMeta),
});

/** The effective configuration; durations in milliseconds. */
export type Config = z.output<typeof configSchema>;
/** What a file may hold. */
export type ConfigInput = z.input<typeof configSchema>;

export const defaultConfig = (input: ConfigInput = {}): Config => configSchema.parse(input);
