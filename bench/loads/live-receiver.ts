/**
 * The client of the `pipeline` and `critical` benchmarks: receives events on a WebSocket and notes when, and whether each
 * sensor's numbers come once and in order. In a process of its own, so that the generator's clock is not held up by it.
 */
import WebSocket from 'ws';
import { answerQuestions } from '../load-process.ts';
import { monotonicMs } from '../monotonic.ts';

export type LiveReceiverQuestion =
  | {
      readonly kind: 'connect';
      readonly url: string;
      /** The request that makes the server send; null where it sends anyway. */
      readonly subscribe: object | null;
    }
  | {
      /** What came of the events `first` … `first + events - 1` of this prefix. */
      readonly kind: 'collect';
      readonly prefix: string;
      readonly sensors: number;
      readonly first: number;
      readonly events: number;
      readonly perSecond: number;
      /** Intended time of the first, monotonic ms. */
      readonly startedAtMs: number;
      /** Gives up waiting for the rest after so long. */
      readonly waitMs: number;
    }
  /** How many events of this prefix have come so far. */
  | { readonly kind: 'count'; readonly prefix: string };

export interface LiveReceiverAnswer {
  readonly received: number;
  readonly lost: number;
  readonly twice: number;
  /** Of one sensor, after one with a higher number. */
  readonly outOfOrder: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** From the intended time of the last event to the arrival of the last one. */
  readonly drainMs: number;
  readonly problems: readonly string[];
}

interface Arrivals {
  readonly numbers: number[];
  readonly timesMs: number[];
}

const arrivalsOf = new Map<string, Arrivals>();
const problems: string[] = [];
const eventId = /"event_id":"([a-z]+):(\d+)"/g;

function receive(text: string): void {
  const nowMs = monotonicMs();
  if (text.includes('"type":"gap"')) problems.push(`a gap: ${text.slice(0, 200)}`);
  for (const [, prefix = '', number] of text.matchAll(eventId)) {
    let arrivals = arrivalsOf.get(prefix);
    if (arrivals === undefined) {
      arrivals = { numbers: [], timesMs: [] };
      arrivalsOf.set(prefix, arrivals);
    }
    arrivals.numbers.push(Number(number));
    arrivals.timesMs.push(nowMs);
  }
}

function connect(url: string, subscribe: object | null): Promise<void> {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  const open = Promise.withResolvers<undefined>();
  let frames = 0;
  socket.on('open', () => {
    if (subscribe === null) open.resolve(undefined);
    else socket.send(JSON.stringify(subscribe));
  });
  socket.on('message', (data: Buffer) => {
    const text = data.toString('latin1');
    frames += 1;
    if (text.includes('"type":"subscribed"')) open.resolve(undefined);
    if (text.includes('"type":"error"')) problems.push(text.slice(0, 300));
    receive(text);
    if (subscribe !== null && frames % 4 === 0) socket.send(`{"type":"ack","batch":${frames}}`);
  });
  socket.on('error', (error) => open.reject(error));
  socket.on('close', (code) => problems.push(`the server closed the connection with ${code}`));
  return open.promise.then(() => undefined);
}

async function collect(
  question: Extract<LiveReceiverQuestion, { kind: 'collect' }>,
): Promise<LiveReceiverAnswer> {
  const { events, first, perSecond, prefix, sensors, startedAtMs, waitMs } = question;
  const giveUpAtMs = monotonicMs() + waitMs;
  const isOfRun = (number: number): boolean => number >= first && number < first + events;
  const arrivals = arrivalsOf.get(prefix) ?? { numbers: [], timesMs: [] };
  arrivalsOf.set(prefix, arrivals);
  while (arrivals.numbers.length < events && monotonicMs() < giveUpAtMs)
    await new Promise((resolve) => setTimeout(resolve, 10));
  // What comes twice comes after the first time.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const seen = new Uint8Array(events);
  const newest = new Map<number, number>();
  const latenciesMs: number[] = [];
  let twice = 0;
  let outOfOrder = 0;
  let lastAtMs = startedAtMs;
  arrivals.numbers.forEach((number, place) => {
    if (!isOfRun(number)) {
      problems.push(`event ${prefix}:${number} is of another run`);
      return;
    }
    if (seen[number - first] === 1) {
      twice += 1;
      return;
    }
    seen[number - first] = 1;
    const sensor = number % sensors;
    if (number < (newest.get(sensor) ?? -1)) outOfOrder += 1;
    else newest.set(sensor, number);
    const atMs = arrivals.timesMs[place] ?? 0;
    lastAtMs = Math.max(lastAtMs, atMs);
    latenciesMs.push(atMs - (startedAtMs + ((number - first) * 1_000) / perSecond));
  });
  arrivalsOf.delete(prefix);
  const sorted = Float64Array.from(latenciesMs).sort();
  const share = (part: number): number => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0;
  return {
    received: latenciesMs.length,
    lost: events - latenciesMs.length,
    twice,
    outOfOrder,
    p50Ms: share(0.5),
    p99Ms: share(0.99),
    maxMs: sorted.at(-1) ?? 0,
    drainMs: lastAtMs - (startedAtMs + (events * 1_000) / perSecond),
    problems: problems.splice(0),
  };
}

answerQuestions(async (question: LiveReceiverQuestion): Promise<LiveReceiverAnswer | number> => {
  switch (question.kind) {
    case 'connect':
      await connect(question.url, question.subscribe);
      return 0;
    case 'count':
      return arrivalsOf.get(question.prefix)?.numbers.length ?? 0;
    case 'collect':
      return collect(question);
  }
});
