/**
 * Scans that have been, whether they are on disk already or not: running ones come from the orchestrator, finished ones
 * from memory until the store has them, then from the store. A store that fails costs no scan: what could not be saved
 * is kept, up to a bound, and saved with the next one.
 */
import type { FactBus } from '../facts.ts';
import type { ScanId } from '../protocol/ids.ts';
import type { Scan, ScanSummary } from '../protocol/scan.ts';
import type { Topology } from '../protocol/topology.ts';
import type { NodeHistory, ScanStore } from './scan-store.ts';

export interface ScanArchiveOptions {
  readonly store: ScanStore;
  readonly scans: { get(id: ScanId): Scan | null };
  /** Makes the final topology of a scan. */
  readonly topologies: { finish(scan: Scan): Topology };
  readonly facts: Pick<FactBus, 'on'>;
  /** A scan could not be saved; it is tried again. */
  readonly onStoreError: (error: unknown) => void;
}

interface Unsaved {
  readonly scan: Scan;
  readonly topology: Topology;
}

/** Finished scans kept in memory while the store fails: a day of them at the default interval. */
const maxUnsaved = 100;

export class ScanArchive {
  readonly #options: ScanArchiveOptions;
  readonly #unsubscribe: (() => void)[];
  readonly #unsaved = new Map<ScanId, Unsaved>();
  readonly #history = new Map<string, NodeHistory>();
  /** Writes happen one after the other: a scan's end never overtakes its start. */
  #writing: Promise<void> = Promise.resolve();

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
    for (const [name, history] of await this.#options.store.lastOutcomes()) this.#history.set(name, history);
    return { interrupted };
  }

  async get(id: ScanId): Promise<Scan | null> {
    return this.#options.scans.get(id) ?? this.#unsaved.get(id)?.scan ?? (await this.#options.store.get(id));
  }

  /** Newest first; what is not on disk yet stands where it belongs. */
  async list(options: {
    limit: number;
    cursor: string | null;
  }): Promise<{ items: ScanSummary[]; nextCursor: string | null }> {
    const page = await this.#options.store.list(options);
    const stored = page.items.map((summary) => this.#newest(summary));
    if (options.cursor !== null) return { items: stored, nextCursor: page.nextCursor };
    const known = new Set(stored.map(({ id }) => id));
    const fresh = [...this.#unsaved.values()]
      .map(({ scan }) => summaryOf(scan))
      .filter(({ id }) => !known.has(id));
    const items = [...fresh, ...stored].sort((a, b) => b.startedAt - a.startedAt);
    return { items, nextCursor: page.nextCursor };
  }

  async topology(id: ScanId): Promise<Topology | null> {
    return this.#unsaved.get(id)?.topology ?? (await this.#options.store.topology(id));
  }

  latencies(nodeName: string, limit: number): ReturnType<ScanStore['latencies']> {
    return this.#options.store.latencies(nodeName, limit);
  }

  /** Last outcome and last answer per node name. */
  lastOutcomes(): Promise<Map<string, NodeHistory>> {
    return Promise.resolve(this.#history);
  }

  /** Keeps a scan that did not run here. */
  async add(scan: Scan, topology: Topology): Promise<void> {
    await this.#options.store.saveFinished(scan, topology);
  }

  /** Resolves when everything that can be saved is. */
  async close(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    await this.#writing;
  }

  #started(id: ScanId): void {
    const scan = this.#options.scans.get(id);
    if (scan !== null) this.#write(() => this.#options.store.saveStarted(scan));
  }

  #finished(scan: Scan): void {
    this.#remember(scan);
    const topology = this.#options.topologies.finish(scan);
    const id = scan.id as ScanId;
    this.#unsaved.set(id, { scan, topology });
    if (this.#unsaved.size > maxUnsaved) {
      for (const oldest of this.#unsaved.keys()) {
        this.#unsaved.delete(oldest);
        break;
      }
    }
    this.#write(() => this.#saveUnsaved());
  }

  async #saveUnsaved(): Promise<void> {
    for (const [id, { scan, topology }] of [...this.#unsaved]) {
      await this.#options.store.saveFinished(scan, topology);
      this.#unsaved.delete(id);
    }
  }

  #write(save: () => Promise<void>): void {
    this.#writing = this.#writing.then(save).catch((error: unknown) => this.#options.onStoreError(error));
  }

  #remember(scan: Scan): void {
    for (const node of scan.nodes) {
      if (node.outcome === null) continue;
      const lastSeenAt =
        node.outcome === 'answered' ? node.decidedAt : (this.#history.get(node.name)?.lastSeenAt ?? null);
      this.#history.set(node.name, { lastOutcome: node.outcome, lastScanId: scan.id as ScanId, lastSeenAt });
    }
  }

  #newest(stored: ScanSummary): ScanSummary {
    const id = stored.id as ScanId;
    const live =
      stored.state === 'running'
        ? (this.#options.scans.get(id) ?? this.#unsaved.get(id)?.scan ?? null)
        : null;
    return live === null ? stored : summaryOf(live);
  }
}

function summaryOf(scan: Scan): ScanSummary {
  const { nodes: _nodes, ...summary } = scan;
  return summary;
}
