/**
 * A house of sensors that publish over MQTT, each over a connection of its own, as real ones do. With a daily rhythm, and
 * with what goes wrong with real ones: messages sent twice, clocks that are wrong, connections that end and come back.
 */
import type { Clock } from '../../clock.ts';
import { systemClock } from '../../clock.ts';
import { createRandom, type SeededRandom } from '../random.ts';
import {
  createHouseSensor,
  type HouseMessage,
  type HouseSensor,
  houseSensorKinds,
  type HouseSensorKind,
} from './house-sensor.ts';

/** One sensor's connection to a broker. */
export interface HousePublisher {
  /** QoS 1. Resolves at the PUBACK; a publish while it is disconnected waits for the connection. */
  publish(message: HouseMessage): Promise<void>;
  /** Ends the connection without a word, and connects again after so long. */
  interrupt(forMs: number): void;
  close(): Promise<void>;
}

export interface SimulatedHouseOptions {
  readonly sensors: number;
  readonly seed?: number;
  /** How fast the simulated day passes: 60 has a day in 24 minutes, and 60 times the messages. */
  readonly speed?: number;
  /** Share of messages that are published a second time. */
  readonly duplicates?: number;
  /** Sensors whose clock is wrong, by up to an hour. */
  readonly skewedClocks?: number;
  /** Mean time between two interruptions of one sensor's connection, ms of the simulated day; 0: never. */
  readonly interruptEveryMs?: number;
  /** Time between two smoke alarms somewhere in the house, ms of the simulated day; 0: never. */
  readonly alarmEveryMs?: number;
  /** Messages of one sensor that may wait for their PUBACK; beyond it the sensor skips, as a small device does. */
  readonly inFlight?: number;
  readonly connect: (sensorId: string) => HousePublisher;
  readonly clock?: Clock;
}

export interface HouseStatus {
  readonly sensors: number;
  readonly published: number;
  readonly acknowledged: number;
  readonly duplicates: number;
  /** Not sent, since too many were waiting. */
  readonly skipped: number;
  readonly interruptions: number;
  readonly alarms: number;
}

export interface SimulatedHouse {
  readonly sensors: readonly { readonly id: string; readonly kind: HouseSensorKind }[];
  start(): void;
  status(): HouseStatus;
  /** Smoke in the house, or none any more; false where it has no smoke detector. */
  setSmoke(smoke: boolean): boolean;
  /** What is on its way is given up. */
  stop(): Promise<void>;
}

/** Of a hundred sensors: mostly what rooms have. Every kind is there from seven on. */
const shares: Readonly<Record<HouseSensorKind, number>> = {
  temperature: 22,
  climate: 18,
  motion: 16,
  door: 12,
  light: 12,
  smoke: 8,
  energy: 12,
};
const dayMs = 86_400_000;
const hourMs = 3_600_000;
const alarmLastsMs = 60_000;

interface PlacedSensor {
  readonly sensor: HouseSensor;
  readonly publisher: HousePublisher;
  readonly random: SeededRandom;
  readonly clockErrorMs: number;
  bootId: string;
  seq: number;
  inFlight: number;
}

export function createSimulatedHouse(options: SimulatedHouseOptions): SimulatedHouse {
  const {
    alarmEveryMs = 0,
    connect,
    duplicates = 0,
    inFlight = 20,
    interruptEveryMs = 0,
    speed = 1,
  } = options;
  const clock = options.clock ?? systemClock;
  const random = createRandom(options.seed ?? 1, 'house');
  const counts = { published: 0, acknowledged: 0, duplicates: 0, skipped: 0, interruptions: 0, alarms: 0 };
  const cancels = new Set<() => void>();
  let startedMs = 0;
  let running = false;

  const placed: PlacedSensor[] = kindsOf(options.sensors).map(({ index, kind }, position) => {
    const ofSensor = random.fork(`${kind}-${index}`);
    const sensor = createHouseSensor(kind, index, ofSensor);
    return {
      sensor,
      publisher: connect(sensor.id),
      random: ofSensor,
      clockErrorMs: position < (options.skewedClocks ?? 0) ? ofSensor.between(-hourMs, hourMs) : 0,
      bootId: ofSensor.hex(8),
      seq: 0,
      inFlight: 0,
    };
  });

  const hourOfDay = (): number => {
    const elapsedMs = (clock.monotonicMs() - startedMs) * speed;
    return ((7 * hourMs + elapsedMs) % dayMs) / hourMs;
  };
  /** `delayMs` of the simulated day. */
  const later = (delayMs: number, callback: () => void): void => {
    const cancel = clock.after(delayMs / speed, () => {
      cancels.delete(cancel);
      if (running) callback();
    });
    cancels.add(cancel);
  };

  function send(place: PlacedSensor, message: HouseMessage): void {
    place.inFlight += 1;
    counts.published += 1;
    void place.publisher.publish(message).then(
      () => {
        place.inFlight -= 1;
        counts.acknowledged += 1;
      },
      () => {
        place.inFlight -= 1;
      },
    );
  }

  function speak(place: PlacedSensor): void {
    if (place.inFlight >= inFlight) {
      counts.skipped += 1;
      return;
    }
    place.seq += 1;
    const message = place.sensor.message({
      nowMs: Math.round(clock.nowMs() + place.clockErrorMs),
      hourOfDay: hourOfDay(),
      seq: place.seq,
      bootId: place.bootId,
    });
    send(place, message);
    if (place.random.chance(duplicates)) {
      counts.duplicates += 1;
      send(place, message);
    }
  }

  function goOnSpeaking(place: PlacedSensor): void {
    later(place.sensor.nextInMs(hourOfDay()), () => {
      speak(place);
      goOnSpeaking(place);
    });
  }

  function goOnInterrupting(place: PlacedSensor): void {
    later(-Math.log(1 - place.random.next()) * interruptEveryMs, () => {
      counts.interruptions += 1;
      place.publisher.interrupt(place.random.between(100, 3_000) / speed);
      // Every fourth time it was the device that went: it counts from the start again.
      if (place.random.chance(0.25)) {
        place.bootId = place.random.hex(8);
        place.seq = 0;
      }
      goOnInterrupting(place);
    });
  }

  const detectors = placed.filter(({ sensor }) => sensor.kind === 'smoke');

  function setSmoke(smoke: boolean): boolean {
    if (detectors.length === 0) return false;
    // One room smokes; the air is clear everywhere.
    for (const place of smoke ? [random.pick(detectors)] : detectors) {
      place.sensor.setAlarm(smoke);
      speak(place);
    }
    return true;
  }

  function goOnAlarming(): void {
    later(alarmEveryMs, () => {
      counts.alarms += 1;
      setSmoke(true);
      later(alarmLastsMs, () => void setSmoke(false));
      goOnAlarming();
    });
  }

  return {
    sensors: placed.map(({ sensor: { id, kind } }) => ({ id, kind })),
    start() {
      running = true;
      startedMs = clock.monotonicMs();
      for (const place of placed) {
        // Everybody says hello within a few seconds, not all at once.
        later(place.random.between(0, 3_000) * Math.min(1, speed), () => speak(place));
        goOnSpeaking(place);
        if (interruptEveryMs > 0) goOnInterrupting(place);
      }
      if (alarmEveryMs > 0 && detectors.length > 0) goOnAlarming();
    },
    status: () => ({ sensors: placed.length, ...counts }),
    setSmoke,
    async stop() {
      running = false;
      for (const cancel of cancels) cancel();
      cancels.clear();
      await Promise.all(placed.map(({ publisher }) => publisher.close()));
    },
  };
}

/** Kinds in turn by their shares, so that any number of sensors is a small or large house of the same sort. */
function kindsOf(sensors: number): { readonly kind: HouseSensorKind; readonly index: number }[] {
  const placed = new Map<HouseSensorKind, number>();
  const kinds: { kind: HouseSensorKind; index: number }[] = [];
  for (let position = 0; position < sensors; position++) {
    const first = houseSensorKinds[position];
    const kind =
      position < houseSensorKinds.length && first !== undefined
        ? first
        : houseSensorKinds.reduce((most, candidate) => {
            const owed = (of: HouseSensorKind) => ((position + 1) * shares[of]) / 100 - (placed.get(of) ?? 0);
            return owed(candidate) > owed(most) ? candidate : most;
          });
    const index = placed.get(kind) ?? 0;
    placed.set(kind, index + 1);
    kinds.push({ kind, index });
  }
  return kinds;
}
