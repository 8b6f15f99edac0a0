/** Several changes of the latest value of one sensor and type as the one that they come to. */
import type { LatestChange } from './event-store.ts';

/** `before` comes first in the stream. The result stands for both, whatever was stored before them. */
export function foldLatest(before: LatestChange, after: LatestChange): LatestChange {
  if (!after.onlyIfNewer) return after;
  if (after.ts < before.ts) return before;
  return before.onlyIfNewer ? after : { ...after, onlyIfNewer: false };
}
