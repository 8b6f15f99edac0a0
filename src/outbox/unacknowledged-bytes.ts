/**
 * How many bytes a client has been sent and has not acknowledged. The kernel takes megabytes for a reader that has stopped
 * before the process notices; acknowledgements come from the reader itself. A client that has never acknowledged counts 0.
 */
export class UnacknowledgedBytes {
  /** Frames sent; they are numbered from 1. */
  #sent = 0;
  #acknowledged = 0;
  #bytes = 0;
  /** Of the frames after the acknowledged one; null before the first acknowledgement. */
  #sizes: number[] | null = null;

  get bytes(): number {
    return this.#bytes;
  }

  get sentFrames(): number {
    return this.#sent;
  }

  sent(bytes: number): void {
    this.#sent += 1;
    if (this.#sizes === null) return;
    this.#sizes.push(bytes);
    this.#bytes += bytes;
  }

  /** Everything up to that frame has been read. False where no such frame was sent. */
  acknowledge(frame: number): boolean {
    if (frame > this.#sent) return false;
    if (this.#sizes === null) {
      // What went before is not known any more; from here on it is counted.
      this.#sizes = [];
      this.#acknowledged = this.#sent;
    }
    if (frame <= this.#acknowledged) return true;
    for (const bytes of this.#sizes.splice(0, frame - this.#acknowledged)) this.#bytes -= bytes;
    this.#acknowledged = frame;
    return true;
  }
}
