/**
 * `query`: a day of one sensor as 1,000 points, out of one and of ten million stored readings, through the event store while
 * nothing else happens. Every question is about another sensor, and every answer is checked against the formula that the
 * readings were made by.
 */
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../src/clock.ts';
import type { EventStore, History } from '../src/events/store/event-store.ts';
import { openEventStores } from '../src/events/store/sqlite/open-event-stores.ts';
import type { Benchmark, BenchmarkReport } from './benchmark.ts';
import { figure } from './report.ts';
import { median, percentile } from './statistics.ts';
import {
  dayMs,
  readingsPerDay,
  readingType,
  sensorOf,
  spacingMs,
  storeReadings,
  valueOf,
} from './stored-readings.ts';

interface Options {
  readonly readings: readonly number[];
  readonly questions: number;
  readonly points: number;
}

interface Question {
  readonly what: string;
  /** Asks about one sensor; resolves to what is wrong with the answer, or null. */
  readonly ask: (store: EventStore, sensor: number) => Promise<string | null>;
}

interface Timing {
  readonly readings: number;
  readonly fileBytes: number;
  readonly what: string;
  readonly medianMs: number;
  readonly p95Ms: number;
}

const dayStartMs = Math.floor((Date.now() - dayMs) / dayMs) * dayMs;
const dayAsPoints = 'a day as points';

export const queryBenchmark: Benchmark = {
  name: 'query',
  summary: 'the history of one sensor out of millions of stored readings',
  options: [
    '--readings N,M      1000000,10000000',
    '--questions N       of each kind; 200',
    '--points N          of a day; 1000',
  ],
  async run(argv, progress) {
    const options = readOptions(argv);
    const timings: Timing[] = [];
    const problems: string[] = [];
    for (const readings of options.readings) {
      const measured = await measure(readings, options, progress);
      timings.push(...measured.timings);
      problems.push(...measured.problems);
    }
    return report(options, timings, problems);
  },
};

async function measure(
  readings: number,
  options: Options,
  progress: (line: string) => void,
): Promise<{ readonly timings: readonly Timing[]; readonly problems: readonly string[] }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'threadhub-query-'));
  try {
    progress(`storing ${readings} readings`);
    const sensors = await storeReadings({ dataDir, dayStartMs, readings });
    const { size: fileBytes } = await stat(join(dataDir, 'events.db'));
    const stores = await openEventStores({ dataDir, clock: systemClock, onCrash: () => undefined });
    const timings: Timing[] = [];
    const problems: string[] = [];
    try {
      for (const { ask, what } of questionsOf(options)) {
        const timesMs: number[] = [];
        for (let index = 0; index < options.questions; index++) {
          // Spread over all sensors; a prime, so that none comes again before its turn.
          const sensor = (index * 7_919) % sensors;
          const startedMs = performance.now();
          const problem = await ask(stores.events, sensor);
          timesMs.push(performance.now() - startedMs);
          if (problem !== null)
            problems.push(`${what}, ${readings} readings, ${sensorOf(sensor)}: ${problem}`);
        }
        const timing = { medianMs: median(timesMs), p95Ms: percentile(timesMs, 0.95) };
        timings.push({ readings, fileBytes, what, ...timing });
        progress(`${what}, ${readings} readings: ${figure(timing.medianMs)} ms`);
      }
    } finally {
      await stores.close();
    }
    return { timings, problems: problems.slice(0, 10) };
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

function questionsOf({ points }: Options): readonly Question[] {
  const history = (fromMs: number, toMs: number) => async (store: EventStore, sensor: number) => {
    const answer = await store.history({ sensor: sensorOf(sensor), type: readingType, fromMs, toMs, points });
    return wrongIn(answer, { sensor, fromMs, toMs, points });
  };
  return [
    { what: dayAsPoints, ask: history(dayStartMs, dayStartMs + dayMs) },
    {
      what: 'an hour, each reading',
      ask: history(dayStartMs + dayMs / 2, dayStartMs + dayMs / 2 + 3_600_000),
    },
    {
      what: 'the last 100 events',
      async ask(store, sensor) {
        const { items } = await store.events({
          sensor: sensorOf(sensor),
          type: null,
          lane: null,
          fromMs: null,
          toMs: null,
          limit: 100,
          cursor: null,
        });
        const wrong = items.findIndex(({ event }, index) => {
          const place = readingsPerDay - 1 - index;
          return event.seq !== place || event.readings[0]?.value !== valueOf(sensor, place);
        });
        return wrong === -1 && items.length === 100 ? null : `event ${wrong} of ${items.length} is another`;
      },
    },
  ];
}

/** Every point is what its readings come to, and no reading is left out. */
function wrongIn(
  { points, stepMs }: History,
  asked: { readonly sensor: number; readonly fromMs: number; readonly toMs: number; readonly points: number },
): string | null {
  if (points.length > asked.points) return `${points.length} points, more than ${asked.points}`;
  const places = (fromMs: number, toMs: number): number[] => {
    const first = Math.ceil((Math.max(fromMs, asked.fromMs) - dayStartMs) / spacingMs);
    const end = Math.ceil((Math.min(toMs, asked.toMs) - dayStartMs) / spacingMs);
    return Array.from({ length: end - first }, (_, index) => first + index);
  };
  let count = 0;
  for (const point of points) {
    const values = places(point.ts, point.ts + Math.max(stepMs, spacingMs)).map((place) =>
      valueOf(asked.sensor, place),
    );
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const isRight =
      point.count === values.length &&
      point.min === Math.min(...values) &&
      point.max === Math.max(...values) &&
      Math.abs((point.mean ?? NaN) - mean) < 1e-9;
    if (!isRight) return `the point at ${new Date(point.ts).toISOString()} is not what its readings come to`;
    count += point.count;
  }
  const expected = places(asked.fromMs, asked.toMs).length;
  return count === expected ? null : `${count} of ${expected} readings`;
}

function report(options: Options, timings: readonly Timing[], problems: readonly string[]): BenchmarkReport {
  const days = timings.filter(({ what }) => what === dayAsPoints);
  const smallest = days[0];
  const largest = days.at(-1);
  const isGrowthKnown = smallest !== undefined && largest !== undefined && largest !== smallest;
  return {
    name: 'query',
    options: { ...options },
    table: {
      columns: ['question', 'readings stored', 'file, MiB', 'median ms', 'p95 ms'],
      rows: timings.map(({ fileBytes, medianMs, p95Ms, readings, what }) => [
        what,
        String(readings),
        figure(fileBytes / 2 ** 20),
        figure(medianMs),
        figure(p95Ms),
      ]),
    },
    bars: [
      {
        what: `a day of one sensor as ${options.points} points, out of ${largest?.readings ?? 0} readings, p95`,
        measured: largest?.p95Ms ?? null,
        atMost: 50,
        unit: 'ms',
      },
      {
        what: 'the same beside the fewest readings, median',
        measured: isGrowthKnown ? largest.medianMs / smallest.medianMs : null,
        atMost: 1.5,
        unit: '×',
      },
    ],
    problems,
    notes: [],
    details: { timings },
  };
}

function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      readings: { type: 'string', default: '1000000,10000000' },
      questions: { type: 'string', default: '200' },
      points: { type: 'string', default: '1000' },
    },
  });
  const whole = (text: string): number => {
    const number = Number(text);
    if (!Number.isInteger(number) || number < 1) throw new Error(`${text} is no whole number above 0`);
    return number;
  };
  return {
    readings: values.readings.split(',').map(whole),
    questions: whole(values.questions),
    points: whole(values.points),
  };
}
