/**
 * The load of `soak`: a house of sensors that publish over MQTT with a daily rhythm, repeated messages, reboots and lost
 * connections; beside them devices that publish nonsense, a gateway that posts over HTTP, a subscriber that comes and goes,
 * and two clients of the live feed, one of which keeps reconnecting. It remembers what was acknowledged and what came live.
 */
import { connectAsync, type MqttClient } from 'mqtt';
import { connectLive, type LiveConnection } from '../../src/client/connect-live.ts';
import { createMqttPublisher } from '../../src/simulator/house/mqtt-publisher.ts';
import {
  createSimulatedHouse,
  type HouseStatus,
  type SimulatedHouse,
} from '../../src/simulator/house/simulated-house.ts';
import { answerQuestions } from '../load-process.ts';

export type SoakHouseQuestion =
  | {
      readonly kind: 'start';
      readonly url: string;
      readonly brokerUrl: string;
      readonly sensors: number;
      readonly speed: number;
    }
  | { readonly kind: 'look' }
  /** Publishes no more, and waits for what is on its way to be acknowledged. */
  | { readonly kind: 'stop' }
  /** What came live of what was published, once it has all been stored. */
  | { readonly kind: 'judge' };

export interface SoakHouseAnswer {
  readonly house: HouseStatus;
  /** Publishes and posts of everybody, by what must become of them. */
  readonly acknowledged: { readonly events: number; readonly nonsense: number; readonly unread: number };
  /** Of the events: each of them can be told from every other, so that no delivery of it counts twice. */
  readonly numbered: number;
  readonly live: number;
  readonly problems: readonly string[];
}

/** What was acknowledged on one topic, and what came live of it. */
interface Topic {
  acknowledged: number;
  /** `boot:number` of numbered messages. */
  readonly numbers: Set<string>;
  live: number;
  lastSeq: number;
}

const hourMs = 3_600_000;
const minuteMs = 60_000;
const inFlight = 20;
const acknowledgedWithinMs = 30_000;
const tellAtMost = 20;

const topics = new Map<string, Topic>();
const problems: string[] = [];
const acknowledged = { events: 0, nonsense: 0, unread: 0 };
let posted = 0;
let live = 0;
let stopped = false;
let house: SimulatedHouse | null = null;
const loops: Promise<void>[] = [];
const closing: (() => unknown)[] = [];

const pause = (durationMs: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, durationMs));

function tell(problem: string): void {
  if (problems.length < tellAtMost) problems.push(problem);
}

function topicOf(name: string): Topic {
  let topic = topics.get(name);
  if (topic === undefined) {
    topic = { acknowledged: 0, numbers: new Set(), live: 0, lastSeq: 0 };
    topics.set(name, topic);
  }
  return topic;
}

/** `boot:number` of a message that has both. */
function numberOf(payload: string): string | null {
  const { boot_id: boot, seq } = JSON.parse(payload) as { boot_id?: string; seq?: number };
  return boot === undefined || seq === undefined ? null : `${boot}:${seq}`;
}

function receive(topicName: string | null, sensor: string, seq: number | null): void {
  live += 1;
  const topic = topicOf(topicName ?? sensor);
  topic.live += 1;
  if (seq === null) return;
  // A device that rebooted begins at 1 again; nothing else may go back, stand still or leave one out.
  if (seq !== 1 && seq !== topic.lastSeq + 1)
    tell(`${topicName ?? sensor}: number ${seq} came after ${topic.lastSeq}`);
  topic.lastSeq = seq;
}

function startHouse(brokerUrl: string, sensors: number, speed: number): SimulatedHouse {
  return createSimulatedHouse({
    sensors,
    speed,
    duplicates: 0.01,
    skewedClocks: Math.round(sensors / 50),
    interruptEveryMs: 6 * hourMs,
    alarmEveryMs: hourMs,
    inFlight,
    connect(sensorId) {
      const publisher = createMqttPublisher({ brokerUrl, clientId: `soak-${sensorId}` });
      let open = 0;
      return {
        async publish(message) {
          open += 1;
          try {
            await publisher.publish(message);
          } catch (error) {
            tell(`${sensorId} could not publish: ${error instanceof Error ? error.message : String(error)}`);
            throw error;
          } finally {
            open -= 1;
          }
          const topic = topicOf(message.topic);
          const number = numberOf(message.payload);
          topic.acknowledged += 1;
          acknowledged.events += 1;
          if (number !== null) topic.numbers.add(number);
        },
        interrupt(forMs) {
          publisher.interrupt(forMs);
        },
        async close() {
          const untilMs = performance.now() + acknowledgedWithinMs;
          while (open > 0) {
            if (performance.now() > untilMs) {
              tell(`${open} publishes of ${sensorId} were never acknowledged`);
              break;
            }
            await pause(20);
          }
          await publisher.close();
        },
      };
    },
  });
}

/** Until it is stopped, so often; what fails is told. */
function repeat(everyMs: number, act: () => Promise<unknown>): void {
  const loop = async (): Promise<void> => {
    for (let next = performance.now() + everyMs; ; next += everyMs) {
      await pause(Math.max(0, next - performance.now()));
      if (stopped) return;
      await act();
    }
  };
  loops.push(
    loop().catch((error: unknown) =>
      tell(error instanceof Error ? (error.stack ?? error.message) : String(error)),
    ),
  );
}

async function startNonsense(brokerUrl: string, speed: number): Promise<void> {
  const client = await connectAsync(brokerUrl, { clientId: 'soak-nonsense' });
  let turn = 0;
  repeat(minuteMs / speed, async () => {
    turn += 1;
    await client.publishAsync('sensors/oven/temperature', `${1_000 + turn}`, { qos: 1 });
    await client.publishAsync(`sensors/broken-${turn % 50}/temperature`, '{"value":', { qos: 1 });
    acknowledged.nonsense += 2;
    await client.publishAsync(`weather/station-${turn}`, 'rain', { qos: 1 });
    acknowledged.unread += 1;
  });
  closing.push(() => client.endAsync());
}

function startGateway(url: string, speed: number): void {
  repeat(minuteMs / speed, async () => {
    posted += 1;
    const body = JSON.stringify({
      sensor_id: 'gateway',
      type: 'power',
      value: posted,
      seq: posted,
      boot_id: 'g',
    });
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${url}/api/events`, { method: 'POST', headers, body });
    if (answer.status !== 202)
      throw new Error(`POST /api/events gave ${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
    const topic = topicOf('gateway');
    topic.acknowledged += 1;
    topic.numbers.add(`g:${posted}`);
    acknowledged.events += 1;
  });
}

function startPages(url: string, speed: number): void {
  const paths = [
    '/api/sensors',
    '/api/events',
    '/api/sensors/motion-1/history?type=motion',
    '/api/alerts',
    '/api/dead_letters',
  ];
  let turn = 0;
  repeat((5 * minuteMs) / speed, async () => {
    const path = paths[turn++ % paths.length] ?? '';
    const answer = await fetch(url + path);
    if (!answer.ok) tell(`GET ${path} gave ${answer.status}: ${await answer.text()}`);
    else await answer.arrayBuffer();
  });
}

/** A session that lasts over its absences, half of the time away. */
function startSubscriber(brokerUrl: string, speed: number): void {
  let client: MqttClient | null = null;
  repeat((30 * minuteMs) / speed, async () => {
    if (client === null) {
      client = await connectAsync(brokerUrl, { clientId: 'soak-subscriber', clean: false });
      await client.subscribeAsync('zigbee2mqtt/#', { qos: 1 });
    } else {
      await client.endAsync();
      client = null;
    }
  });
  closing.push(() => client?.endAsync());
}

async function startLive(url: string, speed: number): Promise<void> {
  const subscribed = Promise.withResolvers<undefined>();
  const steady = connectLive({
    url,
    topics: ['events', 'alerts'],
    onMessage(message) {
      if (message.type === 'event') receive(message.topic, message.sensor_id, message.seq);
    },
    onGap: (gap) => tell(`the live client missed messages: ${JSON.stringify(gap)}`),
    onState: (state) => {
      if (state === 'live') subscribed.resolve(undefined);
    },
  });
  closing.push(() => steady.close());
  await subscribed.promise;
  let wanderer: LiveConnection | null = null;
  repeat((10 * minuteMs) / speed, () => {
    const position = wanderer?.position ?? null;
    wanderer?.close();
    wanderer = connectLive({
      url,
      topics: ['events'],
      mode: 'latest',
      onMessage: () => undefined,
      ...(position === null ? {} : { position }),
    });
    return Promise.resolve();
  });
  closing.push(() => wanderer?.close());
}

/** Everything that was acknowledged came live; what can be told apart came once. */
function judge(): void {
  const interruptions = house?.status().interruptions ?? 0;
  let again = 0;
  for (const [name, topic] of topics) {
    if (topic.numbers.size > 0) {
      if (topic.live !== topic.numbers.size)
        tell(`${name}: ${topic.numbers.size} different events were acknowledged, ${topic.live} came live`);
    } else if (topic.acknowledged > 0) {
      if (topic.live < topic.acknowledged)
        tell(`${name}: ${topic.acknowledged} events were acknowledged, ${topic.live} came live`);
      again += Math.max(0, topic.live - topic.acknowledged);
    }
  }
  // What a lost connection left unanswered is sent again, and without a number it is stored again.
  if (again > interruptions * inFlight)
    tell(`${again} events without a number came twice, more than ${interruptions} lost connections explain`);
}

const report = (): SoakHouseAnswer => ({
  house: house?.status() ?? {
    sensors: 0,
    published: 0,
    acknowledged: 0,
    duplicates: 0,
    skipped: 0,
    interruptions: 0,
    alarms: 0,
  },
  acknowledged: { ...acknowledged },
  numbered: [...topics.values()].reduce((sum, { numbers }) => sum + numbers.size, 0),
  live,
  problems: [...problems],
});

answerQuestions(async (question: SoakHouseQuestion): Promise<SoakHouseAnswer> => {
  switch (question.kind) {
    case 'start': {
      const { brokerUrl, sensors, speed, url } = question;
      await startLive(url, speed);
      house = startHouse(brokerUrl, sensors, speed);
      house.start();
      await startNonsense(brokerUrl, speed);
      startGateway(url, speed);
      startPages(url, speed);
      startSubscriber(brokerUrl, speed);
      break;
    }
    case 'look':
      break;
    case 'stop':
      stopped = true;
      await Promise.all(loops);
      await house?.stop();
      break;
    case 'judge':
      judge();
      for (const close of closing.reverse()) await close();
      break;
  }
  return report();
});
