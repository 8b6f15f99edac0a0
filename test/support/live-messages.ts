/** Messages for live clients as tests send them: `feed-7` says its number and its position. */
import type { OutboxMessage } from '../../src/outbox/outbox-message.ts';

export interface TestMessage {
  readonly control?: boolean;
  readonly key?: string;
  /** Makes the line longer. */
  readonly padding?: number;
}

export function feedMessage(
  number: number,
  { control = false, key, padding = 0 }: TestMessage = {},
): OutboxMessage {
  const position = `feed-${number}`;
  const body = { type: 'event', number, ...(padding === 0 ? {} : { padding: 'x'.repeat(padding) }) };
  const line = `${JSON.stringify(body).slice(0, -1)},"position":"${position}"}`;
  return { line, bytes: Buffer.byteLength(line), position, control, urgent: control, key: key ?? null };
}

export const feedMessages = (from: number, count: number, message: TestMessage = {}): OutboxMessage[] =>
  Array.from({ length: count }, (_, index) => feedMessage(from + index, message));
