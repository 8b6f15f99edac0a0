import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketSizes } from './packet-sizes.ts';

function packet(bodyBytes: number): Buffer {
  const header = [0x30];
  let rest = bodyBytes;
  do {
    header.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  // A body of ones, so that a mistaken header in it would announce a huge packet.
  return Buffer.concat([Buffer.from(header), Buffer.alloc(bodyBytes, 0xff)]);
}

describe('PacketSizes', () => {
  it('allows packets up to the limit and none beyond, however they are cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }),
        (bodies, cuts) => {
          const packets = bodies.map(packet);
          const largest = Math.max(...packets.map(({ length }) => length));
          const stream = Buffer.concat(packets);
          const allowAll = (maxBytes: number): boolean => {
            const sizes = new PacketSizes(maxBytes);
            let allowed = true;
            for (let at = 0, turn = 0; at < stream.length; turn += 1) {
              const end = at + (cuts[turn % cuts.length] ?? 1);
              allowed &&= sizes.allow(stream.subarray(at, end));
              at = end;
            }
            return allowed;
          };
          expect(allowAll(largest)).toBe(true);
          expect(allowAll(largest - 1)).toBe(false);
        },
      ),
    );
  });

  it('refuses a packet as soon as its header announces too much', () => {
    const sizes = new PacketSizes(1_024);
    expect(sizes.allow(Buffer.from([0x30, 0xff, 0xff, 0xff]))).toBe(true);
    expect(sizes.allow(Buffer.from([0x7f]))).toBe(false);
  });

  it('refuses a length of more than four bytes', () => {
    expect(new PacketSizes(2 ** 30).allow(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80]))).toBe(false);
  });
});
