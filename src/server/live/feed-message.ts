/** An entry of the feed as outboxes take it: each property is made when first asked for, once for all clients. */
import type { LiveEntry } from '../../events/live/live-feed.ts';
import type { LiveMessage } from '../../protocol/live.ts';
import type { OutboxMessage } from '../../outbox/outbox-message.ts';

export class FeedMessage implements OutboxMessage {
  readonly control: boolean;
  readonly urgent: boolean;
  readonly #entry: LiveEntry;
  #bytes: number | null = null;
  #key: string | null | undefined;

  constructor(entry: LiveEntry) {
    const { message } = entry;
    this.#entry = entry;
    this.control = message.type === 'alert' && message.severity === 'critical';
    this.urgent = this.control || (message.type === 'event' && message.lane === 'critical');
  }

  get line(): string {
    return this.#entry.line;
  }

  get bytes(): number {
    this.#bytes ??= Buffer.byteLength(this.#entry.line);
    return this.#bytes;
  }

  get position(): string {
    return this.#entry.position;
  }

  get key(): string | null {
    if (this.#key === undefined) this.#key = keyOf(this.#entry.message);
    return this.#key;
  }
}

/** Nothing that is critical, and no end of anything, gives way to what comes after it. */
function keyOf(message: LiveMessage): string | null {
  switch (message.type) {
    case 'event':
      if (message.lane === 'critical') return null;
      return `event\n${message.sensor_id}\n${message.readings.map(({ type }) => type).join('\n')}`;
    case 'border_router':
      return `border_router\n${message.border_router.id}`;
    case 'topology':
      return 'topology';
    case 'scan':
      return message.scan.state === 'running' ? `scan\n${message.scan.id}` : null;
    case 'alert':
    case 'scan_node':
      return null;
  }
}
