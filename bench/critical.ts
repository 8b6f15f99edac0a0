/**
 * `critical`: the time of a smoke alarm from its publish to a live client, while bulk events come at 10,000 a second and a
 * million more wait in the stream. Beside it the same event without priority, in the same run.
 *
 * Checked: every alarm came, once and in order; the backlog was still there when the last alarm had come; afterwards
 * everything is stored.
 */
import { parseArgs } from 'node:util';
import { systemClock } from '../src/clock.ts';
import { defaultConfig } from '../src/config.ts';
import { FactBus } from '../src/facts.ts';
import { openSqliteDurableStream } from '../src/events/stream/sqlite/open-sqlite-durable-stream.ts';
import { type NewStreamEntry, shardOf } from '../src/events/stream/durable-stream.ts';
import { asSensorId } from '../src/protocol/ids.ts';
import type { Benchmark, BenchmarkReport } from './benchmark.ts';
import { type EventRun, runEvents, startPublishes, startReceiver, wrongOf } from './event-run.ts';
import { freePort } from './free-port.ts';
import { HubProcess } from './hub-process.ts';
import { type LedgerSums, readLedger, settledLedger } from './ledger.ts';
import { figure } from './report.ts';

interface Options {
  readonly backlog: number;
  readonly perSecond: number;
  readonly seconds: number;
}

const alarmsPerSecond = 10;
const sensors = 1_000;
const alarmSensors = 8;
/** The hub has just started: its code is compiled while it works. */
const warmUpMs = 3_000;
const drainedWithinMs = 300_000;
/** Of the backlog, where the last alarm has come: less, and there was hardly anything to overtake. */
const leastLeft = 0.05;

export const criticalBenchmark: Benchmark = {
  name: 'critical',
  summary: 'a smoke alarm to a live client past a backlog of a million and 10,000 events/s',
  options: [
    '--backlog N        1,000,000',
    '--rate N           bulk events a second; 10,000',
    '--seconds N        20',
  ],
  async run(argv, progress) {
    const options = readOptions(argv);
    const mqttPort = await freePort();
    progress(`writing a backlog of ${options.backlog} events`);
    const hub = await HubProcess.start({
      mqttPort,
      prepare: (folder) => fillStream(folder, options.backlog),
    });
    const loads = [startPublishes(), startPublishes(), startPublishes()] as const;
    const receiver = await startReceiver(`${hub.url.replace('http', 'ws')}/ws/live`, {
      type: 'subscribe',
      topics: ['events'],
      sensors: ['alarm-*', 'plain-*'],
    });
    try {
      const [bulk, alarms, plain] = loads;
      const alarmEvents = alarmsPerSecond * options.seconds;
      const common = { port: mqttPort, first: 0 };
      const few = {
        ...common,
        connections: 1,
        sensors: alarmSensors,
        perSecond: alarmsPerSecond,
        events: alarmEvents,
      };
      const bulkEvents = options.perSecond * (options.seconds + warmUpMs / 1_000);
      const bulkSent = bulk.ask({
        ...common,
        connections: 8,
        sensors,
        prefix: 'bulk',
        type: 'temperature',
        value: '21.5',
        perSecond: options.perSecond,
        events: bulkEvents,
      });
      await new Promise((resolve) => setTimeout(resolve, warmUpMs));
      const plainSent = plain.ask({ ...few, prefix: 'plain', type: 'temperature', value: '21.5' });
      const alarmRun = await runEvents(alarms, receiver, {
        ...few,
        prefix: 'alarm',
        type: 'smoke',
        value: 'true',
        waitMs: 30_000,
      });
      const left = await readLedger(hub);
      progress(
        `alarms: p99 ${figure(alarmRun.received.p99Ms)} ms; ${left.inStream} events still waited after the last`,
      );
      const sent = await plainSent;
      const plainRun: EventRun = {
        sent,
        received: await receiver.ask({
          kind: 'collect',
          prefix: 'plain',
          sensors: alarmSensors,
          first: 0,
          events: alarmEvents,
          perSecond: alarmsPerSecond,
          startedAtMs: sent.startedAtMs,
          waitMs: drainedWithinMs,
        }),
      };
      const problems = [...wrongOf(alarmRun, 'alarms'), ...wrongOf(plainRun, 'without priority')];
      problems.push(...(await bulkSent).problems);
      const total = options.backlog + bulkEvents + 2 * alarmEvents;
      const ledger = await settledLedger(hub, drainedWithinMs);
      if (ledger.stored !== total || !ledger.balanced)
        problems.push(`${total} events were durable, and the ledger says ${JSON.stringify(ledger)}`);
      return report(options, alarmRun, plainRun, left, problems);
    } finally {
      await receiver.stop();
      for (const load of loads) await load.stop();
      await hub.stop();
    }
  },
};

/** What a hub finds in its stream after it was away for a while. */
async function fillStream(dataDir: string, events: number): Promise<void> {
  const { critical_shards: critical, bulk_shards: bulk } = defaultConfig().events;
  const counts = { critical, bulk };
  const stream = await openSqliteDurableStream({
    dataDir,
    counts,
    maxBytes: defaultConfig().events.stream_bytes,
    clock: systemClock,
    facts: new FactBus({ onListenerError: () => undefined }),
    onCrash: (error) => {
      throw error;
    },
  });
  const perAppend = 2_000;
  for (let first = 0; first < events; first += perAppend) {
    const count = Math.min(perAppend, events - first);
    await stream.append(Array.from({ length: count }, (_, index) => waitingEntry(first + index, counts)));
  }
  await stream.close();
}

function waitingEntry(number: number, counts: { critical: number; bulk: number }): NewStreamEntry {
  const sensorId = asSensorId(`backlog-${number % sensors}`);
  const arrivedAt = Date.now();
  return {
    shard: shardOf('bulk', sensorId, counts),
    entry: {
      kind: 'event',
      event: {
        eventId: `backlog:${number}`,
        sensorId,
        lane: 'bulk',
        readings: [{ type: 'temperature', value: 21.5, unit: null }],
        ts: arrivedAt,
        sourceTs: null,
        receivedAt: arrivedAt,
        seq: Math.floor(number / sensors),
        bootId: null,
        dedupKey: `e:backlog:${number}`,
        flags: [],
        protocol: 'mqtt',
        qos: 1,
        topic: `sensors/backlog-${number % sensors}/temperature`,
      },
    },
  };
}

function report(
  options: Options,
  alarms: EventRun,
  plain: EventRun,
  left: LedgerSums,
  problems: readonly string[],
): BenchmarkReport {
  if (left.inStream < leastLeft * options.backlog)
    problems = [
      ...problems,
      `only ${left.inStream} events still waited after the last alarm: give a larger --backlog`,
    ];
  const row = (name: string, { received }: EventRun): string[] => [
    name,
    String(received.received),
    figure(received.p50Ms),
    figure(received.p99Ms),
    figure(received.maxMs),
    String(received.lost),
    String(received.twice),
    String(received.outOfOrder),
  ];
  return {
    name: 'critical',
    options: { ...options },
    table: {
      columns: ['event', 'count', 'p50 ms', 'p99 ms', 'largest ms', 'lost', 'twice', 'out of order'],
      rows: [row('smoke alarm', alarms), row('without priority', plain)],
    },
    bars: [{ what: '99 % of the alarms', measured: alarms.received.p99Ms, atMost: 50, unit: 'ms' }],
    problems,
    notes: [`${left.inStream} events still waited when the last alarm had come`],
    details: { alarms: alarms.received, plain: plain.received, waitingAfter: left.inStream },
  };
}

function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      backlog: { type: 'string', default: '1000000' },
      rate: { type: 'string', default: '10000' },
      seconds: { type: 'string', default: '20' },
    },
  });
  const positive = (text: string, name: string): number => {
    const number = Number(text);
    if (!(number > 0)) throw new Error(`--${name} ${text} is no number above 0`);
    return number;
  };
  return {
    backlog: positive(values.backlog, 'backlog'),
    perSecond: positive(values.rate, 'rate'),
    seconds: positive(values.seconds, 'seconds'),
  };
}
