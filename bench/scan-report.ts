/**
 * What the `scan` benchmark says of its repetitions: a row's figures are those of its middle repetition, and the bars are
 * held against all rows.
 */
import { defaultAgentLimits } from '../src/agent/agent-options.ts';
import { defaultCoapClientLimits } from '../src/agent/coap/coap-client-options.ts';
import { defaultConfig } from '../src/config.ts';
import type { Bar, BenchmarkReport } from './benchmark.ts';
import type { IdealLimits } from './ideal-scan.ts';
import { figure } from './report.ts';
import { growthExponent, median } from './statistics.ts';

export interface Size {
  readonly nodes: number;
  readonly borderRouters: number;
}

export interface ScanOptions {
  readonly sizes: readonly Size[];
  readonly repetitions: number;
  /** At least 1: the first is the cold scan. */
  readonly warmUps: number;
  readonly seed: number;
  /** Where the hub's CPU profiles go; null: not profiled. */
  readonly cpuProfile: string | null;
}

export interface Repetition {
  readonly measuredMs: number;
  readonly idealMs: number;
  readonly hubCpuMs: number;
  /** As the hub itself has it: without the request, and without the last event's way. */
  readonly hubDurationMs: number;
  /** Until the last node's result had arrived. */
  readonly lastResultMs: number;
  /** What the simulated meshes needed: where it nears the measured time, they were the slow ones. */
  readonly meshCpuMs: number;
  /** What the hub takes of a core while it does not scan; no part of `hubCpuMs`. */
  readonly idleCpuShare: number;
  /** What processes that are no part of this took meanwhile, of one core. */
  readonly othersCpuShare: number;
  /** Events, node results or log lines, that the hub left out for this browser because it took too little, as `gap` events tell. */
  readonly leftOut: number;
  /** Requests and answers over the radio per living node: more than 1 where answers came in blocks. */
  readonly exchangesPerNode: number;
}

/** The first scan after the hub's start, with all nodes healthy, at 40 ms. */
export interface ColdScan {
  readonly nodes: number;
  readonly measuredMs: number;
  readonly hubCpuMs: number;
}

export interface Row {
  readonly size: Size;
  readonly dead: number;
  readonly cold: ColdScan;
  /** Dead nodes behind one border router, at most. */
  readonly mostDead: number;
  readonly repetitions: readonly Repetition[];
}

/** From here on the nodes of a scan cost more than the scan itself. */
const manyNodes = 1_000;
/** Other processes that took more of a core than this have made the times longer. */
const quietCpuShare = 0.1;

const { scan: hubLimits } = defaultConfig();
export const limits: IdealLimits = {
  perBorderRouter: hubLimits.per_border_router,
  total: hubLimits.total,
  nodeTimeoutMs: hubLimits.node_timeout,
  scanTimeoutMs: hubLimits.timeout,
  onTheRadio: defaultAgentLimits.inFlight,
  tokensPerSecond: defaultAgentLimits.commandsPerSecond,
  burst: defaultAgentLimits.burst,
  silenceMs:
    defaultCoapClientLimits.ackTimeoutMs * (defaultCoapClientLimits.retryPausesMs.length + 1) +
    defaultCoapClientLimits.retryPausesMs.reduce((sum, pauseMs) => sum + pauseMs, 0),
};

interface RowFigures {
  readonly nodes: number;
  readonly borderRouters: number;
  readonly dead: number;
  readonly measuredMs: number;
  readonly idealMs: number;
  readonly ratio: number;
  readonly hubCpuMs: number;
  readonly hubCpuMsPerNode: number;
  readonly cold: ColdScan;
  readonly meshCpuMs: number;
  readonly othersCpuShare: number;
  readonly exchangesPerNode: number;
  readonly mostDeadBehindOne: number;
  readonly repetitions: readonly Repetition[];
}

export function scanReport(
  options: ScanOptions,
  rows: readonly Row[],
  problems: readonly string[],
): BenchmarkReport {
  const figures = rows.map(figuresOf);
  const healthy = figures.filter(({ dead }) => dead === 0);
  const growth = growthExponent(healthy.map(({ hubCpuMs, nodes }) => ({ work: nodes, cost: hubCpuMs })));
  return {
    name: 'scan',
    options: { ...options, sizes: options.sizes.map((size) => `${size.nodes}x${size.borderRouters}`) },
    table: {
      columns: [
        'nodes',
        'border routers',
        'dead',
        'measured ms',
        'ideal ms',
        'ratio',
        'hub CPU ms',
        'ms a node',
        'cold',
        'mesh CPU ms',
        'exchanges a node',
      ],
      rows: figures.map((row) => [
        String(row.nodes),
        String(row.borderRouters),
        String(row.dead),
        row.measuredMs.toFixed(0),
        row.idealMs.toFixed(0),
        row.ratio.toFixed(3),
        figure(row.hubCpuMs),
        row.hubCpuMsPerNode.toFixed(3),
        (row.cold.hubCpuMs / row.cold.nodes).toFixed(3),
        figure(row.meshCpuMs),
        row.exchangesPerNode.toFixed(2),
      ]),
    },
    bars: barsOf(figures, growth),
    problems,
    notes: [...noiseOf(figures)],
    details: { rows: figures, growthExponentOfHubCpu: growth },
  };
}

function figuresOf({ cold, dead, mostDead, repetitions, size }: Row): RowFigures {
  const middle = (pick: (repetition: Repetition) => number): number => median(repetitions.map(pick));
  const hubCpuMs = middle((repetition) => repetition.hubCpuMs);
  return {
    ...size,
    dead,
    measuredMs: middle(({ measuredMs }) => measuredMs),
    idealMs: middle(({ idealMs }) => idealMs),
    // Each repetition has round trips of its own, so that each has its own ratio.
    ratio: middle(({ idealMs, measuredMs }) => measuredMs / idealMs),
    hubCpuMs,
    hubCpuMsPerNode: hubCpuMs / size.nodes,
    cold,
    meshCpuMs: middle((repetition) => repetition.meshCpuMs),
    othersCpuShare: middle((repetition) => repetition.othersCpuShare),
    exchangesPerNode: middle(({ exchangesPerNode }) => exchangesPerNode),
    mostDeadBehindOne: mostDead,
    repetitions,
  };
}

function* noiseOf(figures: readonly RowFigures[]): Iterable<string> {
  const noisy = figures.filter(({ othersCpuShare }) => othersCpuShare > quietCpuShare);
  if (noisy.length === 0) return;
  const most = Math.max(...noisy.map(({ othersCpuShare }) => othersCpuShare));
  yield (
    `in ${noisy.length} of ${figures.length} rows other processes took more than ${quietCpuShare} of a core, ` +
    `at most ${figure(most)}: their times are longer than on a quiet machine`
  );
}

function barsOf(figures: readonly RowFigures[], growth: number | null): Bar[] {
  const healthy = figures.filter(({ dead }) => dead === 0);
  const worst = (of: readonly RowFigures[], pick: (row: RowFigures) => number): number | null =>
    of.length === 0 ? null : Math.max(...of.map(pick));
  const sixteen = healthy.find(({ borderRouters, nodes }) => nodes === 16 && borderRouters === 1);
  const addedByDead = figures
    .filter(({ dead, mostDeadBehindOne }) => dead > 0 && mostDeadBehindOne <= limits.onTheRadio)
    .map((row) => {
      const same = healthy.find(
        ({ borderRouters, nodes }) => nodes === row.nodes && borderRouters === row.borderRouters,
      );
      return row.measuredMs - (same?.measuredMs ?? 0);
    });
  return [
    {
      what: 'time of the worst row beside its ideal',
      measured: worst(figures, ({ ratio }) => ratio),
      atMost: 1.1,
      unit: '×',
    },
    {
      what: `hub CPU a node, from ${manyNodes} nodes on`,
      measured: worst(
        figures.filter(({ nodes }) => nodes >= manyNodes),
        ({ hubCpuMsPerNode }) => hubCpuMsPerNode,
      ),
      atMost: 0.3,
      unit: 'ms',
    },
    {
      what: 'hub CPU a node, worst row: what every scan costs, whatever its size, falls on few nodes',
      measured: worst(figures, ({ hubCpuMsPerNode }) => hubCpuMsPerNode),
      atMost: 0.3,
      unit: 'ms',
    },
    {
      what: '16 healthy nodes at 40 to 250 ms',
      measured: sixteen?.measuredMs ?? null,
      atMost: 600,
      unit: 'ms',
    },
    {
      what: 'what dead nodes add while at most 8 are behind one border router',
      measured: addedByDead.length === 0 ? null : Math.max(...addedByDead),
      atMost: limits.nodeTimeoutMs,
      unit: 'ms',
    },
    { what: 'growth of hub CPU with nodes', measured: growth, atMost: 1.05, unit: '(exponent)' },
  ];
}
