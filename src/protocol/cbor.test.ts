import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cborProblem, decodeCbor, encodeCbor, maxCborDepth } from './cbor.ts';

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('CBOR', () => {
  it('gives back every JSON value that it encoded', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false, maxDepth: 6 }), (value) => {
        // -0 and __proto__ are not preserved by JSON-like data either.
        const plain: unknown = JSON.parse(
          JSON.stringify(value).replaceAll('__proto__', 'proto').replaceAll('-0', '0'),
        );
        expect(decodeCbor(encodeCbor(plain))).toEqual(plain);
      }),
    );
  });

  it('never throws anything but an Error on random bytes, and never accepts bytes behind the item', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          decodeCbor(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
        if (cborProblem(bytes) === null) expect(cborProblem(Buffer.concat([bytes, bytes]))).not.toBeNull();
      }),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ['9a ffffffff', 'collection of 4294967295 entries'],
    ['bb ffffffffffffffff 01', 'collection'],
    ['5a 00010000 00', 'string of 65536 bytes has only 1'],
    ['19 01', 'before it is complete'],
    ['ff', 'ends nothing'],
    ['1c', 'not a CBOR item'],
    ['01 02', '1 bytes follow'],
    ['', 'before it is complete'],
    ['5f 01 ff', 'not a string'],
  ])('refuses %s and says why', (text, reason) => {
    expect(cborProblem(hex(text))).toContain(reason);
    expect(() => decodeCbor(hex(text))).toThrow(reason);
  });

  it.each([
    ['1b ffffffffffffffff', '18446744073709551615'],
    ['1b 0000000100000000', 4_294_967_296],
    ['f7', null],
    ['f9 7e00', null],
    ['c1 1a 514b67b0', '2013-03-21T20:04:00.000Z'],
    ['d9 1234 01', 1],
  ])('reads %s as what JSON can carry', (text, value) => {
    expect(decodeCbor(hex(text))).toEqual(value);
  });

  it('refuses values that refer to themselves', () => {
    expect(() => decodeCbor(hex('d8 1c 81 d8 1d 00'))).toThrow('shares values');
  });

  it('accepts indefinite lengths', () => {
    expect(decodeCbor(hex('9f 01 bf 61 61 02 ff ff'))).toEqual([1, { a: 2 }]);
  });

  it('refuses nesting that would exhaust the stack', () => {
    const nested = (depth: number): Uint8Array => Uint8Array.from([...Array<number>(depth).fill(0x81), 0x01]);
    expect(cborProblem(nested(maxCborDepth))).toBeNull();
    expect(cborProblem(nested(maxCborDepth + 1))).toContain('nested deeper');
  });
});
