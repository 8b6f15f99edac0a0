/**
 * The one way to a reader: its calls never overlap, whoever makes them, and whoever waits can leave. A call that was left is
 * told so by its signal, and the next one waits until it has settled.
 */
import type { ReadFailure, ReadResult } from './mesh-reader.ts';

const left: ReadFailure = { ok: false, code: 'cancelled', reason: 'nobody waits any more' };

export class ReaderLane {
  /** Settles with the call under way. */
  #busy: Promise<void> | null = null;

  /** A reader that throws fails the mesh's reading, not the program. */
  async run<Value>(signal: AbortSignal, call: () => Promise<ReadResult<Value>>): Promise<ReadResult<Value>> {
    while (this.#busy !== null && !signal.aborted) await unlessAborted(this.#busy, signal);
    if (signal.aborted) return left;
    const result = callSafely(call);
    const busy = result.then(() => {
      if (this.#busy === busy) this.#busy = null;
    });
    this.#busy = busy;
    return (await unlessAborted(result, signal)) ?? left;
  }
}

function callSafely<Value>(call: () => Promise<ReadResult<Value>>): Promise<ReadResult<Value>> {
  const failed = (error: unknown): ReadFailure => ({
    ok: false,
    code: 'malformed',
    reason: `reading failed: ${(error instanceof Error ? error.message : String(error)).slice(0, 200)}`,
  });
  try {
    return call().catch(failed);
  } catch (error) {
    return Promise.resolve(failed(error));
  }
}

/** Undefined when the signal aborts first. */
function unlessAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value | undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve(undefined);
      return;
    }
    const leave = (): void => resolve(undefined);
    signal.addEventListener('abort', leave, { once: true });
    void promise.then((value) => {
      signal.removeEventListener('abort', leave);
      resolve(value);
    });
  });
}
