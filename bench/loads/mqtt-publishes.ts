/**
 * The load of the `ingest` benchmark: QoS 1 publishes over raw sockets, so many in flight on each connection: one more for
 * each that is acknowledged. What a broker acknowledges a second is then its own doing.
 *
 * Each connection publishes for ten sensors in turn, each with its own running number, so that what was stored can be
 * checked for every one of them.
 */
import { connect, type Socket } from 'node:net';
import { answerQuestions } from '../load-process.ts';

export interface MqttPublishesQuestion {
  readonly port: number;
  readonly connections: number;
  /** Publishes of one connection that are not acknowledged yet. */
  readonly window: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

export interface MqttPublishesAnswer {
  readonly sent: number;
  readonly acknowledged: number;
  /** Acknowledged within the measured span, and its length. */
  readonly measured: number;
  readonly measuredMs: number;
  /** Acknowledgements that were not of the oldest publish in flight. */
  readonly outOfOrder: number;
  /** What went wrong, a sentence each. */
  readonly problems: readonly string[];
}

export const sensorsPerConnection = 10;
export const sensorName = (connection: number, sensor: number): string => `load-${connection}-${sensor}`;

const idleLimitMs = 15_000;
const packetIds = 65_535;

class Publisher {
  readonly #socket: Socket;
  readonly #topics: readonly Buffer[];
  readonly #ended = Promise.withResolvers<undefined>();
  readonly #connected = Promise.withResolvers<undefined>();
  /** Bytes of an acknowledgement whose rest is still to come. */
  #rest: Buffer = Buffer.alloc(0);
  #sending = true;
  #isConnected = false;
  sent = 0;
  acknowledged = 0;
  outOfOrder = 0;
  problem: string | null = null;

  constructor(port: number, connection: number) {
    this.#topics = Array.from({ length: sensorsPerConnection }, (_, sensor) => {
      const topic = `sensors/${sensorName(connection, sensor)}/temperature`;
      return Buffer.concat([Buffer.from([0, topic.length]), Buffer.from(topic)]);
    });
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => this.#fail('the broker closed the connection'));
    const clientId = Buffer.from(`load-${connection}`);
    this.#socket.write(
      Buffer.concat([
        Buffer.from([0x10, 12 + clientId.length, 0, 4]),
        Buffer.from('MQTT'),
        Buffer.from([4, 2, 0, 0, 0, clientId.length]),
        clientId,
      ]),
    );
  }

  async connected(): Promise<void> {
    await this.#connected.promise;
  }

  publish(count: number): void {
    if (!this.#sending) return;
    const packets: Buffer[] = [];
    for (let index = 0; index < count; index += 1) {
      const topic = this.#topics[this.sent % sensorsPerConnection] ?? Buffer.alloc(0);
      const sequence = Math.floor(this.sent / sensorsPerConnection);
      const payload = Buffer.from(`{"value":${20 + (sequence % 100) / 10},"seq":${sequence}}`, 'latin1');
      const packetId = (this.sent % packetIds) + 1;
      const length = topic.length + 2 + payload.length;
      if (length > 127) throw new RangeError('a packet is longer than its one byte of length can say');
      packets.push(
        Buffer.from([0x32, length]),
        topic,
        Buffer.from([packetId >> 8, packetId & 0xff]),
        payload,
      );
      this.sent += 1;
    }
    this.#socket.write(Buffer.concat(packets));
  }

  /** Resolves when everything sent is acknowledged. */
  async finish(): Promise<void> {
    this.#sending = false;
    this.#settle();
    await this.#ended.promise;
    this.#socket.removeAllListeners('close');
    this.#socket.on('close', () => undefined);
    this.#socket.end(Buffer.from([0xe0, 0]));
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    let acknowledged = 0;
    for (; at + 4 <= bytes.length; at += 4) {
      if (!this.#isConnected) {
        if (bytes.readUInt32BE(at) !== 0x20020000) this.#fail('the broker refused the connection');
        this.#isConnected = true;
        this.#connected.resolve(undefined);
        continue;
      }
      if (bytes.readUInt16BE(at) !== 0x4002) this.#fail('something came that is no PUBACK');
      if (bytes.readUInt16BE(at + 2) !== ((this.acknowledged + acknowledged) % packetIds) + 1)
        this.outOfOrder += 1;
      acknowledged += 1;
    }
    this.#rest = bytes.subarray(at);
    this.acknowledged += acknowledged;
    if (acknowledged > 0) this.publish(acknowledged);
    this.#settle();
  }

  #settle(): void {
    if (!this.#sending && this.acknowledged === this.sent) this.#ended.resolve(undefined);
  }

  #fail(problem: string): void {
    this.problem ??= problem;
    this.#sending = false;
    this.#connected.resolve(undefined);
    this.#ended.resolve(undefined);
  }
}

const pause = (durationMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, durationMs));

answerQuestions(async (question: MqttPublishesQuestion): Promise<MqttPublishesAnswer> => {
  const publishers = Array.from(
    { length: question.connections },
    (_, connection) => new Publisher(question.port, connection),
  );
  const acknowledged = (): number => publishers.reduce((sum, each) => sum + each.acknowledged, 0);
  await Promise.all(publishers.map((each) => each.connected()));
  for (const each of publishers) each.publish(question.window);
  await pause(question.warmUpMs);
  const [countBefore, startedMs] = [acknowledged(), performance.now()];
  await pause(question.measuredMs);
  const [measured, measuredMs] = [acknowledged() - countBefore, performance.now() - startedMs];
  await Promise.race([Promise.all(publishers.map((each) => each.finish())), pause(idleLimitMs)]);
  const sent = publishers.reduce((sum, each) => sum + each.sent, 0);
  const problems = publishers.flatMap(({ problem }, index) =>
    problem === null ? [] : [`connection ${index}: ${problem}`],
  );
  if (acknowledged() !== sent) problems.push(`${acknowledged()} of ${sent} publishes were acknowledged`);
  return {
    sent,
    acknowledged: acknowledged(),
    measured,
    measuredMs,
    outOfOrder: publishers.reduce((sum, each) => sum + each.outOfOrder, 0),
    problems,
  };
});
