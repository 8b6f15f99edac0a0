/**
 * Watches the sizes that packets announce, ahead of the parser, which would gather a packet of any size in memory.
 *
 *   byte 0       type and flags
 *   bytes 1 … 4  remaining length, 7 bits a byte, the lowest first; the top bit says that another follows
 *                (MQTT 3.1.1 §2.2.3)
 */
export class PacketSizes {
  readonly #maxBytes: number;
  /** Bytes of the packet that are still to come. */
  #body = 0;
  /** Bytes of the fixed header seen; 0 between packets. */
  #header = 0;
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether all packets that have begun are small enough. Once it says no, the connection is to be closed. */
  allow(chunk: Uint8Array): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#body > 0) {
        const taken = Math.min(this.#body, chunk.length - at);
        this.#body -= taken;
        at += taken;
        continue;
      }
      const byte = chunk[at] ?? 0;
      at += 1;
      this.#header += 1;
      if (this.#header === 1) {
        this.#length = 0;
        continue;
      }
      this.#length += (byte & 0x7f) << (7 * (this.#header - 2));
      if (byte >= 0x80) {
        if (this.#header === 5) return false;
        continue;
      }
      if (this.#length + this.#header > this.#maxBytes) return false;
      this.#body = this.#length;
      this.#header = 0;
    }
    return true;
  }
}
