import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeCbor } from '../../protocol/cbor.ts';
import { contentFormats, decodePayload } from './payload.ts';

const text = (value: string): Uint8Array => Buffer.from(value);

describe('an answer', () => {
  it('is JSON or CBOR as its Content-Format says', () => {
    expect(decodePayload(text('{"a":1}'), contentFormats.json)).toEqual({ ok: true, value: { a: 1 } });
    expect(decodePayload(encodeCbor({ a: 1 }), contentFormats.cbor)).toEqual({ ok: true, value: { a: 1 } });
    expect(decodePayload(encodeCbor({ a: 1 }), contentFormats.json).ok).toBe(false);
  });

  it('without Content-Format is tried as JSON, then as CBOR', () => {
    expect(decodePayload(text('{"a":1}'), null)).toEqual({ ok: true, value: { a: 1 } });
    expect(decodePayload(encodeCbor({ role: 'child' }), null)).toEqual({
      ok: true,
      value: { role: 'child' },
    });
  });

  it('reads what a node of a real mesh answered', () => {
    const recorded =
      '{"name":"sim-node-5","ext":"8e6bd211e1fa1927","fw":"1.0.0","role":"router","rloc16":"0x2800"}';
    expect(decodePayload(text(recorded), null)).toMatchObject({ ok: true, value: { rloc16: '0x2800' } });
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['is empty', new Uint8Array(), /^the answer is empty$/],
    ['is cut off', text('{"role":"rou'), /not JSON .*12 bytes and begins with/],
    ['is binary noise', Uint8Array.of(0xff, 0x00, 0x01), /not CBOR .*begins with 0xff0001/],
    ['holds control characters', text('{"a":\u0000\u001b[31m}'), /begins with "\{\\"a\\":\?\?\[31m\}"/],
    ['is nested too deep', text(`${'['.repeat(200)}${']'.repeat(200)}`), /nested deeper than 64/],
    ['is not UTF-8', Uint8Array.of(0x22, 0xff, 0xfe, 0x22), /not JSON/],
  ])('that %s is explained', (_what, payload, reason) => {
    const decoded = decodePayload(payload, null);
    expect(decoded).toMatchObject({ ok: false, reason: expect.stringMatching(reason) as string });
    // One printable line, short enough for a log.
    expect(decoded.ok ? '' : decoded.reason).toMatch(/^[\x20-\x7e]{1,400}$/);
  });

  it('shows the bytes of CBOR as hex', () => {
    const payload = encodeCbor({ ext_addr: Buffer.from('5339695e8f14acf6', 'hex') });
    expect(decodePayload(payload, contentFormats.cbor)).toEqual({
      ok: true,
      value: { ext_addr: '5339695e8f14acf6' },
    });
  });

  it('of random bytes never throws, and what is read can be written as JSON', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom(null, 0, contentFormats.json, contentFormats.cbor),
        (payload, format) => {
          const decoded = decodePayload(payload, format);
          if (decoded.ok) expect(typeof JSON.stringify(decoded.value)).toBe('string');
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
