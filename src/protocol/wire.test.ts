import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromWire, toWire, toWireJson } from './wire.ts';

describe('the wire mapping', () => {
  const domain = {
    scanId: 's',
    startedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    finishedAt: null,
    lqIn: 3,
    outcomes: { timed_out: 1, answered: 2 },
    nodes: [{ extAddr: 'x', networkInfo: { camelCase: 1, snake_case: { deepAt: 5 } } }],
    missing: undefined,
  };
  const wire = {
    scan_id: 's',
    started_at: '2026-01-02T03:04:05.006Z',
    finished_at: null,
    lq_in: 3,
    outcomes: { timed_out: 1, answered: 2 },
    nodes: [{ ext_addr: 'x', network_info: { camelCase: 1, snake_case: { deepAt: 5 } } }],
  };

  it('maps keys and times and leaves what is not ours untouched', () => {
    expect(toWire(domain)).toEqual(wire);
  });

  it('maps back to the same', () => {
    const { missing: _missing, ...present } = domain;
    expect(fromWire(wire)).toEqual(present);
  });

  it('keeps a property of any name, also one that every object has', () => {
    const plain = JSON.parse('{"__proto__": {"lqIn": 1}}') as object;
    expect(JSON.stringify(toWire(plain))).toBe('{"__proto__":{"lq_in":1}}');
    expect(toWireJson(plain)).toBe('{"__proto__":{"lq_in":1}}');
  });

  it('writes as text exactly what it maps to', () => {
    expect(toWireJson(domain)).toBe(JSON.stringify(toWire(domain)));
    const time = fc.record({ foundAt: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 4e12 })) });
    const opaque = fc.record({ networkInfo: fc.jsonValue(), raw: fc.jsonValue() });
    const text = fc.string({ unit: 'binary' });
    const plain = fc.object({
      key: fc.oneof(text, fc.constantFrom('lqIn', 'outcomes', 'nodes', '__proto__')),
      values: [text, fc.double(), fc.boolean(), fc.constant(null), fc.constant(undefined)],
    });
    const timed = fc.record({ times: fc.array(time), opaque, plain });
    fc.assert(
      fc.property(timed, (value) => {
        expect(toWireJson(value)).toBe(JSON.stringify(toWire(value)));
      }),
    );
  });

  it.each(['a"b', 'a\\b', '\u0000\n', '\ud800', 'x\udc00y', '😀', 'ä\u2028'])(
    'writes the text %j as JSON does',
    (text) => {
      expect(toWireJson([text])).toBe(JSON.stringify([text]));
    },
  );
});
