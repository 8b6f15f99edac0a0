/**
 * What border routers and hubs may send each other by mistake or on purpose: the codec reads all of it. Apart from the
 * unit tests because of the time that a hundred thousand frames take.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeBorderRouterFrame,
  decodeHubFrame,
  encodeBorderRouterMessage,
} from '../src/protocol/border-router-codec.ts';
import { asRequestId } from '../src/protocol/ids.ts';

describe('the codec of the border-router protocol', () => {
  it('never throws and always names a kind, for a hundred thousand random and mutated frames', () => {
    const valid = encodeBorderRouterMessage(
      {
        type: 'scan_node_result',
        success: true,
        requestId: asRequestId('a3f2'),
        nodeName: 'd4E',
        targetIpv6: 'fd00::1',
        networkInfo: { role: 'router', rloc16: '0xa000', neighbors: [{ rloc16: '0x7000', rssi: -42 }] },
      },
      'json',
    ) as string;
    const validCbor = Buffer.from(
      encodeBorderRouterMessage(
        {
          type: 'node_seen',
          requestId: null,
          network: {},
          nodes: [{ ipv6: 'fd00::1', extAddress: null, rloc16: null, name: 'x', networkInfo: null }],
        },
        'cbor',
      ) as Uint8Array,
    );
    const mutatedText = fc
      .record({ at: fc.nat(valid.length - 1), length: fc.nat(8), insert: fc.string({ maxLength: 8 }) })
      .map(({ at, insert, length }) => valid.slice(0, at) + insert + valid.slice(at + length));
    const mutatedBytes = fc
      .array(fc.record({ at: fc.nat(validCbor.length - 1), byte: fc.nat(255) }), {
        minLength: 1,
        maxLength: 6,
      })
      .map((edits) => {
        const bytes = Buffer.from(validCbor);
        for (const { at, byte } of edits) bytes[at] = byte;
        return bytes;
      });
    const frames = fc.oneof(fc.string(), mutatedText, mutatedBytes, fc.uint8Array({ maxLength: 64 }));
    fc.assert(
      fc.property(frames, (frame) => {
        expect(['message', 'unknown_type', 'malformed']).toContain(decodeBorderRouterFrame(frame).kind);
        expect(['command', 'unknown_command', 'malformed']).toContain(decodeHubFrame(frame).kind);
      }),
      { numRuns: 100_000 },
    );
  }, 120_000);
});
