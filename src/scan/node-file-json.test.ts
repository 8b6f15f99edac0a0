import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readJsonObject } from './node-file-json.ts';

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
};

describe('readJsonObject', () => {
  it('reads every JSON object as JSON.parse does', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 4 })),
        fc.constantFrom(0, 1, '\t', '  '),
        (object, indent) => {
          const text = JSON.stringify(object, null, indent);
          const read = readJsonObject(text);
          const members = read.ok ? read.members.map(({ name, value }) => [name, value] as const) : [];
          expect(Object.fromEntries(members)).toEqual(JSON.parse(text));
        },
      ),
    );
  });

  it('accepts no text that JSON.parse refuses, and refuses no object that it accepts', () => {
    const base = '{"a": "fd00::1", "b": {"ipv6": "fd00::2", "n": [1, -2.5e3, true, null]}}';
    const mutated = fc
      .tuple(fc.nat(base.length), fc.nat(4), fc.string({ maxLength: 4 }))
      .map(([at, length, inserted]) => base.slice(0, at) + inserted + base.slice(at + length));
    const jsonLike = fc
      .array(
        fc.constantFrom(
          '{',
          '}',
          '[',
          ']',
          ':',
          ',',
          '"',
          '"a"',
          '1',
          '-',
          'e',
          'null',
          '\\',
          '\\u',
          ' ',
          '\n',
          '\u0001',
        ),
      )
      .map((parts) => `{${parts.join('')}`);
    fc.assert(
      fc.property(fc.oneof(mutated, jsonLike, fc.string()), (text) => {
        const reference = parse(text);
        const isObject = typeof reference === 'object' && reference !== null && !Array.isArray(reference);
        expect(readJsonObject(text).ok).toBe(isObject);
      }),
      { numRuns: 3_000 },
    );
  });

  it('tells the line of each member, and keeps names that come twice', () => {
    const read = readJsonObject('{"a":1,\n\n"b": {\n "c":2}, "a":\r\n3}');
    expect(read).toEqual({
      ok: true,
      members: [
        { name: 'a', value: 1, line: 1 },
        { name: 'b', value: { c: 2 }, line: 3 },
        { name: 'a', value: 3, line: 4 },
      ],
    });
  });

  it.each([
    ['', 1, 1, 'empty'],
    ['[1]', 1, 1, '"{" is expected'],
    ['{"a":1,\n "b" 2}', 2, 6, '":" is expected'],
    ['{"a":1\n "b":2}', 2, 2, '"," or "}" is expected'],
    ['{"a":1,}', 1, 8, 'a name in double quotes is expected'],
    ['{\n"a": "no end\n}', 2, 6, 'closing quote'],
    ['{"a": fd00::1}', 1, 7, 'fd00 is not a JSON value'],
    ['{"a":1} x', 1, 9, 'nothing may follow'],
    ['{"a":', 1, 6, 'a value is expected; the text ends here'],
  ])('says where and why of %j', (text, line, column, reason) => {
    const read = readJsonObject(text);
    expect(read).toMatchObject({ ok: false, line, column });
    expect(read.ok ? '' : read.reason).toContain(reason);
  });

  it('refuses what is nested too deep, without exhausting the stack', () => {
    const read = readJsonObject(`{"a":${'['.repeat(200_000)}${']'.repeat(200_000)}}`);
    expect(read.ok ? '' : read.reason).toContain('nested');
  });
});
