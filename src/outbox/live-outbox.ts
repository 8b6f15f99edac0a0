/**
 * The outbox of a live client: several messages to a frame, one line each. A client that keeps up is handed the batches
 * that it shares with others (`BroadcastGroup`); what waits in here is what this client alone is behind with.
 *
 * When it is full, by class:
 *   control   takes the slots kept for it, then the place of the newest droppable message; where there is none left, the
 *             connection closes with 4008
 *   ordered   is left out; a gap before the next message says which and how many
 *   latest    replaces the older value of its key in place; where there is none, it is left out as an ordered one
 *
 * The bound by count is of messages that wait here; that by bytes includes those that the socket has not confirmed. A gap
 * counts with the message that it precedes. Messages wait while the socket has too much unconfirmed (what `bufferedAmount`
 * shows), or while the client leaves too much without acknowledgement.
 */
import { type Gap, gapLine, lineAt, type OutboxMessage } from './outbox-message.ts';
import { type Confirm, Outbox, type OutboxOptions, type OutboxSocket } from './outbox.ts';
import type { SharedBatch } from './shared-batch.ts';
import { textFrame } from './text-frame.ts';
import { UnacknowledgedBytes } from './unacknowledged-bytes.ts';

export type LiveSendResult = 'queued' | 'replaced' | 'dropped' | 'closed';

export interface LiveSocket extends OutboxSocket {
  /** Writes a whole frame, header included. May throw. */
  write(frame: Buffer, callback: Confirm): void;
}

export interface LiveOutboxOptions extends OutboxOptions<LiveSocket> {
  readonly maxUnacknowledgedBytes: number;
}

/** `control` where nothing else fits. */
export const slowConsumerCode = 4008;
/** Of the places, kept free of everything but control messages; at most half of a small outbox. */
const controlSlots = 32;
/** So much goes into one frame: a client shows the first message of a batch when it has the last. */
const frameMessages = 256;
const frameBytes = 64 * 1_024;
/** For the peer's side of a close that it may be too slow to see. */
const closeWithinMs = 5_000;

interface Waiting {
  readonly control: boolean;
  /** Null where nothing replaces it. */
  readonly key: string | null;
  readonly position: string | null;
  line: string;
  bytes: number;
  gap: Gap | null;
}

export class LiveOutbox extends Outbox<LiveSocket, Buffer> {
  readonly #maxUnacknowledgedBytes: number;
  readonly #unacknowledged = new UnacknowledgedBytes();
  #queue: Waiting[] = [];
  #sentMessages = 0;
  /** Of the queue, what newer values replace. */
  readonly #replaceable = new Map<string, Waiting>();
  /** Whether keyed messages replace each other. */
  #conflates = false;
  /** What was left out since the last message that was taken. */
  #gap: Gap | null = null;
  /** The last message of the feed that was taken or left out, and the last that was handed over. */
  #last: Pick<OutboxMessage, 'position'> | null = null;
  #handedOver: Pick<OutboxMessage, 'position'> | null = null;

  constructor({ maxUnacknowledgedBytes, ...options }: LiveOutboxOptions) {
    super(options);
    this.#maxUnacknowledgedBytes = maxUnacknowledgedBytes;
  }

  /** Messages that wait here, not those that the socket has. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** Messages of the feed and answers that were handed over. */
  get sentMessages(): number {
    return this.#sentMessages;
  }

  get sentFrames(): number {
    return this.#unacknowledged.sentFrames;
  }

  /** Whether a message with a key replaces an older one that still waits. */
  set conflates(conflates: boolean) {
    this.#conflates = conflates;
  }

  /** Whether nothing waits and the next batch could go out at once. */
  get caughtUp(): boolean {
    return this.#queue.length === 0 && this.#gap === null && this.#flows;
  }

  /** Takes a message and sends what may go. Never blocks, never throws. */
  send(message: OutboxMessage): LiveSendResult {
    const result = this.#take(message);
    this.pump();
    return result;
  }

  /** The same for several, which share frames. */
  sendAll(messages: readonly OutboxMessage[]): void {
    for (const message of messages) this.#take(message);
    this.pump();
  }

  /** Hands over a batch that others get as well; false where this client is behind and must be sent it by `sendAll`. */
  sendShared(batch: SharedBatch): boolean {
    if (this.state !== 'open' || !this.caughtUp) return false;
    if (this.bytes + batch.bytes > this.options.maxBytes || !batch.hold()) return false;
    const { frame, messages } = batch;
    this.#last = this.#handedOver = messages.at(-1) ?? null;
    this.count(messages.length, batch.bytes, batch.heldSinceMs);
    this.#sentMessages += messages.length;
    this.#unacknowledged.sent(frame.length);
    this.handOverShared(frame, batch);
    return true;
  }

  /** The client has read everything up to that frame. False where it has not been sent so many. */
  acknowledge(frame: number): boolean {
    if (!this.#unacknowledged.acknowledge(frame)) return false;
    this.pump();
    this.wakeWhenWritable();
    return true;
  }

  get #flows(): boolean {
    return this.mayHandOver && this.#unacknowledged.bytes < this.#maxUnacknowledgedBytes;
  }

  /** There is room when nothing waits: who reads from elsewhere at this client's pace then never makes a gap. */
  protected override isReadyFor(_bytes: number): boolean {
    return this.#queue.length === 0 && this.#flows;
  }

  protected override pump(): void {
    // What is left when the hub stops goes out, acknowledged or not.
    while (this.#queue.length > 0 && (this.state === 'draining' ? this.mayHandOver : this.#flows)) {
      const batch = this.#queue.splice(0, this.#batchLength());
      const lines: string[] = [];
      let bytes = 0;
      for (const item of batch) {
        if (item.gap !== null) lines.push(gapLine(item.gap));
        lines.push(item.line);
        bytes += item.bytes;
        if (item.position !== null) this.#handedOver = item;
        if (item.key !== null) this.#replaceable.delete(item.key);
      }
      const frame = textFrame(lines.join('\n'));
      this.#sentMessages += batch.length;
      this.#unacknowledged.sent(frame.length);
      this.handOver(frame, batch.length, bytes);
    }
  }

  protected override transmit(frame: Buffer, confirm: Confirm): void {
    this.options.socket.write(frame, confirm);
  }

  protected override forget(): void {
    this.#queue = [];
    this.#replaceable.clear();
    this.#gap = null;
  }

  #take(message: OutboxMessage): LiveSendResult {
    if (this.state !== 'open') return 'closed';
    if (message.control) return this.#takeControl(message);
    if (this.#replace(message)) return 'replaced';
    if (this.#hasOrdinarySlot() && this.#fits(message.bytes) && this.reserve(message.bytes)) {
      this.#push(message);
      return 'queued';
    }
    this.#leaveOut(message);
    return 'dropped';
  }

  /** The budget of the process does not refuse it: a client that reads must not lose an alarm to those that do not. */
  #takeControl(message: OutboxMessage): LiveSendResult {
    while (this.#queue.length >= this.options.maxMessages || !this.#fits(message.bytes)) {
      if (this.#evictNewest()) continue;
      this.#closeSlow();
      return 'closed';
    }
    this.reserve(message.bytes, true);
    this.#push(message);
    return 'queued';
  }

  #push({ bytes, control, key, line, position }: OutboxMessage): void {
    this.count(1, bytes);
    const replaceable = this.#conflates && !control ? key : null;
    const item: Waiting = { control, key: replaceable, position, line, bytes, gap: this.#gap };
    this.#queue.push(item);
    this.#gap = null;
    if (replaceable !== null) this.#replaceable.set(replaceable, item);
    if (position !== null) this.#last = item;
  }

  /** False where no older value waits, or the new one does not fit in its place. */
  #replace(message: OutboxMessage): boolean {
    if (!this.#conflates || message.key === null) return false;
    const older = this.#replaceable.get(message.key);
    if (older === undefined) return false;
    const line = older.position === null ? message.line : lineAt(message, older.position);
    const bytes = Buffer.byteLength(line);
    const more = bytes - older.bytes;
    if (more > 0 && !(this.#fits(more) && this.reserve(more))) return false;
    if (more < 0) this.unreserve(-more);
    this.count(0, more);
    older.line = line;
    older.bytes = bytes;
    return true;
  }

  #leaveOut({ position }: OutboxMessage): void {
    this.options.observer.dropped(this.options.kind, 1);
    const from = this.#gap === null ? (this.#last?.position ?? null) : this.#gap.from;
    const to = position ?? this.#gap?.to ?? from ?? '';
    this.#gap = { from, to, dropped: (this.#gap?.dropped ?? 0) + 1 };
    if (position !== null) this.#last = { position };
  }

  /** Takes the newest ordered message out, or the newest of any class but control; false where there is none. */
  #evictNewest(): boolean {
    let index = this.#queue.findLastIndex(({ control, key }) => !control && key === null);
    if (index < 0) index = this.#queue.findLastIndex(({ control }) => !control);
    const [evicted] = index < 0 ? [] : this.#queue.splice(index, 1);
    if (evicted === undefined) return false;
    if (evicted.key !== null) this.#replaceable.delete(evicted.key);
    this.count(-1, -evicted.bytes);
    this.unreserve(evicted.bytes);
    this.options.observer.dropped(this.options.kind, 1);
    const follower = this.#queue[index] ?? null;
    const after = follower === null ? this.#gap : follower.gap;
    const gap: Gap = {
      from: evicted.gap === null ? this.#positionBefore(index) : evicted.gap.from,
      to: after?.to ?? evicted.position ?? '',
      dropped: (evicted.gap?.dropped ?? 0) + 1 + (after?.dropped ?? 0),
    };
    if (follower === null) this.#gap = gap;
    else follower.gap = gap;
    return true;
  }

  /** Where this client stands before the message at an index of the queue; null before its first. */
  #positionBefore(index: number): string | null {
    for (let before = index - 1; before >= 0; before -= 1) {
      const position = this.#queue[before]?.position ?? null;
      if (position !== null) return position;
    }
    return this.#handedOver?.position ?? null;
  }

  #hasOrdinarySlot(): boolean {
    const { maxMessages } = this.options;
    return this.#queue.length < maxMessages - Math.min(controlSlots, Math.floor(maxMessages / 2));
  }

  #fits(bytes: number): boolean {
    return this.bytes + bytes <= this.options.maxBytes;
  }

  #batchLength(): number {
    let bytes = 0;
    let length = 0;
    while (length < this.#queue.length && length < frameMessages && bytes < frameBytes) {
      bytes += this.#queue[length]?.bytes ?? 0;
      length += 1;
    }
    return length;
  }

  #closeSlow(): void {
    const { clock, socket } = this.options;
    this.end();
    socket.close(slowConsumerCode, 'too slow');
    clock.after(closeWithinMs, () => socket.terminate());
  }
}
