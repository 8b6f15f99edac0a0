/** Times by key, the earliest first: a binary heap in which replaced times stay until they come up. */

interface Item {
  readonly key: string;
  readonly dueAt: number;
}

export class TimerQueue {
  readonly #dueAt = new Map<string, number>();
  #heap: Item[] = [];

  /** Null where none is set. */
  dueAt(key: string): number | null {
    return this.#dueAt.get(key) ?? null;
  }

  /** Null takes it out. */
  set(key: string, dueAt: number | null): void {
    if (dueAt === null) {
      this.#dueAt.delete(key);
      return;
    }
    if (this.#dueAt.get(key) === dueAt) return;
    this.#dueAt.set(key, dueAt);
    if (this.#heap.length > 64 + 4 * this.#dueAt.size) this.#rebuild(0);
    else this.#push({ key, dueAt });
  }

  clear(): void {
    this.#dueAt.clear();
    this.#heap = [];
  }

  /** Moves every time. */
  shift(byMs: number): void {
    this.#rebuild(byMs);
  }

  /** Unix ms; null where there is none. */
  get next(): number | null {
    for (let top = this.#heap[0]; top !== undefined; top = this.#heap[0]) {
      if (this.#isCurrent(top)) return top.dueAt;
      this.#dropTop();
    }
    return null;
  }

  /** Keys that are due, at most so many, the earliest first; they stay in until they are set anew. */
  dueBy(nowMs: number, limit: number): readonly string[] {
    const due = new Map<string, Item>();
    while (due.size < limit) {
      const top = this.#heap[0];
      if (top === undefined || top.dueAt > nowMs) break;
      this.#dropTop();
      if (this.#isCurrent(top)) due.set(top.key, top);
    }
    for (const item of due.values()) this.#push(item);
    return [...due.keys()];
  }

  #isCurrent({ dueAt, key }: Item): boolean {
    return this.#dueAt.get(key) === dueAt;
  }

  #rebuild(byMs: number): void {
    const items = [...this.#dueAt].map(([key, dueAt]) => ({ key, dueAt: dueAt + byMs }));
    for (const { dueAt, key } of items) this.#dueAt.set(key, dueAt);
    // A sorted list is a heap.
    this.#heap = items.sort((a, b) => a.dueAt - b.dueAt);
  }

  #push(item: Item): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(item);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.dueAt <= item.dueAt) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = item;
  }

  #dropTop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const child = (heap[right]?.dueAt ?? Infinity) < (heap[left]?.dueAt ?? Infinity) ? right : left;
      const below = heap[child];
      if (below === undefined || below.dueAt >= last.dueAt) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
  }
}
