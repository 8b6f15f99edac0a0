/** Colours and columns for people. Nothing here is used for `--json`. */
import { styleText } from 'node:util';
import { printable } from '../printable.ts';
import type { CliContext, TextOutput } from './cli-context.ts';

type Paint = (text: string) => string;
export interface Palette {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
}

/** Colours on a terminal only, and never where NO_COLOR says so (https://no-color.org). */
export function usesColours(
  output: Pick<TextOutput, 'isTerminal'>,
  environment: CliContext['environment'],
): boolean {
  return output.isTerminal && (environment['NO_COLOR'] ?? '') === '' && environment['TERM'] !== 'dumb';
}

export function createPalette(colours: boolean): Palette {
  const paint =
    (style: Parameters<typeof styleText>[0]): Paint =>
    (text) =>
      colours ? styleText(style, text, { validateStream: false }) : text;
  return {
    bold: paint('bold'),
    dim: paint('dim'),
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
  };
}

/** Columns as wide as their widest cell, two spaces apart, a head line in bold. Empty text where there is no row. */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
  palette: Palette,
): string {
  const cells = rows.map((row) => row.map((cell) => (cell === null ? '–' : printable(String(cell)))));
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [palette.bold(line(head)), ...cells.map(line)].map((text) => `${text}\n`).join('');
}

/** `0.12 s`, `5.0 s`, `2 min`. */
export function seconds(milliseconds: number | null): string {
  if (milliseconds === null) return '–';
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 120_000) return `${(milliseconds / 1_000).toFixed(1)} s`;
  return `${Math.round(milliseconds / 60_000)} min`;
}

/** `3 nodes`, `1 node`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;
