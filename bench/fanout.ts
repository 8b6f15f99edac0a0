/**
 * `fanout`: what it costs to give the same messages to a hundred live clients, one of which has stopped reading, beside
 * four other ways to do it on the same load.
 *
 * All servers run at once, pinned to one core, idle but for the one that is measured; the clients are one process on
 * another core. A cost is the CPU time of the server's process by messages delivered: counted where they arrive.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Benchmark, BenchmarkReport } from './benchmark.ts';
import { type ChildProgram, startProgram } from './child-program.ts';
import type { FanoutAnswer, FanoutQuestion, FanoutServer } from './loads/fanout-receivers.ts';
import { type LoadProcess, startLoad } from './load-process.ts';
import { cpuMsOf } from './process-usage.ts';
import { figure } from './report.ts';
import { median } from './statistics.ts';

interface Options {
  readonly clients: number;
  readonly rates: readonly number[];
  readonly seconds: number;
  readonly repetitions: number;
  readonly cpuProfile: string | null;
}

interface Way {
  readonly name: string;
  readonly server: FanoutServer;
  readonly paused: number;
  readonly program: ChildProgram;
}

interface Run {
  readonly way: string;
  readonly rate: number;
  readonly deliveries: number;
  /** Of the server, µs. */
  readonly cpuEach: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  readonly latencyMaxMs: number;
  /** Of the clients' process, of one core. */
  readonly clientShare: number;
}

type Load = LoadProcess<FanoutQuestion, FanoutAnswer>;

const peers = join(import.meta.dirname, 'peers');
const bunFolder = join(peers, 'bun');
/** Enough for a median at two messages a second. */
const fewestMessages = 16;
/** Above it the clients, not the server, decide what is measured. */
const busiestClient = 0.8;
const threadhubAllReading = 'threadhub, nobody paused';

export const fanoutBenchmark: Benchmark = {
  name: 'fanout',
  summary: 'CPU for each message delivered to a hundred live clients',
  options: [
    '--clients N         100, the last one paused',
    '--rates LIST        messages a second; 2,20,400',
    '--seconds N         of each run; 4',
    '--repetitions N     of each server and rate; 5',
    "--cpu-prof FOLDER   write Threadhub's CPU profile there",
  ],
  async run(argv, progress) {
    const options = readOptions(argv);
    const notes: string[] = [];
    const bun = installBun(notes, progress);
    const programs = await startServers(bun, options);
    const load: Load = startLoad(new URL('./loads/fanout-receivers.ts', import.meta.url));
    const pinned = availableParallelism() > 1 && pin(load.pid, 1);
    if (!pinned) notes.push('server and clients share their cores: there is one, or no `taskset`');
    try {
      const runs: Run[] = [];
      const problems: string[] = [];
      for (let repetition = 0; repetition < options.repetitions; repetition += 1) {
        for (const rate of options.rates) {
          for (const way of waysOf(programs)) {
            if (way.name === threadhubAllReading && rate !== Math.max(...options.rates)) continue;
            const run = await measure(way, rate, load, options, problems);
            if (run === null) continue;
            runs.push(run);
            progress(
              `${way.name}, ${rate}/s: ${figure(run.cpuEach)} µs, p99 ${figure(run.latencyP99Ms)} ms, clients ${figure(run.clientShare * 100)} %`,
            );
          }
        }
      }
      return report(options, runs, problems, notes);
    } finally {
      await load.stop();
      for (const program of Object.values(programs)) await program?.stop();
    }
  },
};

/** Not a dependency of Threadhub: a hundred megabytes, for this alone. Null where it cannot be had. */
function installBun(notes: string[], progress: (line: string) => void): string | null {
  const program = join(bunFolder, 'node_modules', '.bin', 'bun');
  try {
    if (!existsSync(program)) {
      progress('installing Bun into bench/peers/bun');
      execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], {
        cwd: bunFolder,
        stdio: 'pipe',
      });
    }
    execFileSync(program, ['--version'], { stdio: 'pipe' });
    return program;
  } catch (error) {
    notes.push(`Bun could not be installed, its bar is not measured: ${String(error).slice(0, 200)}`);
    return null;
  }
}

type Programs = Readonly<Record<'threadhub' | 'naive' | 'once' | 'socketIo' | 'bun', ChildProgram | null>>;

async function startServers(bun: string | null, { cpuProfile }: Options): Promise<Programs> {
  const start = (name: string, command: string, args: readonly string[]): Promise<ChildProgram> =>
    startProgram({ name, command, args, environment: process.env, ready: /is at (http:\/\/[^\s,]+)/ });
  const file = (name: string): string => join(peers, 'fanout', name);
  const node = process.execPath;
  const profile = cpuProfile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${cpuProfile}`];
  const programs = {
    threadhub: await start('threadhub', node, [...profile, file('threadhub.ts')]),
    naive: await start('ws naive', node, [file('ws.ts'), 'naive']),
    once: await start('ws once', node, [file('ws.ts'), 'once']),
    socketIo: await start('Socket.IO', node, [file('socket-io.ts')]),
    bun: bun === null ? null : await start('Bun', bun, [file('bun-publish.ts')]),
  };
  if (availableParallelism() > 1)
    for (const program of Object.values(programs)) if (program !== null) pin(program.pid, 0);
  return programs;
}

function waysOf({ bun, naive, once, socketIo, threadhub }: Programs): Way[] {
  const way = (name: string, server: FanoutServer, program: ChildProgram | null, paused = 1): Way[] =>
    program === null ? [] : [{ name, server, program, paused }];
  return [
    ...way('threadhub', 'threadhub', threadhub),
    ...way('ws naive', 'plain', naive),
    ...way('ws stringify-once', 'plain', once),
    ...way('Socket.IO', 'socket.io', socketIo),
    ...way("Bun's publish", 'plain', bun),
    ...way(threadhubAllReading, 'threadhub', threadhub, 0),
  ];
}

/** All threads of a process on one core; false where that cannot be done. */
function pin(pid: number, core: number): boolean {
  try {
    execFileSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}

/** Null where the clients were too busy for the figure to mean anything. */
async function measure(
  { name, paused, program, server }: Way,
  rate: number,
  load: Load,
  { clients, seconds }: Options,
  problems: string[],
): Promise<Run | null> {
  await load.ask({ kind: 'connect', url: program.address, server, clients, paused });
  const publish = async (messages: number): Promise<void> => {
    await (await fetch(`${program.address}/publish?rate=${rate}&messages=${messages}`)).text();
    await pause(200);
  };
  // The paused client is behind by then, the windows and the code are warm.
  await publish(Math.max(4, rate * 3));
  await load.ask({ kind: 'collect' });
  const messages = Math.max(fewestMessages, rate * seconds);
  const cpuBeforeMs = cpuMsOf(program.pid);
  const startedMs = performance.now();
  await publish(messages);
  const cpuMs = cpuMsOf(program.pid) - cpuBeforeMs;
  const elapsedMs = performance.now() - startedMs;
  const answer = await load.ask({ kind: 'collect' });
  await load.ask({ kind: 'close' });
  await pause(200);
  const deliveries = messages * (clients - paused);
  if (answer.received !== deliveries || answer.wrong > 0) {
    problems.push(
      `${name} at ${rate}/s delivered ${answer.received} of ${deliveries} messages, ${answer.wrong} of them out of order or announced as missing`,
    );
  }
  const clientShare = answer.cpuMs / elapsedMs;
  return clientShare > busiestClient
    ? null
    : {
        way: name,
        rate,
        deliveries,
        cpuEach: (cpuMs * 1_000) / deliveries,
        clientShare,
        ...latenciesOf(answer),
      };
}

const latenciesOf = ({ latencyMaxMs, latencyP50Ms, latencyP99Ms }: FanoutAnswer) => ({
  latencyP50Ms,
  latencyP99Ms,
  latencyMaxMs,
});

const pause = (durationMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, durationMs));

function report(
  options: Options,
  runs: readonly Run[],
  problems: readonly string[],
  notes: readonly string[],
): BenchmarkReport {
  const ofWay = (way: string, rate: number): Run[] =>
    runs.filter((run) => run.way === way && run.rate === rate);
  const cost = (way: string, rate: number): number | null => {
    const costs = ofWay(way, rate).map(({ cpuEach }) => cpuEach);
    return costs.length === 0 ? null : median(costs);
  };
  const ratio = (way: string, rate: number): number | null => {
    const [own, other] = [cost('threadhub', rate), cost(way, rate)];
    return own === null || other === null ? null : own / other;
  };
  const rows = [...Map.groupBy(runs, ({ rate, way }) => `${rate} ${way}`).values()].map((group) => {
    const [{ rate, way } = { rate: 0, way: '' }] = group;
    const costs = group.map(({ cpuEach }) => cpuEach);
    const middle = (pick: (run: Run) => number): string => figure(median(group.map(pick)));
    return [
      way,
      String(rate),
      figure(median(costs)),
      `${figure(Math.min(...costs))}–${figure(Math.max(...costs))}`,
      middle(({ latencyP50Ms }) => latencyP50Ms),
      middle(({ latencyP99Ms }) => latencyP99Ms),
      middle(({ latencyMaxMs }) => latencyMaxMs),
      middle(({ clientShare }) => clientShare * 100),
      String(group.length),
    ];
  });
  const [unpaused, paused] = [ofWay(threadhubAllReading, 400), ofWay('threadhub', 400)];
  const latencyRatio =
    unpaused.length === 0 || paused.length === 0
      ? null
      : median(paused.map(({ latencyP99Ms }) => latencyP99Ms)) /
        median(unpaused.map(({ latencyP99Ms }) => latencyP99Ms));
  const own = cost('threadhub', 400);
  const allReading = cost(threadhubAllReading, 400);
  return {
    name: 'fanout',
    options: { ...options },
    table: {
      columns: [
        'server',
        'messages/s',
        'µs each',
        'from–to',
        'p50 ms',
        'p99 ms',
        'max ms',
        'clients, % of a core',
        'runs',
      ],
      rows,
    },
    bars: [
      { what: "400/s beside Bun's publish", measured: ratio("Bun's publish", 400), atMost: 0.5, unit: '×' },
      { what: '400/s beside ws naive', measured: ratio('ws naive', 400), atMost: 0.25, unit: '×' },
      { what: '20/s beside plain ws', measured: ratio('ws stringify-once', 20), atMost: 1.1, unit: '×' },
      { what: '2/s beside plain ws', measured: ratio('ws stringify-once', 2), atMost: 1.1, unit: '×' },
      {
        what: 'what a paused reader adds to the cost of the others',
        measured: own === null || allReading === null ? null : own / allReading,
        atMost: 1.1,
        unit: '×',
      },
      {
        what: "what a paused reader adds to the others' p99",
        measured: latencyRatio,
        atMost: 1.2,
        unit: '×',
      },
    ],
    problems,
    notes,
    details: { runs },
  };
}

function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      clients: { type: 'string', default: '100' },
      rates: { type: 'string', default: '2,20,400' },
      seconds: { type: 'string', default: '4' },
      repetitions: { type: 'string', default: '5' },
      'cpu-prof': { type: 'string' },
    },
  });
  return {
    clients: Number(values.clients),
    rates: values.rates.split(',').map(Number),
    seconds: Number(values.seconds),
    repetitions: Number(values.repetitions),
    cpuProfile: values['cpu-prof'] ?? null,
  };
}
