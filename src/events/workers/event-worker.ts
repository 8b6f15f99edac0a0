/**
 * One worker: a task that takes its shards in turn, a step of each at a time, and sleeps while there is nothing to do or
 * the store is given a pause. It knows nothing of other workers; `EventWorkers` gives it shards and takes them away.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../clock.ts';
import type { ShardName } from '../../protocol/ids.ts';
import type { ShardWorker } from './shard-worker.ts';
import type { StoreBreaker } from './store-breaker.ts';

export interface EventWorkerOptions {
  /** For people, and in leases. */
  readonly name: string;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly breaker: Pick<StoreBreaker, 'waitMs'>;
  /** It has ended by an error of ours. */
  readonly onCrash: (error: unknown) => void;
}

export class EventWorker {
  readonly #options: EventWorkerOptions;
  readonly #shards = new Map<ShardName, ShardWorker>();
  /** Since when it has been at one thing, monotonic ms; null while it sleeps, or waits for others. */
  #busySinceMs: number | null = null;
  #wakeUp: (() => void) | null = null;
  #wokenEarly = false;
  #stopping = false;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: EventWorkerOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get shards(): readonly ShardName[] {
    return [...this.#shards.keys()];
  }

  start(): void {
    this.#ended = this.#run().catch((error: unknown) => {
      if (!this.#stopping) this.#options.onCrash(error);
    });
  }

  /** It has come further. */
  sign(): void {
    this.#busySinceMs = this.#options.clock.monotonicMs();
  }

  /** It waits for other workers, until it gives the next sign. */
  waits(): void {
    this.#busySinceMs = null;
  }

  /** How long it has been at one thing, ms; 0 while it sleeps or waits. */
  busyMs(): number {
    return this.#busySinceMs === null ? 0 : this.#options.clock.monotonicMs() - this.#busySinceMs;
  }

  add(shard: ShardWorker): void {
    this.#shards.set(shard.shard, shard);
    this.wake();
  }

  /** The step that is on its way changes nothing any more. */
  remove(shard: ShardName, reason: string): void {
    this.#shards.get(shard)?.lose(reason);
    this.#shards.delete(shard);
  }

  /** Shards that lost their owner's rights by themselves; they are forgotten here. */
  takeLost(): readonly ShardName[] {
    const lost = this.shards.filter((name) => this.#shards.get(name)?.lost !== null);
    for (const name of lost) this.#shards.delete(name);
    return lost;
  }

  appended(shard: ShardName): void {
    const worker = this.#shards.get(shard);
    if (worker === undefined) return;
    worker.wake();
    this.wake();
  }

  wake(): void {
    if (this.#wakeUp === null) this.#wokenEarly = true;
    else this.#wakeUp();
  }

  /** Resolves when the step that is on its way is done. */
  stop(): Promise<void> {
    this.#stopping = true;
    this.wake();
    return this.#ended;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const { next, waitMs } = this.#next();
      if (next === null) {
        await this.#sleep(waitMs);
        continue;
      }
      // To the end of the row: each shard has its turn.
      this.#shards.delete(next.shard);
      this.#shards.set(next.shard, next);
      this.#busySinceMs = this.#options.clock.monotonicMs();
      await next.step();
      this.#busySinceMs = null;
      // However much is waiting: sockets have their turn after each batch.
      await nextTurn();
    }
  }

  #next(): { readonly next: ShardWorker | null; readonly waitMs: number | null } {
    const pauseMs = this.#options.breaker.waitMs();
    if (pauseMs > 0) return { next: null, waitMs: pauseMs };
    let waitMs: number | null = null;
    for (const shard of this.#shards.values()) {
      const inMs = shard.nextStepInMs();
      if (inMs === 0) return { next: shard, waitMs: 0 };
      if (inMs !== null) waitMs = waitMs === null ? inMs : Math.min(waitMs, inMs);
    }
    return { next: null, waitMs };
  }

  #sleep(waitMs: number | null): Promise<void> {
    if (this.#wokenEarly) {
      this.#wokenEarly = false;
      return nextTurn();
    }
    return new Promise((resolve) => {
      const cancel =
        waitMs === null ? () => undefined : this.#options.clock.after(waitMs, () => this.#wakeUp?.());
      this.#wakeUp = () => {
        cancel();
        this.#wakeUp = null;
        resolve();
      };
    });
  }
}
