/** A `ws` socket without a network: what is sent is recorded, what comes in is emitted. */
import { EventEmitter } from 'node:events';
import type { WebSocket } from 'ws';
import type { EncodedFrame } from '../../src/protocol/border-router-messages.ts';

export class FakeSocket extends EventEmitter {
  readonly OPEN = 1;
  readonly CLOSED = 3;
  readyState = 1;
  readonly sent: EncodedFrame[] = [];
  pings = 0;
  /** Of what it runs over; a test raises it. */
  bytesRead = 0;
  closedWith: { code: number; reason: string } | null = null;
  terminated = false;
  paused = false;
  /** While true, nothing that is sent is confirmed. */
  stuck = false;
  readonly #unconfirmed: (() => void)[] = [];

  send(frame: EncodedFrame, _options: { binary: boolean }, confirm: (error?: Error | null) => void): void {
    this.sent.push(frame);
    if (this.stuck) this.#unconfirmed.push(() => confirm());
    else confirm();
  }

  unstick(): void {
    this.stuck = false;
    for (const confirm of this.#unconfirmed.splice(0)) confirm();
  }

  /** Confirms the oldest frame that is not. */
  confirmOne(): void {
    this.#unconfirmed.shift()?.();
  }

  ping(): void {
    this.pings += 1;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(code: number, reason: string): void {
    this.closedWith = { code, reason };
  }

  terminate(): void {
    if (this.terminated) return;
    this.terminated = true;
    this.readyState = this.CLOSED;
    this.emit('close', 1006);
  }

  /** A text frame from the peer. */
  receive(message: unknown): void {
    this.emit('message', Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)), false);
  }

  receiveBinary(bytes: Uint8Array): void {
    this.emit('message', Buffer.from(bytes), true);
  }

  peerCloses(code = 1006): void {
    this.readyState = this.CLOSED;
    this.emit('close', code);
  }

  json(): Record<string, unknown>[] {
    return this.sent.map((frame) => JSON.parse(frame as string) as Record<string, unknown>);
  }

  asWebSocket(): WebSocket {
    return this as unknown as WebSocket;
  }
}
