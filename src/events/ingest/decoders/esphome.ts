/**
 * ESPHome: `{prefix}/{component}/{object_id}/state`, a number, ON or OFF, or text; prefixes may have slashes. Each entity is
 * a sensor, `{prefix}/{object_id}`, since an object id is a name for people: two temperatures of one device would
 * otherwise be one. Its type is its device class where discovery told it, else the word in its name
 * (`kitchen_temperature`), else its name. See https://esphome.io/components/mqtt
 */
import { isJsonObject } from '../../../protocol/json.ts';
import { maxTextLength } from '../accept-event.ts';
import { type Decoded, type Decoder, ignored, oneEvent, plainEvent, undecodable } from './decoder.ts';
import { type DiscoveryRegistry, typeOfDeviceClass } from './discovery-registry.ts';
import { flatValue, parseJson, parseNumber, parseSwitch, snakeCase, textOf } from './payload.ts';
import { typeInName } from './reading-types.ts';

type Read = (text: string) => number | boolean | string | null;

const numeric: Read = parseNumber;
const switched: Read = parseSwitch;
const textual: Read = (text) => (text.length <= maxTextLength ? text : null);
/** Lights and fans give an object with `state`, or the bare word. */
const stateful: Read = (text) => {
  const json = parseJson(text);
  const state = isJsonObject(json) ? flatValue(json['state']) : null;
  return state ?? switched(text);
};

const readers: ReadonlyMap<string, Read> = new Map([
  ['sensor', numeric],
  ['number', numeric],
  ['binary_sensor', switched],
  ['switch', switched],
  ['light', stateful],
  ['fan', stateful],
  ['text_sensor', textual],
  ['select', textual],
  ['lock', textual],
  ['cover', textual],
  ['valve', textual],
  ['alarm_control_panel', textual],
]);

export function createEsphomeDecoder({
  registry,
}: {
  readonly registry: Pick<DiscoveryRegistry, 'entitiesOf'>;
}): Decoder {
  return {
    name: 'esphome',
    readerOf(topic) {
      const levels = topic.split('/');
      const [component = '', objectId = '', suffix] = levels.slice(-3);
      const prefix = levels.slice(0, -3).join('/');
      const read = readers.get(component);
      if (read === undefined || suffix !== 'state' || prefix === '' || levels.includes('')) return null;
      const [entity] = registry.entitiesOf(topic);
      const name = snakeCase(objectId);
      const type = (entity === undefined ? null : typeOfDeviceClass(entity)) ?? typeInName(name) ?? name;
      const sensorId = `${prefix}/${objectId}`;
      return {
        sensorId,
        type,
        decode(payload, retain): Decoded {
          if (payload.length === 0 && retain) return ignored;
          const text = textOf(payload);
          if (text === null) return undecodable('the payload is not UTF-8');
          // A sensor without a value yet.
          if (text.trim().toLowerCase() === 'nan') return ignored;
          const value = read(text);
          if (value === null) return undecodable(`the payload is no state of a ${component}`);
          return oneEvent(plainEvent(sensorId, [{ type, value, unit: entity?.unit ?? null }]));
        },
      };
    },
  };
}
