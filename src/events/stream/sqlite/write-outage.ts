/**
 * Whether the file takes writes. From the first failure on it probes, so that the stream is known to work again before
 * someone appends; any write that succeeds ends the outage.
 */
import type { Clock } from '../../../clock.ts';
import { StoreError } from '../../../errors.ts';
import type { FactEmitter } from '../../../facts.ts';

const firstProbeMs = 100;
const lastProbeMs = 5_000;

export class WriteOutage {
  readonly #clock: Clock;
  readonly #facts: FactEmitter;
  readonly #probe: () => void;
  #sinceMs: number | null = null;
  #cancelProbe: () => void = () => undefined;

  /** `probe` tries to write where nothing else is being written. */
  constructor(dependencies: { clock: Clock; facts: FactEmitter; probe: () => void }) {
    this.#clock = dependencies.clock;
    this.#facts = dependencies.facts;
    this.#probe = dependencies.probe;
  }

  get isOngoing(): boolean {
    return this.#sinceMs !== null;
  }

  failed(error: unknown, detail: string): void {
    if (this.#sinceMs !== null) return;
    this.#sinceMs = this.#clock.monotonicMs();
    const code = error instanceof StoreError ? error.code : 'store_failed';
    this.#facts.emit('stream:unavailable', { code, detail });
    this.#probeAfter(firstProbeMs);
  }

  succeeded(): void {
    if (this.#sinceMs === null) return;
    const afterMs = this.#clock.monotonicMs() - this.#sinceMs;
    this.#sinceMs = null;
    this.stop();
    this.#facts.emit('stream:available', { afterMs });
  }

  /** Probes no more. */
  stop(): void {
    this.#cancelProbe();
  }

  #probeAfter(delayMs: number): void {
    this.#cancelProbe = this.#clock.after(delayMs, () => {
      this.#probeAfter(Math.min(delayMs * 2, lastProbeMs));
      this.#probe();
    });
  }
}
