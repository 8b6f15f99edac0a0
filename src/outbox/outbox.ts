/**
 * What every outbox is: the one writer of a connection, with its bounds, its share of the process's memory and its end.
 * Nothing else sends on the socket. What waits, what is refused or left out when it is full, and what goes into one frame
 * differ by the kind of peer: `FrameOutbox` for border routers, `LiveOutbox` for live clients.
 *
 * States:
 *   open      takes messages; hands them to the socket while less than `highWaterBytes` is unconfirmed
 *   draining  takes none; hands over what is left; then sends the close frame
 *   closed    nothing is sent any more
 *
 * open → draining by `close()`; open or draining → closed when the socket has closed, the drain is done, or its time is up.
 *
 * A message counts from the moment it is taken until the socket has confirmed it. Sockets confirm in the order of sending.
 */
import type { Clock } from '../clock.ts';
import type { OutboxBudget } from './outbox-budget.ts';
import type { OutboxKind, OutboxObserver } from './outbox-observer.ts';

/** The part of a socket that ends it. */
export interface OutboxSocket {
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

export interface OutboxOptions<Socket extends OutboxSocket> {
  readonly socket: Socket;
  readonly kind: OutboxKind;
  readonly maxMessages: number;
  readonly maxBytes: number;
  readonly budget: OutboxBudget;
  readonly clock: Clock;
  readonly observer: OutboxObserver;
}

export type Confirm = (error?: Error | null) => void;

/** Bytes of a frame that several outboxes sent; the budget holds them once. */
export interface SharedBytes {
  release(): void;
}

/** What was handed to the socket and is not confirmed. */
interface Unconfirmed {
  readonly messages: number;
  readonly bytes: number;
  readonly handedOverMs: number;
  /** Null where the bytes are this outbox's own in the budget. */
  readonly shared: SharedBytes | null;
}

/** Unconfirmed bytes beyond which messages wait here instead of in the socket's unbounded buffer. */
const highWaterBytes = 64 * 1_024;

export abstract class Outbox<Socket extends OutboxSocket, Frame> {
  protected readonly options: OutboxOptions<Socket>;
  #state: 'open' | 'draining' | 'closed' = 'open';
  #messages = 0;
  #bytes = 0;
  /** Of the budget; less than `#bytes` by what is shared. */
  #reservedBytes = 0;
  #unconfirmedBytes = 0;
  /** Size of the message that was refused last; there is no room before it fits. */
  #refusedBytes = 0;
  /** When the socket last took something, or the first of what waits was sent; null while nothing waits. */
  #waitingSinceMs: number | null = null;
  // Made when first needed: most of ten thousand connections are idle.
  #unconfirmed: Unconfirmed[] | null = null;
  #onConfirmed: Confirm | null = null;
  #waiting: Set<() => void> | null = null;
  #cancelBudgetWait: (() => void) | null = null;
  #drained: (() => void) | null = null;

  constructor(options: OutboxOptions<Socket>) {
    this.options = options;
  }

  /** Messages not yet confirmed. */
  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get open(): boolean {
    return this.#state === 'open';
  }

  /** Whether there is room for what was refused last. */
  get writable(): boolean {
    return (
      this.#state === 'open' &&
      this.isReadyFor(this.#refusedBytes) &&
      this.options.budget.hasRoom(this.#refusedBytes)
    );
  }

  /** For how long the socket has taken nothing of what waits, ms; 0 while nothing waits. */
  get stalledForMs(): number {
    return this.#waitingSinceMs === null ? 0 : this.options.clock.monotonicMs() - this.#waitingSinceMs;
  }

  /** Sends a ping frame; it queues behind what the socket already has. */
  ping(): void {
    if (this.#state === 'open') this.options.socket.ping();
  }

  /** Resolves when there is room again, or when there never will be: look at what the next `send` returns. */
  whenWritable(): Promise<void> {
    if (this.writable || this.#state === 'closed') return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting ??= new Set();
      this.#waiting.add(resolve);
      this.wakeWhenWritable();
    });
  }

  /**
   * Stops intake, flushes, sends the close frame; terminates where that takes longer than `flushWithinMs`.
   * Resolves when the close frame is on its way or the socket is terminated.
   */
  async close(code: number, reason: string, flushWithinMs = 2_000): Promise<void> {
    if (this.#state !== 'open') return;
    this.#state = 'draining';
    this.pump();
    const flushed = await this.#flush(flushWithinMs);
    if (this.isClosed()) return;
    this.end();
    if (flushed) this.options.socket.close(code, reason);
    else this.options.socket.terminate();
  }

  /** Closes the socket at once, without a close frame: the peer is not there to read one. */
  terminate(): void {
    this.end();
    this.options.socket.terminate();
  }

  /** The socket has closed by itself: gives up what is left, returns how many messages that was. */
  socketClosed(): number {
    const lost = this.#messages;
    this.end();
    return lost;
  }

  /** Whether whoever was refused a message of so many bytes may try again. */
  protected abstract isReadyFor(bytes: number): boolean;
  /** Hands what waits to the socket, as far as it may. */
  protected abstract pump(): void;
  /** Writes one frame. May throw. */
  protected abstract transmit(frame: Frame, confirm: Confirm): void;
  /** Nothing of what waits will be sent. */
  protected abstract forget(): void;

  protected get state(): 'open' | 'draining' | 'closed' {
    return this.#state;
  }

  protected isClosed(): boolean {
    return this.#state === 'closed';
  }

  protected get mayHandOver(): boolean {
    return this.#state !== 'closed' && this.#unconfirmedBytes < highWaterBytes;
  }

  /** Takes the bytes from the budget, or refuses; `urgent` ones are counted there and not refused. */
  protected reserve(bytes: number, urgent = false): boolean {
    const { budget } = this.options;
    if (urgent) budget.exceed(bytes);
    else if (!budget.reserve(bytes)) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  /** Remembers what there was no room for; 0 where there was. */
  protected refused(bytes: number): void {
    this.#refusedBytes = bytes;
  }

  protected unreserve(bytes: number): void {
    this.#reservedBytes -= bytes;
    this.options.budget.release(bytes);
  }

  protected count(messages: number, bytes: number): void {
    this.#messages += messages;
    this.#bytes += bytes;
    if (this.#messages > 0) this.#waitingSinceMs ??= this.options.clock.monotonicMs();
  }

  /** Hands over a frame with messages that have been counted. */
  protected handOver(frame: Frame, messages: number, bytes: number, shared: SharedBytes | null): void {
    const { clock, kind, observer } = this.options;
    this.#unconfirmedBytes += bytes;
    this.#unconfirmed ??= [];
    const ticket = { messages, bytes, handedOverMs: clock.monotonicMs(), shared };
    this.#unconfirmed.push(ticket);
    this.#onConfirmed ??= (error) => this.#confirmNext(error);
    observer.flushed(kind, messages);
    try {
      this.transmit(frame, this.#onConfirmed);
    } catch {
      const index = this.#unconfirmed.lastIndexOf(ticket);
      if (index < 0) return;
      this.#unconfirmed.splice(index, 1);
      observer.failed(kind);
      this.#settle(ticket);
    }
  }

  /** Where the own bounds leave no room, the next confirmation comes here again; where the budget does, its release. */
  protected wakeWhenWritable(): void {
    if (this.#waiting === null || !this.isReadyFor(this.#refusedBytes)) return;
    if (this.writable) {
      this.#wake();
      return;
    }
    this.#cancelBudgetWait ??= this.options.budget.whenRoom(this.#refusedBytes, () => {
      this.#cancelBudgetWait = null;
      this.wakeWhenWritable();
    });
  }

  protected end(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.options.budget.release(this.#reservedBytes);
    for (const { shared } of this.#unconfirmed ?? []) shared?.release();
    this.#unconfirmed = null;
    this.options.observer.dropped(this.options.kind, this.#messages);
    this.#messages = 0;
    this.#bytes = 0;
    this.#reservedBytes = 0;
    this.#waitingSinceMs = null;
    this.forget();
    this.#cancelBudgetWait?.();
    this.#drained?.();
    this.#wake();
  }

  #flush(withinMs: number): Promise<boolean> {
    if (this.#messages === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const cancel = this.options.clock.after(withinMs, () => {
        this.#drained = null;
        resolve(false);
      });
      this.#drained = () => {
        cancel();
        resolve(true);
      };
    });
  }

  #confirmNext(error: Error | null | undefined): void {
    const ticket = this.#unconfirmed?.shift();
    if (ticket === undefined) return;
    const { clock, kind, observer } = this.options;
    if (error) observer.failed(kind);
    else observer.confirmed(kind, (clock.monotonicMs() - ticket.handedOverMs) / 1_000);
    this.#settle(ticket);
  }

  #settle({ bytes, messages, shared }: Unconfirmed): void {
    this.#unconfirmedBytes -= bytes;
    this.#messages -= messages;
    this.#bytes -= bytes;
    this.#waitingSinceMs = this.#messages === 0 ? null : this.options.clock.monotonicMs();
    if (shared === null) this.unreserve(bytes);
    else shared.release();
    this.pump();
    if (this.#messages === 0) this.#drained?.();
    this.wakeWhenWritable();
  }

  #wake(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const resolve of waiting) resolve();
  }
}
