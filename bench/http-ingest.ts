/**
 * `http-ingest`: the k6 ramp that a sensor hub is often asked to stand. Clients post one event after the other to
 * `/event`: up to 100 in a minute, up to 1,000 in five, down to none in one; a sixth of that where nothing else is said.
 * Every post must be answered with 200, 95 % of them within 200 ms, and everything that was answered must be stored.
 */
import { parseArgs } from 'node:util';
import type { Benchmark, BenchmarkReport } from './benchmark.ts';
import { HubProcess } from './hub-process.ts';
import { type LedgerSums, settledLedger } from './ledger.ts';
import type { EventPostsAnswer, EventPostsQuestion } from './loads/event-posts.ts';
import { startLoad } from './load-process.ts';
import { cpuMsOf, machineCpuMs } from './process-usage.ts';
import { figure } from './report.ts';
import { growthExponent, percentile } from './statistics.ts';

interface Options {
  /** Seconds of the three ramps. */
  readonly seconds: readonly [number, number, number];
  readonly clients: number;
  readonly pauseMs: number;
  readonly form: EventPostsQuestion['form'];
}

interface Ramp {
  readonly from: number;
  readonly to: number;
  readonly seconds: number;
  readonly answer: EventPostsAnswer;
  readonly cpuMs: number;
}

const firstClients = 100;
const storedWithinMs = 60_000;
/** Of a core: below, what other programs take is not worth a word. */
const quietCpuShare = 0.1;

export const httpIngestBenchmark: Benchmark = {
  name: 'http-ingest',
  summary: 'up to 1,000 clients that post events one after the other',
  options: [
    '--seconds 10,50,10  of the ramps to 100 clients, to all, to none; --full is 60,300,60',
    '--clients 1000      at the top',
    '--pause 0           milliseconds of each client between two events',
    '--json              bodies as JSON; forms where absent, as k6 sends them',
  ],
  async run(argv, progress) {
    const options = readOptions(argv);
    const hub = await HubProcess.start({ settings: { THREADHUB_MQTT_ENABLED: 'false' } });
    const load = startLoad<EventPostsQuestion, EventPostsAnswer>(
      new URL('./loads/event-posts.ts', import.meta.url),
    );
    try {
      const ramps: Ramp[] = [];
      const ownCpuMs = (): number => cpuMsOf(hub.pid) + cpuMsOf(load.pid) + cpuMsOf(process.pid);
      const othersBeforeMs = machineCpuMs() - ownCpuMs();
      const startedMs = performance.now();
      let from = 0;
      for (const [index, to] of [firstClients, options.clients, 0].entries()) {
        const seconds = options.seconds[index] ?? 0;
        const cpuBeforeMs = cpuMsOf(hub.pid);
        const { form, pauseMs } = options;
        const answer = await load.ask({
          url: hub.url,
          clients: to,
          durationMs: seconds * 1_000,
          pauseMs,
          form,
        });
        const ramp = { from, to, seconds, answer, cpuMs: cpuMsOf(hub.pid) - cpuBeforeMs };
        progress(
          `${from} to ${to} clients: ${figure(answer.ok / seconds)} events/s, p95 ${figure(p95(answer))} ms, ` +
            `${answer.failed} failed`,
        );
        ramps.push(ramp);
        from = to;
      }
      const othersCpuShare =
        Math.max(0, machineCpuMs() - ownCpuMs() - othersBeforeMs) / (performance.now() - startedMs);
      const ledger = await settledLedger(hub, storedWithinMs);
      return report(options, ramps, ledger, othersCpuShare);
    } finally {
      await load.stop();
      await hub.stop();
      if (hub.errors().includes('"level"')) process.stderr.write(hub.errors().slice(0, 2_000));
    }
  },
};

const p95 = ({ latenciesMs }: EventPostsAnswer): number => percentile(latenciesMs, 0.95);

function report(
  options: Options,
  ramps: readonly Ramp[],
  ledger: LedgerSums,
  othersCpuShare: number,
): BenchmarkReport {
  const ok = ramps.reduce((sum, { answer }) => sum + answer.ok, 0);
  const failed = ramps.reduce((sum, { answer }) => sum + answer.failed, 0);
  const latenciesMs = ramps.flatMap(({ answer }) => [...answer.latenciesMs]);
  const lost = ok - ledger.stored;
  const problems = ramps.flatMap(({ answer }) => answer.failures);
  if (lost !== 0) problems.push(`${ok} events were answered with 200, and ${ledger.stored} are stored`);
  if (!ledger.balanced || ledger.dead > 0 || ledger.duplicate > 0)
    problems.push(`the ledger says ${JSON.stringify(ledger)}`);
  const row = (name: string, seconds: number, latencies: readonly number[], cpuMs: number): string[] => [
    name,
    String(latencies.length),
    figure(latencies.length / seconds),
    ...[0.5, 0.95, 0.99, 1].map((share) => figure(percentile(latencies, share))),
    figure((cpuMs * 1_000) / Math.max(1, latencies.length)),
  ];
  const total = (pick: (ramp: Ramp) => number): number => ramps.reduce((sum, ramp) => sum + pick(ramp), 0);
  return {
    name: 'http-ingest',
    options: { ...options },
    table: {
      columns: ['clients', 'posts', 'posts/s', 'p50 ms', 'p95 ms', 'p99 ms', 'max ms', 'hub CPU µs each'],
      rows: [
        ...ramps.map(({ answer, cpuMs, from, seconds, to }) =>
          row(`${from} to ${to}`, seconds, answer.latenciesMs, cpuMs),
        ),
        row(
          'all',
          total(({ seconds }) => seconds),
          latenciesMs,
          total(({ cpuMs }) => cpuMs),
        ),
      ],
    },
    bars: [
      { what: 'posts not answered with 200', measured: failed, atMost: 0, unit: '' },
      { what: 'p95 of a post', measured: percentile(latenciesMs, 0.95), atMost: 200, unit: 'ms' },
      { what: 'events lost', measured: Math.abs(lost), atMost: 0, unit: '' },
      {
        what: 'growth of CPU with posts',
        measured: growthExponent(
          ramps.slice(0, 2).map(({ answer, cpuMs }) => ({ work: answer.latenciesMs.length, cost: cpuMs })),
        ),
        atMost: 1.1,
        unit: '(exponent)',
      },
    ],
    problems,
    notes: [
      'Closed loop, as the ramp is written: a client posts again when it is answered, so that the hub is always saturated.',
      ...(othersCpuShare > quietCpuShare
        ? [
            `Other programs took ${figure(othersCpuShare)} of a core meanwhile: times are longer than they would be.`,
          ]
        : []),
    ],
    details: {
      ledger,
      othersCpuShare,
      ramps: ramps.map(({ answer, ...ramp }) => ({
        ...ramp,
        posts: answer.latenciesMs.length,
        p95Ms: p95(answer),
      })),
    },
  };
}

function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      seconds: { type: 'string', default: '10,50,10' },
      full: { type: 'boolean', default: false },
      clients: { type: 'string', default: '1000' },
      pause: { type: 'string', default: '0' },
      json: { type: 'boolean', default: false },
    },
  });
  const [up = 10, top = 50, down = 10] = values.seconds.split(',').map(Number);
  return {
    seconds: values.full ? [60, 300, 60] : [up, top, down],
    clients: Number(values.clients),
    pauseMs: Number(values.pause),
    form: values.json ? 'json' : 'form',
  };
}
