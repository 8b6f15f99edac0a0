/**
 * Tasmota with its default topics, `tele/{device}/…` and `stat/{device}/…`, or with the prefix elsewhere in them. In
 * `SENSOR` every chip or probe (`AM2301`, `DS18B20-2`, `ENERGY`) is a sensor of its own, `{device}/{probe}`: a second probe
 * then changes nothing about the first, and types stay the plain words that rules are written with. Switches, relays,
 * signal and availability belong to `{device}`. See https://tasmota.github.io/docs/MQTT/
 */
import { isJsonObject, type JsonObject } from '../../../protocol/json.ts';
import type { DecodedEvent } from '../event-intake.ts';
import {
  type Decoded,
  type Decoder,
  ignored,
  ignoringReader,
  oneEvent,
  plainEvent,
  type TopicReader,
  undecodable,
} from './decoder.ts';
import { flatValue, parseJson, parseSwitch, snakeCase, textOf } from './payload.ts';

type Readings = DecodedEvent['readings'][number][];

export const tasmotaDecoder: Decoder = {
  name: 'tasmota',
  readerOf(topic) {
    const levels = topic.split('/');
    const prefix = levels.findIndex((level) => level === 'tele' || level === 'stat');
    const message = levels.at(-1) ?? '';
    const device = levels
      .filter((_level, index) => index !== prefix && index !== levels.length - 1)
      .join('/');
    if (prefix < 0 || prefix === levels.length - 1 || device === '' || levels.includes('')) return null;
    if (message === 'SENSOR') return jsonReader(device, decodeSensors);
    if (message === 'STATE') return jsonReader(device, decodeState);
    if (message === 'LWT') return lwtReader(device);
    const switched = switchType(message);
    // Answers to commands (RESULT, STATUS…), and what the device tells of itself once (INFO1…).
    return switched === null ? ignoringReader : switchReader(device, switched);
  },
};

function jsonReader(device: string, decode: (device: string, json: JsonObject) => Decoded): TopicReader {
  return {
    sensorId: device,
    type: null,
    decode(payload, retain) {
      if (payload.length === 0 && retain) return ignored;
      const text = textOf(payload);
      const json = text === null ? undefined : parseJson(text);
      return isJsonObject(json) ? decode(device, json) : undecodable('the payload is not a JSON object');
    },
  };
}

/** `{"Time":…,"AM2301":{"Temperature":22.4,…},"Switch1":"ON","TempUnit":"C"}` */
function decodeSensors(device: string, json: JsonObject): Decoded {
  const unitOf = unitsOf(json);
  const events: DecodedEvent[] = [];
  const own: Readings = [];
  const addProbe = (probe: string, values: JsonObject): void => {
    const readings = probeReadings(values, unitOf);
    if (readings.length > 0) events.push(plainEvent(`${device}/${probe}`, readings));
  };
  for (const [name, property] of Object.entries(json)) {
    if (!isJsonObject(property)) {
      const type = switchType(name);
      const value = type === null ? null : flatValue(property);
      if (type !== null && typeof value === 'boolean') own.push({ type, value, unit: null });
    } else if (name === 'ZbReceived') {
      for (const [zigbeeName, values] of Object.entries(property))
        if (isJsonObject(values)) addProbe(zigbeeName, values);
    } else addProbe(name, property);
  }
  if (own.length > 0) events.unshift(plainEvent(device, own));
  return events.length === 0 ? ignored : { kind: 'events', events };
}

/** Of a probe, not measured by it. */
const notReadings: ReadonlySet<string> = new Set([
  'Id',
  'Device',
  'Name',
  'Endpoint',
  'TotalStartTime',
  'Address',
]);

function probeReadings(values: JsonObject, unitOf: (type: string) => string | null): Readings {
  const readings: Readings = [];
  const add = (type: string, property: unknown): void => {
    const value = flatValue(property);
    if (value !== null && type !== '' && !readings.some((reading) => reading.type === type))
      readings.push({ type, value, unit: unitOf(type) });
  };
  for (const [name, property] of Object.entries(values)) {
    if (notReadings.has(name)) continue;
    const type = snakeCase(name);
    // Meters of several phases give a list each.
    if (Array.isArray(property)) property.forEach((value, index) => add(`${type}_${index + 1}`, value));
    else add(type, property);
  }
  return readings;
}

const fixedUnits: ReadonlyMap<string, string> = new Map([
  ['humidity', '%'],
  ['battery', '%'],
  ['illuminance', 'lx'],
  ['carbon_dioxide', 'ppm'],
  ['power', 'W'],
  ['apparent_power', 'VA'],
  ['reactive_power', 'var'],
  ['voltage', 'V'],
  ['current', 'A'],
  ['total', 'kWh'],
  ['today', 'kWh'],
  ['yesterday', 'kWh'],
]);

/** A device says once which units its temperatures, pressures and speeds have. */
function unitsOf(json: JsonObject): (type: string) => string | null {
  const text = (name: string): string | null => {
    const unit = json[name];
    return typeof unit === 'string' ? unit : null;
  };
  const temperature = text('TempUnit');
  const degrees = temperature === null ? null : `°${temperature}`;
  return (type) => {
    if (type === 'temperature' || type === 'dew_point') return degrees;
    if (type === 'pressure' || type === 'sea_pressure') return text('PressureUnit');
    if (type === 'speed') return text('SpeedUnit');
    return fixedUnits.get(type.replace(/_\d+$/, '')) ?? null;
  };
}

/** `{"Time":…,"Vcc":3.423,"POWER":"OFF","Wifi":{"Signal":-59,…}}`: the relays, the supply, the signal. */
function decodeState(device: string, json: JsonObject): Decoded {
  const readings: Readings = [];
  for (const [name, property] of Object.entries(json)) {
    const type = switchType(name);
    const value = type === null ? null : flatValue(property);
    if (type !== null && typeof value === 'boolean') readings.push({ type, value, unit: null });
  }
  const { Vcc: supply, Wifi: wifi } = json;
  if (typeof supply === 'number') readings.push({ type: 'supply_voltage', value: supply, unit: 'V' });
  if (isJsonObject(wifi) && typeof wifi['Signal'] === 'number')
    readings.push({ type: 'signal', value: wifi['Signal'], unit: 'dBm' });
  return readings.length === 0 ? ignored : oneEvent(plainEvent(device, readings));
}

/** `POWER`: `relay`, `POWER2`: `relay_2`, `Switch1`: `switch_1`. A relay is no `power`, which is in watts. */
function switchType(name: string): string | null {
  const [, kind, number] = /^(POWER|Switch|SWITCH)(\d{0,2})$/.exec(name) ?? [];
  if (kind === undefined) return null;
  const word = kind === 'POWER' ? 'relay' : 'switch';
  return number === undefined || number === '' ? word : `${word}_${number}`;
}

const switchReader = (device: string, type: string): TopicReader => ({
  sensorId: device,
  type,
  decode(payload, retain) {
    if (payload.length === 0 && retain) return ignored;
    const value = parseSwitch(textOf(payload) ?? '');
    // Switches may also send the words of their action, TOGGLE or HOLD: no state.
    return value === null ? ignored : oneEvent(plainEvent(device, [{ type, value, unit: null }]));
  },
});

const lwtReader = (device: string): TopicReader => ({
  sensorId: device,
  type: 'available',
  decode(payload, retain) {
    if (payload.length === 0 && retain) return ignored;
    const text = textOf(payload)?.trim();
    if (text !== 'Online' && text !== 'Offline') return undecodable('an LWT is Online or Offline');
    return oneEvent(plainEvent(device, [{ type: 'available', value: text === 'Online', unit: null }]));
  },
});
