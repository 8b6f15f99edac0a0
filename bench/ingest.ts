/**
 * `ingest`: QoS 1 publishes that are acknowledged a second, each on disk before. Beside it the same program with a stream
 * that keeps nothing, the broker alone, and Mosquitto with persistence off and nobody subscribed: the same load, in turns.
 *
 * Checked: every publish was acknowledged, in order, and what was acknowledged is in the stream, once and in order for
 * each sensor.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/clock.ts';
import { defaultConfig } from '../src/config.ts';
import { openSqliteDurableStream } from '../src/events/stream/sqlite/open-sqlite-durable-stream.ts';
import type { StreamPosition } from '../src/protocol/ids.ts';
import type { Benchmark, BenchmarkReport } from './benchmark.ts';
import { type ChildProgram, startProgram } from './child-program.ts';
import {
  type MqttPublishesAnswer,
  type MqttPublishesQuestion,
  sensorName,
  sensorsPerConnection,
} from './loads/mqtt-publishes.ts';
import { type LoadProcess, startLoad } from './load-process.ts';
import { cpuMsOf, machineCpuMs } from './process-usage.ts';
import { figure } from './report.ts';
import { median } from './statistics.ts';

/** So many in flight on each of so many connections. */
interface Shape {
  readonly connections: number;
  readonly window: number;
}

interface Options {
  readonly shapes: readonly Shape[];
  readonly seconds: number;
  readonly repetitions: number;
  readonly cpuProfile: string | null;
}

interface Measured {
  readonly perSecond: number;
  /** CPU of the broker's process for each acknowledged publish, all its threads. */
  readonly cpuMicroseconds: number;
  /** What other programs took of the machine meanwhile, of one core. */
  readonly othersCpuShare: number;
}

type Load = LoadProcess<MqttPublishesQuestion, MqttPublishesAnswer>;

const subjects = ['durable', 'memory', 'broker', 'mosquitto'] as const;
type Subject = (typeof subjects)[number];

const titles: Readonly<Record<Subject, string>> = {
  durable: 'threadhub',
  memory: 'threadhub, nothing kept',
  broker: 'its broker alone',
  mosquitto: 'Mosquitto',
};
const warmUpMs = 2_000;

export const ingestBenchmark: Benchmark = {
  name: 'ingest',
  summary: 'durable QoS 1 publishes acknowledged a second, beside Mosquitto',
  options: [
    '--shapes CxW,…      connections, and in flight on each; 8x100,400x1',
    '--seconds N         measured in each run; 8',
    '--repetitions N     runs of each; 3',
    '--cpu-prof FOLDER   write the CPU profiles of the runs there',
  ],
  async run(argv, progress) {
    const options = readOptions(argv);
    const problems: string[] = [];
    const notes: string[] = [];
    const series: Series[] = options.shapes.flatMap((shape) =>
      subjects.map((subject) => ({ shape, subject, runs: [] })),
    );
    // In turns, so that what else the machine does touches all alike.
    for (let repetition = 0; repetition < options.repetitions; repetition += 1) {
      for (const { runs, shape, subject } of series) {
        const measured = await runOnce(subject, shape, options, problems);
        if (measured === null) continue;
        runs.push(measured);
        progress(
          `${nameOf(shape)} ${titles[subject]}: ${figure(measured.perSecond)}/s, ${figure(measured.cpuMicroseconds)} µs of CPU each`,
        );
      }
    }
    if (series.some(({ runs, subject }) => subject === 'mosquitto' && runs.length === 0))
      notes.push('Mosquitto is not installed: apt-get install -y mosquitto');
    const others = Math.max(...series.flatMap(({ runs }) => runs.map((run) => run.othersCpuShare)));
    if (others > 0.1)
      notes.push(
        `other programs took up to ${figure(others * 100)} % of a core: durable rates suffer most of it`,
      );
    return report(options, series, problems, notes);
  },
};

interface Series {
  readonly shape: Shape;
  readonly subject: Subject;
  readonly runs: Measured[];
}

const nameOf = ({ connections, window }: Shape): string => `${connections} × ${window}`;

/** Null where the subject is not installed. */
async function runOnce(
  subject: Subject,
  shape: Shape,
  options: Options,
  problems: string[],
): Promise<Measured | null> {
  const folder = mkdtempSync(join(tmpdir(), 'threadhub-bench-'));
  try {
    const child = await (subject === 'mosquitto'
      ? startMosquitto(folder)
      : startIngest(subject, folder, options));
    if (child === null) return null;
    const load: Load = startLoad(new URL('./loads/mqtt-publishes.ts', import.meta.url));
    let answer: MqttPublishesAnswer;
    let cpuMs: number;
    let othersCpuShare: number;
    try {
      const startedMs = performance.now();
      const before = { child: cpuMsOf(child.pid), load: cpuMsOf(load.pid), machine: machineCpuMs() };
      const { connections, window } = shape;
      const port = Number(new URL(child.address).port);
      answer = await load.ask({ port, connections, window, warmUpMs, measuredMs: options.seconds * 1_000 });
      cpuMs = cpuMsOf(child.pid) - before.child;
      const ownCpuMs = cpuMs + cpuMsOf(load.pid) - before.load;
      othersCpuShare =
        Math.max(0, machineCpuMs() - before.machine - ownCpuMs) / (performance.now() - startedMs);
    } finally {
      await load.stop();
      await child.stop();
    }
    problems.push(...answer.problems.map((problem) => `${titles[subject]}: ${problem}`));
    if (answer.outOfOrder > 0)
      problems.push(`${titles[subject]}: ${answer.outOfOrder} acknowledgements were out of order`);
    if (child.errors() !== '' && subject !== 'mosquitto')
      problems.push(`${titles[subject]} said: ${child.errors().slice(0, 300)}`);
    if (subject === 'durable') problems.push(...(await checkStream(folder, shape, answer.acknowledged)));
    return {
      perSecond: answer.measured / (answer.measuredMs / 1_000),
      cpuMicroseconds: (cpuMs * 1_000) / answer.acknowledged,
      othersCpuShare,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function startIngest(mode: Subject, folder: string, { cpuProfile }: Options): Promise<ChildProgram> {
  const profile = cpuProfile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(cpuProfile, mode)}`];
  return startProgram({
    name: titles[mode],
    command: process.execPath,
    args: [...profile, join(import.meta.dirname, 'peers', 'mqtt-ingest.ts'), mode, folder],
    environment: process.env,
    ready: /listens at (mqtt:\S+) /,
  });
}

async function startMosquitto(folder: string): Promise<ChildProgram | null> {
  const port = await freePort();
  const file = join(folder, 'mosquitto.conf');
  const settings = [
    `listener ${port} 127.0.0.1`,
    'allow_anonymous true',
    'persistence false',
    'set_tcp_nodelay true',
    'max_queued_messages 0',
    'log_dest stdout',
    'log_type notice',
    'log_type information',
  ];
  writeFileSync(file, `${settings.join('\n')}\n`);
  try {
    const child = await startProgram({
      name: 'Mosquitto',
      // Into a pipe it would say that it is ready only once its buffer is full.
      command: 'stdbuf',
      args: ['-oL', 'mosquitto', '-c', file],
      environment: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/usr/local/sbin` },
      ready: /mosquitto version \S+ (running)/,
    });
    return { ...child, address: `mqtt://127.0.0.1:${port}` };
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Mosquitto takes no port 0. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === 'string') throw new Error('there is no free port');
  return address.port;
}

/** What was acknowledged is there, once and in the order of each sensor. */
async function checkStream(folder: string, { connections }: Shape, acknowledged: number): Promise<string[]> {
  const { events } = defaultConfig();
  const stream = await openSqliteDurableStream({
    dataDir: folder,
    counts: { critical: events.critical_shards, bulk: events.bulk_shards },
    maxBytes: events.stream_bytes,
    clock: systemClock,
    facts: { emit: () => undefined },
    onCrash: (error) => {
      throw error;
    },
  });
  try {
    const next = new Map<string, number>();
    for (let connection = 0; connection < connections; connection += 1)
      for (let sensor = 0; sensor < sensorsPerConnection; sensor += 1)
        next.set(sensorName(connection, sensor), 0);
    let stored = 0;
    let wrong = 0;
    for (const shard of stream.shards) {
      let after: StreamPosition | null = null;
      for (;;) {
        const records = await stream.read(shard, after, { maxEntries: 5_000, maxBytes: 16 * 1_024 * 1_024 });
        if (records.length === 0) break;
        for (const { entry } of records) {
          stored += 1;
          const sensor = entry.kind === 'event' ? entry.event.sensorId : '';
          const sequence = entry.kind === 'event' ? entry.event.seq : null;
          if (sequence !== null && next.get(sensor) === sequence) next.set(sensor, sequence + 1);
          else wrong += 1;
        }
        after = records.at(-1)?.position ?? null;
      }
    }
    const problems: string[] = [];
    if (stored !== acknowledged)
      problems.push(`${acknowledged} publishes were acknowledged, ${stored} are in the stream`);
    if (wrong > 0) problems.push(`${wrong} entries of the stream are out of order or not what was sent`);
    return problems;
  } finally {
    await stream.close();
  }
}

function report(
  options: Options,
  series: readonly Series[],
  problems: readonly string[],
  notes: readonly string[],
): BenchmarkReport {
  const middle = (shape: Shape, wanted: Subject): number | null => {
    const runs = series.find((each) => each.shape === shape && each.subject === wanted)?.runs ?? [];
    return runs.length === 0 ? null : median(runs.map(({ perSecond }) => perSecond));
  };
  /** Rates turned over, since a bar is the largest value that is good enough. */
  const faster = (shape: Shape, other: Subject): number | null => {
    const [theirs, ours] = [middle(shape, other), middle(shape, 'durable')];
    return theirs === null || ours === null ? null : theirs / ours;
  };
  const rows = series
    .filter(({ runs }) => runs.length > 0)
    .map(({ runs, shape, subject }) => {
      const rates = runs.map(({ perSecond }) => perSecond);
      return [
        nameOf(shape),
        titles[subject],
        figure(median(rates)),
        figure(Math.min(...rates)),
        figure(Math.max(...rates)),
        figure(median(runs.map(({ cpuMicroseconds }) => cpuMicroseconds))),
        figure((middle(shape, 'durable') ?? 0) / median(rates)),
      ];
    });
  return {
    name: 'ingest',
    options: { ...options },
    table: {
      columns: [
        'in flight',
        'broker',
        'acknowledged/s',
        'lowest',
        'highest',
        'µs of CPU each',
        'threadhub beside it',
      ],
      rows,
    },
    bars: options.shapes.flatMap((shape) => [
      {
        what: `${nameOf(shape)}: the same with nothing kept is faster (0.9 of its rate)`,
        measured: faster(shape, 'memory'),
        atMost: 1 / 0.9,
        unit: '×',
      },
      {
        what: `${nameOf(shape)}: Mosquitto is faster (0.7 of its rate)`,
        measured: faster(shape, 'mosquitto'),
        atMost: 1 / 0.7,
        unit: '×',
      },
    ]),
    problems,
    notes,
    details: series,
  };
}

function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      shapes: { type: 'string', default: '8x100,400x1' },
      seconds: { type: 'string', default: '8' },
      repetitions: { type: 'string', default: '3' },
      'cpu-prof': { type: 'string' },
    },
  });
  return {
    shapes: values.shapes.split(',').map((text) => {
      const [connections = 0, window = 0] = text.split('x').map(Number);
      return { connections, window };
    }),
    seconds: Number(values.seconds),
    repetitions: Number(values.repetitions),
    cpuProfile: values['cpu-prof'] ?? null,
  };
}
