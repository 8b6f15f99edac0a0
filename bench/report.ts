/** Prints a report: a table, the bars, what was wrong, and one JSON line for machines. */
import { type Bar, type BenchmarkReport, isMet, type Table } from './benchmark.ts';
import type { Machine } from './machine.ts';

export function printReport(report: BenchmarkReport, machine: Machine, write: (text: string) => void): void {
  write(`\n${renderTable(report.table)}\n\n`);
  for (const bar of report.bars) write(`${renderBar(bar)}\n`);
  for (const note of report.notes) write(`note         ${note}\n`);
  for (const problem of report.problems) write(`WRONG  ${problem}\n`);
  const { bars, details, name, notes, options, problems } = report;
  const line = {
    benchmark: name,
    at: new Date().toISOString(),
    machine,
    options,
    verified: problems.length === 0,
    problems,
    notes,
    bars: bars.map((bar) => ({ ...bar, met: isMet(bar) })),
    details,
  };
  write(`\n${JSON.stringify(line)}\n`);
}

/** Markdown, so that it can go into `docs/benchmarks.md` as it is; numbers are right-aligned. */
export function renderTable({ columns, rows }: Table): string {
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, index) => (cells[index] ?? '').padStart(width)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => `${'-'.repeat(width - 1)}:`).join(' | ')} |`;
  return [line(columns), rule, ...rows.map(line)].join('\n');
}

function renderBar(bar: Bar): string {
  const met = isMet(bar);
  const verdict = met === null ? 'not measured' : met ? 'met' : 'MISSED';
  const measured = bar.measured === null ? '' : `${figure(bar.measured)} ${bar.unit}, `;
  return `${verdict.padEnd(12)} ${bar.what}: ${measured}at most ${figure(bar.atMost)} ${bar.unit}`.trimEnd();
}

/** Three digits that count. */
export function figure(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toFixed(digits);
}
