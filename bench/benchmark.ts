/** What a benchmark is and what it reports. Running one is in `run.ts`, printing in `report.ts`. */

export interface Benchmark {
  readonly name: string;
  /** One line for the list of benchmarks. */
  readonly summary: string;
  /** Options as `--name VALUE` lines, for the help. */
  readonly options: readonly string[];
  /** Throws where it cannot run; a wrong result is a problem of the report. */
  run(argv: readonly string[], progress: (line: string) => void): Promise<BenchmarkReport>;
}

/** A figure that must be reached. */
export interface Bar {
  readonly what: string;
  /** Null where this run did not measure it. */
  readonly measured: number | null;
  /** The largest value that is good enough. */
  readonly atMost: number;
  readonly unit: string;
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface BenchmarkReport {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly table: Table;
  readonly bars: readonly Bar[];
  /** Wrong results, a sentence each: the run has failed, whatever its times. */
  readonly problems: readonly string[];
  /** What a reader of the figures must know, a sentence each. */
  readonly notes: readonly string[];
  /** Everything measured, for the JSON line. */
  readonly details: unknown;
}

export function isMet(bar: Bar): boolean | null {
  return bar.measured === null ? null : bar.measured <= bar.atMost;
}
