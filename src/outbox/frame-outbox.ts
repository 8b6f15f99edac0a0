/**
 * The outbox of a peer that wants one message per frame: a border router. What does not fit is refused; its sender waits
 * or gives up by its deadline. Batching, classes and gaps are for live clients and not in here.
 */
import { frameBytes } from '../protocol/border-router-codec.ts';
import type { EncodedFrame } from '../protocol/border-router-messages.ts';
import { type Confirm, Outbox, type OutboxSocket } from './outbox.ts';

export type SendResult = 'queued' | 'full' | 'closed';

/** The part of a `ws` WebSocket that this outbox uses. */
interface FrameSocket extends OutboxSocket {
  send(data: EncodedFrame, options: { binary: boolean }, callback: Confirm): void;
}

export class FrameOutbox extends Outbox<FrameSocket, EncodedFrame> {
  readonly #queue: { readonly frame: EncodedFrame; readonly bytes: number }[] = [];

  /** Never blocks, never throws. `full`: nothing was taken, `whenWritable` tells when to try again. */
  send(frame: EncodedFrame): SendResult {
    if (this.state !== 'open') return 'closed';
    const bytes = frameBytes(frame);
    if (!this.isReadyFor(bytes) || !this.reserve(bytes)) {
      this.refused(bytes);
      return 'full';
    }
    this.refused(0);
    this.count(1, bytes);
    this.#queue.push({ frame, bytes });
    this.pump();
    return 'queued';
  }

  protected override isReadyFor(bytes: number): boolean {
    const { maxBytes, maxMessages } = this.options;
    return this.messages < maxMessages && this.bytes + bytes <= maxBytes;
  }

  protected override pump(): void {
    while (this.#queue.length > 0 && this.mayHandOver) {
      const next = this.#queue.shift();
      if (next !== undefined) this.handOver(next.frame, 1, next.bytes);
    }
  }

  protected override transmit(frame: EncodedFrame, confirm: Confirm): void {
    this.options.socket.send(frame, { binary: typeof frame !== 'string' }, confirm);
  }

  protected override forget(): void {
    this.#queue.length = 0;
  }
}
