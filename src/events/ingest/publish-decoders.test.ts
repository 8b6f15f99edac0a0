import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodedAs } from '../../../test/support/decoded.ts';
import { defaultConfig } from '../../config.ts';
import { acceptEvent } from './accept-event.ts';
import { FieldProblem } from './field-problem.ts';
import { PublishDecoders } from './publish-decoders.ts';

const rules = defaultConfig().events.decoders;

describe('PublishDecoders', () => {
  it('gives each topic to the first rule that fits', () => {
    const decoders = new PublishDecoders({
      rules: [
        { decoder: 'house', topics: ['home/+/temp', 'sensors/special/#'] },
        { decoder: 'native', topics: ['sensors/#'] },
      ],
    });
    expect(decodedAs(decoders, 'sensors/special/kitchen/temp', '1')).toEqual(['kitchen: temperature 1']);
    expect(decodedAs(decoders, 'sensors/kitchen/temp', '1')).toEqual(['kitchen: temp 1']);
    // What a pattern has before its first wildcard is no part of the source's own topic.
    expect(decodedAs(decoders, 'home/kitchen/temp', '1')).toEqual(['kitchen: temperature 1']);
  });

  it('reads the topics of every decoder by default', () => {
    const decoders = new PublishDecoders({ rules });
    for (const [topic, payload] of [
      ['maison/capteurs/temperature', '{"temp":1}'],
      ['sensors/kitchen/temperature', '1'],
      ['zigbee2mqtt/kitchen', '{"temperature":1}'],
      ['tele/kitchen/SENSOR', '{"AM2301":{"Temperature":1}}'],
      ['kitchen/sensor/temperature/state', '1'],
    ] as const)
      expect(decodedAs(decoders, topic, payload)[0], topic).toContain('temperature 1');
  });

  it('learns from descriptions that came before it was there', () => {
    const decoders = new PublishDecoders({ rules });
    expect(decoders.discoveryFilters).toEqual(['homeassistant/#']);
    expect(decodedAs(decoders, 'garden/state', '3.5')).toEqual(['unknown topic']);
    const config = '{"name":"Garden","stat_t":"garden/state","dev_cla":"temperature","unit_of_meas":"°C"}';
    decoders.learn('homeassistant/sensor/weather/config', Buffer.from(config));
    decoders.learn('homeassistant/nonsense', Buffer.from('{'));
    decoders.learn('nobody/reads/this', Buffer.from('1'));
    expect(decodedAs(decoders, 'garden/state', '3.5')[0]).toContain('temperature 3.5');
  });

  it.each(['cmnd/x/POWER', '$SYS/broker/uptime', '', '/', '////', 'a'.repeat(65_535), '\u0000', 'sensors//'])(
    'does not know the topic %.20j',
    (topic) => {
      expect(decodedAs(new PublishDecoders({ rules }), topic, '1')).toEqual(['unknown topic']);
    },
  );

  it('gives the same answer however often a topic was asked for, with any number of others between', () => {
    const decoders = new PublishDecoders({ rules });
    const first = decoders.readerOf('sensors/kitchen/temperature');
    expect(decoders.readerOf('sensors/kitchen/temperature')).toBe(first);
    for (let index = 0; index < 50_000; index += 1) decoders.readerOf(`sensors/s${index}/t`);
    expect(decodedAs(decoders, 'sensors/kitchen/temperature', '1')).toEqual(['kitchen: temperature 1']);
  });
});

describe('whatever is published', () => {
  const words = [
    'sensors',
    'maison',
    'capteurs',
    'zigbee2mqtt',
    'tele',
    'stat',
    'homeassistant',
    'sensor',
    'config',
  ];
  const lastWords = [
    'state',
    'SENSOR',
    'STATE',
    'LWT',
    'POWER',
    'availability',
    'config',
    '__proto__',
    '',
    'ü\u0000',
  ];
  const topic = fc
    .array(fc.oneof(fc.constantFrom(...words, ...lastWords), fc.string({ unit: 'binary', maxLength: 8 })), {
      minLength: 1,
      maxLength: 6,
    })
    .map((levels) => levels.join('/'));
  const keys = fc.constantFrom(
    ...[
      'value',
      'type',
      'ts',
      'seq',
      'readings',
      'sensor_id',
      'unit',
      'temp',
      'AM2301',
      'ZbReceived',
      'Wifi',
    ],
    ...[
      'state_topic',
      'value_template',
      '~',
      'cmps',
      'device',
      'name',
      '__proto__',
      'constructor',
      'last_seen',
    ],
  );
  const json = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, 1, -0, 1e300, '', 'ON', 'nan', '{{ value_json.a }}', '\ud800'),
      fc.double(),
      fc.string(),
      fc.array(tie('value'), { maxLength: 4 }),
      fc
        .array(fc.tuple(keys, tie('value')), { maxLength: 6 })
        .map((entries) => Object.fromEntries(entries) as unknown),
    ),
  })).value;
  const payload = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    json.map((value) => Buffer.from(JSON.stringify(value))),
  );

  it('throws nothing, and what is accepted of it can be stored and sent', () => {
    const decoders = new PublishDecoders({ rules });
    const acceptance = {
      criticalTypes: new Set<string>(),
      maxClockSkewMs: 1,
      maxAgeMs: 1,
      newId: () => 'id',
    };
    fc.assert(
      fc.property(topic, payload, fc.boolean(), (onTopic, bytes, retain) => {
        const decoded = decoders.readerOf(onTopic)?.decode(bytes, retain);
        if (decoded?.kind !== 'events') return;
        for (const event of decoded.events) {
          const accepted = acceptEvent(
            event,
            { protocol: 'mqtt', receivedAt: 1_763_646_000_000, qos: 0, topic: onTopic },
            acceptance,
          );
          if (accepted instanceof FieldProblem) continue;
          expect(JSON.parse(JSON.stringify(accepted))).toEqual(accepted);
          for (const timeMs of [accepted.ts, accepted.sourceTs ?? 0]) new Date(timeMs).toISOString();
        }
      }),
      { numRuns: 2_000 },
    );
  });

  const bombs: [string, string][] = [
    ['lists', '['.repeat(131_072) + ']'.repeat(131_072)],
    ['open lists', '['.repeat(262_144)],
    ['objects', '{"a":'.repeat(43_000) + '1' + '}'.repeat(43_000)],
    ['readings', `{"readings":${'{"readings":'.repeat(20_000)}1${'}'.repeat(20_001)}`],
    ['a number', '9'.repeat(262_144)],
    ['text', `{"value":"${'x'.repeat(262_000)}"}`],
    ['keys', `{${Array.from({ length: 20_000 }, (_, index) => `"k${index}":1`).join(',')}}`],
    ['templates', `{"state_topic":"x","value_template":"{{ value_json${'[ '.repeat(100_000)}"}`],
    ['spaces', ' '.repeat(262_144)],
    ['underscores', `{"${'_'.repeat(200_000)}a":1}`],
    ['garbage', Buffer.alloc(262_144, 0xa5).toString('latin1')],
  ];
  it.each(bombs)('is none the worse for 256 KiB of %s', (_name, bomb) => {
    const decoders = new PublishDecoders({ rules });
    for (const onTopic of [
      'sensors/a/b',
      'maison/capteurs/a',
      'zigbee2mqtt/a',
      'zigbee2mqtt/a/b',
      'zigbee2mqtt/a/availability',
      'tele/a/SENSOR',
      'tele/a/STATE',
      'stat/a/POWER',
      'a/sensor/b/state',
      'a/light/b/state',
      'homeassistant/sensor/a/config',
      'homeassistant/device/a/config',
    ]) {
      const decoded = decoders.readerOf(onTopic)?.decode(Buffer.from(bomb), false);
      if (decoded?.kind !== 'events') continue;
      for (const event of decoded.events) {
        acceptEvent(
          event,
          { protocol: 'mqtt', receivedAt: 0, qos: 0, topic: onTopic },
          { criticalTypes: new Set(), maxClockSkewMs: 1, maxAgeMs: 1, newId: () => 'id' },
        );
      }
    }
  });
});
