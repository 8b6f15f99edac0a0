import { describe, expect, it } from 'vitest';
import { decodedAs } from '../../../../test/support/decoded.ts';
import { PublishDecoders } from '../publish-decoders.ts';

const decoders = new PublishDecoders({ rules: [{ decoder: 'house', topics: ['maison/capteurs/#'] }] });
const decode = (topic: string, payload: unknown) => decodedAs(decoders, `maison/capteurs/${topic}`, payload);

describe('the house decoder', () => {
  it.each([
    ['temperature', '{"temp": 22.5}', 'temperature: temperature 22.5'],
    ['temperature', '{"value":22.5,"unit":"°C"}', 'temperature: temperature 22.5 °C'],
    ['temperature', '22.5', 'temperature: temperature 22.5'],
    ['salon/temperature', '{"temp":22.5}', 'salon: temperature 22.5'],
    [
      'salon/climat',
      '{"temp":22.5,"hum":40,"ts":1763646000}',
      'salon: temperature 22.5, humidity 40 at 1763646000',
    ],
    ['salon/temp', '{"temp":22.5,"unit":"°C"}', 'salon: temperature 22.5 °C'],
    ['fumee', '{"value":true}', 'fumee: smoke true'],
    ['cuisine/gaz', 'ON', 'cuisine: gas true'],
    ['entree/porte', '{"value":"ouverte","priority":"critical"}', 'entree: door ouverte !'],
  ])('reads %s %s', (topic, payload, event) => {
    expect(decode(topic, payload)).toEqual([event]);
  });

  it('says what is wrong', () => {
    expect(decode('temperature', '{"temp":')[0]).toContain('neither a number nor a JSON object');
    expect(decode('temperature', '[22]')[0]).toContain('neither a number nor a JSON object');
    expect(decode('temperature', '{"temp":null}')).toEqual([
      'undecodable: nothing in the payload is a value',
    ]);
  });

  it('knows no other topics', () => {
    for (const topic of ['', 'a/', '/b', 'a/b/c'])
      expect(decode(topic, '1'), topic).toEqual(['unknown topic']);
  });
});
