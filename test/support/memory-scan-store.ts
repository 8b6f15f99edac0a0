/** A `ScanStore` without a disk, for tests of what uses it; it passes the port's contract. */
import { asScanId, type ScanId } from '../../src/protocol/ids.ts';
import { countOutcomes } from '../../src/protocol/outcome.ts';
import type { Scan, ScanSummary } from '../../src/protocol/scan.ts';
import type { Topology } from '../../src/protocol/topology.ts';
import type { NodeHistory, NodeLatency, ScanStore } from '../../src/scan/scan-store.ts';

export class MemoryScanStore implements ScanStore {
  readonly #scans = new Map<string, Scan>();
  readonly #topologies = new Map<string, Topology>();
  readonly #histories = new Map<string, NodeHistory & { readonly decidedAt: number }>();
  /** Every write fails until it is null again. */
  failWith: Error | null = null;
  /** Writes of these scans always fail. */
  readonly refused = new Set<string>();
  /** Reads of these scans always fail. */
  readonly damaged = new Set<string>();
  /** What was written, in order: `started ID`, `finished ID`. */
  readonly writes: string[] = [];
  /** While set, writes wait for it. */
  slowedBy: Promise<void> | null = null;

  async saveStarted(scan: Scan): Promise<void> {
    await this.#write(`started ${scan.id}`, scan.id);
    this.#scans.set(scan.id, structuredClone(scan));
  }

  async saveFinished(scan: Scan, topology: Topology | null): Promise<void> {
    await this.#write(`finished ${scan.id}`, scan.id);
    this.#scans.set(scan.id, structuredClone(scan));
    if (topology !== null) this.#topologies.set(scan.id, structuredClone(topology));
    if (scan.trigger === 'import') return;
    for (const { decidedAt: at, name, outcome } of scan.nodes) {
      const decidedAt = at ?? scan.finishedAt ?? scan.startedAt;
      const known = this.#histories.get(name);
      if (outcome === null || (known !== undefined && known.decidedAt > decidedAt)) continue;
      const lastSeenAt = outcome === 'answered' ? decidedAt : (known?.lastSeenAt ?? null);
      this.#histories.set(name, {
        lastOutcome: outcome,
        lastScanId: asScanId(scan.id),
        lastSeenAt,
        decidedAt,
      });
    }
  }

  get(id: ScanId): Promise<Scan | null> {
    if (this.damaged.has(id)) return Promise.reject(new Error(`scan ${id} is damaged`));
    return Promise.resolve(structuredClone(this.#scans.get(id) ?? null));
  }

  list({
    cursor,
    limit,
  }: {
    limit: number;
    cursor: string | null;
  }): Promise<{ items: ScanSummary[]; nextCursor: string | null }> {
    const all = this.#newestFirst();
    const place = all.findIndex(({ id }) => id === cursor);
    const from = cursor === null ? 0 : place === -1 ? all.length : place + 1;
    const items = all.slice(from, from + limit).map(({ nodes: _nodes, ...summary }) => summary);
    const more = all.length > from + limit;
    return Promise.resolve({ items, nextCursor: more ? (items.at(-1)?.id ?? null) : null });
  }

  topology(id: ScanId): Promise<Topology | null> {
    if (this.damaged.has(id)) return Promise.reject(new Error(`topology ${id} is damaged`));
    return Promise.resolve(structuredClone(this.#topologies.get(id) ?? null));
  }

  topologyAt(atMs: number): Promise<Topology | null> {
    const [last] = [...this.#scans.values()]
      .filter(({ finishedAt, id }) => finishedAt !== null && finishedAt <= atMs && this.#topologies.has(id))
      .filter(({ trigger }) => trigger !== 'import')
      .sort((a, b) => (b.finishedAt ?? 0) - (a.finishedAt ?? 0));
    return Promise.resolve(last === undefined ? null : (this.#topologies.get(last.id) ?? null));
  }

  async endInterrupted(atMs: number): Promise<number> {
    const running = [...this.#scans.values()].filter(({ state }) => state === 'running');
    for (const scan of running) {
      const nodes = scan.nodes.map((node) =>
        node.outcome === null
          ? {
              ...node,
              outcome: 'cancelled' as const,
              decidedAt: atMs,
              error: 'the hub ended during the scan',
            }
          : node,
      );
      await this.saveFinished(
        {
          ...scan,
          state: 'cancelled',
          finishedAt: atMs,
          durationMs: Math.max(0, atMs - scan.startedAt),
          undecided: 0,
          outcomes: countOutcomes(nodes.map(({ outcome }) => outcome)),
          notes: [...scan.notes, 'The hub ended while this scan was running; its open nodes are cancelled'],
          nodes,
        },
        null,
      );
    }
    return running.length;
  }

  latencies(nodeNames: readonly string[], limit: number): Promise<Map<string, NodeLatency[]>> {
    const ofNode = (name: string): NodeLatency[] =>
      this.#newestFirst()
        .filter(({ trigger }) => trigger !== 'import')
        .flatMap((scan) =>
          scan.nodes
            .filter((node) => node.name === name && node.outcome === 'answered' && node.durationMs !== null)
            .map((node) => ({
              scanId: scan.id,
              measuredAt: node.decidedAt ?? 0,
              durationMs: node.durationMs ?? 0,
            })),
        )
        .slice(0, limit);
    return Promise.resolve(new Map(nodeNames.map((name) => [name, ofNode(name)])));
  }

  lastOutcomes(): Promise<Map<string, NodeHistory>> {
    const histories = [...this.#histories].map(([name, { decidedAt: _decidedAt, ...history }]) => [
      name,
      history,
    ]);
    return Promise.resolve(new Map(histories as [string, NodeHistory][]));
  }

  deleteBefore(atMs: number): Promise<number> {
    let deleted = 0;
    for (const { finishedAt, id } of this.#scans.values()) {
      if (finishedAt === null || finishedAt >= atMs) continue;
      this.#scans.delete(id);
      this.#topologies.delete(id);
      deleted += 1;
    }
    for (const [name, { decidedAt }] of this.#histories) if (decidedAt < atMs) this.#histories.delete(name);
    return Promise.resolve(deleted);
  }

  #newestFirst(): Scan[] {
    return [...this.#scans.values()].sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? 1 : -1));
  }

  async #write(what: string, id: string): Promise<void> {
    await this.slowedBy;
    if (this.failWith !== null) throw this.failWith;
    if (this.refused.has(id)) throw new Error(`scan ${id} is refused`);
    this.writes.push(what);
  }
}
