import { describe, expect, it } from 'vitest';
import { decodedAs } from '../../../../test/support/decoded.ts';
import { PublishDecoders } from '../publish-decoders.ts';

const newDecoders = () =>
  new PublishDecoders({
    rules: [
      { decoder: 'zigbee2mqtt', topics: ['zigbee2mqtt/#'] },
      { decoder: 'homeassistant', topics: ['homeassistant/#'] },
    ],
  });

/** As a weather station with one JSON topic announces itself. */
const outdoorTemperature = {
  name: 'Outdoor temperature',
  '~': 'garden/weather',
  state_topic: '~/state',
  value_template: '{{ value_json.outdoor_temp | float | round(1) }}',
  unit_of_measurement: '°C',
  device_class: 'temperature',
  unique_id: 'weather_t',
  device: { identifiers: ['weather'], name: 'Weather station' },
};
const flooded = {
  name: null,
  stat_t: 'garden/weather/state',
  val_tpl: "{{ value_json['alarms'].water }}",
  dev_cla: 'moisture',
  pl_on: 'wet',
  pl_off: 'dry',
  dev: { ids: 'weather', name: 'Weather station' },
};

describe('the Home Assistant decoder', () => {
  it('learns a state topic that nobody else reads, with names and units', () => {
    const decoders = newDecoders();
    expect(decodedAs(decoders, 'garden/weather/state', { outdoor_temp: 3 })).toEqual(['unknown topic']);
    expect(decodedAs(decoders, 'homeassistant/sensor/weather/temp/config', outdoorTemperature)).toEqual([
      'garden/weather is Weather station {"outdoor_temp":"°C"}',
    ]);
    expect(decodedAs(decoders, 'homeassistant/binary_sensor/flood/config', flooded)).toEqual([
      'garden/weather is Weather station {}',
    ]);
    const state = { outdoor_temp: '3.5', alarms: { water: 'wet' }, other: 1 };
    expect(decodedAs(decoders, 'garden/weather/state', state)).toEqual([
      'garden/weather: outdoor_temp 3.5 °C, water_leak true',
    ]);
    expect(decodedAs(decoders, 'garden/weather/state', { alarms: { water: 'dry' } })).toEqual([
      'garden/weather: water_leak false',
    ]);
    expect(decodedAs(decoders, 'garden/weather/state', { alarms: { water: 'damp' } })).toEqual(['ignored']);
    expect(decodedAs(decoders, 'garden/weather/state', 'no JSON')).toEqual(['ignored']);
  });

  it('reads state topics under its own prefix once they are described', () => {
    const decoders = newDecoders();
    const topic = 'homeassistant/sensor/greenhouse/state';
    expect(decodedAs(decoders, topic, '21')).toEqual(['ignored']);
    decodedAs(decoders, 'homeassistant/sensor/greenhouse/config', { stat_t: topic, dev_cla: 'temperature' });
    expect(decodedAs(decoders, topic, '21')).toEqual(['greenhouse: temperature 21']);
    expect(decodedAs(decoders, topic, 'unavailable')).toEqual(['ignored']);
  });

  it('names sensors of other decoders in their own words', () => {
    const decoders = newDecoders();
    const config = {
      name: 'Temperature',
      state_topic: 'zigbee2mqtt/kitchen',
      value_template: '{{ value_json.temperature }}',
      unit_of_measurement: '°C',
      device_class: 'temperature',
      device: { identifiers: ['zigbee2mqtt_0x00158d'], name: 'Kitchen' },
    };
    expect(decodedAs(decoders, 'homeassistant/sensor/0x00158d/temperature/config', config)).toEqual([
      'kitchen is Kitchen {"temperature":"°C"}',
    ]);
  });

  it('reads the components of a device', () => {
    const decoders = newDecoders();
    const device = {
      dev: { ids: ['ea334450945afc'], name: 'Kitchen' },
      o: { name: 'bla2mqtt' },
      cmps: {
        t: {
          p: 'sensor',
          dev_cla: 'temperature',
          unit_of_meas: '°C',
          val_tpl: '{{ value_json.temperature }}',
        },
        c: { p: 'camera', topic: 'x' },
        g: { p: 'sensor', dev_cla: 'gas', stat_t: 'meter/gas', unit_of_meas: 'm³' },
      },
      state_topic: 'kitchen/state',
    };
    expect(decodedAs(decoders, 'homeassistant/device/0AFFD2/config', device)).toEqual([
      'kitchen is Kitchen {"temperature":"°C"}',
      'meter/gas is Kitchen {"gas_volume":"m³"}',
    ]);
    expect(decodedAs(decoders, 'kitchen/state', { temperature: 20 })).toEqual(['kitchen: temperature 20 °C']);
    expect(decodedAs(decoders, 'meter/gas', '1204.5')).toEqual(['meter/gas: gas_volume 1204.5 m³']);
  });

  it('forgets an entity whose configuration is cleared or changed', () => {
    const decoders = newDecoders();
    const topic = 'homeassistant/sensor/weather/config';
    decodedAs(decoders, topic, outdoorTemperature);
    decodedAs(decoders, topic, { ...outdoorTemperature, '~': 'garden/new' });
    expect(decodedAs(decoders, 'garden/weather/state', { outdoor_temp: 3 })).toEqual(['unknown topic']);
    expect(decodedAs(decoders, 'garden/new/state', { outdoor_temp: 3 })).toEqual([
      'garden/new: outdoor_temp 3 °C',
    ]);
    decodedAs(decoders, topic, '', { retain: true });
    expect(decodedAs(decoders, 'garden/new/state', { outdoor_temp: 3 })).toEqual(['unknown topic']);
  });

  it.each([
    '{{ value_json.a if value_json.b else 0 }}',
    '{{ states("sensor.x") }}',
    '{% if true %}1{% endif %}',
    '{{ value_json }}',
    '{{ value.upper() }}',
    '{{ value_json.a | multiply(2) }}',
    '{'.repeat(100_000),
  ])('reads nothing by the template %.40s', (template) => {
    const decoders = newDecoders();
    const config = { ...outdoorTemperature, value_template: template };
    decodedAs(decoders, 'homeassistant/sensor/weather/config', config);
    expect(decodedAs(decoders, 'garden/weather/state', { a: 1, outdoor_temp: 3 })).toEqual(['unknown topic']);
  });

  it.each([
    ['{{ value }}', '7', 7],
    ['{{value|float}}', '7', 7],
    ['{{ value_json.a }}', '{"a":7}', 7],
    ['{{ value_json["a b"] | default(0) | int }}', '{"a b":7}', 7],
    ["{{ value_json.a['b'].c-d | is_defined }}", '{"a":{"b":{"c-d":"7"}}}', 7],
    ['{{ value_json.constructor }}', '{}', null],
    ['{{ value_json.__proto__.x }}', '{"__proto__":{"x":7}}', 7],
  ])('reads %s', (template, payload, value) => {
    const decoders = newDecoders();
    const config = { stat_t: 'x/y', val_tpl: template, name: 'Thing' };
    decodedAs(decoders, 'homeassistant/sensor/thing/config', config);
    const [event] = decodedAs(decoders, 'x/y', payload);
    if (value === null) expect(event).toBe('ignored');
    else expect(event).toMatch(new RegExp(`^x/y: .+ ${value}$`));
  });

  it('ignores its birth message, and keeps a broken configuration as undecodable', () => {
    const decoders = newDecoders();
    expect(decodedAs(decoders, 'homeassistant/status', 'online')).toEqual(['ignored']);
    expect(decodedAs(decoders, 'homeassistant/sensor/x/config', '{')[0]).toContain('JSON object');
    expect(decodedAs(decoders, 'homeassistant/sensor/x/config', {})).toEqual(['ignored']);
  });
});
