/**
 * The life of one request: from the call until its deadline, its caller's signal or the client's end. Whatever the request
 * waits for at the moment (a place, an acknowledgement, the next block) registers how to stop waiting.
 *
 *   open ── deadline, signal, fail() ──► failed (for good)
 *     └──── dispose() ─────────────────► done
 */
import type { Clock } from '../../clock.ts';
import { CoapError } from '../../errors.ts';

export class RequestScope {
  #failure: CoapError | null = null;
  #stopWaiting: ((failure: CoapError) => void) | null = null;
  readonly #release: () => void;

  constructor({
    clock,
    timeoutMs,
    signal,
    what,
  }: {
    clock: Clock;
    timeoutMs: number;
    signal: AbortSignal | undefined;
    /** Names the request in sentences. */
    what: string;
  }) {
    const cancelTimer = clock.after(timeoutMs, () =>
      this.fail(new CoapError('timed_out', `${what}: no answer within ${Math.round(timeoutMs)} ms`)),
    );
    const onAbort = (): void => this.fail(new CoapError('cancelled', `${what}: cancelled`));
    signal?.addEventListener('abort', onAbort, { once: true });
    this.#release = () => {
      cancelTimer();
      signal?.removeEventListener('abort', onAbort);
    };
    if (signal?.aborted === true) onAbort();
  }

  fail(failure: CoapError): void {
    if (this.#failure !== null) return;
    this.#failure = failure;
    this.#release();
    const stopWaiting = this.#stopWaiting;
    this.#stopWaiting = null;
    stopWaiting?.(failure);
  }

  /**
   * Sets what `fail` stops; one thing at a time, as a request does one thing after the other. False when the request has
   * failed already: `stopWaiting` was called at once.
   */
  waitWith(stopWaiting: (failure: CoapError) => void): boolean {
    if (this.#failure !== null) {
      stopWaiting(this.#failure);
      return false;
    }
    this.#stopWaiting = stopWaiting;
    return true;
  }

  stopWaiting(): void {
    this.#stopWaiting = null;
  }

  dispose(): void {
    this.#stopWaiting = null;
    this.#release();
  }
}
