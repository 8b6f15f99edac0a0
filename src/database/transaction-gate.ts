/**
 * Who may use the one connection now. Statements on their own pass freely; a transaction that spans several requests
 * holds the gate, and everyone else waits in order until it ends.
 *
 * Actions run synchronously when they are let in, so that what passed the gate before a transaction also reaches the
 * database before its `begin`.
 */
export class TransactionGate {
  #holder: object | null = null;
  readonly #waiting: { readonly holder: object | null; readonly run: () => void }[] = [];
  #whenIdle: (() => void)[] = [];

  /** Runs one action outside any transaction, or inside `holder`'s. */
  pass<T>(holder: object, action: () => Promise<T>): Promise<T> {
    if (this.#holder === holder || (this.#holder === null && this.#waiting.length === 0)) return action();
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        holder: null,
        run: () => void action().then(resolve, reject),
      });
    });
  }

  /** Waits for the gate and keeps it until `release`. */
  hold(holder: object): Promise<void> {
    if (this.#holder === null && this.#waiting.length === 0) {
      this.#holder = holder;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push({ holder, run: resolve }));
  }

  isHeldBy(holder: object): boolean {
    return this.#holder === holder;
  }

  /** Does nothing where `holder` does not hold the gate. */
  release(holder: object): void {
    if (this.#holder !== holder) return;
    this.#holder = null;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#holder = next.holder;
      next.run();
      if (next.holder !== null) return;
    }
    const idle = this.#whenIdle;
    this.#whenIdle = [];
    for (const resolve of idle) resolve();
  }

  /** Resolves when no transaction is open and nobody waits. */
  idle(): Promise<void> {
    if (this.#holder === null && this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }
}
