/**
 * The load of the `connections` benchmark: border routers that only send heartbeats, each at its own moment of the
 * interval. Open loop: a heartbeat's time is planned, and one that leaves late is counted as late, not skipped.
 */
import { WebSocket } from 'ws';
import { encodeBorderRouterMessage } from '../../src/protocol/border-router-codec.ts';
import { borderRouterPath, type HeartbeatMessage } from '../../src/protocol/border-router-messages.ts';
import { asBorderRouterId } from '../../src/protocol/ids.ts';
import { answerQuestions } from '../load-process.ts';
import { percentile } from '../statistics.ts';

export type HeartbeatsQuestion =
  /** Opens more connections until there are so many; their heartbeats begin within the interval. */
  | { readonly kind: 'open'; readonly url: string; readonly connections: number; readonly intervalMs: number }
  | { readonly kind: 'look' }
  /** No heartbeat leaves any more; the connections stay. */
  | { readonly kind: 'pause' };

export interface HeartbeatsAnswer {
  readonly open: number;
  /** Connections that ended by themselves. */
  readonly lost: number;
  readonly sent: number;
  /** How late heartbeats left, ms, since the last question. */
  readonly latenessP99Ms: number;
}

interface Connection {
  readonly socket: WebSocket;
  readonly id: ReturnType<typeof asBorderRouterId>;
  dueMs: number;
}

/** Upgrades under way at a time. */
const opening = 50;
const tickMs = 5;

const connections: Connection[] = [];
/** In the order in which their heartbeats are due; phases stay, so the order does. */
let ring: Connection[] = [];
let next = 0;
let lost = 0;
let sent = 0;
let lateness: number[] = [];
let intervalMs = 10_000;
let timer: NodeJS.Timeout | null = null;

answerQuestions(async (question: HeartbeatsQuestion): Promise<HeartbeatsAnswer> => {
  if (question.kind === 'open') {
    intervalMs = question.intervalMs;
    await openUntil(question.url, question.connections);
    spreadPhases();
    timer ??= setInterval(sendDue, tickMs);
  }
  if (question.kind === 'pause' && timer !== null) {
    clearInterval(timer);
    timer = null;
  }
  const answer = { open: connections.length - lost, lost, sent, latenessP99Ms: percentile(lateness, 0.99) };
  lateness = [];
  return answer;
});

async function openUntil(url: string, count: number): Promise<void> {
  let started = connections.length;
  const openOneAfterTheOther = async (): Promise<void> => {
    while (started < count) {
      started += 1;
      await openOne(url, started);
    }
  };
  await Promise.all(Array.from({ length: opening }, openOneAfterTheOther));
}

async function openOne(url: string, number: number): Promise<void> {
  const id = asBorderRouterId(`BR-${String(number).padStart(5, '0')}`);
  const address = new URL(borderRouterPath, url.replace(/^http/, 'ws'));
  address.searchParams.set('br_id', id);
  address.searchParams.set('network_prefix', prefixOf(number));
  const socket = new WebSocket(address, { perMessageDeflate: false });
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  socket.on('error', () => undefined);
  socket.on('close', () => (lost += 1));
  connections.push({ socket, id, dueMs: 0 });
}

/** `fd00:0:0:N::/64` */
const prefixOf = (number: number): string => `fd00:0:0:${number.toString(16)}::/64`;

function spreadPhases(): void {
  const nowMs = performance.now();
  ring = [...connections];
  ring.forEach((connection, index) => (connection.dueMs = nowMs + (index / ring.length) * intervalMs));
  next = 0;
}

function sendDue(): void {
  const nowMs = performance.now();
  for (let connection = ring[next]; connection !== undefined; connection = ring[next]) {
    if (connection.dueMs > nowMs) return;
    lateness.push(nowMs - connection.dueMs);
    connection.dueMs += intervalMs;
    next = (next + 1) % ring.length;
    if (connection.socket.readyState !== WebSocket.OPEN) continue;
    connection.socket.send(encodeBorderRouterMessage(heartbeat(connection.id, nowMs), 'json'));
    sent += 1;
  }
}

/** As the agent's. */
function heartbeat(borderRouterId: HeartbeatMessage['borderRouterId'], uptimeMs: number): HeartbeatMessage {
  return {
    type: 'heartbeat',
    borderRouterId,
    uptime: Math.round(uptimeMs),
    nodesCount: 10,
    status: 'online',
    queueSize: 0,
    coapInFlight: 0,
    coapRetriesTotal: 0,
    heapFree: null,
    rssi: null,
    partitionId: 1_234,
    firmware: 'threadhub/0.1.0',
    extAddress: null,
    rloc16: null,
    role: 'router',
    network: null,
    collection: null,
  };
}
