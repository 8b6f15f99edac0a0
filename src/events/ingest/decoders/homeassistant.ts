/**
 * Home Assistant's MQTT discovery: `homeassistant/{component}/[{node_id}/]{object_id}/config` and
 * `homeassistant/device/{object_id}/config` give names and units to sensors of other decoders, and teach the state topics
 * that no other decoder knows. Such a state topic is a sensor; each entity on it is one of its readings. Templates are
 * understood where they only pick a value: `{{ value_json.temperature | float }}`; entities with other ones are not read.
 * See https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery
 */
import { parseSensorId } from '../../../protocol/ids.ts';
import { isJsonObject, type JsonObject } from '../../../protocol/json.ts';
import type { ReadingValue } from '../../../protocol/sensor-event.ts';
import type { SensorDescription } from '../../stream/durable-stream.ts';
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
import { type DiscoveredEntity, type DiscoveryRegistry, typeOfDeviceClass } from './discovery-registry.ts';
import { flatValue, parseJson, parseNumber, snakeCase, textOf } from './payload.ts';
import { typeInName } from './reading-types.ts';

export interface HomeassistantOptions {
  readonly registry: Pick<DiscoveryRegistry, 'entitiesOf' | 'set'>;
  /** Who reads a state topic, this decoder included. */
  readonly readerOf: (topic: string) => TopicReader | null;
}

/** Components whose state is a value. */
const components: ReadonlySet<string> = new Set(['sensor', 'binary_sensor', 'switch', 'number']);
const maxUnitLength = 32;
const maxNameLength = 128;
/** Of one device. */
const maxComponents = 200;

export function createHomeassistantDecoder(options: HomeassistantOptions): Decoder {
  return {
    name: 'homeassistant',
    readerOf(topic, base) {
      const levels = topic.slice(base.length).split('/');
      if (levels.at(-1) === 'config' && levels.length >= 3 && levels.length <= 4)
        return configReader(topic, levels[0] ?? '', options);
      // Home Assistant's own birth message, and state topics that nobody has described yet.
      return stateReader(topic, options.registry) ?? ignoringReader;
    },
  };
}

/** Reads a topic that discovery has described; null for others. */
export function stateReader(
  topic: string,
  registry: Pick<DiscoveryRegistry, 'entitiesOf'>,
): TopicReader | null {
  const entities = registry.entitiesOf(topic).filter(({ path }) => path !== null);
  if (entities.length === 0) return null;
  const sensorId = sensorIdOf(topic);
  return {
    sensorId,
    type: null,
    decode(payload, retain) {
      if (payload.length === 0 && retain) return ignored;
      const text = textOf(payload);
      if (text === null) return undecodable('the payload is not UTF-8');
      const json = entities.some(({ path }) => path?.length !== 0) ? parseJson(text) : undefined;
      const readings: DecodedEvent['readings'][number][] = [];
      for (const entity of entities) {
        const type = typeOf(entity);
        const value = entityValue(entity, text, json);
        if (value !== null && !readings.some((reading) => reading.type === type))
          readings.push({ type, value, unit: entity.unit });
      }
      return readings.length === 0 ? ignored : oneEvent(plainEvent(sensorId, readings));
    },
  };
}

/** Unique as its topic is, without what says nothing: `homeassistant/sensor/garden/state` is `garden`. */
function sensorIdOf(stateTopic: string): string {
  const short = stateTopic.replace(/^homeassistant\/[a-z_]+\//, '').replace(/\/(?:state|status)$/i, '');
  return short === '' ? stateTopic : short;
}

/**
 * A topic with one value has the type of its device class. Several values on one topic are told apart by their
 * property, except for alarms, whose class decides about their lane.
 */
function typeOf(entity: DiscoveredEntity): string {
  const classType = typeOfDeviceClass(entity);
  const property = entity.path?.at(-1);
  if (classType !== null && (property === undefined || entity.component === 'binary_sensor'))
    return classType;
  if (property !== undefined) return property;
  const name = snakeCase(entity.name ?? sensorIdOf(entity.stateTopic).split('/').at(-1) ?? '');
  return typeInName(name) ?? (name === '' ? 'value' : name);
}

function entityValue(entity: DiscoveredEntity, text: string, json: unknown): ReadingValue | null {
  let value: unknown = json;
  if (entity.path?.length === 0) value = parseNumber(text) ?? text.trim();
  else {
    for (const name of entity.path ?? [])
      value = isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }
  if (entity.component === 'binary_sensor' || entity.component === 'switch') {
    if (typeof value === 'boolean') return value;
    if (String(value) === entity.payloadOn) return true;
    return String(value) === entity.payloadOff ? false : null;
  }
  if (typeof value !== 'string') return flatValue(value);
  if (/^(?:unknown|unavailable|none|nan)$/i.test(value)) return null;
  return parseNumber(value) ?? flatValue(value);
}

function configReader(
  topic: string,
  component: string,
  { readerOf, registry }: HomeassistantOptions,
): TopicReader {
  return {
    sensorId: null,
    type: null,
    decode(payload): Decoded {
      if (payload.length === 0) {
        // The entity is gone.
        registry.set(topic, []);
        return ignored;
      }
      const text = textOf(payload);
      const json = text === null ? undefined : parseJson(text);
      if (!isJsonObject(json)) return undecodable('a discovery configuration is a JSON object');
      const entities = entitiesOf(component, json);
      if (!registry.set(topic, entities)) return undecodable('there are too many discovery configurations');
      const descriptions = entities.flatMap((entity) => describe(entity, readerOf(entity.stateTopic)));
      return descriptions.length === 0 ? ignored : { kind: 'descriptions', descriptions };
    },
  };
}

function describe(entity: DiscoveredEntity, reader: TopicReader | null): SensorDescription[] {
  const sensorId = reader?.sensorId == null ? null : parseSensorId(reader.sensorId);
  if (sensorId === null) return [];
  const type = reader?.type ?? typeOf(entity);
  const units = entity.unit === null || type === '__proto__' ? {} : { [type]: entity.unit };
  return [{ sensorId, name: entity.name, units }];
}

/** One entity, or all of a device. */
function entitiesOf(component: string, json: JsonObject): DiscoveredEntity[] {
  if (component !== 'device') return [entityOf(component, [json])].filter((entity) => entity !== null);
  const parts = json['components'] ?? json['cmps'];
  if (!isJsonObject(parts)) return [];
  return Object.values(parts)
    .filter(isJsonObject)
    .slice(0, maxComponents)
    .map((part) => entityOf(textIn([part], 'platform', 'p') ?? '', [part, json]))
    .filter((entity) => entity !== null);
}

/** `layers`: the entity's own configuration, then what it shares with the rest of its device. */
function entityOf(component: string, layers: readonly JsonObject[]): DiscoveredEntity | null {
  const base = textIn(layers, '~', 'base_topic') ?? '';
  const topic = textIn(layers, 'state_topic', 'stat_t');
  if (topic === null || !components.has(component)) return null;
  const template = textIn(layers, 'value_template', 'val_tpl');
  const unit = textIn(layers, 'unit_of_measurement', 'unit_of_meas');
  const path = template === null ? [] : templatePath(template);
  return {
    component,
    // `~` stands for the base at either end.
    stateTopic: topic.replace(/^~/, () => base).replace(/~$/, () => base),
    deviceClass: textIn(layers, 'device_class', 'dev_cla'),
    unit: unit === null || unit === '' || unit.length > maxUnitLength ? null : unit,
    name: nameIn(layers, path),
    path,
    payloadOn: textIn(layers, 'payload_on', 'pl_on') ?? 'ON',
    payloadOff: textIn(layers, 'payload_off', 'pl_off') ?? 'OFF',
  };
}

/** Of what its topic is a sensor for: the device where several entities share the topic, else the entity. */
function nameIn(layers: readonly JsonObject[], path: DiscoveredEntity['path']): string | null {
  const devices = layers.map((layer) => layer['device'] ?? layer['dev']).filter(isJsonObject);
  const deviceName = textIn(devices, 'name');
  const ownName = textIn(layers, 'name');
  const name = path?.length === 0 ? (ownName ?? deviceName) : (deviceName ?? ownName);
  return name?.slice(0, maxNameLength) ?? null;
}

/** The first of these properties that is text; numbers and switches as text, since payloads may be written as either. */
function textIn(layers: readonly JsonObject[], ...names: readonly string[]): string | null {
  for (const layer of layers) {
    for (const name of names) {
      const value = Object.hasOwn(layer, name) ? layer[name] : undefined;
      if (typeof value === 'string') return value;
      if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    }
  }
  return null;
}

const templatePattern =
  /^\{\{\s*(value|value_json)((?:\.[\w-]+|\[\s*(?:'[^'\]]*'|"[^"\]]*")\s*\])*)((?:\s*\|\s*(?:float|int|round|is_defined|default|abs|string)(?:\([^()|]*\))?)*)\s*\}\}$/;

/** `{{ value_json['AM2301'].Temperature | round(1) }}`: `['AM2301', 'Temperature']`. Null for any other template. */
function templatePath(template: string): readonly string[] | null {
  if (template.length > 512) return null;
  const [, root, steps = ''] = templatePattern.exec(template.trim()) ?? [];
  if (root === undefined) return null;
  const path = [...steps.matchAll(/\.([\w-]+)|\[\s*['"]([^'"\]]*)['"]\s*\]/g)].map(
    ([, dotted, bracketed]) => dotted ?? bracketed ?? '',
  );
  // Neither a property of text nor all of the JSON is a value.
  return (root === 'value') === (path.length === 0) ? path : null;
}
