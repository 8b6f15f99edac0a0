/**
 * A collection of the REST API: at most 200 items, of which the oldest gives way to a new one. It lists them in the order
 * of a hash table: the newest mostly first, and one that falls among others somewhere between them.
 */
import type { SeededRandom } from '../random.ts';

export const mostItems = 200;
/** How likely a new item falls into a place that is taken, when the table is full. */
const collisionShare = 0.5;

export class ItemCollection<Item> {
  /** Oldest first. */
  readonly #items = new Map<string, Item>();
  #listed: string[] = [];
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  get size(): number {
    return this.#items.size;
  }

  get(id: string): Item | undefined {
    return this.#items.get(id);
  }

  add(id: string, item: Item): void {
    const [oldest] = this.#items.keys();
    if (this.#items.size >= mostItems && oldest !== undefined) this.delete(oldest);
    this.#items.set(id, item);
    const collides = this.#random.chance((collisionShare * this.#listed.length) / mostItems);
    this.#listed.splice(collides ? this.#random.integer(0, this.#listed.length) : 0, 0, id);
  }

  /** Puts another item in the place of one that is there; its age stays. */
  replace(id: string, item: Item): void {
    if (this.#items.has(id)) this.#items.set(id, item);
  }

  delete(id: string): boolean {
    this.#listed = this.#listed.filter((listed) => listed !== id);
    return this.#items.delete(id);
  }

  clear(): void {
    this.#items.clear();
    this.#listed = [];
  }

  /** In the order of the table. */
  entries(): (readonly [id: string, item: Item])[] {
    return this.#listed.flatMap((id) => {
      const item = this.#items.get(id);
      return item === undefined ? [] : [[id, item] as const];
    });
  }
}
