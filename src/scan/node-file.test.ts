import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseIpv6 } from '../protocol/ipv6.ts';
import { maxNodeFileBytes, parseNodeFile } from './node-file.ts';

const parse = (text: string) => parseNodeFile(Buffer.from(text));
const entriesOf = (text: string) => {
  const file = parse(text);
  return file.ok ? file.entries : null;
};
const problemsOf = (text: string) => {
  const file = parse(text);
  return file.ok ? file.problems : [file.problem];
};

describe('parseNodeFile', () => {
  it('reads addresses as text and as objects, in canonical form', () => {
    expect(
      entriesOf('{"d4E":"FD78:8E78:3BFE:1:5339:695E:8F14:ACF6","d5F":{"ipv6":"fd78:0::5","br_id":"BR-001"}}'),
    ).toEqual([
      { name: 'd4E', ipv6: 'fd78:8e78:3bfe:1:5339:695e:8f14:acf6', borderRouterId: null, extAddress: null },
      { name: 'd5F', ipv6: 'fd78::5', borderRouterId: 'BR-001', extAddress: null },
    ]);
  });

  it('reads the extended address where the writer knows it, and says what is wrong with one', () => {
    const [entry] = entriesOf('{"a":{"ipv6":"fd00::1","ext_addr":"00:11:22:33:44:55:66:FF"}}') ?? [];
    expect(entry).toMatchObject({ extAddress: '00112233445566ff' });
    expect(entriesOf('{"a":{"ipv6":"fd00::1","ext_addr":"0011"}}')).toEqual([]);
  });

  it('reads a file that begins with a byte order mark, and an empty object', () => {
    expect(entriesOf('\u{feff}{"a":"fd00::1"}')).toHaveLength(1);
    expect(entriesOf('{}')).toEqual([]);
  });

  it('skips bad entries, and reports each with its line, its name, the value seen and the reason', () => {
    const text = [
      '{"good": "fd00::1",',
      '"v4": "10.0.0.1",',
      '"number": 7,',
      '"nested": {"ipv6": "fd00::zz"},',
      '"without": {"br_id": "BR-1"},',
      '"router": {"ipv6": "fd00::2", "br_id": "B R"},',
      '"group": "ff03::1",',
      '"nowhere": "::",',
      '"": "fd00::3",',
      '"a\\u0000b": "fd00::4",',
      '"nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn": "fd00::5",',
      '"ññññññññññññññññ": "fd00::6",',
      '"last": "fd00::7"}',
    ].join('\n');
    expect(entriesOf(text)?.map(({ name }) => name)).toEqual(['good', 'last']);
    const problems = problemsOf(text);
    expect(problems.map((problem) => /^line (\d+): /.exec(problem)?.[1])).toEqual(
      Array.from({ length: 11 }, (_, index) => `${index + 2}`),
    );
    expect(problems[0]).toBe('line 2: "v4" has "10.0.0.1", which is not an IPv6 address');
    expect(problems[4]).toContain('"B R"');
    expect(problems[9]).toMatch(/32 bytes.*at most 31/);
    expect(problems[10]).toMatch(/32 bytes.*at most 31/);
  });

  it('reports a name or an address that comes twice, and keeps the first', () => {
    const text = '{"a":"fd00::1",\n"b":"fd00::2",\n"a":"fd00::3",\n"c":"FD00:0::1"}';
    expect(entriesOf(text)).toMatchObject([
      { name: 'a', ipv6: 'fd00::1' },
      { name: 'b', ipv6: 'fd00::2' },
    ]);
    expect(problemsOf(text)).toEqual([
      'line 3: "a" is already on line 1; the first one counts',
      'line 4: "c" has the address fd00::1 of "a" on line 1; the first one counts',
    ]);
  });

  it('reports a hundred problems one by one and counts the rest', () => {
    const bad = Array.from({ length: 150 }, (_, index) => `"n${index}":1`).join();
    const problems = problemsOf(`{${bad}}`);
    expect(problems).toHaveLength(101);
    expect(problems.at(-1)).toBe('and 50 more entries');
  });

  it('gives no list for what is no JSON, no UTF-8 or too large', () => {
    expect(parse('{"a":"fd00::1"\n,}')).toEqual({
      ok: false,
      problem: 'it is not valid JSON, line 2, column 2: a name in double quotes is expected',
    });
    expect(parseNodeFile(new Uint8Array([0x7b, 0xff, 0x7d]))).toMatchObject({ ok: false });
    expect(problemsOf(`{}${' '.repeat(maxNodeFileBytes)}`)[0]).toContain(`at most ${maxNodeFileBytes}`);
  });

  it('never throws, and never takes an entry that a border router could not hold', () => {
    const name = fc.oneof(fc.string({ unit: 'binary', maxLength: 40 }), fc.constantFrom('a', '__proto__'));
    const address = fc.oneof(fc.ipV6(), fc.string(), fc.constantFrom('ff02::1', '::', '::ffff:1.2.3.4'));
    const value = fc.oneof(
      address,
      fc.record({ ipv6: fc.oneof(address, fc.jsonValue()), br_id: fc.jsonValue() }, { requiredKeys: [] }),
      fc.jsonValue(),
    );
    const entries = fc.array(fc.tuple(name, value), { maxLength: 20 });
    const text = entries.map(
      (pairs) =>
        `{${pairs.map(([key, item]) => `${JSON.stringify(key)}:${JSON.stringify(item)}`).join(',\n')}}`,
    );
    const bytes = fc.oneof(
      text.map((whole) => new Uint8Array(Buffer.from(whole))),
      fc.tuple(text, fc.nat(200)).map(([whole, end]) => new Uint8Array(Buffer.from(whole.slice(0, end)))),
      fc.uint8Array(),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        const file = parseNodeFile(input);
        if (!file.ok) {
          expect(file.problem).not.toBe('');
          return;
        }
        const names = new Set<string>();
        const addresses = new Set<string>();
        for (const entry of file.entries) {
          expect(Buffer.byteLength(entry.name)).toBeGreaterThan(0);
          expect(Buffer.byteLength(entry.name)).toBeLessThanOrEqual(31);
          expect(entry.name).not.toMatch(/\p{Cc}/u);
          expect(parseIpv6(entry.ipv6)).toBe(entry.ipv6);
          expect(Buffer.byteLength(entry.ipv6)).toBeLessThanOrEqual(47);
          if (entry.borderRouterId !== null) expect(entry.borderRouterId).toMatch(/^[A-Za-z0-9._-]{1,64}$/);
          names.add(entry.name);
          addresses.add(entry.ipv6);
        }
        expect(names.size).toBe(file.entries.length);
        expect(addresses.size).toBe(file.entries.length);
      }),
      { numRuns: 2_000 },
    );
  });
});
