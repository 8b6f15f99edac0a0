/** A live client's socket without a network: takes whole text frames apart and records their lines. */
import type { LiveSocket } from '../../src/outbox/live-outbox.ts';
import type { Confirm } from '../../src/outbox/outbox.ts';

export class FakeLiveSocket implements LiveSocket {
  /** The buffers as they were written; shared ones are the same object. */
  readonly frames: Buffer[] = [];
  pings = 0;
  closedWith: { code: number; reason: string } | null = null;
  terminated = false;
  /** While true, nothing that is sent is confirmed. */
  stuck = false;
  /** Thrown by the next write. */
  failure: Error | null = null;
  readonly #unconfirmed: Confirm[] = [];

  write(frame: Buffer, confirm: Confirm): void {
    if (this.failure !== null) throw this.failure;
    this.frames.push(frame);
    if (this.stuck) this.#unconfirmed.push(confirm);
    else confirm();
  }

  unstick(): void {
    this.stuck = false;
    for (const confirm of this.#unconfirmed.splice(0)) confirm();
  }

  confirmOne(): void {
    this.#unconfirmed.shift()?.();
  }

  ping(): void {
    this.pings += 1;
  }

  close(code: number, reason: string): void {
    this.closedWith = { code, reason };
  }

  terminate(): void {
    this.terminated = true;
  }

  /** The lines of each frame. */
  get batches(): string[][] {
    return this.frames.map((frame) => payloadOf(frame).split('\n'));
  }

  get lines(): string[] {
    return this.batches.flat();
  }

  get messages(): Record<string, unknown>[] {
    return this.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }
}

/** Reads a frame as a client would; throws where the header is not that of one whole unmasked text frame. */
export function payloadOf(frame: Buffer): string {
  if (frame[0] !== 0x81) throw new Error(`not a whole text frame: ${String(frame[0])}`);
  const short = frame[1] ?? 0;
  const [offset, length] =
    short < 126
      ? [2, short]
      : short === 126
        ? [4, frame.readUInt16BE(2)]
        : [10, Number(frame.readBigUInt64BE(2))];
  if (frame.length !== offset + length) throw new Error(`${frame.length} bytes for ${offset} + ${length}`);
  return frame.toString('utf8', offset);
}
