/**
 * The load of the `pipeline` and `critical` benchmarks: QoS 1 publishes at a fixed rate, open loop. Every event has its
 * intended time, and is sent then or as soon after it as the machine allows; nothing waits for an acknowledgement, so that
 * a stall of the broker is not hidden.
 *
 * Event number n is of sensor n mod sensors; a sensor's events have running numbers and go over one connection.
 */
import { connect, type Socket } from 'node:net';
import { answerQuestions } from '../load-process.ts';
import { monotonicMs } from '../monotonic.ts';

export interface EventPublishesQuestion {
  readonly port: number;
  readonly connections: number;
  readonly sensors: number;
  /** Sensors are `PREFIX-0`, `PREFIX-1` …; event ids `PREFIX:n`. */
  readonly prefix: string;
  readonly type: string;
  /** JSON. */
  readonly value: string;
  readonly perSecond: number;
  readonly events: number;
  /** Number of the first event; numbers of sensors go on from an earlier run's. */
  readonly first: number;
}

export interface EventPublishesAnswer {
  /** Intended time of the first event, monotonic ms. */
  readonly startedAtMs: number;
  readonly acknowledged: number;
  /** How late the latest event was sent: beyond some ms, the generator itself had no core. */
  readonly latestMs: number;
  readonly problems: readonly string[];
}

const tickMs = 1;
const packetIds = 65_535;
const acknowledgedWithinMs = 60_000;

class Publisher {
  readonly #socket: Socket;
  readonly connected: Promise<void>;
  readonly #due: Buffer[] = [];
  #isConnected = false;
  #restBytes = 0;
  sent = 0;
  acknowledged = 0;
  problem: string | null = null;

  constructor(port: number, clientId: string) {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.connected = promise.then(() => undefined);
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk: Buffer) => {
      // The first answer is the CONNACK; all others are PUBACKs, four bytes each.
      this.#restBytes += chunk.length;
      const packets = Math.floor(this.#restBytes / 4);
      this.#restBytes -= packets * 4;
      if (packets === 0) return;
      if (this.#isConnected) this.acknowledged += packets;
      else {
        if (chunk[0] !== 0x20 || chunk[3] !== 0) this.problem ??= 'the broker refused the connection';
        this.acknowledged += packets - 1;
        this.#isConnected = true;
        resolve(undefined);
      }
    });
    const fail = (problem: string): void => {
      this.problem ??= problem;
      resolve(undefined);
    };
    this.#socket.on('error', (error) => fail(error.message));
    this.#socket.on('close', () => fail('the broker closed the connection'));
    const id = Buffer.from(clientId);
    this.#socket.write(
      Buffer.concat([
        Buffer.from([0x10, 12 + id.length, 0, 4]),
        Buffer.from('MQTT'),
        Buffer.from([4, 2, 0, 0, 0, id.length]),
        id,
      ]),
    );
  }

  add(topic: string, payload: string): void {
    const packetId = (this.sent % packetIds) + 1;
    const length = 2 + topic.length + 2 + payload.length;
    if (length > 16_383) throw new RangeError('a packet is longer than its two bytes of length can say');
    const header = length < 128 ? [0x32, length] : [0x32, (length & 0x7f) | 0x80, length >> 7];
    const packet = Buffer.allocUnsafe(header.length + length);
    let at = Buffer.from(header).copy(packet);
    at = packet.writeUInt16BE(topic.length, at);
    at += packet.write(topic, at, 'latin1');
    at = packet.writeUInt16BE(packetId, at);
    packet.write(payload, at, 'latin1');
    this.#due.push(packet);
    this.sent += 1;
  }

  flush(): void {
    if (this.#due.length === 0) return;
    this.#socket.write(Buffer.concat(this.#due));
    this.#due.length = 0;
  }

  end(): void {
    this.#socket.removeAllListeners('close');
    this.#socket.end(Buffer.from([0xe0, 0]));
  }
}

const pause = (durationMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, durationMs));

answerQuestions(async (question: EventPublishesQuestion): Promise<EventPublishesAnswer> => {
  const { connections, events, first, perSecond, port, prefix, sensors, type, value } = question;
  const publishers = Array.from(
    { length: connections },
    (_, index) => new Publisher(port, `${prefix}-${process.pid}-${first}-${index}`),
  );
  await Promise.all(publishers.map(({ connected }) => connected));
  const startedAtMs = monotonicMs() + 10;
  const intendedAtMs = (index: number): number => startedAtMs + (index * 1_000) / perSecond;
  let latestMs = 0;
  for (let sent = 0; sent < events && publishers.every(({ problem }) => problem === null);) {
    const nowMs = monotonicMs();
    if (intendedAtMs(sent) <= nowMs) latestMs = Math.max(latestMs, nowMs - intendedAtMs(sent));
    for (; sent < events && intendedAtMs(sent) <= nowMs; sent += 1) {
      const number = first + sent;
      const sensor = number % sensors;
      publishers[sensor % connections]?.add(
        `sensors/${prefix}-${sensor}/${type}`,
        `{"value":${value},"seq":${Math.floor(number / sensors)},"event_id":"${prefix}:${number}"}`,
      );
    }
    for (const publisher of publishers) publisher.flush();
    await pause(tickMs);
  }
  const sum = (pick: (publisher: Publisher) => number): number =>
    publishers.reduce((total, publisher) => total + pick(publisher), 0);
  const giveUpAtMs = monotonicMs() + acknowledgedWithinMs;
  while (
    sum(({ acknowledged }) => acknowledged) < events &&
    monotonicMs() < giveUpAtMs &&
    publishers.every(({ problem }) => problem === null)
  )
    await pause(5);
  const acknowledged = sum((publisher) => publisher.acknowledged);
  const problems = publishers.flatMap(({ problem }) => (problem === null ? [] : [problem]));
  if (acknowledged !== events) problems.push(`${acknowledged} of ${events} publishes were acknowledged`);
  for (const publisher of publishers) publisher.end();
  return { startedAtMs, acknowledged, latestMs, problems };
});
