/**
 * Waits for promises that many share: an intake gives everything that arrives in one turn of the event loop the same one,
 * and it is waited for once, not once for each publish.
 */
export class SharedOutcomes<Waiting> {
  readonly #onOutcome: (waiting: Waiting, error: Error | null) => void;
  #promise: Promise<void> | null = null;
  #waiting: Waiting[] = [];

  constructor(onOutcome: (waiting: Waiting, error: Error | null) => void) {
    this.#onOutcome = onOutcome;
  }

  /** `onOutcome` is called once for it, in the order of the calls where the promise is the same. */
  add(promise: Promise<void>, waiting: Waiting): void {
    if (promise === this.#promise) {
      this.#waiting.push(waiting);
      return;
    }
    const together = [waiting];
    this.#promise = promise;
    this.#waiting = together;
    promise.then(
      () => this.#settle(promise, together, null),
      (error: unknown) =>
        this.#settle(promise, together, error instanceof Error ? error : new Error(String(error))),
    );
  }

  #settle(promise: Promise<void>, together: readonly Waiting[], error: Error | null): void {
    // A promise that was settled before may come again; what is added then is waited for anew.
    if (this.#promise === promise) this.#promise = null;
    for (const waiting of together) this.#onOutcome(waiting, error);
  }
}
