/**
 * The one writer of a connection whose peer wants one message per frame: a border router. Nothing else sends on the
 * socket. Batching, classes and gaps are for live clients and not in here.
 *
 * States:
 *   open      takes frames; hands them to the socket while less than `highWaterBytes` is unconfirmed
 *   draining  takes none; hands over what is left; then sends the close frame
 *   closed    nothing is sent any more
 *
 * open → draining by `close()`; open or draining → closed when the socket has closed, the drain is done, or its time is up.
 *
 * A frame counts against the bounds from `send()` until the socket has confirmed it.
 */
import type { Clock } from '../clock.ts';
import { frameBytes } from '../protocol/border-router-codec.ts';
import type { EncodedFrame } from '../protocol/border-router-messages.ts';
import type { OutboxBudget } from './outbox-budget.ts';
import type { OutboxKind, OutboxObserver } from './outbox-observer.ts';

export type SendResult = 'queued' | 'full' | 'closed';

/** The part of a `ws` WebSocket that an outbox uses. */
export interface OutboxSocket {
  send(data: EncodedFrame, options: { binary: boolean }, callback: (error?: Error | null) => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

export interface FrameOutboxOptions {
  readonly socket: OutboxSocket;
  readonly kind: OutboxKind;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly budget: OutboxBudget;
  readonly clock: Clock;
  readonly observer: OutboxObserver;
}

/** Unconfirmed bytes beyond which frames wait here instead of in the socket's unbounded buffer. */
const highWaterBytes = 64 * 1_024;

export class FrameOutbox {
  readonly #options: FrameOutboxOptions;
  readonly #queue: { readonly frame: EncodedFrame; readonly bytes: number }[] = [];
  /** Made when first needed. */
  #waiting: Set<() => void> | null = null;
  #state: 'open' | 'draining' | 'closed' = 'open';
  #messages = 0;
  #bytes = 0;
  #unconfirmedBytes = 0;
  /** Size of the frame that was refused last; there is no room before it fits. */
  #refusedBytes = 0;
  /** When the socket last took a frame, or the first one of those that wait was sent; null while none waits. */
  #waitingSinceMs: number | null = null;
  #cancelBudgetWait: (() => void) | null = null;
  #drained: (() => void) | null = null;

  constructor(options: FrameOutboxOptions) {
    this.#options = options;
  }

  /** Frames not yet confirmed. */
  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether the frame that was refused last would be taken now. */
  get writable(): boolean {
    return (
      this.#state === 'open' &&
      this.#fits(this.#refusedBytes) &&
      this.#options.budget.hasRoom(this.#refusedBytes)
    );
  }

  /** For how long the socket has taken nothing of what waits, ms; 0 while nothing waits. */
  get stalledForMs(): number {
    return this.#waitingSinceMs === null ? 0 : this.#options.clock.monotonicMs() - this.#waitingSinceMs;
  }

  /** Never blocks, never throws. `full`: nothing was taken, `whenWritable` tells when to try again. */
  send(frame: EncodedFrame): SendResult {
    if (this.#state !== 'open') return 'closed';
    const bytes = frameBytes(frame);
    if (!this.#fits(bytes) || !this.#options.budget.reserve(bytes)) {
      this.#refusedBytes = bytes;
      return 'full';
    }
    this.#refusedBytes = 0;
    this.#messages += 1;
    this.#bytes += bytes;
    this.#waitingSinceMs ??= this.#options.clock.monotonicMs();
    this.#queue.push({ frame, bytes });
    this.#pump();
    return 'queued';
  }

  /** Sends a ping frame; it queues behind what the socket already has. */
  ping(): void {
    if (this.#state === 'open') this.#options.socket.ping();
  }

  /** Resolves when there is room again, or when there never will be: look at what the next `send` returns. */
  whenWritable(): Promise<void> {
    if (this.writable || this.#state === 'closed') return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting ??= new Set();
      this.#waiting.add(resolve);
      this.#wakeWhenWritable();
    });
  }

  /**
   * Stops intake, flushes, sends the close frame; terminates where that takes longer than `flushWithinMs`.
   * Resolves when the close frame is on its way or the socket is terminated.
   */
  async close(code: number, reason: string, flushWithinMs = 2_000): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.#pump();
    const flushed = await this.#flush(flushWithinMs);
    if (this.#isClosed()) return;
    this.#end();
    if (flushed) this.#options.socket.close(code, reason);
    else this.#options.socket.terminate();
  }

  /** Closes the socket at once, without a close frame: the peer is not there to read one. */
  terminate(): void {
    this.#end();
    this.#options.socket.terminate();
  }

  /** The socket has closed by itself: gives up what is left, returns how many frames that was. */
  socketClosed(): number {
    const lost = this.#messages;
    this.#end();
    return lost;
  }

  #fits(bytes: number): boolean {
    const { maxBytes, maxMessages } = this.#options;
    return this.#messages < maxMessages && this.#bytes + bytes <= maxBytes;
  }

  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #flush(withinMs: number): Promise<boolean> {
    if (this.#messages === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(withinMs, () => {
        this.#drained = null;
        resolve(false);
      });
      this.#drained = () => {
        cancel();
        resolve(true);
      };
    });
  }

  #pump(): void {
    while (this.#queue.length > 0 && this.#unconfirmedBytes < highWaterBytes && this.#state !== 'closed') {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#handOver(next.frame, next.bytes);
    }
  }

  #handOver(frame: EncodedFrame, bytes: number): void {
    const { clock, kind, observer, socket } = this.#options;
    const handedOverMs = clock.monotonicMs();
    this.#unconfirmedBytes += bytes;
    observer.flushed(kind, 1);
    let confirmed = false;
    const confirm = (error?: Error | null): void => {
      if (confirmed) return;
      confirmed = true;
      if (error) observer.failed(kind);
      else observer.confirmed(kind, (clock.monotonicMs() - handedOverMs) / 1_000);
      this.#confirm(bytes);
    };
    try {
      socket.send(frame, { binary: typeof frame !== 'string' }, confirm);
    } catch (error) {
      confirm(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #confirm(bytes: number): void {
    if (this.#state === 'closed') return;
    this.#unconfirmedBytes -= bytes;
    this.#messages -= 1;
    this.#bytes -= bytes;
    this.#waitingSinceMs = this.#messages === 0 ? null : this.#options.clock.monotonicMs();
    this.#options.budget.release(bytes);
    this.#pump();
    if (this.#messages === 0) this.#drained?.();
    this.#wakeWhenWritable();
  }

  #end(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#options.budget.release(this.#bytes);
    this.#options.observer.dropped(this.#options.kind, this.#messages);
    this.#messages = 0;
    this.#bytes = 0;
    this.#waitingSinceMs = null;
    this.#queue.length = 0;
    this.#cancelBudgetWait?.();
    this.#drained?.();
    this.#wake();
  }

  /** Where the own bounds leave no room, the next confirmation comes here again; where the budget does, its release. */
  #wakeWhenWritable(): void {
    if (this.#waiting === null || !this.#fits(this.#refusedBytes)) return;
    if (this.writable) {
      this.#wake();
      return;
    }
    this.#cancelBudgetWait ??= this.#options.budget.whenRoom(this.#refusedBytes, () => {
      this.#cancelBudgetWait = null;
      this.#wakeWhenWritable();
    });
  }

  #wake(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const resolve of waiting) resolve();
  }
}
