/**
 * Port: the one feed that workers, scans and alerts append to and live clients read. At least once: after a takeover the
 * last batch may come again. Its position is what clients resume from.
 */
import type { LivePosition } from '../../protocol/ids.ts';
import type { LiveMessage } from '../../protocol/live.ts';

export interface LiveEntry {
  readonly position: LivePosition;
  readonly message: LiveMessage;
  /** The message with its position as one line of JSON, made once when first asked for; the position comes last. */
  readonly line: string;
}

export interface LiveFeed {
  append(messages: readonly LiveMessage[]): void;
  /** The position of the newest entry, or one before the first. */
  readonly head: LivePosition;
  /**
   * What came after a position, the oldest first and at most `limit` of it; null where the position is unknown or too
   * long ago.
   */
  since(position: string, limit?: number): readonly LiveEntry[] | null;
  /** Called for each append that was not empty. Returns the function that unsubscribes. */
  subscribe(listener: (entries: readonly LiveEntry[]) => void): () => void;
}
