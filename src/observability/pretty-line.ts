/** One log record as a line for people: time of day, level, message, then the fields. */
import { styleText } from 'node:util';
import { printable } from '../printable.ts';

const levelColours = {
  trace: 'gray',
  debug: 'gray',
  info: 'green',
  warn: 'yellow',
  error: 'red',
  fatal: 'magenta',
} as const;

/** Takes a line of JSON as pino writes it, its line feed included; anything else comes back as it is. */
export function prettyLine(line: string, { colours }: { readonly colours: boolean }): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const paint = (colour: Parameters<typeof styleText>[0], text: string): string =>
    colours ? styleText(colour, text, { validateStream: false }) : text;
  const { level, time, msg, err, ...fields } = record;
  const levelName = typeof level === 'string' ? level : 'info';
  const colour = levelColours[levelName as keyof typeof levelColours] as
    (typeof levelColours)[keyof typeof levelColours] | undefined;
  const parts = [
    paint('gray', typeof time === 'string' ? time.slice(11, 23) : ''),
    paint(colour ?? 'green', levelName.toUpperCase().padEnd(5)),
    typeof msg === 'string' ? printable(msg) : '',
    ...Object.entries(fields).map(([name, value]) => `${paint('cyan', name)}=${fieldText(value)}`),
  ].filter((part) => part !== '');
  return `${parts.join(' ')}\n${errorLines(err)}`;
}

function fieldText(value: unknown): string {
  if (typeof value === 'string')
    return /^[^\s"=]+$/.test(value) ? printable(value) : printable(JSON.stringify(value));
  return printable(JSON.stringify(value));
}

function errorLines(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { stack, message } = error as { stack?: unknown; message?: unknown };
  const text = typeof stack === 'string' ? stack : typeof message === 'string' ? message : '';
  return text === ''
    ? ''
    : `${printable(text)
        .split('\n')
        .map((line) => `    ${line}`)
        .join('\n')}\n`;
}
