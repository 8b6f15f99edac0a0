/**
 * Brings what happens in the mesh into the stream, where the alert rules see it in order and durably. A stream that is away
 * costs nothing but time: facts wait here, of each kind and subject the newest, and go in once it is back.
 */
import type { Clock } from '../../clock.ts';
import type { FactSource } from '../../facts.ts';
import type { Scan } from '../../protocol/scan.ts';
import type { Topology } from '../../protocol/topology.ts';
import { type MeshFact, subjectKindOf } from '../mesh-fact.ts';
import { type DurableStream, type ShardCounts, shardOf } from '../stream/durable-stream.ts';
import { meshFactsOf } from './mesh-facts-of.ts';
import type { RuleBook } from './rule-book.ts';

export interface MeshFactFeedOptions {
  readonly facts: FactSource;
  readonly stream: Pick<DurableStream, 'append'>;
  readonly counts: ShardCounts;
  /** Facts that no rule is about are not told. */
  readonly book: () => Pick<RuleBook, 'hasRulesAbout'>;
  readonly clock: Pick<Clock, 'after'>;
  /** The stream does not take them; it is tried again. */
  readonly onError: (error: unknown) => void;
}

const firstRetryMs = 500;
const longestRetryMs = 30_000;
/** Subjects that wait; beyond it the one that has waited longest goes. */
const maxWaiting = 50_000;

export class MeshFactFeed {
  readonly #options: MeshFactFeedOptions;
  readonly #unsubscribe: (() => void)[];
  readonly #waiting = new Map<string, MeshFact>();
  /** A scan and its final map come in either order. */
  #lastScan: Scan | null = null;
  #lastMap: Topology | null = null;
  #appending: Promise<void> | null = null;
  #retryMs = firstRetryMs;
  #cancelRetry: (() => void) | null = null;
  #closed = false;

  constructor(options: MeshFactFeedOptions) {
    this.#options = options;
    const { facts } = options;
    this.#unsubscribe = [
      facts.on('border_router:connected', ({ atMs, id }) => this.#link(id, true, atMs)),
      facts.on('border_router:disconnected', ({ atMs, id, reason, replaced }) => {
        // A hub that stops is not the border router's absence; the next one waits for it.
        if (!replaced && reason !== 'hub_stopping') this.#link(id, false, atMs);
      }),
      facts.on('scan:finished', ({ scan }) => {
        if (scan.trigger === 'import') return;
        this.#lastScan = scan;
        this.#tellScan();
      }),
      facts.on('topology:updated', ({ topology }) => {
        if (!topology.final || topology.scanId === null) return;
        this.#lastMap = topology;
        this.#tellScan();
      }),
    ];
  }

  /** Facts that the stream has not taken yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves when what waits has been tried once more. */
  async close(): Promise<void> {
    for (const unsubscribe of this.#unsubscribe) unsubscribe();
    this.#closed = true;
    this.#stopRetry();
    await this.#appending;
    if (this.#waiting.size > 0) await this.#append();
    this.#stopRetry();
  }

  #stopRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }

  #link(subject: string, online: boolean, happenedAt: number): void {
    this.#tell([{ kind: 'border_router_link', subject, happenedAt, online }]);
  }

  #tellScan(): void {
    const [scan, map] = [this.#lastScan, this.#lastMap];
    if (scan === null || map === null || scan.id !== map.scanId) return;
    this.#lastScan = null;
    this.#lastMap = null;
    this.#tell(meshFactsOf(scan, map));
  }

  #tell(facts: readonly MeshFact[]): void {
    const book = this.#options.book();
    for (const fact of facts) {
      if (!book.hasRulesAbout(subjectKindOf(fact))) continue;
      const key = `${fact.kind}\u0000${fact.subject}`;
      // To the end: the order in which they happened last.
      this.#waiting.delete(key);
      this.#waiting.set(key, fact);
      if (this.#waiting.size > maxWaiting) {
        const [oldest] = this.#waiting.keys();
        if (oldest !== undefined) this.#waiting.delete(oldest);
      }
    }
    // While a retry is planned the stream is away.
    if (this.#waiting.size > 0 && this.#cancelRetry === null) this.#start();
  }

  #start(): void {
    this.#appending ??= this.#append().finally(() => {
      this.#appending = null;
      if (this.#waiting.size > 0 && this.#cancelRetry === null && !this.#closed) this.#start();
    });
  }

  async #append(): Promise<void> {
    const { counts, onError, stream } = this.#options;
    const taken = [...this.#waiting];
    try {
      await stream.append(
        taken.map(([, fact]) => ({
          shard: shardOf('critical', fact.subject, counts),
          entry: { kind: 'fact', fact },
        })),
      );
      for (const [key, fact] of taken) if (this.#waiting.get(key) === fact) this.#waiting.delete(key);
      this.#retryMs = firstRetryMs;
    } catch (error) {
      onError(error);
      this.#cancelRetry = this.#options.clock.after(this.#retryMs, () => {
        this.#cancelRetry = null;
        this.#start();
      });
      this.#retryMs = Math.min(longestRetryMs, this.#retryMs * 2);
    }
  }
}
