/**
 * Zigbee2MQTT: `zigbee2mqtt/{friendly_name}` with one flat object, or, with its attribute output,
 * `zigbee2mqtt/{friendly_name}/{attribute}` with one value; `…/availability` as text or JSON. Friendly names may have
 * slashes. See https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html
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
import { flatValue, parseJson, parseScalar, snakeCase, textOf } from './payload.ts';
import { usualUnitOf } from './reading-types.ts';

/** Of the device and the network, not of what it measures. `update` tells of firmware. */
const notReadings: ReadonlySet<string> = new Set([
  'device',
  'elapsed',
  'last_seen',
  'update',
  'update_available',
]);

export const zigbee2mqttDecoder: Decoder = {
  name: 'zigbee2mqtt',
  readerOf(topic, base) {
    const name = topic.slice(base.length);
    const levels = name.split('/');
    if (levels.includes('')) return null;
    // The bridge's own affairs; commands; actions, which the device's object has as well.
    if (levels[0] === 'bridge') return ignoringReader;
    const last = levels.at(-1) ?? '';
    if (levels.length === 1) return deviceReader(name);
    if (last === 'set' || last === 'get' || levels.includes('set') || last === 'action')
      return ignoringReader;
    return last === 'availability' ? availabilityReader(levels.slice(0, -1).join('/')) : deviceReader(name);
  },
};

const deviceReader = (name: string): TopicReader => ({
  sensorId: name,
  type: null,
  decode(payload, retain) {
    if (payload.length === 0 && retain) return ignored;
    const text = textOf(payload);
    if (text === null) return undecodable('the payload is not UTF-8');
    const json = parseJson(text);
    if (isJsonObject(json)) return deviceEvent(name, json);
    return (
      attributeEvent(name, text) ?? undecodable('the payload is neither an object nor an attribute’s value')
    );
  },
});

function deviceEvent(sensorId: string, json: JsonObject): Decoded {
  const readings: DecodedEvent['readings'][number][] = [];
  const add = (type: string, property: unknown): void => {
    const value = flatValue(property);
    if (value !== null) readings.push({ type, value, unit: usualUnitOf(type) });
  };
  for (const [name, property] of Object.entries(json)) {
    if (notReadings.has(name)) continue;
    if (!isJsonObject(property)) add(name, property);
    // One level is enough: `color: {x, y}`, `weekly_schedule: {…}` with text in it.
    else for (const [inner, value] of Object.entries(property)) add(`${name}_${inner}`, value);
  }
  // An object of nulls, such as a device's that has not reported yet.
  return readings.length === 0 ? ignored : oneEvent(plainEvent(sensorId, readings, lastSeenOf(json)));
}

/** ISO 8601 or Unix ms, as Zigbee2MQTT is set up; what is neither is no reason to lose the readings. */
function lastSeenOf({ last_seen: lastSeen }: JsonObject): number | string | null {
  if (typeof lastSeen === 'number') return Number.isFinite(lastSeen) ? lastSeen : null;
  return typeof lastSeen === 'string' &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[\d.]*(?:Z|[+-]\d\d:?\d\d)$/.test(lastSeen)
    ? lastSeen
    : null;
}

/** `zigbee2mqtt/kitchen/temperature` → 21.4 */
function attributeEvent(name: string, text: string): Decoded | null {
  const slash = name.lastIndexOf('/');
  const value =
    parseScalar(text) ?? (/^[\p{L}\p{N}][\p{L}\p{N} _.:-]*$/u.test(text) ? flatValue(text) : null);
  if (slash < 0 || value === null) return null;
  const type = snakeCase(name.slice(slash + 1));
  return oneEvent(plainEvent(name.slice(0, slash), [{ type, value, unit: usualUnitOf(type) }]));
}

const availabilityReader = (sensorId: string): TopicReader => ({
  sensorId,
  type: 'available',
  decode(payload, retain) {
    if (payload.length === 0 && retain) return ignored;
    const text = textOf(payload) ?? '';
    const json = parseJson(text);
    const state = isJsonObject(json) ? json['state'] : text.trim();
    if (state !== 'online' && state !== 'offline')
      return undecodable('an availability is online, offline or {"state":"online"}');
    return oneEvent(plainEvent(sensorId, [{ type: 'available', value: state === 'online', unit: null }]));
  },
});
