import { describe, expect, it } from 'vitest';
import { decodedAs } from '../../../../test/support/decoded.ts';
import { PublishDecoders } from '../publish-decoders.ts';

const decoders = new PublishDecoders({ rules: [{ decoder: 'native', topics: ['sensors/#'] }] });
const decode = (topic: string, payload: unknown) => decodedAs(decoders, topic, payload);

describe('the native decoder', () => {
  it.each([
    ['22.5', 'temperature 22.5'],
    ['-3', 'temperature -3'],
    [' 1e2\n', 'temperature 100'],
    ['+.5', 'temperature 0.5'],
    ['true', 'temperature true'],
    ['OFF', 'temperature false'],
    ['{"value":22.5}', 'temperature 22.5'],
    ['{"value":22.5,"unit":"°C","rssi":-60}', 'temperature 22.5 °C'],
    ['{"value":"warm"}', 'temperature warm'],
  ])('reads %j on sensors/{sensor_id}/{type}', (payload, reading) => {
    expect(decode('sensors/kitchen-1/temperature', payload)).toEqual([`kitchen-1: ${reading}`]);
  });

  it('reads an event with everything in it, and lets it go before its topic', () => {
    const event = {
      sensor_id: 'kitchen-1',
      type: 'smoke',
      value: true,
      ts: 1_763_646_000_000,
      seq: 17,
      boot_id: 'b7',
      priority: 'critical',
      event_id: 'e1',
    };
    expect(decode('sensors/gateway/any', event)).toEqual(['kitchen-1: smoke true at 1763646000000 !']);
    const reader = decoders.readerOf('sensors/gateway');
    expect(reader?.decode(Buffer.from(JSON.stringify(event)), false)).toEqual({
      kind: 'events',
      events: [
        {
          sensorId: 'kitchen-1',
          readings: [{ type: 'smoke', value: true, unit: null }],
          ts: 1_763_646_000_000,
          seq: 17,
          bootId: 'b7',
          eventId: 'e1',
          critical: true,
        },
      ],
    });
  });

  it('reads several readings, each with or without a unit', () => {
    const readings = { temperature: 22.5, humidity: { value: 40, unit: '%' } };
    expect(decode('sensors/kitchen-1', { readings })).toEqual(['kitchen-1: temperature 22.5, humidity 40 %']);
  });

  it.each([
    ['sensors/a', '22.5', 'a bare value needs its type in the topic'],
    ['sensors/a', '{"value":1}', 'type: it is missing'],
    ['sensors/a/b', '{"value":null}', 'value: write a number, true, false or text, not null'],
    ['sensors/a/b', '{"value":[1]}', 'value: write a number, true, false or text, not a list'],
    ['sensors/a/b', '{}', 'value: it is missing'],
    ['sensors/a/b', '[1,2]', 'an event is an object'],
    ['sensors/a/b', '{"value":22', 'the payload is neither a number nor JSON'],
    ['sensors/a/b', 'NaN', 'the payload is neither a number nor JSON'],
    ['sensors/a/b', '0x10', 'the payload is neither a number nor JSON'],
    ['sensors/a/b', '', 'the payload is neither a number nor JSON'],
    ['sensors/a/b', '{"value":1,"ts":{}}', 'ts: write ISO 8601'],
    ['sensors/a/b', '{"value":1,"seq":"17"}', 'seq: write a whole number'],
    ['sensors/a/b', '{"value":1,"sensor_id":7}', 'sensor_id: write text, not 7'],
    ['sensors/a/b', '{"value":1,"readings":{"x":1}}', 'value: give either value or readings'],
    ['sensors/a/b', '{"readings":{"x":{"value":{}}}}', 'readings.x: write a number'],
  ])('says what is wrong with %s %s', (topic, payload, reason) => {
    const [result] = decode(topic, payload);
    expect(result).toMatch(/^undecodable: /);
    expect(result).toContain(reason);
  });

  it('knows no other topics', () => {
    for (const topic of ['sensors', 'sensors/', 'sensors//x', 'sensors/a/', 'sensors/a/b/c'])
      expect(decode(topic, '1'), topic).toEqual(['unknown topic']);
  });

  it('takes payloads of invalid UTF-8 for what they are, and a replacement character for itself', () => {
    const reader = decoders.readerOf('sensors/a/b');
    expect(reader?.decode(Buffer.from([0x7b, 0xff, 0xfe]), false)).toEqual({
      kind: 'undecodable',
      reason: 'the payload is not UTF-8',
    });
    expect(decode('sensors/a/b', '{"value":"\uFFFD"}')).toEqual(['a: b \uFFFD']);
  });

  it('keeps nothing of a retained message that is cleared', () => {
    expect(decodedAs(decoders, 'sensors/a/b', '', { retain: true })).toEqual(['ignored']);
  });
});
