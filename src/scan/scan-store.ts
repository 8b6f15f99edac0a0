/**
 * Port: where scans and their topologies are kept. Adapters pass `scan-store.contract.ts`.
 *
 * A scan is written twice: when it starts, with every node undecided, so that a hub that dies leaves a trace of it, and
 * when it has finished. Both are durable when the promise resolves. Failures are `StoreError`.
 *
 * Imported scans are listed and fetched like any other, but they are not measurements of this hub: histories, latencies
 * and `topologyAt` leave them out.
 */
import type { ScanId } from '../protocol/ids.ts';
import type { Scan, ScanSummary } from '../protocol/scan.ts';
import type { Topology } from '../protocol/topology.ts';

/** What is passed in must not change until the promise resolves. */
export interface ScanStore {
  saveStarted(scan: Scan): Promise<void>;
  /** Replaces what `saveStarted` wrote, in one transaction with the final topology. */
  saveFinished(scan: Scan, topology: Topology | null): Promise<void>;
  get(id: ScanId): Promise<Scan | null>;
  /**
   * Newest first. `cursor` is the `nextCursor` of the page before; null begins, and a null `nextCursor` ends. Scans that
   * start meanwhile do not shift the pages. After a cursor that is none of ours there is nothing.
   */
  list(options: {
    limit: number;
    cursor: string | null;
  }): Promise<{ items: ScanSummary[]; nextCursor: string | null }>;
  topology(id: ScanId): Promise<Topology | null>;
  /** The topology of the last scan that had finished at that time, Unix ms; null where there was none. */
  topologyAt(atMs: number): Promise<Topology | null>;
  /**
   * Ends the scans that a dead hub left `running`: state `cancelled`, undecided nodes `cancelled`, a note that says so.
   * Returns how many there were.
   */
  endInterrupted(atMs: number): Promise<number>;
  /**
   * Latencies of the nodes' answers by name, newest scan first, at most `limit` each; a name without any has an empty
   * list. Of one node all scans are searched, of many at once only the newest ones: 100 at least for a thousand.
   */
  latencies(nodeNames: readonly string[], limit: number): Promise<Map<string, NodeLatency[]>>;
  /** Last outcome and last answer per node name. */
  lastOutcomes(): Promise<Map<string, NodeHistory>>;
  /** Deletes scans that finished before that time, and histories that ended before it; returns how many scans. */
  deleteBefore(atMs: number): Promise<number>;
}

export interface NodeLatency {
  readonly scanId: string;
  /** Unix ms. */
  readonly measuredAt: number;
  readonly durationMs: number;
}

export interface NodeHistory {
  readonly lastOutcome: NonNullable<Scan['nodes'][number]['outcome']>;
  readonly lastScanId: ScanId;
  /** Unix ms of its last answer; null where it never answered. */
  readonly lastSeenAt: number | null;
}
