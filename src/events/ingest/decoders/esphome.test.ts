import { describe, expect, it } from 'vitest';
import { decodedAs } from '../../../../test/support/decoded.ts';
import { PublishDecoders } from '../publish-decoders.ts';

const newDecoders = () =>
  new PublishDecoders({
    rules: [
      { decoder: 'homeassistant', topics: ['homeassistant/#'] },
      { decoder: 'esphome', topics: ['+/+/+/state', 'home/+/+/+/state'] },
    ],
  });
const decode = (topic: string, payload: unknown) => decodedAs(newDecoders(), topic, payload);

describe('the ESPHome decoder', () => {
  it.each([
    ['attic/sensor/attic_temperature/state', '21.4', 'attic/attic_temperature: temperature 21.4'],
    ['attic/binary_sensor/hall_smoke_detector/state', 'ON', 'attic/hall_smoke_detector: smoke true'],
    ['attic/binary_sensor/hall_smoke_battery/state', 'OFF', 'attic/hall_smoke_battery: battery false'],
    ['attic/sensor/carbon_monoxide/state', '3', 'attic/carbon_monoxide: carbon_monoxide 3'],
    ['attic/sensor/rain/state', '0.2', 'attic/rain: rain 0.2'],
    ['attic/text_sensor/mode/state', 'away', 'attic/mode: mode away'],
    ['attic/switch/fan/state', 'OFF', 'attic/fan: fan false'],
    ['attic/light/desk/state', '{"state":"ON","brightness":255}', 'attic/desk: desk true'],
    ['home/attic/sensor/pressure/state', '1009', 'home/attic/pressure: pressure 1009'],
  ])('reads %s', (topic, payload, event) => {
    expect(decode(topic, payload)).toEqual([event]);
  });

  it('waits for a sensor that has no value yet', () => {
    expect(decode('attic/sensor/t/state', 'nan')).toEqual(['ignored']);
  });

  it('says what it cannot read, and leaves other topics alone', () => {
    expect(decode('attic/sensor/t/state', 'warm')).toEqual([
      'undecodable: the payload is no state of a sensor',
    ]);
    expect(decode('attic/binary_sensor/t/state', '7')[0]).toContain('no state of a binary_sensor');
    for (const topic of ['a/media/x/state', '/sensor/x/state', 'a/sensor//state', 'a/sensor/x/command'])
      expect(decode(topic, '1'), topic).toEqual(['unknown topic']);
  });

  it('takes the type and the unit that discovery tells, also after it has been read', () => {
    const decoders = newDecoders();
    const stateTopic = 'flur/binary_sensor/rauchmelder/state';
    expect(decodedAs(decoders, stateTopic, 'ON')).toEqual(['flur/rauchmelder: rauchmelder true']);
    const config = { name: 'Rauchmelder', dev_cla: 'smoke', stat_t: stateTopic, dev: { name: 'flur' } };
    expect(decodedAs(decoders, 'homeassistant/binary_sensor/flur/rauchmelder/config', config)).toEqual([
      'flur/rauchmelder is Rauchmelder {}',
    ]);
    expect(decodedAs(decoders, stateTopic, 'ON')).toEqual(['flur/rauchmelder: smoke true']);
  });
});
