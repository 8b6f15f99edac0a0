import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeDocument, documentEncoding, encodeDocument } from './compressed-document.ts';

describe('compressed documents', () => {
  it('come back as JSON would give them back, whatever they hold', async () => {
    const document = fc.dictionary(
      fc.string(),
      fc.oneof(fc.jsonValue(), fc.array(fc.jsonValue({ maxDepth: 2 }), { minLength: 30, maxLength: 70 })),
    );
    await fc.assert(
      fc.asyncProperty(document, async (value) => {
        const plain = JSON.parse(JSON.stringify(value)) as object;
        expect(await decodeDocument(await encodeDocument(value), documentEncoding)).toEqual(plain);
      }),
      { numRuns: 100 },
    );
  });

  it('let the event loop turn while a large one is made and read', async () => {
    const document = { nodes: Array.from({ length: 5_000 }, (_, index) => ({ name: `node-${index}` })) };
    const turnsDuring = async <T>(work: Promise<T>): Promise<{ turns: number; result: T }> => {
      let turns = 0;
      let running = true;
      const count = (): void => {
        turns += 1;
        if (running) setImmediate(count);
      };
      setImmediate(count);
      const result = await work;
      running = false;
      return { turns, result };
    };
    const encoded = await turnsDuring(encodeDocument(document));
    const decoded = await turnsDuring(decodeDocument(encoded.result, documentEncoding));
    expect(decoded.result).toEqual(document);
    expect(encoded.turns).toBeGreaterThan(100);
    expect(decoded.turns).toBeGreaterThan(100);
  });

  it('are refused where they are damaged, cut, or of another encoding', async () => {
    const body = await encodeDocument({ nodes: Array.from({ length: 200 }, (_, index) => index) });
    await expect(decodeDocument(body.subarray(0, body.length - 8), documentEncoding)).rejects.toThrow();
    await expect(decodeDocument(new Uint8Array(20), documentEncoding)).rejects.toThrow();
    await expect(decodeDocument(body, 'other')).rejects.toThrow('encoding is other');
  });
});
