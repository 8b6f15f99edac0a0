/**
 * A program that publishes events over MQTT and HTTP and remembers which of them were acknowledged, for as long as it is
 * told to, whatever becomes of the hub meanwhile. What was not acknowledged it sends again, in order; what was, never.
 *
 * Over IPC: `{"finish":true}` makes it stop making events, wait until all are acknowledged, and answer with the numbers
 * acknowledged of each sensor.
 */
import { connect, type Socket } from 'node:net';

export interface EventLoadSettings {
  readonly url: string;
  readonly mqttPort: number;
  readonly mqttClients: number;
  readonly httpClients: number;
  readonly sensorsPerClient: number;
  /** Made by each client. */
  readonly eventsPerSecond: number;
}

export interface EventLoadReport {
  /** Acknowledged in all, so far. */
  readonly acknowledged: number;
  /** By sensor: it has sent 0, 1 … up to below this number, all of them acknowledged. */
  readonly sensors: Readonly<Record<string, number>>;
}

interface Made {
  readonly sensor: string;
  readonly seq: number;
}

const inFlightLimit = 200;
const perPost = 20;
const retryMs = 50;

/** Makes events at its rate, and gives them out in order. */
class Source {
  readonly #waiting: Made[] = [];
  readonly made = new Map<string, number>();
  #makes = true;
  acknowledged = 0;

  constructor(name: string, sensors: number, eventsPerSecond: number) {
    const startedAtMs = performance.now();
    let total = 0;
    const timer = setInterval(() => {
      if (!this.#makes) {
        clearInterval(timer);
        return;
      }
      const due = ((performance.now() - startedAtMs) * eventsPerSecond) / 1_000;
      for (; total < due; total += 1) {
        const sensor = `${name}-${total % sensors}`;
        const seq = this.made.get(sensor) ?? 0;
        this.made.set(sensor, seq + 1);
        this.#waiting.push({ sensor, seq });
      }
    }, 5);
  }

  get isDone(): boolean {
    return (
      !this.#makes && this.acknowledged === [...this.made.values()].reduce((sum, count) => sum + count, 0)
    );
  }

  take(count: number): Made[] {
    return this.#waiting.splice(0, count);
  }

  giveBack(events: readonly Made[]): void {
    this.#waiting.unshift(...events);
  }

  finish(): void {
    this.#makes = false;
  }
}

const payloadOf = ({ sensor, seq }: Made): object => ({
  value: 20 + (seq % 10),
  seq,
  event_id: `${sensor}:${seq}`,
});

function publishOverMqtt(source: Source, name: string, port: number): void {
  const inFlight: Made[] = [];
  let packetId = 0;
  const begin = (): void => {
    let rest: Buffer = Buffer.alloc(0);
    let isOpen = false;
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const send = setInterval(() => {
      if (!isOpen) return;
      const events = source.take(inFlightLimit - inFlight.length);
      for (const event of events) {
        inFlight.push(event);
        packetId = (packetId % 65_535) + 1;
        const topic = Buffer.from(`sensors/${event.sensor}/temperature`);
        const payload = Buffer.from(JSON.stringify(payloadOf(event)));
        const length = 2 + topic.length + 2 + payload.length;
        socket.write(
          Buffer.concat([
            Buffer.from([0x32, (length & 0x7f) | 0x80, length >> 7, 0, topic.length]),
            topic,
            Buffer.from([packetId >> 8, packetId & 0xff]),
            payload,
          ]),
        );
      }
    }, 2);
    socket.on('data', (chunk: Buffer) => {
      const bytes = Buffer.concat([rest, chunk]);
      let at = 0;
      for (; at + 4 <= bytes.length; at += 4) {
        if (bytes[at] === 0x20) isOpen = true;
        else {
          inFlight.shift();
          source.acknowledged += 1;
        }
      }
      rest = bytes.subarray(at);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(send);
      source.giveBack(inFlight.splice(0));
      setTimeout(begin, retryMs);
    });
    const id = Buffer.from(name);
    socket.write(
      Buffer.concat([
        Buffer.from([0x10, 12 + id.length, 0, 4]),
        Buffer.from('MQTT'),
        Buffer.from([4, 2, 0, 0, 0, id.length]),
        id,
      ]),
    );
  };
  begin();
}

async function postOverHttp(source: Source, url: string): Promise<void> {
  for (;;) {
    const events = source.take(perPost);
    if (events.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      continue;
    }
    const body = JSON.stringify(
      events.map((event) => ({ sensor_id: event.sensor, type: 'temperature', ...payloadOf(event) })),
    );
    const status = await fetch(`${url}/api/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    }).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 202) {
      source.acknowledged += events.length;
    } else {
      source.giveBack(events);
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

function run({
  eventsPerSecond,
  httpClients,
  mqttClients,
  mqttPort,
  sensorsPerClient,
  url,
}: EventLoadSettings): void {
  const sources: Source[] = [];
  const add = (name: string): Source => {
    const source = new Source(name, sensorsPerClient, eventsPerSecond);
    sources.push(source);
    return source;
  };
  for (let index = 0; index < mqttClients; index += 1)
    publishOverMqtt(add(`mqtt-${index}`), `load-${index}`, mqttPort);
  for (let index = 0; index < httpClients; index += 1) void postOverHttp(add(`http-${index}`), url);
  const report = (): EventLoadReport => ({
    acknowledged: sources.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
    sensors: Object.fromEntries(sources.flatMap(({ made }) => [...made])),
  });
  process.on('message', (message: { readonly finish?: true }) => {
    if (message.finish !== true) {
      process.send?.(report());
      return;
    }
    for (const source of sources) source.finish();
    const look = setInterval(() => {
      if (!sources.every(({ isDone }) => isDone)) return;
      clearInterval(look);
      process.send?.(report());
    }, 20);
  });
  process.on('disconnect', () => process.exit());
}

run(JSON.parse(process.argv[2] ?? '{}') as EventLoadSettings);
