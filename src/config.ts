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

const roles = ['all', 'hub'] as const;

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
  border_routers: z
    .strictObject({
      /** Ask for a token even on loopback. */
      require_token: flag(false),
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
});

/** The effective configuration; durations in milliseconds. */
export type Config = z.output<typeof configSchema>;
/** What a file may hold. */
export type ConfigInput = z.input<typeof configSchema>;

export const defaultConfig = (input: ConfigInput = {}): Config => configSchema.parse(input);
