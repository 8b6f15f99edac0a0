/** A finished scan as a tree for people: border routers, their nodes, each with its outcome. */
import { printable } from '../printable.ts';
import type { BorderRouterWire } from '../protocol/border-router.ts';
import type { ScanNodeWire, ScanWire } from '../protocol/scan.ts';
import type { TopologyWire } from '../protocol/topology.ts';
import { counted, type Palette, seconds } from './text-layout.ts';

const stateWords: Readonly<Record<ScanWire['state'], string>> = {
  running: 'is running',
  completed: 'is complete',
  partial: 'is partial',
  failed: 'failed',
  cancelled: 'was cancelled',
};

export interface ScanSurroundings {
  /** The one made of this scan; null where there is none. */
  readonly topology: TopologyWire | null;
  readonly borderRouters: readonly BorderRouterWire[];
}

export function renderScan(
  scan: ScanWire,
  { borderRouters, topology }: ScanSurroundings,
  palette: Palette,
): string {
  const lines: string[] = [];
  const groups = Map.groupBy(scan.nodes, (node) => node.br_id);
  const ids = [...groups.keys()].sort((a, b) => order(a).localeCompare(order(b)));
  for (const id of ids) {
    const nodes = (groups.get(id) ?? []).toSorted((a, b) => a.name.localeCompare(b.name));
    const answered = nodes.filter((node) => node.outcome === 'answered').length;
    const title = id === null ? 'no border router' : printable(id);
    lines.push(`${palette.bold(title)}  ${answered} of ${counted(nodes.length, 'node')} answered`);
    const width = Math.max(...nodes.map((node) => printable(node.name).length));
    nodes.forEach((node, index) => {
      const branch = index === nodes.length - 1 ? '└─' : '├─';
      lines.push(`${palette.dim(branch)} ${nodeLine(node, width, palette)}`);
    });
  }
  if (lines.length > 0) lines.push('');
  const answered = scan.outcomes.answered;
  const headline = `Scan ${stateWords[scan.state]}: ${answered} of ${counted(scan.expected, 'node')} answered in ${seconds(scan.duration_ms)}`;
  const others = Object.entries(scan.outcomes)
    .filter(([outcome, nodes]) => outcome !== 'answered' && nodes > 0)
    .map(([outcome, nodes]) => `${nodes} ${words(outcome)}`);
  const paint = scan.state === 'completed' && others.length === 0 ? palette.green : palette.yellow;
  lines.push(paint([headline, ...others].join(', ') + '.'));
  for (const network of topology?.networks ?? []) {
    lines.push(`${printable(network.key)}: ${printable(network.completeness.statement)}`);
  }
  const asked = borderRouters.filter(({ id }) => groups.has(id));
  for (const { collection, id } of asked) {
    if (collection !== null) lines.push(`${printable(id)}: ${readingLine(collection)}`);
  }
  lines.push(...scan.notes.map(printable));
  return `${lines.join('\n')}\n`;
}

/** How a border router read its mesh for this scan, or shortly before it. */
function readingLine(reading: NonNullable<BorderRouterWire['collection']>): string {
  const radio =
    reading.radio_requests === null
      ? []
      : [
          reading.radio_budget === null
            ? counted(reading.radio_requests, 'radio request')
            : `${reading.radio_requests} of ${counted(reading.radio_budget, 'radio request')}`,
        ];
  const routers =
    reading.answered_routers === null || reading.expected_routers === null
      ? []
      : [`${reading.answered_routers} of ${counted(reading.expected_routers, 'router')} read`];
  const time = reading.duration_ms === null ? [] : [seconds(reading.duration_ms)];
  const facts = [...routers, ...radio, ...time].join(', ');
  const source = printable(reading.source);
  const problem = reading.complete
    ? ''
    : ` Incomplete: ${printable(reading.problem ?? 'not every router answered')}`;
  return `read through ${source}${facts === '' ? '' : `: ${facts}`}.${problem}`;
}

/** Nodes without a border router last. */
const order = (id: string | null): string => id ?? '\uffff';
const words = (outcome: string): string => outcome.replaceAll('_', ' ');

function nodeLine(node: ScanNodeWire, width: number, palette: Palette): string {
  const name = printable(node.name).padEnd(width);
  const outcome = node.outcome === null ? 'undecided' : words(node.outcome);
  if (node.outcome === 'answered') {
    const late = node.late ? palette.yellow(' late') : '';
    return `${name}  ${palette.green(outcome)}${late}  ${seconds(node.duration_ms)}`;
  }
  const time = node.duration_ms === null ? '' : `  ${seconds(node.duration_ms)}`;
  const error = node.error === null ? '' : `  ${palette.dim(printable(node.error))}`;
  return `${name}  ${palette.red(outcome)}${time}${error}`;
}
