/**
 * `pipeline`: from an MQTT publish to a message on a live client's WebSocket, stored in between, at fixed rates and at the
 * highest that holds. Latencies are counted from the intended time of each event, at the client. Beside it the usual design
 * with a job queue: BullMQ on Redis, three workers, one INSERT into PostgreSQL for each job.
 *
 * Checked: every acknowledged event came to the client, once, and each sensor's in order; the ledger agrees.
 */
import { parseArgs } from 'node:util';
import type { Benchmark, BenchmarkReport } from './benchmark.ts';
import { type EventRun, runEvents, startPublishes, startReceiver, wrongOf } from './event-run.ts';
import { freePort } from './free-port.ts';
import { HubProcess } from './hub-process.ts';
import { settledLedger } from './ledger.ts';
import { type JobQueueMeasure, measureJobQueue } from './peers/job-queue.ts';
import { cpuMsOf, residentBytesOf } from './process-usage.ts';
import { figure } from './report.ts';

interface Options {
  readonly seconds: number;
  readonly rates: readonly number[];
  readonly sensors: number;
  readonly highest: boolean;
  readonly peer: boolean;
  readonly cpuProfile: string | null;
}

interface Measured extends EventRun {
  readonly perSecond: number;
  readonly holds: boolean;
  /** CPU of the hub's process for each event, all its threads. */
  readonly cpuMicroseconds: number;
  readonly residentMib: number;
}

const connections = 8;
const warmUpEvents = 6_000;
const warmUpPerSecond = 2_000;
/** What a rate must keep to be held. */
const holdsP99Ms = 500;
const holdsDrainMs = 1_000;
const searchSeconds = 10;
const searchStep = 1.25;
const searchLimitPerSecond = 100_000;
const storedWithinMs = 60_000;
const peerConcurrencies = [1, 10, 50, 200];

export const pipelineBenchmark: Benchmark = {
  name: 'pipeline',
  summary: 'MQTT to stored and live on a WebSocket, at fixed rates and the highest that holds',
  options: [
    '--seconds N          of each fixed rate; 20, and 60 with --full',
    '--rates 1000,5000,10000',
    '--sensors N          1,000',
    '--no-highest         without the search for the highest rate that holds',
    '--no-peer            without BullMQ, Redis and PostgreSQL',
    '--cpu-prof FOLDER    write the CPU profile of the hub there',
  ],
  async run(argv, progress) {
    const options = readOptions(argv);
    const mqttPort = await freePort();
    const profile = options.cpuProfile === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${options.cpuProfile}`];
    const hub = await HubProcess.start({
      mqttPort,
      nodeOptions: profile,
    });
    const publishes = startPublishes();
    const receiver = await startReceiver(`${hub.url.replace('http', 'ws')}/ws/live`, {
      type: 'subscribe',
      topics: ['events'],
    });
    const measured: Measured[] = [];
    const problems: string[] = [];
    let first = 0;
    const runAt = async (perSecond: number, events: number, waitMs: number): Promise<Measured> => {
      const cpuBeforeMs = cpuMsOf(hub.pid);
      const run = await runEvents(publishes, receiver, {
        port: mqttPort,
        connections,
        sensors: options.sensors,
        prefix: 'b',
        type: 'temperature',
        value: '21.5',
        perSecond,
        events,
        first,
        waitMs,
      });
      first += events;
      problems.push(...wrongOf(run, `${perSecond}/s`));
      const { drainMs, p99Ms } = run.received;
      return {
        ...run,
        perSecond,
        holds: p99Ms < holdsP99Ms && drainMs < holdsDrainMs,
        cpuMicroseconds: ((cpuMsOf(hub.pid) - cpuBeforeMs) * 1_000) / events,
        residentMib: residentBytesOf(hub.pid) / 2 ** 20,
      };
    };
    try {
      await runAt(warmUpPerSecond, warmUpEvents, storedWithinMs);
      for (const perSecond of options.rates) {
        const result = await runAt(perSecond, perSecond * options.seconds, storedWithinMs);
        measured.push(result);
        progress(describe(result));
      }
      const highest = options.highest ? await search(measured, runAt, progress) : null;
      const ledger = await settledLedger(hub, storedWithinMs);
      if (ledger.stored !== first || !ledger.balanced || ledger.dead + ledger.duplicate + ledger.inStream > 0)
        problems.push(`${first} events were acknowledged, and the ledger says ${JSON.stringify(ledger)}`);
      await receiver.stop();
      await publishes.stop();
      await hub.stop();
      const peers = options.peer ? await measureJobQueue(peerConcurrencies, progress) : null;
      return report(options, measured, highest, peers, problems);
    } finally {
      await receiver.stop();
      await publishes.stop();
      await hub.stop();
    }
  },
};

/** From the highest fixed rate that held, up by a quarter at a time. */
async function search(
  measured: Measured[],
  runAt: (perSecond: number, events: number, waitMs: number) => Promise<Measured>,
  progress: (line: string) => void,
): Promise<number> {
  let highest = Math.max(0, ...measured.filter(({ holds }) => holds).map(({ perSecond }) => perSecond));
  let next =
    highest === 0 ? Math.min(...measured.map(({ perSecond }) => perSecond)) / 2 : highest * searchStep;
  while (next < searchLimitPerSecond) {
    const perSecond = Math.round(next / 100) * 100;
    const result = await runAt(perSecond, perSecond * searchSeconds, storedWithinMs);
    measured.push(result);
    progress(describe(result));
    if (!result.holds) break;
    highest = perSecond;
    next = perSecond * searchStep;
  }
  return highest;
}

const describe = ({ cpuMicroseconds, holds, perSecond, received, sent }: Measured): string =>
  `${perSecond}/s: p50 ${figure(received.p50Ms)} ms, p99 ${figure(received.p99Ms)} ms, largest ${figure(received.maxMs)} ms, ` +
  `drained after ${figure(received.drainMs)} ms, ${figure(cpuMicroseconds)} µs of CPU each, sent up to ` +
  `${figure(sent.latestMs)} ms late${holds ? '' : ', NOT HELD'}`;

function report(
  options: Options,
  measured: readonly Measured[],
  highest: number | null,
  peers: JobQueueMeasure | null,
  problems: readonly string[],
): BenchmarkReport {
  const at10k = measured.find(({ perSecond }) => perSecond === 10_000);
  const asWritten = peers?.runs.find(({ concurrency }) => concurrency === 1)?.perSecond ?? null;
  const best = peers === null ? null : Math.max(0, ...peers.runs.map(({ perSecond }) => perSecond));
  const held =
    highest ?? Math.max(0, ...measured.filter(({ holds }) => holds).map(({ perSecond }) => perSecond));
  const shareOf = (rate: number | null): number | null => (rate === null || held === 0 ? null : rate / held);
  const notes = peers?.missing === null ? [] : [peers?.missing ?? 'the job queue was not measured'];
  if (measured.some(({ sent }) => sent.latestMs > 50))
    notes.push('the generator was late at times: it shares the cores; its lateness is in the latencies');
  return {
    name: 'pipeline',
    options: { ...options },
    table: {
      columns: [
        'subject',
        'events/s',
        'held',
        'p50 ms',
        'p99 ms',
        'largest ms',
        'CPU µs/event',
        'lost',
        'twice',
        'out of order',
      ],
      rows: [
        ...measured.map(({ cpuMicroseconds, holds, perSecond, received }) => [
          'threadhub',
          String(perSecond),
          holds ? 'yes' : 'no',
          figure(received.p50Ms),
          figure(received.p99Ms),
          figure(received.maxMs),
          figure(cpuMicroseconds),
          String(received.lost),
          String(received.twice),
          String(received.outOfOrder),
        ]),
        ...(peers?.runs ?? []).map(({ concurrency, outOfOrder, perSecond }) => [
          `job queue, 3 × ${concurrency} jobs at once`,
          figure(perSecond),
          'its most',
          ...['', '', '', '', '', ''],
          String(outOfOrder),
        ]),
      ],
    },
    bars: [
      {
        what: '99 % within, at 10,000 events/s',
        measured: at10k === undefined ? null : at10k.received.p99Ms,
        atMost: holdsP99Ms,
        unit: 'ms',
      },
      {
        what: 'the job queue as written, of the rate held',
        measured: shareOf(asWritten),
        atMost: 1 / 20,
        unit: '×',
      },
      {
        what: 'the job queue at its best concurrency, of the rate held',
        measured: shareOf(best),
        atMost: 1 / 10,
        unit: '×',
      },
    ],
    problems,
    notes,
    details: {
      highest,
      runs: measured.map(({ cpuMicroseconds, holds, perSecond, received, residentMib, sent }) => ({
        perSecond,
        holds,
        cpuMicroseconds,
        residentMib,
        ...received,
        generatorLateMs: sent.latestMs,
      })),
      jobQueue: peers?.runs ?? null,
    },
  };
}

function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seconds: { type: 'string' },
      full: { type: 'boolean', default: false },
      rates: { type: 'string', default: '1000,5000,10000' },
      sensors: { type: 'string', default: '1000' },
      highest: { type: 'boolean', default: true },
      peer: { type: 'boolean', default: true },
      'cpu-prof': { type: 'string' },
    },
    allowNegative: true,
  });
  const positive = (text: string, name: string): number => {
    const number = Number(text);
    if (!(number > 0)) throw new Error(`--${name} ${text} is no number above 0`);
    return number;
  };
  return {
    seconds: positive(values.seconds ?? (values.full ? '60' : '20'), 'seconds'),
    rates: values.rates.split(',').map((rate) => positive(rate, 'rates')),
    sensors: positive(values.sensors, 'sensors'),
    highest: values.highest,
    peer: values.peer,
    cpuProfile: values['cpu-prof'] ?? null,
  };
}
