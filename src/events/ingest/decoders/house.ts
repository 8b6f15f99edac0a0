/**
 * `maison/capteurs/{type}` and `maison/capteurs/{sensor_id}/{type}`: `{"temp":22.5}`, `{"value":22.5}` or a number. Without
 * a sensor in the topic its type is the sensor. Types may be French or short; they become the words that rules are
 * written with, so that `fumee` takes the critical lane like any smoke alarm.
 */
import { isJsonObject, type JsonObject } from '../../../protocol/json.ts';
import type { ReadingValue } from '../../../protocol/sensor-event.ts';
import type { DecodedEvent } from '../event-intake.ts';
import { decodeEventJson } from '../event-json.ts';
import { FieldProblem } from '../field-problem.ts';
import { type Decoded, type Decoder, plainEvent, type TopicReader } from './decoder.ts';
import { flatValue, parseJson, parseScalar } from './payload.ts';
import { decodeTextPayload } from './text-payload.ts';

const aliases: ReadonlyMap<string, string> = new Map([
  ['temp', 'temperature'],
  ['hum', 'humidity'],
  ['humidite', 'humidity'],
  ['humidité', 'humidity'],
  ['pression', 'pressure'],
  ['batterie', 'battery'],
  ['lumiere', 'illuminance'],
  ['lumière', 'illuminance'],
  ['mouvement', 'motion'],
  ['porte', 'door'],
  ['fumee', 'smoke'],
  ['fumée', 'smoke'],
  ['gaz', 'gas'],
  ['monoxyde', 'carbon_monoxide'],
  ['fuite', 'water_leak'],
]);
const typeOf = (name: string): string => aliases.get(name) ?? name;

/** Of the event, not readings of their own. */
const eventProperties: ReadonlySet<string> = new Set([
  'sensor_id',
  'type',
  'unit',
  'ts',
  'seq',
  'boot_id',
  'event_id',
  'priority',
]);

export const houseDecoder: Decoder = {
  name: 'house',
  readerOf(topic, base) {
    const levels = topic.slice(base.length).split('/');
    const [first = '', second] = levels;
    if (levels.length > 2 || first === '' || second === '') return null;
    return new HouseReader(first, typeOf(second ?? first));
  },
};

class HouseReader implements TopicReader {
  readonly sensorId: string;
  readonly type: string;

  constructor(sensorId: string, type: string) {
    this.sensorId = sensorId;
    this.type = type;
  }

  decode(payload: Uint8Array, retain: boolean): Decoded {
    return decodeTextPayload(payload, retain, (text) => this.#decodeText(text));
  }

  #decodeText(text: string): DecodedEvent | FieldProblem {
    const { sensorId, type } = this;
    if (text.charCodeAt(0) !== 0x7b) {
      const value = parseScalar(text);
      if (value !== null) return plainEvent(sensorId, [{ type, value, unit: null }]);
    }
    const json = parseJson(text);
    if (!isJsonObject(json)) return new FieldProblem('', 'the payload is neither a number nor a JSON object');
    const context = { sensorId, type, unknownProperties: 'ignore' } as const;
    if (json['value'] !== undefined || json['readings'] !== undefined) return decodeEventJson(json, context);
    const readings = readingsOf(json);
    if (readings.length === 0) return new FieldProblem('', 'nothing in the payload is a value');
    return decodeEventJson({ ...json, readings }, context);
  }
}

/** Every property that can be one is a reading: `{"temp":22.5,"hum":40}`. */
function readingsOf(json: JsonObject): { type: string; value: ReadingValue; unit: string | null }[] {
  const readings = [];
  const { unit } = json;
  for (const [name, property] of Object.entries(json)) {
    const value = eventProperties.has(name) ? null : flatValue(property);
    if (value !== null) readings.push({ type: typeOf(name), value, unit: null as string | null });
  }
  const [only] = readings;
  if (only !== undefined && readings.length === 1 && typeof unit === 'string') only.unit = unit;
  return readings;
}
