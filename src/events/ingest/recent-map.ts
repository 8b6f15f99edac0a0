/**
 * A bounded map that keeps what was used last: two halves, of which the older is dropped whole when the newer is full. A
 * lookup of what is used all the time costs no more than one in a plain map.
 */
export class RecentMap<Key, Value> {
  readonly #halfSize: number;
  #newer = new Map<Key, Value>();
  #older = new Map<Key, Value>();

  constructor(maxSize: number) {
    this.#halfSize = Math.max(1, Math.floor(maxSize / 2));
  }

  get size(): number {
    return this.#newer.size + this.#older.size;
  }

  get(key: Key): Value | undefined {
    const value = this.#newer.get(key);
    if (value !== undefined || this.#newer.has(key)) return value;
    if (!this.#older.has(key)) return undefined;
    const older = this.#older.get(key) as Value;
    this.set(key, older);
    return older;
  }

  set(key: Key, value: Value): void {
    this.#older.delete(key);
    if (this.#newer.size >= this.#halfSize && !this.#newer.has(key)) {
      this.#older = this.#newer;
      this.#newer = new Map();
    }
    this.#newer.set(key, value);
  }

  delete(key: Key): void {
    this.#newer.delete(key);
    this.#older.delete(key);
  }
}
