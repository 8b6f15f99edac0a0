/**
 * One simulated sensor: what it measures at a time of day, how often it speaks, and in whose words. Pure: what it says
 * follows from its seed and the times that it is asked at.
 */
import type { SeededRandom } from '../random.ts';

export interface HouseMessage {
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
}

export interface HouseMoment {
  /** Unix ms, as the sensor's own clock has it. */
  readonly nowMs: number;
  /** 0 ≤ x < 24, in the simulated day. */
  readonly hourOfDay: number;
  /** Of the sensor's messages since its boot. */
  readonly seq: number;
  readonly bootId: string;
}

export interface HouseSensor {
  readonly id: string;
  readonly kind: HouseSensorKind;
  /** Until it speaks again, ms of the simulated day. */
  nextInMs(hourOfDay: number): number;
  message(moment: HouseMoment): HouseMessage;
  /** Of a smoke detector: whether there is smoke. Others do not care. */
  setAlarm(alarm: boolean): void;
}

export const houseSensorKinds = [
  'temperature',
  'climate',
  'motion',
  'door',
  'light',
  'smoke',
  'energy',
] as const;
export type HouseSensorKind = (typeof houseSensorKinds)[number];

/** Rooms are warmest at five in the afternoon. */
const warmthOf = (hourOfDay: number): number => Math.cos(((hourOfDay - 17) / 24) * 2 * Math.PI);
/** 0 at night, 1 at noon. */
const daylightOf = (hourOfDay: number): number =>
  Math.max(0, Math.cos(((hourOfDay - 13) / 24) * 2 * Math.PI));
/** How busy the house is: breakfast, evening, nobody at night. */
function activityOf(hourOfDay: number): number {
  const near = (hour: number, width: number): number => Math.exp(-(((hourOfDay - hour) / width) ** 2));
  return 0.03 + near(7.5, 1.2) + 0.4 * near(12.5, 1) + 1.2 * near(19.5, 2);
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));

interface Speech {
  readonly everyMs: number;
  readonly topic: string;
  /** The payload's content; numbered and timed where the sensor's kind does that. */
  readonly says: (moment: HouseMoment) => string;
  /** Comes in bursts when the house is busy, instead of evenly. */
  readonly lively?: boolean;
  readonly retain?: boolean;
}

export function createHouseSensor(kind: HouseSensorKind, index: number, random: SeededRandom): HouseSensor {
  const number = index + 1;
  const offset = random.between(-1.5, 1.5);
  let alarm = false;
  let isOn = false;
  let energyKwh = random.between(10, 500);
  const numbered = (moment: HouseMoment, fields: object): string =>
    JSON.stringify({ ...fields, seq: moment.seq, boot_id: moment.bootId, ts: moment.nowMs });
  const degrees = ({ hourOfDay }: HouseMoment): number =>
    round(20.5 + offset + 2 * warmthOf(hourOfDay) + random.between(-0.2, 0.2), 1);

  const speech: Readonly<Record<HouseSensorKind, Speech>> = {
    // As the first sensors of the house did: no id beside the topic, no number, no time.
    temperature: {
      everyMs: 30_000,
      topic: `maison/capteurs/piece-${number}/temperature`,
      says: (moment) => JSON.stringify({ temp: degrees(moment) }),
    },
    climate: {
      everyMs: 60_000,
      topic: `zigbee2mqtt/climate-${number}`,
      says: (moment) =>
        JSON.stringify({
          temperature: degrees(moment),
          humidity: round(48 + 3 * offset - 6 * warmthOf(moment.hourOfDay) + random.between(-1, 1), 1),
          battery: Math.max(5, 100 - (moment.seq % 96)),
          linkquality: random.integer(40, 180),
        }),
      retain: true,
    },
    motion: {
      everyMs: 45_000,
      topic: `sensors/motion-${number}/motion`,
      says: (moment) => numbered(moment, { value: (isOn = !isOn) }),
      lively: true,
    },
    door: {
      everyMs: 300_000,
      topic: `sensors/door-${number}/door`,
      says: (moment) => numbered(moment, { value: (isOn = !isOn) }),
      lively: true,
    },
    light: {
      everyMs: 60_000,
      topic: `sensors/light-${number}`,
      says: (moment) =>
        numbered(moment, {
          type: 'illuminance',
          value: Math.round(5 + 800 * daylightOf(moment.hourOfDay) * random.between(0.8, 1)),
          unit: 'lx',
        }),
    },
    smoke: {
      everyMs: 60_000,
      topic: `sensors/smoke-${number}/smoke`,
      says: (moment) => numbered(moment, { value: alarm }),
    },
    energy: {
      everyMs: 10_000,
      topic: `tele/plug-${number}/SENSOR`,
      says: ({ hourOfDay, nowMs }) => {
        const watts = Math.round(60 + 900 * activityOf(hourOfDay) * random.next());
        energyKwh += watts / 360_000;
        return JSON.stringify({
          Time: new Date(nowMs).toISOString().slice(0, 19),
          ENERGY: { Total: round(energyKwh, 3), Power: watts, Voltage: random.integer(225, 235) },
        });
      },
    },
  };
  const { everyMs, lively = false, retain = false, says, topic } = speech[kind];

  return {
    id: `${kind}-${number}`,
    kind,
    nextInMs: (hourOfDay) =>
      lively
        ? // Exponential: bursts and long quiet, as people come and go.
          Math.max(500, (-Math.log(1 - random.next()) * everyMs) / activityOf(hourOfDay))
        : everyMs * random.between(0.95, 1.05),
    message: (moment) => ({ topic, payload: says(moment), retain }),
    setAlarm(value) {
      alarm = value;
    },
  };
}
