/** What is said to one client alone. A client that asks for more answers than it reads is closed, not starved of them. */
import type { OutboxMessage } from '../../outbox/outbox-message.ts';
import type { LiveServerMessage } from '../../protocol/live.ts';

/** `position`: where the client stands when it has read this; null where that changes nothing. */
export function answerMessage(message: LiveServerMessage, position: string | null = null): OutboxMessage {
  const line = JSON.stringify(message);
  return { line, bytes: Buffer.byteLength(line), position, control: true, urgent: true, key: null };
}
