/**
 * 64 bits of a deduplication key, as two halves: two lanes of multiply-and-mix over the UTF-16 code units (the scheme of
 * MurmurHash3's finalizer). Not cryptographic: whoever could find two keys that meet could as well send one key twice.
 */
export interface KeyHash {
  /** Signed 32 bits. */
  readonly high: number;
  /** Unsigned 32 bits. */
  readonly low: number;
}

export function hashKey(text: string): KeyHash {
  let one = 0xdeadbeef ^ text.length;
  let two = 0x41c6ce57 ^ text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    one = Math.imul(one ^ unit, 0x9e3779b1);
    one = (one << 13) | (one >>> 19);
    two = Math.imul(two ^ unit, 0x85ebca77);
    two = (two << 17) | (two >>> 15);
  }
  return { high: finish(one), low: finish(two) >>> 0 };
}

function finish(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
