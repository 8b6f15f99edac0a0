import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { acceptEvent, type AcceptanceRules, type EventOrigin } from './accept-event.ts';
import type { DecodedEvent } from './event-intake.ts';
import { FieldProblem } from './field-problem.ts';

const receivedAt = Date.UTC(2026, 10, 20, 14, 0, 0);
const minuteMs = 60_000;
const dayMs = 86_400_000;
const rules: AcceptanceRules = {
  criticalTypes: new Set(['smoke']),
  maxClockSkewMs: 10 * minuteMs,
  maxAgeMs: 7 * dayMs,
  newId: () => 'made',
};
const origin: EventOrigin = { protocol: 'mqtt', receivedAt, qos: 1, topic: 'sensors/a/b' };

const decoded = (fields: Partial<DecodedEvent> = {}): DecodedEvent => ({
  sensorId: 'kitchen-1',
  readings: [{ type: 'temperature', value: 22.5, unit: '°C' }],
  ts: null,
  seq: null,
  bootId: null,
  eventId: null,
  critical: false,
  ...fields,
});
const accept = (fields: Partial<DecodedEvent> = {}) => {
  const event = acceptEvent(decoded(fields), origin, rules);
  if (event instanceof FieldProblem) throw new Error(String(event));
  return event;
};
const refuse = (fields: Partial<DecodedEvent>): string => {
  const problem = acceptEvent(decoded(fields), origin, rules);
  if (problem instanceof FieldProblem) return String(problem);
  throw new Error(`${JSON.stringify(problem)} was accepted`);
};
const reading = (type: string, value: number | boolean | string = 1, unit: string | null = null) => ({
  readings: [{ type, value, unit }],
});

describe('acceptEvent', () => {
  it('completes an event that says little', () => {
    expect(accept()).toEqual({
      eventId: 'made',
      sensorId: 'kitchen-1',
      lane: 'bulk',
      readings: [{ type: 'temperature', value: 22.5, unit: '°C' }],
      ts: receivedAt,
      sourceTs: null,
      receivedAt,
      seq: null,
      bootId: null,
      dedupKey: null,
      flags: [],
      protocol: 'mqtt',
      qos: 1,
      topic: 'sensors/a/b',
    });
  });

  it('has no -0, which JSON could not carry', () => {
    expect(accept({ ...reading('t', -0), ts: -0 })).toMatchObject({ readings: [{ value: 0 }], sourceTs: 0 });
  });

  it('takes the critical lane for a critical type among the readings, or where the payload asks for it', () => {
    expect(accept(reading('smoke', false)).lane).toBe('critical');
    expect(
      accept({
        readings: [
          { type: 'battery', value: 9, unit: '' },
          { type: 'smoke', value: true, unit: null },
        ],
      }),
    ).toMatchObject({ lane: 'critical', readings: [{ unit: null }, { unit: null }] });
    expect(accept({ critical: true }).lane).toBe('critical');
    expect(accept(reading('smoked')).lane).toBe('bulk');
  });

  describe('the time', () => {
    it.each([
      [receivedAt, receivedAt],
      [receivedAt / 1_000, receivedAt],
      [receivedAt / 1_000 + 0.25, receivedAt + 250],
      [String(receivedAt), receivedAt],
      [String(receivedAt / 1_000), receivedAt],
      ['2026-11-20T14:00:00Z', receivedAt],
      ['2026-11-20T15:00:00.000+01:00', receivedAt],
      ['2026-11-20T15:00:00+0100', receivedAt],
      ['2026-11-20 15:00:00 +01', receivedAt],
      ['2026-11-20T14:00', receivedAt],
      ['2026-11-20', receivedAt - 14 * 60 * minuteMs],
      ['2026-11-20t14:00:00.123456789z', receivedAt + 123],
    ])('reads %j', (ts, expected) => {
      expect(accept({ ts })).toMatchObject({ ts: expected, sourceTs: null, flags: [] });
    });

    it.each([
      ['as far ahead as may be', 10 * minuteMs, []],
      ['a millisecond further ahead', 10 * minuteMs + 1, ['clock_skew']],
      ['as old as may be', -7 * dayMs, []],
      ['a millisecond older', -7 * dayMs - 1, ['too_old']],
    ])('judges a time %s', (_name, offsetMs, flags) => {
      const ts = receivedAt + offsetMs;
      expect(accept({ ts })).toMatchObject(
        flags.length === 0 ? { ts, sourceTs: null, flags } : { ts: receivedAt, sourceTs: ts, flags },
      );
    });

    it.each([0, 86_400, -1, 8.64e15, '1970-01-01T00:00:00Z'])(
      'replaces the unset clock %j, and keeps it',
      (ts) => {
        const event = accept({ ts });
        expect(event.ts).toBe(receivedAt);
        expect(() => new Date(event.sourceTs ?? Number.NaN).toISOString()).not.toThrow();
        expect(event.flags).toHaveLength(1);
      },
    );

    it.each([
      Number.NaN,
      Number.POSITIVE_INFINITY,
      8.64e15 + 1,
      1e300,
      '',
      'now',
      '20:15',
      '2026-13-01',
      '1e9',
      'NaN',
    ])('refuses %j, which is no time', (ts) => expect(refuse({ ts })).toContain('ts: '));
  });

  describe('the key that tells deliveries apart', () => {
    it.each([
      [{ eventId: 'e1', bootId: 'b', seq: 1, ts: receivedAt }, 'e:e1'],
      [{ bootId: 'b', seq: 1, ts: receivedAt }, 'b:b:1'],
      [{ seq: 1, ts: receivedAt }, `t:${receivedAt}:1`],
      [{ seq: 1, ts: 86_400 }, 't:86400000:1'],
      [{ seq: 1 }, null],
      [{ bootId: 'b' }, null],
      [{ ts: receivedAt }, null],
      [{}, null],
    ])('is of %j', (fields, key) => {
      expect(accept(fields).dedupKey).toBe(key);
    });

    it('is the same for the same source and never for two', () => {
      const source = fc.record({
        eventId: fc.option(fc.string({ minLength: 1, maxLength: 8 })),
        bootId: fc.option(fc.string({ minLength: 1, maxLength: 4 })),
        seq: fc.option(fc.nat(20)),
        ts: fc.option(fc.integer({ min: receivedAt, max: receivedAt + 20 })),
      });
      fc.assert(
        fc.property(source, source, (a, b) => {
          const keyOf = (fields: Partial<DecodedEvent>) => {
            const event = acceptEvent(decoded(fields), origin, rules);
            return event instanceof FieldProblem ? null : event.dedupKey;
          };
          const strongest = ({ bootId, eventId, seq, ts }: Partial<DecodedEvent>) =>
            JSON.stringify(eventId !== null ? [eventId] : bootId !== null ? [bootId, seq] : [null, seq, ts]);
          const [one, other] = [keyOf(a), keyOf(b)];
          if (one !== null && other !== null) expect(one === other).toBe(strongest(a) === strongest(b));
          expect(keyOf({ ...a })).toBe(one);
        }),
      );
    });
  });

  describe('limits', () => {
    const many = (count: number) => ({
      readings: Array.from({ length: count }, (_, index) => ({ type: `t${index}`, value: 1, unit: null })),
    });

    it('takes what is just within them', () => {
      for (const fields of [
        many(64),
        reading('t'.repeat(64)),
        reading('été 2', 'x'.repeat(256)),
        reading('t', 1, 'u'.repeat(32)),
        reading('t', Number.MIN_SAFE_INTEGER),
        { seq: Number.MAX_SAFE_INTEGER },
        { seq: 0 },
        { eventId: 'e'.repeat(128), bootId: 'b'.repeat(128), sensorId: 's'.repeat(128) },
        reading('constructor'),
      ])
        expect(() => accept(fields), JSON.stringify(fields)).not.toThrow();
    });

    it.each([
      [many(0), 'readings: there is none'],
      [many(65), 'readings: 65 are too many'],
      [reading('t'.repeat(65)), 'type: '],
      [reading(''), 'type: '],
      [reading(' t'), 'type: '],
      [reading('t '), 'type: '],
      [reading('a\u0007b'), 'type: '],
      [reading('a#'), 'type: '],
      [reading('\ud800'), 'type: '],
      [reading('__proto__'), 'type: '],
      [reading('t', 'x'.repeat(257)), 't: text has at most 256'],
      [reading('t', 'a\0b'), 't: text has'],
      [reading('t', '\udc00'), 't: text has'],
      [reading('t', Number.NaN), 't: NaN is no finite number'],
      [reading('t', JSON.parse('1e999') as number), 't: Infinity is no finite number'],
      [reading('t', 1, 'u'.repeat(33)), 't.unit: '],
      [{ readings: [...many(1).readings, ...many(1).readings] }, 'readings.t0: it is there twice'],
      [{ seq: -1 }, 'seq: -1 is no whole number'],
      [{ seq: 1.5 }, 'seq: '],
      [{ seq: Number.MAX_SAFE_INTEGER + 1 }, 'seq: '],
      [{ eventId: '' }, 'event_id: '],
      [{ eventId: 'e'.repeat(129) }, 'event_id: '],
      [{ bootId: 'a\nb' }, 'boot_id: '],
      [{ sensorId: '' }, 'sensor_id: '],
      [{ sensorId: 's'.repeat(129) }, 'sensor_id: '],
      [{ sensorId: 'a/+/b' }, 'sensor_id: '],
      [{ sensorId: '\ud800' }, 'sensor_id: '],
    ])('refuses %#, and says which field and why', (fields, reason) => {
      expect(refuse(fields)).toContain(reason);
    });
  });
});
