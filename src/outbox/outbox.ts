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

/** Messages in a frame that was handed to the socket and is not confirmed. */
interface OwnFrame {
  readonly kind: 'own';
  readonly messageCount: number;
  readonly bytes: number;
  readonly handedOverMs: number;
}

/** The same for a frame that several outboxes hand over: it keeps its bytes in the budget, and reports itself. */
export interface SharedFrame {
  readonly kind: 'shared';
  readonly messageCount: number;
  readonly bytes: number;
  /** This outbox's socket has it, or never will. */
  release(): void;
}

/** Unconfirmed bytes beyond which messages wait here instead of in the socket's unbounded buffer. */
const highWaterBytes = 64 * 1_024;

export abstract class Outbox<Socket extends OutboxSocket, Data> {
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
  #unconfirmed: (OwnFrame | SharedFrame)[] | null = null;
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
  protected abstract transmit(data: Data, confirm: Confirm): void;
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

  protected count(messages: number, bytes: number, nowMs: number | null = null): void {
    this.#messages += messages;
    this.#bytes += bytes;
    if (this.#messages > 0) this.#waitingSinceMs ??= nowMs ?? this.options.clock.monotonicMs();
  }

  /** Hands over a frame with messages that have been counted, and whose bytes are reserved. */
  protected handOver(data: Data, messageCount: number, bytes: number): void {
    const { clock, kind, observer } = this.options;
    observer.flushed(kind, messageCount);
    this.#transmit(data, { kind: 'own', messageCount, bytes, handedOverMs: clock.monotonicMs() });
  }

  /** The same for a frame that this outbox has been counted in as a holder of. */
  protected handOverShared(data: Data, frame: SharedFrame): void {
    this.#transmit(data, frame);
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
    for (const frame of this.#unconfirmed ?? []) if (frame.kind === 'shared') frame.release();
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

  #transmit(data: Data, frame: OwnFrame | SharedFrame): void {
    this.#unconfirmedBytes += frame.bytes;
    this.#unconfirmed ??= [];
    this.#unconfirmed.push(frame);
    this.#onConfirmed ??= (error) => this.#confirmNext(error);
    try {
      this.transmit(data, this.#onConfirmed);
    } catch {
      const index = this.#unconfirmed.lastIndexOf(frame);
      if (index < 0) return;
      this.#unconfirmed.splice(index, 1);
      this.options.observer.failed(this.options.kind);
      this.#settle(frame);
    }
  }

  #confirmNext(error: Error | null | undefined): void {
    const frame = this.#unconfirmed?.shift();
    if (frame === undefined) return;
    const { clock, kind, observer } = this.options;
    if (error) observer.failed(kind);
    else if (frame.kind === 'own')
      observer.confirmed(kind, (clock.monotonicMs() - frame.handedOverMs) / 1_000);
    this.#settle(frame);
  }

  #settle(frame: OwnFrame | SharedFrame): void {
    const { bytes, kind, messageCount } = frame;
    this.#unconfirmedBytes -= bytes;
    this.#messages -= messageCount;
    this.#bytes -= bytes;
    this.#waitingSinceMs = this.#messages === 0 ? null : this.options.clock.monotonicMs();
    if (kind === 'shared') frame.release();
    else this.unreserve(bytes);
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
