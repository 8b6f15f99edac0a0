/**
 * `scan`: how long a scan takes beside the ideal, and what it costs the hub.
 *
 * Three processes: the hub, started as an operator would; simulated meshes with real agents and real CoAP; and this one,
 * which is a REST client and one browser's Socket.IO connection. A scan's time runs from the request to the arrival of
 * `scan_completed`. Every result is compared with what the mesh really is.
 */
import { parseArgs } from 'node:util';
import { io, type Socket } from 'socket.io-client';
import type { BorderRouterWire } from '../src/protocol/border-router.ts';
import type { ScanNodeResultEvent, ScanWire } from '../src/protocol/scan.ts';
import type { TopologyWire } from '../src/protocol/topology.ts';
import { createRandom } from '../src/simulator/random.ts';
import type { Benchmark } from './benchmark.ts';
import { HubProcess } from './hub-process.ts';
import { type IdealNode, idealScan } from './ideal-scan.ts';
import type { MeshNode, MeshQuestion } from './loads/simulated-mesh.ts';
import { type LoadProcess, startLoad } from './load-process.ts';
import { cpuMsOf, machineCpuMs } from './process-usage.ts';
import { figure } from './report.ts';
import { checkScan } from './scan-check.ts';
import {
  type ColdScan,
  limits,
  type Repetition,
  type Row,
  type ScanOptions,
  scanReport,
  type Size,
} from './scan-report.ts';
import { median } from './statistics.ts';

type Mesh = LoadProcess<MeshQuestion, readonly MeshNode[]>;
/** By node name, ms; null is a dead one. */
type RoundTrips = ReadonlyMap<string, number | null>;

const defaultSizes = '10x1,16x1,50x1,100x1,100x10,1000x10,1000x100';
/** The spread of round trips in a healthy mesh, ms. */
const roundTripRange = [40, 250] as const;
const deadShare = 0.05;
/** Storing and drawing the scan go on after it: this much later its cost is complete. */
const settleMs = 400;
/** Of several spans the middle one: a single collection or heartbeat would be taken for what goes on all the time. */
const idleSpanMs = 400;
const idleSpans = 5;
const completedWithinMs = 60_000;

/** Bytes of an answer in one datagram; the simulator's default, as RFC 7252 §4.6 advises. */
const answerBytes = 1_024;

export const scanBenchmark: Benchmark = {
  name: 'scan',
  summary: 'time of a scan beside the ideal, and what it costs the hub',
  options: [
    `--sizes LIST        nodes × border routers; ${defaultSizes}`,
    '--repetitions N     scans of each row, the median counts; 3',
    '--warm-ups N        scans before them, the first of which is the cold one; 10',
    '--seed N            of the meshes and the round trips; 1',
    "--cpu-prof FOLDER   write the hub's CPU profiles there",
  ],
  async run(argv, progress) {
    const options = readOptions(argv);
    const problems: string[] = [];
    const rows: Row[] = [];
    for (const size of options.sizes) rows.push(...(await measureSize(size, options, problems, progress)));
    return scanReport(options, rows, problems);
  },
};

async function measureSize(
  size: Size,
  options: ScanOptions,
  problems: string[],
  progress: (line: string) => void,
): Promise<Row[]> {
  const { cpuProfile, repetitions, seed } = options;
  const label = `${size.nodes}×${size.borderRouters}`;
  const hub = await HubProcess.start({
    // What is measured is the scans asked for here, and border routers with full buckets.
    settings: { THREADHUB_SCAN_INTERVAL: '0', THREADHUB_NODES_DISCOVER_ON_CONNECT: 'false' },
    nodeOptions: cpuProfile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${cpuProfile}`],
  });
  const mesh: Mesh = startLoad(new URL('./loads/simulated-mesh.ts', import.meta.url));
  const browser = io(hub.url, { transports: ['websocket'] });
  try {
    const nodes = await mesh.ask({
      kind: 'connect',
      hubUrl: hub.url,
      borderRouters: size.borderRouters,
      nodesPerBorderRouter: size.nodes / size.borderRouters,
      seed,
    });
    await browserConnected(browser);
    const online = (await hub.list<BorderRouterWire>('/api/border_routers')).filter(
      (router) => router.online,
    );
    if (online.length !== size.borderRouters)
      throw new Error(`${label}: ${online.length} of ${size.borderRouters} border routers are online`);

    const cold = await warmUp({ hub, mesh, browser, nodes, rounds: options.warmUps });
    const idleCpuShare = await measureIdle(hub);
    const rows: Row[] = [];
    for (const dead of [0, Math.max(1, Math.round(size.nodes * deadShare))]) {
      const row: { size: Size; dead: number; cold: ColdScan; mostDead: number; repetitions: Repetition[] } = {
        size,
        dead,
        cold,
        mostDead: 0,
        repetitions: [],
      };
      for (let repetition = 1; repetition <= repetitions; repetition += 1) {
        const roundTrips = drawRoundTrips(nodes, dead, `${seed}/${label}/${dead}/${repetition}`);
        const measured = await measureScan({ hub, mesh, browser, nodes, roundTrips, idleCpuShare });
        row.repetitions.push(measured.repetition);
        row.mostDead = Math.max(row.mostDead, mostDeadBehindOne(nodes, roundTrips));
        problems.push(...measured.problems.map((problem) => `${label}, ${dead} dead: ${problem}`));
        const { idealMs, measuredMs } = measured.repetition;
        progress(`scan ${label}, ${dead} dead: ${figure(measuredMs)} ms, ideal ${figure(idealMs)} ms`);
        await bucketsFilled(size);
      }
      rows.push(row);
    }
    return rows;
  } finally {
    browser.disconnect();
    await mesh.stop();
    await hub.stop();
    if (hub.errors() !== '') progress(`the hub said: ${hub.errors().slice(0, 2_000)}`);
  }
}

/**
 * Up to 16 nodes behind each border router, again and again, now and then with dead ones: a hub scans every quarter of an hour
 * for months, and what counts is what that costs. What the first scan after a start costs is told beside it.
 */
async function warmUp({
  hub,
  mesh,
  browser,
  nodes,
  rounds,
}: {
  readonly hub: HubProcess;
  readonly mesh: Mesh;
  readonly browser: Socket;
  readonly nodes: readonly MeshNode[];
  readonly rounds: number;
}): Promise<ColdScan> {
  const perBorderRouter = Map.groupBy(nodes, (node) => node.borderRouter);
  const some = [...perBorderRouter.values()].flatMap((behind) => behind.slice(0, 16));
  let cold: ColdScan | null = null;
  for (let round = 0; round < rounds; round += 1) {
    const silent = new Set(round % 3 === 2 ? some.filter((_, index) => index % (1 / deadShare) === 0) : []);
    const roundTripsMs = nodes.map((node) => [node.name, silent.has(node) ? null : 40] as const);
    await mesh.ask({ kind: 'set', roundTripsMs: Object.fromEntries(roundTripsMs) });
    const filter = { nodes: some.map(({ name }) => name) };
    const cpuBeforeMs = cpuMsOf(hub.pid);
    // A filter of a thousand names is no part of the measurement, and nothing is needed where all are meant.
    const { measuredMs } = await runScan(hub, browser, some.length === nodes.length ? {} : filter);
    await pause(settleMs);
    cold ??= { nodes: some.length, measuredMs, hubCpuMs: cpuMsOf(hub.pid) - cpuBeforeMs };
    // A border router that is too busy would have its nodes asked again.
    await bucketsFilled({ nodes: some.length, borderRouters: perBorderRouter.size });
  }
  await pause((limits.burst / limits.tokensPerSecond) * 1_000);
  if (cold === null) throw new RangeError('there was no first scan');
  return cold;
}

/** The hub's share of a core while nothing is asked. */
async function measureIdle(hub: HubProcess): Promise<number> {
  const shares: number[] = [];
  for (let span = 0; span < idleSpans; span += 1) {
    const beforeMs = cpuMsOf(hub.pid);
    const startedMs = performance.now();
    await pause(idleSpanMs);
    shares.push((cpuMsOf(hub.pid) - beforeMs) / (performance.now() - startedMs));
  }
  return median(shares);
}

async function measureScan({
  hub,
  mesh,
  browser,
  nodes,
  roundTrips,
  idleCpuShare,
}: {
  readonly hub: HubProcess;
  readonly mesh: Mesh;
  readonly browser: Socket;
  readonly nodes: readonly MeshNode[];
  readonly roundTrips: RoundTrips;
  readonly idleCpuShare: number;
}): Promise<{ readonly repetition: Repetition; readonly problems: readonly string[] }> {
  const truth = await mesh.ask({ kind: 'set', roundTripsMs: Object.fromEntries(roundTrips) });
  const cpuBeforeMs = cpuMsOf(hub.pid);
  const meshCpuBeforeMs = cpuMsOf(mesh.pid);
  const ownCpuMs = (): number => cpuMsOf(hub.pid) + cpuMsOf(mesh.pid) + cpuMsOf(process.pid);
  const othersBeforeMs = machineCpuMs() - ownCpuMs();
  const cpuStartedMs = performance.now();
  const { lastResultMs, leftOut, measuredMs, results, scanId } = await runScan(hub, browser, {});
  await pause(settleMs);
  const elapsedMs = performance.now() - cpuStartedMs;
  const hubCpuMs = cpuMsOf(hub.pid) - cpuBeforeMs - idleCpuShare * elapsedMs;
  const othersCpuShare = Math.max(0, machineCpuMs() - ownCpuMs() - othersBeforeMs) / elapsedMs;

  const meshCpuMs = cpuMsOf(mesh.pid) - meshCpuBeforeMs;

  const scan = await hub.get<ScanWire>(`/api/scans/${scanId}`);
  const topology = await hub.get<TopologyWire>('/api/topology');
  const ideal = idealNodes(scan, nodes, roundTrips);
  const living = ideal.filter(({ roundTripsMs }) => roundTripsMs !== null);
  const exchanges = living.reduce((sum, { roundTripsMs }) => sum + (roundTripsMs?.length ?? 0), 0);
  return {
    repetition: {
      measuredMs,
      idealMs: idealScan(ideal, limits).durationMs,
      hubCpuMs,
      hubDurationMs: scan.duration_ms ?? 0,
      lastResultMs,
      meshCpuMs,
      idleCpuShare,
      othersCpuShare,
      leftOut,
      exchangesPerNode: exchanges / living.length,
    },
    problems: [
      ...checkScan({ scan, topology, results, truth, roundTrips }),
      ...(leftOut === 0 ? [] : [`the hub found the browser slow and left out ${leftOut} events`]),
    ],
  };
}

/** Time from the request to the arrival of `scan_completed`, and what a browser was told on the way. */
async function runScan(
  hub: HubProcess,
  browser: Socket,
  filter: object,
): Promise<{
  readonly scanId: string;
  readonly measuredMs: number;
  readonly lastResultMs: number;
  readonly leftOut: number;
  readonly results: readonly ScanNodeResultEvent[];
}> {
  const results: ScanNodeResultEvent[] = [];
  let lastResultAtMs = performance.now();
  let leftOut = 0;
  const onGap = ({ dropped }: { readonly dropped: number }): void => void (leftOut += dropped);
  const onResult = (result: ScanNodeResultEvent): void => {
    results.push(result);
    lastResultAtMs = performance.now();
  };
  let timer: NodeJS.Timeout | undefined;
  const completed = new Promise<{ scanId: string; atMs: number }>((resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no scan_completed within ${completedWithinMs / 1_000} s`)),
      completedWithinMs,
    );
    // No other scan runs: the next end is this one's.
    browser.once('scan_completed', (scan: { readonly scan_id: string }) =>
      resolve({ scanId: scan.scan_id, atMs: performance.now() }),
    );
  });
  browser.on('scan_node_result', onResult);
  browser.on('gap', onGap);
  try {
    const startedMs = performance.now();
    const { scan_id: scanId } = await hub.post<{ scan_id: string }>('/api/trigger_scan', filter);
    const end = await completed;
    if (end.scanId !== scanId) throw new Error(`scan ${end.scanId} ended while ${scanId} was asked for`);
    return {
      scanId,
      measuredMs: end.atMs - startedMs,
      lastResultMs: lastResultAtMs - startedMs,
      leftOut,
      results,
    };
  } finally {
    clearTimeout(timer);
    browser.off('scan_node_result', onResult);
    browser.off('gap', onGap);
  }
}

/** In the order in which the hub asks, with one round trip for each block of the answer that this scan got. */
function idealNodes(scan: ScanWire, nodes: readonly MeshNode[], roundTrips: RoundTrips): IdealNode[] {
  const borderRouterOf = new Map(nodes.map(({ borderRouter, name }) => [name, borderRouter]));
  return scan.nodes.map(({ name, network_info: networkInfo }) => {
    const roundTripMs = roundTrips.get(name) ?? null;
    const bytes = networkInfo === null ? 1 : Buffer.byteLength(JSON.stringify(networkInfo));
    return {
      name,
      borderRouter: borderRouterOf.get(name) ?? '',
      roundTripsMs:
        roundTripMs === null
          ? null
          : Array.from({ length: Math.ceil(bytes / answerBytes) }, () => roundTripMs),
    };
  });
}

/** The same label gives the same times. Whole milliseconds, as timers have them. */
function drawRoundTrips(nodes: readonly MeshNode[], dead: number, label: string): RoundTrips {
  const random = createRandom(1, label);
  const silent = new Set(random.shuffle(nodes).slice(0, dead));
  return new Map(
    nodes.map((node) => [node.name, silent.has(node) ? null : random.integer(...roundTripRange)]),
  );
}

function mostDeadBehindOne(nodes: readonly MeshNode[], roundTrips: RoundTrips): number {
  const dead = nodes.filter(({ name }) => roundTrips.get(name) === null);
  const counts = Map.groupBy(dead, ({ borderRouter }) => borderRouter).values();
  return Math.max(0, ...[...counts].map(({ length }) => length));
}

/** The next scan finds full buckets again, as the ideal has them. */
function bucketsFilled({ borderRouters, nodes }: Size): Promise<void> {
  const tokens = Math.min(limits.burst, nodes / borderRouters);
  return pause((tokens / limits.tokensPerSecond) * 1_000);
}

function browserConnected(browser: Socket): Promise<void> {
  if (browser.connected) return Promise.resolve();
  return new Promise((resolve, reject) => {
    browser.once('connect', resolve);
    browser.once('connect_error', reject);
  });
}

const pause = (durationMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, durationMs));

function readOptions(argv: readonly string[]): ScanOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      sizes: { type: 'string', default: defaultSizes },
      repetitions: { type: 'string', default: '3' },
      'warm-ups': { type: 'string', default: '10' },
      seed: { type: 'string', default: '1' },
      'cpu-prof': { type: 'string' },
    },
  });
  const sizes = values.sizes.split(',').map((text): Size => {
    const [, nodes, borderRouters] = /^(\d+)x(\d+)$/.exec(text.trim()) ?? [];
    const size = { nodes: Number(nodes), borderRouters: Number(borderRouters) };
    if (nodes === undefined || size.borderRouters === 0 || size.nodes % size.borderRouters !== 0)
      throw new RangeError(`--sizes: "${text}" is not NODESxBORDER_ROUTERS with as many nodes behind each`);
    return size;
  });
  return {
    sizes,
    repetitions: Math.max(1, Number(values.repetitions)),
    warmUps: Math.max(1, Number(values['warm-ups'])),
    seed: Number(values.seed),
    cpuProfile: values['cpu-prof'] ?? null,
  };
}
