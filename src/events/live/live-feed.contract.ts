/** What every `LiveFeed` does; each adapter's test runs it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { topologyMessage } from '../../../test/support/live-feed-messages.ts';
import type { LiveEntry, LiveFeed } from './live-feed.ts';

export interface LiveFeedUnderTest {
  readonly feed: LiveFeed;
  /** The feed of another process, or of this one after a restart that keeps nothing. */
  other(): LiveFeed;
}

const nodesOf = (entries: readonly LiveEntry[] | null): unknown[] | null =>
  entries?.map(({ message }) => (message as { nodes?: unknown }).nodes) ?? null;

export function testLiveFeed(name: string, open: () => LiveFeedUnderTest): void {
  describe(`${name} as LiveFeed`, () => {
    it('tells its listeners of each append, in order, until they unsubscribe', () => {
      const { feed } = open();
      const seen: unknown[] = [];
      const unsubscribe = feed.subscribe((entries) => void seen.push(nodesOf(entries)));
      feed.append([topologyMessage(1), topologyMessage(2)]);
      feed.append([topologyMessage(3)]);
      unsubscribe();
      feed.append([topologyMessage(4)]);
      expect(seen).toEqual([[1, 2], [3]]);
    });

    it('says nothing of an append of nothing', () => {
      const { feed } = open();
      const { head } = feed;
      let called = 0;
      feed.subscribe(() => (called += 1));
      feed.append([]);
      expect([called, feed.head]).toEqual([0, head]);
    });

    it('gives what came after any position it gave out, also one from before the first entry', () => {
      const { feed } = open();
      const start = feed.head;
      const positions: string[] = [start];
      feed.subscribe((entries) => void positions.push(...entries.map(({ position }) => position)));
      feed.append([topologyMessage(1)]);
      feed.append([topologyMessage(2), topologyMessage(3)]);
      expect(positions.map((position) => nodesOf(feed.since(position)))).toEqual([
        [1, 2, 3],
        [2, 3],
        [3],
        [],
      ]);
      expect(feed.head).toBe(positions.at(-1));
    });

    it('gives the oldest first, at most as many as asked for, so that a reader can go on in pieces', () => {
      const { feed } = open();
      let position: string = feed.head;
      feed.append(Array.from({ length: 7 }, (_, index) => topologyMessage(index)));
      const pieces: unknown[] = [];
      for (;;) {
        const piece = feed.since(position, 3) ?? [];
        if (piece.length === 0) break;
        pieces.push(nodesOf(piece));
        position = piece.at(-1)?.position ?? '';
      }
      expect(pieces).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    });

    it('writes an entry as one line of JSON with its position', () => {
      const { feed } = open();
      const { head } = feed;
      feed.append([topologyMessage(5)]);
      const [entry] = feed.since(head) ?? [];
      expect(entry?.line).not.toContain('\n');
      expect(JSON.parse(entry?.line ?? '')).toEqual({ ...topologyMessage(5), position: entry?.position });
      expect(entry?.line.endsWith(`,"position":"${entry.position}"}`)).toBe(true);
    });

    it('does not know positions that it never gave out', () => {
      const under = open();
      const { feed } = under;
      feed.append([topologyMessage(1)]);
      const elsewhere = under.other();
      elsewhere.append([topologyMessage(1), topologyMessage(2)]);
      expect(feed.since(elsewhere.head)).toBeNull();
      for (const position of ['', '-', 'nonsense', `${feed.head}0`, `${feed.head}x`, '__proto__-1', 'é-1'])
        expect(feed.since(position)).toBeNull();
    });

    it('takes any text for a position without throwing', () => {
      const { feed } = open();
      feed.append([topologyMessage(1)]);
      fc.assert(
        fc.property(fc.string(), (position) => {
          fc.pre(position !== feed.head);
          expect(feed.since(position)).toBeNull();
        }),
      );
    });
  });
}
