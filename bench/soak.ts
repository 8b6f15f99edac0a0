/**
 * `npm run soak -- [--hours 24] [--speed 240] [--sensors 200]`: a day of a house, passed in minutes, on a hub as it is
 * shipped; retention is as much shorter. Prints a table, what was wrong and one JSON line; exit code 1 where something was.
 *
 * Checked: the ledger balances and has what was acknowledged; every acknowledged event was stored, those with numbers once
 * and in the order of their sensor; once retention has set in, neither memory nor files grow.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BenchmarkReport } from './benchmark.ts';
import { freePort } from './free-port.ts';
import { HubProcess } from './hub-process.ts';
import { type LedgerSums, settledLedger } from './ledger.ts';
import { type LoadProcess, startLoad } from './load-process.ts';
import type { SoakHouseAnswer, SoakHouseQuestion } from './loads/soak-house.ts';
import { describeMachine } from './machine.ts';
import { monotonicMs } from './monotonic.ts';
import { cpuMsOf, residentBytesOf } from './process-usage.ts';
import { figure, printReport } from './report.ts';

interface Options {
  readonly hours: number;
  readonly speed: number;
  readonly sensors: number;
}

interface Sample {
  /** Since the start, hours of the simulated day. */
  readonly hour: number;
  readonly residentMib: number;
  /** Just after a collection it is what is held; between two, what was thrown away as well. */
  readonly heapMib: number;
  readonly filesMib: number;
  readonly logsMib: number;
  readonly streamEntries: number;
  readonly stored: number;
}

const mib = 2 ** 20;
const samples = 96;
const storedWithinMs = 60_000;
/** A garbage collector has its own rhythm. */
const noiseOfMemory = { share: 0.1, mib: 48 };
/** Retention looks once a minute, so that what it keeps swings between one and two; a lower speed finds less. */
const noiseOfFiles = { share: 0.3, mib: 4 };
/** A write-ahead log is begun anew near 64 MiB. */
const longestLogMib = 96;

/** What a day's retention is in the minutes of this run; the shortest that the keys allow. */
const settings = {
  THREADHUB_EVENTS_KEEP_RAW: '1min',
  THREADHUB_EVENTS_KEEP_MINUTES: '1min',
  THREADHUB_EVENTS_KEEP_HOURS: '1h',
  THREADHUB_EVENTS_KEEP_DEAD_LETTERS: '1min',
  THREADHUB_EVENTS_DEDUP_WINDOW: '30s',
  THREADHUB_LIVE_RESUME_MESSAGES: '20000',
  THREADHUB_MQTT_SESSION_MESSAGES: '1000',
};

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      hours: { type: 'string', default: '24' },
      speed: { type: 'string', default: '240' },
      sensors: { type: 'string', default: '200' },
    },
  });
  const options = {
    hours: positive(values.hours, 'hours'),
    speed: positive(values.speed, 'speed'),
    sensors: positive(values.sensors, 'sensors'),
  };
  const report = await soak(options, (line) => process.stderr.write(`  ${line}\n`));
  printReport(report, describeMachine(), (text) => process.stdout.write(text));
  return report.problems.length === 0 ? 0 : 1;
}

async function soak(
  { hours, sensors, speed }: Options,
  progress: (line: string) => void,
): Promise<BenchmarkReport> {
  const mqttPort = await freePort();
  let dataDir = '';
  const hub = await HubProcess.start({
    mqttPort,
    settings,
    prepare: (folder) => {
      dataDir = folder;
      return Promise.resolve();
    },
  });
  const house = startLoad<SoakHouseQuestion, SoakHouseAnswer>(
    new URL('./loads/soak-house.ts', import.meta.url),
  );
  try {
    const brokerUrl = `mqtt://127.0.0.1:${mqttPort}`;
    await house.ask({ kind: 'start', url: hub.url, brokerUrl, sensors, speed });
    const startedAtMs = monotonicMs();
    const durationMs = (hours * 3_600_000) / speed;
    const taken: Sample[] = [];
    for (let index = 1; index <= samples; index += 1) {
      const dueInMs = startedAtMs + (index * durationMs) / samples - monotonicMs();
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueInMs)));
      const sample = await look(hub, dataDir, ((monotonicMs() - startedAtMs) / 3_600_000) * speed);
      taken.push(sample);
      if (index % (samples / 24) === 0) progress(describe(sample));
    }
    return await judge({ hub, house, options: { hours, speed, sensors }, taken });
  } finally {
    await house.stop();
    await hub.stop();
  }
}

async function look(hub: HubProcess, dataDir: string, hour: number): Promise<Sample> {
  const [heap, streamEntries, stored] = await Promise.all([
    hub.metric('threadhub_nodejs_heap_size_used_bytes'),
    hub.metric('threadhub_stream_depth'),
    hub.metric('threadhub_events_stored_total'),
  ]);
  return {
    hour,
    residentMib: residentBytesOf(hub.pid) / mib,
    heapMib: heap / mib,
    filesMib: sizeOf(dataDir, '.db') / mib,
    logsMib: sizeOf(dataDir, '-wal') / mib,
    streamEntries,
    stored,
  };
}

function sizeOf(folder: string, ending: string): number {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

const describe = (sample: Sample): string =>
  `hour ${figure(sample.hour)}: ${figure(sample.residentMib)} MiB resident, heap ${figure(sample.heapMib)} MiB, files ` +
  `${figure(sample.filesMib)} MiB and logs ${figure(sample.logsMib)} MiB, ${sample.stored} stored, ` +
  `${sample.streamEntries} in the stream`;

async function judge(run: {
  readonly hub: HubProcess;
  readonly house: LoadProcess<SoakHouseQuestion, SoakHouseAnswer>;
  readonly options: Options;
  readonly taken: readonly Sample[];
}): Promise<BenchmarkReport> {
  const { house, hub, options, taken } = run;
  await house.ask({ kind: 'stop' });
  const ledger = await settledLedger(hub, storedWithinMs);
  // The last batch has a moment to go out.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const answer = await house.ask({ kind: 'judge' });
  const problems = [...answer.problems, ...wrongInLedger(ledger, answer), ...growthOf(taken)];
  const errors = hub.errors();
  if (errors.includes('"level":"error"') || errors.includes('"level":"fatal"'))
    problems.push(`the hub has logged errors: ${errors.slice(-1_000)}`);
  const quarters = [0, 1, 2, 3].map((quarter) => quarterOf(taken, quarter));
  return {
    name: 'soak',
    options: { ...options },
    table: {
      columns: ['hours', 'stored', 'resident MiB', 'heap at least MiB', 'files MiB', 'logs MiB', 'stream'],
      rows: quarters.map((quarter) => [
        `to ${figure(quarter.at(-1)?.hour ?? 0)}`,
        String(quarter.at(-1)?.stored ?? 0),
        figure(most(quarter, 'residentMib')),
        figure(least(quarter, 'heapMib')),
        figure(most(quarter, 'filesMib')),
        figure(most(quarter, 'logsMib')),
        String(most(quarter, 'streamEntries')),
      ]),
    },
    bars: [],
    problems,
    notes: [
      `${answer.acknowledged.events} events were acknowledged, ${answer.numbered} different ones with numbers; ` +
        `${answer.acknowledged.nonsense} were no events and ${answer.acknowledged.unread} for nobody; ` +
        `${answer.house.interruptions} connections were lost, ${answer.house.alarms} alarms went off`,
      `${figure((cpuMsOf(hub.pid) * 1_000) / Math.max(1, ledger.stored))} µs of CPU for each stored event, everything else with it`,
    ],
    details: { ledger, answer, samples: taken },
  };
}

function wrongInLedger(ledger: LedgerSums, { acknowledged }: SoakHouseAnswer): string[] {
  const wrong: string[] = [];
  if (!ledger.balanced || ledger.inStream > 0)
    wrong.push(`the ledger does not balance: ${JSON.stringify(ledger)}`);
  if (ledger.stored + ledger.duplicate < acknowledged.events)
    wrong.push(
      `${acknowledged.events} events were acknowledged, and the ledger has ${JSON.stringify(ledger)}`,
    );
  if (ledger.dead < acknowledged.nonsense)
    wrong.push(`${acknowledged.nonsense} payloads were nonsense, and ${ledger.dead} are dead letters`);
  return wrong;
}

/**
 * The last quarter of the day against the two before: by then everything has its size. Of the heap the least counts, which
 * is what collections leave.
 */
function growthOf(taken: readonly Sample[]): string[] {
  const wrong: string[] = [];
  const middle = [...quarterOf(taken, 1), ...quarterOf(taken, 2)];
  const last = quarterOf(taken, 3);
  const compare = (
    what: string,
    before: number,
    after: number,
    noise: { share: number; mib: number },
  ): void => {
    if (after > before + Math.max(noise.mib, noise.share * before))
      wrong.push(`${what} grew from ${figure(before)} to ${figure(after)} MiB in the last quarter`);
  };
  compare('memory', most(middle, 'residentMib'), most(last, 'residentMib'), noiseOfMemory);
  compare('the heap', least(middle, 'heapMib'), least(last, 'heapMib'), noiseOfMemory);
  compare('files', most(middle, 'filesMib'), most(last, 'filesMib'), noiseOfFiles);
  const log = most(taken, 'logsMib');
  if (log > longestLogMib) wrong.push(`write-ahead logs grew to ${figure(log)} MiB`);
  return wrong;
}

const quarterOf = (taken: readonly Sample[], quarter: number): readonly Sample[] =>
  taken.slice((taken.length * quarter) / 4, (taken.length * (quarter + 1)) / 4);
const most = (taken: readonly Sample[], key: keyof Sample): number =>
  Math.max(...taken.map((sample) => sample[key]));
const least = (taken: readonly Sample[], key: keyof Sample): number =>
  Math.min(...taken.map((sample) => sample[key]));

function positive(text: string, name: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`--${name} ${text} is no number above 0`);
  return number;
}

process.exitCode = await main(process.argv.slice(2));
