/**
 * Structured logs: one JSON object a line for machines, one short line for people on a terminal. Tokens never reach
 * either. The fields that logs are searched by have fixed names: `border_router`, `node`, `sensor`, `scan_id`, `request_id`.
 *
 * What is worth logging in the domain is decided in `log-facts.ts`, not here.
 */
import { type DestinationStream, type Logger as PinoLogger, multistream, pino, stdTimeFunctions } from 'pino';
import { prettyLine } from './pretty-line.ts';

export type Logger = Pick<PinoLogger, 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'child'>;

export interface LoggerOptions {
  readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';
  /** `auto` is pretty where the destination is a terminal. */
  readonly format: 'auto' | 'json' | 'pretty';
  readonly destination: DestinationStream;
  readonly isTerminal: boolean;
  /** Whether pretty lines may be coloured. */
  readonly colours: boolean;
  /** Gets everything from `info` on, also where `level` is higher. */
  readonly recent?: DestinationStream;
}

/** Where a secret may stand in an object that somebody logs whole. */
const secretPaths = [
  'token',
  'auth_token',
  'authorization',
  'cookie',
  'password',
  '*.token',
  '*.auth_token',
  '*.authorization',
  '*.cookie',
  '*.password',
  '*.headers.authorization',
  '*.headers.cookie',
];
const redacted = '[redacted]';

/** Secrets inside text: a query parameter, a header quoted in an error message. */
const secretText = /((?:auth_token|token|access_token)=|Bearer\s+)[^\s&"'\\]+/gi;

const redactText = (text: string): string => text.replaceAll(secretText, `$1${redacted}`);

export function createLogger(options: LoggerOptions): Logger {
  const pretty = options.format === 'pretty' || (options.format === 'auto' && options.isTerminal);
  const { destination, colours } = options;
  const target: DestinationStream = pretty
    ? { write: (line) => destination.write(prettyLine(line, { colours })) }
    : destination;
  const { level, recent } = options;
  const both = recent !== undefined && level !== 'silent';
  return pino(
    {
      level: both && !['trace', 'debug'].includes(level) ? 'info' : level,
      base: undefined,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths, censor: redacted },
      hooks: { streamWrite: redactText },
    },
    both
      ? multistream([
          { level, stream: target },
          { level: 'info', stream: recent },
        ])
      : target,
  );
}

/** For tests and for programs that want none. */
export const silentLogger: Logger = pino({ level: 'silent' });
