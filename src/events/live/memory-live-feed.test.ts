import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { topologyMessage } from '../../../test/support/live-feed-messages.ts';
import { testLiveFeed } from './live-feed.contract.ts';
import { MemoryLiveFeed } from './memory-live-feed.ts';

let feeds = 0;

function setUp({ resumeMessages = 1_000, resumeMs = 120_000 } = {}) {
  const clock = new FakeClock();
  const feed = new MemoryLiveFeed({ resumeMessages, resumeMs, clock, newId: () => `epoch-${(feeds += 1)}` });
  return { clock, feed };
}

testLiveFeed('the ring of one process', () => ({ feed: setUp().feed, other: () => setUp().feed }));

describe('MemoryLiveFeed', () => {
  it('keeps only the newest messages', () => {
    const { feed } = setUp({ resumeMessages: 3 });
    const before = feed.head;
    feed.append([topologyMessage(1), topologyMessage(2)]);
    expect(feed.since(before)).toHaveLength(2);
    feed.append([topologyMessage(3), topologyMessage(4)]);
    expect(feed.since(before)).toBeNull();
    expect(feed.since(feed.head)).toEqual([]);
  });

  it('keeps a message for the resume time and no longer', async () => {
    const { clock, feed } = setUp({ resumeMs: 120_000 });
    const before = feed.head;
    feed.append([topologyMessage(1)]);
    const between = feed.head;
    await clock.advance(60_000);
    feed.append([topologyMessage(2)]);
    await clock.advance(60_000);
    expect(feed.since(before)).toHaveLength(2);
    await clock.advance(1);
    expect(feed.since(before)).toBeNull();
    expect(feed.since(between)).toHaveLength(1);
    await clock.advance(120_000);
    expect(feed.since(feed.head)).toEqual([]);
  });

  it('makes the text of a message once', () => {
    const { feed } = setUp();
    let made = 0;
    const message = { ...topologyMessage(1), toJSON: () => ({ made: (made += 1) }) };
    const { head } = feed;
    feed.append([message]);
    expect(made).toBe(0);
    const lines = [0, 1].map(() => feed.since(head)?.[0]?.line);
    expect([made, lines[0]]).toEqual([1, lines[1]]);
  });

  it('gives back exactly what a list of the newest would, however much passes through', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 30 }),
        (resumeMessages, appends) => {
          const { feed } = setUp({ resumeMessages });
          const positions: string[] = [feed.head];
          feed.subscribe((entries) => void positions.push(...entries.map(({ position }) => position)));
          for (const count of appends)
            feed.append(Array.from({ length: count }, (_, index) => topologyMessage(index)));
          const newest = positions.length - 1;
          for (const missed of [0, 1, resumeMessages, resumeMessages + 1]) {
            if (missed > newest) continue;
            const entries = feed.since(positions[newest - missed] ?? '');
            if (missed > resumeMessages) expect(entries).toBeNull();
            else
              expect(entries?.map(({ position }) => position)).toEqual(positions.slice(newest - missed + 1));
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});
