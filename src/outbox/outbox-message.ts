/** A message for live clients: text already, the same for everybody who gets it. */

export interface OutboxMessage {
  /** One line of JSON without the line feed. Where there is a position, it is the last property, `"position":"…"`. */
  readonly line: string;
  /** Of the line as UTF-8. */
  readonly bytes: number;
  /** Null for what is not of the feed: answers to requests. */
  readonly position: string | null;
  /** Never left out for a slow client. */
  readonly control: boolean;
  /** Goes out at once, whatever else is being gathered. */
  readonly urgent: boolean;
  /** What it is the newest value of; null where every message counts. */
  readonly key: string | null;
}

/** Messages that a client did not get. */
export interface Gap {
  /** The last position before it; null where there was none. */
  readonly from: string | null;
  /** The last position within it. */
  readonly to: string;
  readonly dropped: number;
}

export function gapLine({ dropped, from, to }: Gap): string {
  return JSON.stringify({ type: 'gap', from, to, dropped, reason: 'slow_consumer' });
}

/**
 * The line of a message that takes the place of an older one. It says the older one's position: whoever resumes from there
 * misses nothing of what waits behind it.
 */
export function lineAt(message: OutboxMessage, position: string): string {
  const suffixLength = `"position":"${message.position ?? ''}"}`.length;
  return `${message.line.slice(0, -suffixLength)}"position":"${position}"}`;
}
