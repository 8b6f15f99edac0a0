/**
 * The newest log records, for whoever looks at the hub without a shell on it. Bounded by count and bytes; the whole log is
 * where the program's stderr goes.
 */

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogRecord {
  readonly level: LogLevel;
  /** ISO 8601 UTC. */
  readonly time: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface LogQuery {
  readonly borderRouter: string | null;
  readonly node: string | null;
  readonly sensor: string | null;
  /** The lowest level wanted. */
  readonly level: LogLevel | null;
  /** Unix ms, inclusive. */
  readonly fromMs: number | null;
  readonly limit: number;
}

export interface RecentLogsOptions {
  readonly maxRecords?: number;
  readonly maxBytes?: number;
}

/** Some hours of a busy building, a day of a quiet one. */
const defaultMaxRecords = 10_000;
const defaultMaxBytes = 8 * 1_024 * 1_024;

export class RecentLogs {
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  /** As written; parsed only when somebody looks. */
  readonly #lines: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();
  #first = 0;
  #bytes = 0;

  constructor({ maxBytes = defaultMaxBytes, maxRecords = defaultMaxRecords }: RecentLogsOptions = {}) {
    this.#maxRecords = maxRecords;
    this.#maxBytes = maxBytes;
  }

  /** Takes one line of JSON, as a logger writes it. */
  write(line: string): void {
    this.#lines.push(line);
    this.#bytes += line.length;
    while (this.#lines.length - this.#first > this.#maxRecords || this.#bytes > this.#maxBytes) {
      this.#bytes -= this.#lines[this.#first]?.length ?? 0;
      this.#lines[this.#first] = '';
      this.#first += 1;
    }
    if (this.#first > this.#maxRecords) {
      this.#lines.splice(0, this.#first);
      this.#first = 0;
    }
    for (const listener of this.#listeners) listener(line);
  }

  /** Called with each record as it is written, one line of JSON. Returns the function that unsubscribes. */
  subscribe(listener: (line: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Newest first. */
  list(query: LogQuery): LogRecord[] {
    const found: LogRecord[] = [];
    for (let index = this.#lines.length - 1; index >= this.#first && found.length < query.limit; index--) {
      const record = parseRecord(this.#lines[index] ?? '');
      if (record !== null && matches(record, query)) found.push(record);
    }
    return found;
  }
}

function parseRecord(line: string): LogRecord | null {
  try {
    return JSON.parse(line) as LogRecord;
  } catch {
    return null;
  }
}

function matches(record: LogRecord, query: LogQuery): boolean {
  const is = (field: string, wanted: string | null): boolean => wanted === null || record[field] === wanted;
  return (
    is('border_router', query.borderRouter) &&
    is('node', query.node) &&
    is('sensor', query.sensor) &&
    (query.level === null || logLevels.indexOf(record.level) >= logLevels.indexOf(query.level)) &&
    (query.fromMs === null || Date.parse(record.time) >= query.fromMs)
  );
}
