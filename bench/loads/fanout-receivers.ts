/**
 * The clients of the `fanout` benchmark. Each checks that the messages come once and in order; the last ones connected may
 * be paused and then read nothing. They acknowledge as the SDK does where the server is Threadhub.
 */
import { WebSocket } from 'ws';
import { answerQuestions } from '../load-process.ts';
import { percentile } from '../statistics.ts';

export type FanoutServer = 'threadhub' | 'plain' | 'socket.io';

export type FanoutQuestion =
  | {
      readonly kind: 'connect';
      readonly url: string;
      readonly server: FanoutServer;
      readonly clients: number;
      /** Of them. */
      readonly paused: number;
    }
  /** What came since the last question; begins the next count at message 0. */
  | { readonly kind: 'collect' }
  | { readonly kind: 'close' };

export interface FanoutAnswer {
  /** Of all clients that read. */
  readonly received: number;
  /** Twice, out of order, or announced as missing. */
  readonly wrong: number;
  readonly latencyP50Ms: number;
  readonly latencyP99Ms: number;
  readonly latencyMaxMs: number;
  /** CPU time of this process, ms, since the last question. */
  readonly cpuMs: number;
}

interface Receiver {
  readonly socket: WebSocket;
  next: number;
  frames: number;
  unacknowledgedBytes: number;
}

const acknowledgeBytes = 32 * 1_024;
/** Of each client, the time of every so many messages is looked at. */
const latencyOfEvery = 10;

let receivers: Receiver[] = [];
let received = 0;
let wrong = 0;
let latencies: number[] = [];
let cpuBefore = process.cpuUsage();

answerQuestions(async (question: FanoutQuestion): Promise<FanoutAnswer> => {
  if (question.kind === 'connect') await connectAll(question);
  if (question.kind === 'close') {
    for (const { socket } of receivers) socket.terminate();
    receivers = [];
  }
  const cpu = process.cpuUsage(cpuBefore);
  const answer = {
    received,
    wrong,
    latencyP50Ms: percentile(latencies, 0.5),
    latencyP99Ms: percentile(latencies, 0.99),
    latencyMaxMs: percentile(latencies, 1),
    cpuMs: (cpu.user + cpu.system) / 1_000,
  };
  for (const receiver of receivers) receiver.next = 0;
  received = 0;
  wrong = 0;
  latencies = [];
  cpuBefore = process.cpuUsage();
  return answer;
});

async function connectAll({
  clients,
  paused,
  server,
  url,
}: Extract<FanoutQuestion, { kind: 'connect' }>): Promise<void> {
  for (let client = 0; client < clients; client += 1) {
    const receiver = await connect(url, server);
    receivers.push(receiver);
    if (client >= clients - paused) receiver.socket.pause();
  }
}

function connect(url: string, server: FanoutServer): Promise<Receiver> {
  const address = url.replace('http', 'ws');
  const path = { threadhub: '/ws/live', plain: '/', 'socket.io': '/socket.io/?EIO=4&transport=websocket' }[
    server
  ];
  const socket = new WebSocket(`${address}${path}`, { perMessageDeflate: false, skipUTF8Validation: true });
  const receiver: Receiver = { socket, next: 0, frames: 0, unacknowledgedBytes: 0 };
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => {
      if (server === 'threadhub') socket.send(JSON.stringify({ type: 'subscribe', topics: ['events'] }));
      if (server === 'plain') resolve(receiver);
    });
    socket.on('message', (data: Buffer) => {
      const text = data.toString('latin1');
      if (server === 'socket.io' && !text.startsWith('42')) {
        // Engine.IO: 0 opens, 2 pings; Socket.IO: 40 connects to a namespace.
        if (text.startsWith('0')) socket.send('40');
        if (text === '2') socket.send('3');
        if (text.startsWith('40')) resolve(receiver);
        return;
      }
      take(receiver, text);
      if (server === 'threadhub') {
        acknowledge(receiver, data.length);
        if (receiver.frames === 1) resolve(receiver);
      }
    });
  });
}

function take(receiver: Receiver, text: string): void {
  const nowMs = performance.timeOrigin + performance.now();
  if (text.includes('"type":"gap"')) wrong += 1;
  let at = text.indexOf('"seq":');
  while (at >= 0) {
    const number = parseInt(text.slice(at + 6, at + 16), 10);
    if (number !== receiver.next) wrong += 1;
    receiver.next = number + 1;
    received += 1;
    if (number % latencyOfEvery === 0) {
      const sentAt = text.lastIndexOf('"ts":', at);
      latencies.push(nowMs - parseFloat(text.slice(sentAt + 5, sentAt + 25)));
    }
    at = text.indexOf('"seq":', at + 6);
  }
}

function acknowledge(receiver: Receiver, bytes: number): void {
  receiver.frames += 1;
  receiver.unacknowledgedBytes += bytes;
  if (receiver.frames > 1 && receiver.unacknowledgedBytes < acknowledgeBytes) return;
  receiver.unacknowledgedBytes = 0;
  receiver.socket.send(`{"type":"ack","batch":${receiver.frames}}`);
}
