/**
 * `connections`: what it costs the hub to hold ten thousand border routers that send their heartbeats, beside a plain `ws`
 * server that holds as many and parses the same frames.
 *
 * Hub and peer run one after the other, each in its own process, with the same load from a third. Memory is compared after
 * a full garbage collection, which the inspector asks of both alike: what is left is what connections need.
 */
import { parseArgs } from 'node:util';
import { join } from 'node:path';
import type { BorderRouterWire } from '../src/protocol/border-router.ts';
import type { Benchmark, BenchmarkReport } from './benchmark.ts';
import { type ChildProgram, startProgram } from './child-program.ts';
import { HubProcess, inspectorFlag, inspectorLine } from './hub-process.ts';
import { Inspector } from './inspector.ts';
import type { HeartbeatsAnswer, HeartbeatsQuestion } from './loads/heartbeats.ts';
import { type LoadProcess, startLoad } from './load-process.ts';
import { cpuMsOf, residentBytesOf } from './process-usage.ts';
import { figure } from './report.ts';
import { growthExponent } from './statistics.ts';

interface Options {
  readonly connections: number;
  readonly seconds: number;
  readonly intervalMs: number;
  readonly cpuProfile: string | null;
}

interface Memory {
  /** In RAM as it was, and after a full garbage collection. */
  readonly residentBytes: number;
  readonly residentBytesCollected: number;
  /** JavaScript heap and what it holds outside, after the collection. */
  readonly heapBytes: number;
}

interface Held {
  readonly connections: number;
  /** Per connection, beyond the same process without any. */
  readonly residentBytes: number;
  readonly residentBytesCollected: number;
  readonly heapBytes: number;
  /** Of one core. */
  readonly cpuShare: number;
  readonly heartbeatsPerSecond: number;
  /** How late the load generator sent, ms: its own stalls, and the receiver's where sockets were full. */
  readonly latenessP99Ms: number;
}

/** What is measured: the hub or its peer. */
interface Subject {
  readonly name: string;
  readonly pid: number;
  readonly url: string;
  readonly inspectorUrl: string;
  /** Connections that it has, and heartbeats that it has taken since it started. */
  counts(): Promise<{ readonly connections: number; readonly heartbeats: number }>;
  stop(): Promise<void>;
}

type Load = LoadProcess<HeartbeatsQuestion, HeartbeatsAnswer>;

/** The first half is held this long: enough to see how the costs grow. */
const halfSpanMs = 8_000;
const settleMs = 2_000;

export const connectionsBenchmark: Benchmark = {
  name: 'connections',
  summary: 'memory and CPU of border routers that only send heartbeats',
  options: [
    '--connections N     10000',
    '--seconds N         held and measured; 30',
    '--interval N        seconds between heartbeats; 10',
    "--cpu-prof FOLDER   write the hub's CPU profile there",
  ],
  async run(argv, progress) {
    const options = readOptions(argv);
    const { connections } = options;
    const problems: string[] = [];
    const hub = await startHub(options);
    const [half, full] = await measure(
      hub,
      [Math.ceil(connections / 2), connections],
      options,
      problems,
      progress,
    );
    const peer = await startPeer();
    const [plain] = await measure(peer, [connections], options, problems, progress);
    if (half === undefined || full === undefined || plain === undefined)
      throw new Error('nothing was measured');
    return report(options, { half, full, plain }, problems);
  },
};

async function startHub({ cpuProfile }: Options): Promise<Subject> {
  const hub = await HubProcess.start({
    inspectable: true,
    nodeOptions: cpuProfile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${cpuProfile}`],
  });
  return {
    name: 'threadhub',
    pid: hub.pid,
    url: hub.url,
    inspectorUrl: hub.inspectorUrl ?? '',
    async counts() {
      const listed = await hub.list<BorderRouterWire>('/api/border_routers');
      const online = listed.filter((borderRouter) => borderRouter.online).length;
      const up = await hub.metric('threadhub_border_router_up');
      if (up !== online) throw new Error(`REST has ${online} border routers online, /metrics ${up}`);
      return { connections: online, heartbeats: await hub.metric('threadhub_heartbeats_total') };
    },
    async stop() {
      await hub.stop();
      if (hub.errors().includes('"level"')) process.stderr.write(hub.errors().slice(0, 2_000));
    },
  };
}

async function startPeer(): Promise<Subject> {
  const child: ChildProgram = await startProgram({
    name: 'plain ws',
    command: process.execPath,
    args: [join(import.meta.dirname, 'peers', 'plain-ws.ts')],
    environment: { ...process.env, NODE_OPTIONS: inspectorFlag },
    ready: /is at (http:\/\/[^\s,]+)/,
    inspector: inspectorLine,
  });
  return {
    name: 'plain ws',
    pid: child.pid,
    url: child.address,
    inspectorUrl: child.inspectorUrl ?? '',
    counts: async () =>
      (await (await fetch(child.address)).json()) as { connections: number; heartbeats: number },
    stop: () => child.stop(),
  };
}

/** Holds each number of connections in turn; the last one for the whole span. */
async function measure(
  subject: Subject,
  steps: readonly number[],
  options: Options,
  problems: string[],
  progress: (line: string) => void,
): Promise<Held[]> {
  const { intervalMs, seconds } = options;
  const load: Load = startLoad(new URL('./loads/heartbeats.ts', import.meta.url));
  const inspector = await Inspector.connect(subject.inspectorUrl);
  try {
    await pause(settleMs);
    const idle = await memoryOf(subject, inspector);
    const held: Held[] = [];
    for (const connections of steps) {
      await load.ask({ kind: 'open', url: subject.url, connections, intervalMs });
      // Every connection has sent once before its cost is taken.
      await pause(intervalMs + settleMs);
      const spanMs = connections === steps.at(-1) ? seconds * 1_000 : halfSpanMs;
      held.push(await hold(subject, { load, inspector, idle, connections, spanMs }));
      const { cpuShare, residentBytesCollected } = held.at(-1) as Held;
      progress(
        `${subject.name}, ${connections} connections: ${figure(residentBytesCollected / 1_024)} KiB each, ` +
          `${figure(cpuShare * 100)} % of a core`,
      );
    }
    problems.push(...(await check(subject, load, steps.at(-1) ?? 0)));
    return held;
  } finally {
    inspector.close();
    await load.stop();
    await subject.stop();
  }
}

async function hold(
  subject: Subject,
  {
    load,
    inspector,
    idle,
    connections,
    spanMs,
  }: {
    readonly load: Load;
    readonly inspector: Inspector;
    readonly idle: Memory;
    readonly connections: number;
    readonly spanMs: number;
  },
): Promise<Held> {
  const before = await load.ask({ kind: 'look' });
  const cpuBeforeMs = cpuMsOf(subject.pid);
  const startedMs = performance.now();
  await pause(spanMs);
  const cpuMs = cpuMsOf(subject.pid) - cpuBeforeMs;
  const elapsedMs = performance.now() - startedMs;
  const after = await load.ask({ kind: 'look' });
  const memory = await memoryOf(subject, inspector);
  const each = (pick: (memory: Memory) => number): number => (pick(memory) - pick(idle)) / connections;
  return {
    connections,
    residentBytes: each(({ residentBytes }) => residentBytes),
    residentBytesCollected: each(({ residentBytesCollected }) => residentBytesCollected),
    heapBytes: each(({ heapBytes }) => heapBytes),
    cpuShare: cpuMs / elapsedMs,
    heartbeatsPerSecond: (after.sent - before.sent) / (elapsedMs / 1_000),
    latenessP99Ms: after.latenessP99Ms,
  };
}

async function memoryOf(subject: Subject, inspector: Inspector): Promise<Memory> {
  const residentBytes = residentBytesOf(subject.pid);
  await inspector.collectGarbage();
  // Freed pages go back to the system a little later.
  await pause(500);
  const { external, heapUsed } = await inspector.memoryUsage();
  return {
    residentBytes,
    residentBytesCollected: residentBytesOf(subject.pid),
    heapBytes: heapUsed + external,
  };
}

/** Nobody was lost, and every heartbeat was counted. */
async function check(subject: Subject, load: Load, connections: number): Promise<string[]> {
  await load.ask({ kind: 'pause' });
  await pause(1_000);
  const { lost, open, sent } = await load.ask({ kind: 'look' });
  const counts = await subject.counts();
  const problems: string[] = [];
  if (lost > 0 || open !== connections)
    problems.push(`${subject.name}: ${open} of ${connections} connections are open, ${lost} were lost`);
  if (counts.connections !== connections)
    problems.push(`${subject.name} counts ${counts.connections} connections, not ${connections}`);
  if (counts.heartbeats !== sent)
    problems.push(`${subject.name} counts ${counts.heartbeats} heartbeats of ${sent} that were sent`);
  return problems;
}

const pause = (durationMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, durationMs));

function report(
  options: Options,
  { full, half, plain }: { readonly half: Held; readonly full: Held; readonly plain: Held },
  problems: readonly string[],
): BenchmarkReport {
  const row = (name: string, held: Held): string[] => [
    name,
    String(held.connections),
    figure(held.residentBytesCollected / 1_024),
    figure(held.residentBytes / 1_024),
    figure(held.heapBytes / 1_024),
    figure(held.cpuShare * 100),
    figure(held.heartbeatsPerSecond),
    figure(held.latenessP99Ms),
  ];
  const growth = (pick: (held: Held) => number): number | null =>
    growthExponent([half, full].map((held) => ({ work: held.connections, cost: pick(held) })));
  // Of the heap: pages of the process come in steps that say nothing of growth.
  const memoryGrowth = growth((held) => held.heapBytes * held.connections);
  const cpuGrowth = growth(({ cpuShare }) => cpuShare);
  return {
    name: 'connections',
    options: { ...options },
    table: {
      columns: [
        'server',
        'connections',
        'KiB each',
        'KiB each, uncollected',
        'KiB of heap each',
        '% of a core',
        'heartbeats/s',
        'sent late, p99 ms',
      ],
      rows: [row('threadhub', half), row('threadhub', full), row('plain ws', plain)],
    },
    bars: [
      {
        what: 'memory a connection beside plain ws',
        measured: full.residentBytesCollected / plain.residentBytesCollected,
        atMost: 1.3,
        unit: '×',
      },
      { what: 'CPU of the hub', measured: full.cpuShare * 100, atMost: 25, unit: '% of a core' },
      { what: 'growth of heap with connections', measured: memoryGrowth, atMost: 1.1, unit: '(exponent)' },
      { what: 'growth of CPU with connections', measured: cpuGrowth, atMost: 1.1, unit: '(exponent)' },
    ],
    problems,
    notes: [],
    details: { threadhub: { half, full }, plainWs: plain },
  };
}

function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      connections: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '30' },
      interval: { type: 'string', default: '10' },
      'cpu-prof': { type: 'string' },
    },
  });
  return {
    connections: Number(values.connections),
    seconds: Number(values.seconds),
    intervalMs: Number(values.interval) * 1_000,
    cpuProfile: values['cpu-prof'] ?? null,
  };
}
