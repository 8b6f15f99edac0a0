/**
 * Live clients that get the same messages. What is published waits here once for all of them, and goes out in batches that
 * are joined and framed once. A member that is behind is sent its messages by itself until it has caught up.
 *
 * A batch goes out at the end of the event loop's turn where it was quiet before, at the end of the window under load, and
 * at once where it holds an urgent message. Of a large backlog one batch goes out per turn, so that sockets confirm
 * in between; a backlog that grows nevertheless goes out faster, and slow members lose from it by their own rules.
 */
import { CoalescingWindow } from './coalescing-window.ts';
import type { FlushSchedule, Flushable } from './flush-schedule.ts';
import type { LiveOutbox } from './live-outbox.ts';
import type { OutboxMessage } from './outbox-message.ts';
import { SharedBatch, type SharedBatchOptions } from './shared-batch.ts';

export interface BroadcastGroupOptions extends SharedBatchOptions {
  readonly schedule: FlushSchedule;
  readonly coalesceMs: number;
}

/** Of one batch. A frame of so many bytes is confirmed by a healthy socket within the turn. */
const batchMessages = 256;
const batchBytes = 64 * 1_024;
/** For each so many messages in the backlog, one batch more goes out per turn. */
const backlogStep = 2_048;

export class BroadcastGroup implements Flushable {
  readonly #options: BroadcastGroupOptions;
  readonly #window: CoalescingWindow;
  readonly #members = new Set<LiveOutbox>();
  /** Members that joined while messages waited that are not for them, with the count from which on they get them. */
  readonly #joining = new Map<LiveOutbox, number>();
  #pending: OutboxMessage[] = [];
  /** Messages that went out, since the start. */
  #flushed = 0;
  #scheduled: 'no' | 'soon' | 'later' = 'no';

  constructor(options: BroadcastGroupOptions) {
    this.#options = options;
    this.#window = new CoalescingWindow(options.coalesceMs);
  }

  get size(): number {
    return this.#members.size;
  }

  /** From now on this member gets what is published. */
  add(member: LiveOutbox): void {
    this.#members.add(member);
    if (this.#pending.length > 0) this.#joining.set(member, this.#flushed + this.#pending.length);
  }

  /** This member gets nothing more, also nothing of what waits; `deliver` first where it should. */
  remove(member: LiveOutbox): void {
    this.#members.delete(member);
    this.#joining.delete(member);
    if (this.#members.size === 0) this.#pending = [];
  }

  publish(messages: readonly OutboxMessage[], nowMs: number): void {
    if (this.#members.size === 0 || messages.length === 0) return;
    let urgent = false;
    for (const message of messages) {
      this.#pending.push(message);
      urgent ||= message.urgent;
    }
    this.#window.arrived(messages.length, nowMs);
    this.#plan(nowMs, urgent || this.#pending.length >= batchMessages);
  }

  flush(nowMs: number): void {
    this.#scheduled = 'no';
    if (this.#pending.length === 0) return;
    this.#window.flushed(nowMs);
    for (let batches = 1 + Math.floor(this.#pending.length / backlogStep); batches > 0; batches -= 1)
      this.#sendBatch();
    if (this.#pending.length > 0) this.#plan(nowMs, true);
  }

  /** Sends all that waits, now. */
  deliver(): void {
    while (this.#pending.length > 0) this.#sendBatch();
  }

  #plan(nowMs: number, atOnce: boolean): void {
    const { schedule } = this.#options;
    // What was planned for later still comes; it then finds nothing, or what arrived since.
    if (this.#scheduled === 'soon' || (this.#scheduled === 'later' && !atOnce)) return;
    const waitMs = atOnce ? 0 : this.#window.waitMs(nowMs, schedule.lagMs(nowMs));
    this.#scheduled = waitMs > 0 ? 'later' : 'soon';
    if (waitMs > 0) schedule.after(this, waitMs);
    else schedule.soon(this);
  }

  #sendBatch(): void {
    const messages = this.#pending.splice(0, this.#batchLength());
    if (messages.length === 0) return;
    const batch = new SharedBatch(messages, this.#options);
    for (const member of this.#members) {
      if (this.#joining.size > 0 && this.#joining.has(member)) this.#sendWhatIsFor(member, messages);
      else if (!member.sendShared(batch)) member.sendAll(messages);
    }
    this.#flushed += messages.length;
  }

  #sendWhatIsFor(member: LiveOutbox, messages: readonly OutboxMessage[]): void {
    const skipped = (this.#joining.get(member) ?? 0) - this.#flushed;
    if (skipped <= messages.length) this.#joining.delete(member);
    member.sendAll(messages.slice(skipped));
  }

  #batchLength(): number {
    let bytes = 0;
    let length = 0;
    while (length < this.#pending.length && length < batchMessages && bytes < batchBytes) {
      bytes += this.#pending[length]?.bytes ?? 0;
      length += 1;
    }
    return length;
  }
}
