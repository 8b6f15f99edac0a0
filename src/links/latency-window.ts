/** The latencies of a border router's recent answers. */
export interface LatencySummary {
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

/** Answers remembered: about what one scan of a full Thread network gives. */
const windowSize = 256;

export class LatencyWindow {
  readonly #durationsMs: number[] = [];
  #next = 0;
  /** Of what is remembered; null: to be made. A map asks for the summaries of all border routers again and again. */
  #summary: LatencySummary | null = null;

  add(durationMs: number): void {
    this.#summary = null;
    this.#durationsMs[this.#next] = durationMs;
    this.#next = (this.#next + 1) % windowSize;
  }

  /** Milliseconds; null before the first answer. */
  summary(): LatencySummary | null {
    if (this.#durationsMs.length === 0) return null;
    this.#summary ??= this.#summarise();
    return this.#summary;
  }

  #summarise(): LatencySummary {
    // Sorts numbers without a call per comparison.
    const sorted = Float64Array.from(this.#durationsMs).sort();
    const at = (share: number): number =>
      sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    return { p50: at(0.5), p95: at(0.95), max: at(1) };
  }
}
