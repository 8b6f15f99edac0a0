/**
 * Every scan, whether it is on disk already or not: running ones come from the orchestrator, finished ones from memory
 * until the store has them, then from the store. A store that fails costs no scan: what could not be saved is kept, up to
 * a bound, and tried again every few seconds, with the next scan, and when the hub stops.
 */
import type { Clock } from '../clock.ts';
import type { FactBus } from '../facts.ts';
import type { ScanId } from '../protocol/ids.ts';
import type { Scan, ScanSummary } from '../protocol/scan.ts';
import type { Topology } from '../protocol/topology.ts';
import type { NodeHistory, NodeLatency, ScanStore } from './scan-store.ts';

export interface ScanArchiveOptions {
  readonly store: ScanStore;
  /** Those that run. */
  readonly scans: { get(id: ScanId): Scan | null; running(): readonly Scan[] };
  /** Makes the final topology of a scan. */
  readonly topologies: { finish(scan: Scan): Topology };
  readonly facts: Pick<FactBus, 'on'>;
  readonly clock: Pick<Clock, 'after'>;
  /** A scan could not be saved; it is tried again. */
  readonly onStoreError: (error: unknown) => void;
}

interface Unsaved {
  readonly scan: Scan;
  /** Null where it could not be made. */
  readonly topology: Topology | null;
}

/** Finished scans kept in memory while the store fails: a day of them at the default interval. */
const maxUnsaved = 100;
/** Of as many nodes as the hub scans, and as many again that have gone or been renamed. */
const maxHistories = 20_000;
const retryAfterMs = 5_000;

export class ScanArchive {
  readonly #options: ScanArchiveOptions;
  readonly #unsubscribe: (() => void)[];
  readonly #unsaved = new Map<ScanId, Unsaved>();
  /** By node name, the one heard of longest ago first. */
  readonly #histories = new Map<string, NodeHistory>();
  /** Writes happen one after the other: a scan's end never overtakes its start. */
  #writing: Promise<void> = Promise.resolve();
  #cancelRetry: (() => void) | null = null;
  /** Why the last scan that was to be saved was not; null once all are. */
  #saveFailure: unknown = null;

  constructor(options: ScanArchiveOptions) {
    this.#options = options;
    this.#unsubscribe = [
      options.facts.on('scan:started', ({ scan }) => this.#started(scan.id as ScanId)),
      options.facts.on('scan:finished', ({ scan }) => this.#finished(scan)),
    ];
  }

  /** Ends what a dead hub left running and reads the nodes' history; once, before the first scan. */
  async load(nowMs: number): Promise<{ interrupted: number }> {
    const interrupted = await this.#options.store.endInterrupted(nowMs);
    for (const [name, history] of await this.#options.store.lastOutcomes()) this.#keepHistory(name, history);
    return { interrupted };
  }

  async get(id: ScanId): Promise<Scan | null> {
    return this.#options.scans.get(id) ?? this.#unsaved.get(id)?.scan ?? (await this.#options.store.get(id));
  }

  /** Newest first. Scans that are not on disk yet are on the first page, running ones are as they stand. */
  async list(options: {
    limit: number;
    cursor: string | null;
  }): Promise<{ items: ScanSummary[]; nextCursor: string | null }> {
    const { cursor, limit } = options;
    const inMemory = new Map<string, ScanSummary>();
    for (const scan of this.#options.scans.running()) inMemory.set(scan.id, summaryOf(scan));
    for (const { scan } of this.#unsaved.values()) inMemory.set(scan.id, summaryOf(scan));
    const left = cursor === null ? Math.max(1, limit - inMemory.size) : limit;
    const page = await this.#options.store.list({ limit: left, cursor });
    if (cursor !== null) {
      // The first page had what is in memory.
      return { items: page.items.filter(({ id }) => !inMemory.has(id)), nextCursor: page.nextCursor };
    }
    for (const summary of page.items) if (!inMemory.has(summary.id)) inMemory.set(summary.id, summary);
    const items = [...inMemory.values()].sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? 1 : -1));
    return { items, nextCursor: page.nextCursor };
  }

  async topology(id: ScanId): Promise<Topology | null> {
    return this.#unsaved.get(id)?.topology ?? (await this.#options.store.topology(id));
  }

  /** See `ScanStore`. */
  latencies(nodeNames: readonly string[], limit: number): Promise<Map<string, NodeLatency[]>> {
    return this.#options.store.latencies(nodeNames, limit);
  }

  /** Last outcome and last answer per node name. */
  lastOutcomes(): ReadonlyMap<string, NodeHistory> {
    return this.#histories;
  }

  /** Keeps a scan that did not run here. */
  async add(scan: Scan, topology: Topology): Promise<void> {
    await this.#options.store.saveFinished(scan, topology);
  }

  /** Why finished scans wait to be saved; null where none does. */
  get saveFailure(): unknown {
    return this.#saveFailure;
  }

  /** Resolves when everything that can be saved is. */
  async close(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await this.#writing;
    if (this.#unsaved.size > 0) this.#write(() => this.#saveUnsaved());
    await this.#writing;
    this.#stopRetry();
  }

  #started(id: ScanId): void {
    this.#write(async () => {
      // As it is when its turn comes: a queue of snapshots would hold all nodes of every scan in it.
      const scan = this.#options.scans.get(id);
      if (scan !== null) await this.#options.store.saveStarted(scan);
    });
  }

  #finished(scan: Scan): void {
    this.#remember(scan);
    let topology: Topology | null = null;
    try {
      topology = this.#options.topologies.finish(scan);
    } finally {
      // A map that cannot be made does not cost the scan.
      this.#unsaved.set(scan.id as ScanId, { scan, topology });
      if (this.#unsaved.size > maxUnsaved) this.#giveUpOldest();
      this.#write(() => this.#saveUnsaved());
    }
  }

  #giveUpOldest(): void {
    const [oldest] = this.#unsaved.keys();
    if (oldest === undefined) return;
    this.#unsaved.delete(oldest);
    this.#options.onStoreError(
      new Error(
        `scan ${oldest} is lost: ${maxUnsaved} newer ones wait to be saved, and the store takes none`,
      ),
    );
  }

  async #saveUnsaved(): Promise<void> {
    for (const [id, unsaved] of [...this.#unsaved]) {
      try {
        await this.#options.store.saveFinished(unsaved.scan, unsaved.topology);
        this.#unsaved.delete(id);
      } catch (error) {
        this.#saveFailure = error;
        // To the end: one that the store will never take must not stand before the others.
        if (this.#unsaved.delete(id)) this.#unsaved.set(id, unsaved);
        this.#cancelRetry ??= this.#options.clock.after(retryAfterMs, () => {
          this.#cancelRetry = null;
          this.#write(() => this.#saveUnsaved());
        });
        throw error;
      }
    }
    this.#saveFailure = null;
    this.#stopRetry();
  }

  #stopRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }

  #write(save: () => Promise<void>): void {
    this.#writing = this.#writing.then(save).catch((error: unknown) => this.#options.onStoreError(error));
  }

  #remember(scan: Scan): void {
    for (const node of scan.nodes) {
      if (node.outcome === null) continue;
      const lastSeenAt =
        node.outcome === 'answered' ? node.decidedAt : (this.#histories.get(node.name)?.lastSeenAt ?? null);
      this.#keepHistory(node.name, {
        lastOutcome: node.outcome,
        lastScanId: scan.id as ScanId,
        lastSeenAt,
      });
    }
  }

  #keepHistory(name: string, history: NodeHistory): void {
    this.#histories.delete(name);
    this.#histories.set(name, history);
    if (this.#histories.size <= maxHistories) return;
    const [oldest] = this.#histories.keys();
    if (oldest !== undefined) this.#histories.delete(oldest);
  }
}

function summaryOf(scan: Scan): ScanSummary {
  const { nodes: _nodes, ...summary } = scan;
  return summary;
}
