/**
 * The workers of this process: spreads the shards of each lane over the lane's own workers, keeps their leases, and
 * replaces a worker that hangs or has crashed. Its shards are with others within `leaseMs`; what it still sends to the
 * store is refused there.
 */
import type { Clock } from '../../clock.ts';
import type { FactEmitter } from '../../facts.ts';
import type { ShardName } from '../../protocol/ids.ts';
import { type Lane, lanes } from '../../protocol/sensor-event.ts';
import type { AlertCommand, AlertEvaluator } from '../alerts/alert-evaluator.ts';
import type { TypeRule } from '../ingest/type-rules.ts';
import type { LiveFeed } from '../live/live-feed.ts';
import type { AlertStore } from '../store/alert-store.ts';
import type { EventStore } from '../store/event-store.ts';
import type { LatestValues } from '../store/latest-values.ts';
import { type DurableStream, laneOfShard } from '../stream/durable-stream.ts';
import { BatchPublication } from './batch-publication.ts';
import { BatchSizing } from './batch-sizing.ts';
import { CommitGate } from './commit-gate.ts';
import { EventWorker } from './event-worker.ts';
import { ShardCommands } from './shard-commands.ts';
import { leaseTimes, type ShardLeases } from './shard-leases.ts';
import { ShardWorker } from './shard-worker.ts';
import { StoreBreaker } from './store-breaker.ts';

export interface EventWorkersOptions {
  readonly stream: Pick<DurableStream, 'shards' | 'read' | 'commit' | 'onAppended' | 'depths'>;
  readonly store: Pick<EventStore, 'takeShard' | 'knownKeys' | 'sensorProgress' | 'commit'>;
  readonly alertStore: Pick<AlertStore, 'alert'>;
  readonly alerts: AlertEvaluator;
  readonly latestValues: Pick<LatestValues, 'apply'>;
  readonly liveFeed: Pick<LiveFeed, 'append'>;
  readonly leases: ShardLeases;
  readonly typeRules: ReadonlyMap<string, TypeRule>;
  readonly facts: FactEmitter;
  readonly clock: Clock;
  /** 0 ≤ x < 1. */
  readonly random: () => number;
  readonly newId: () => string;
  /** Workers of each lane, at most one for each of its shards. */
  readonly workers: number;
  readonly leaseMs: number;
  /** Events in one transaction of the bulk lane, at most. */
  readonly maxBatchEvents: number;
  /** Rows of the outbox of notifications are committed. */
  readonly onNotifications: () => void;
  /** Something failed that must not; work goes on. */
  readonly onFault: (error: unknown, what: string) => void;
}

const bulkStartEvents = 100;
/** What the events of a bulk transaction may take, beside its sync: so long critical ones may have to wait for it. */
const bulkTargetMs = 10;
/** Under load, bulk events of a shard are gathered this long; one that comes alone is not held. */
const bulkLingerMs = 80;
/** So long critical batches may keep a bulk one from the store. */
const criticalFirstMs = 50;
/** The most that is there at once of what nobody wants to wait for. */
const criticalEvents = 50;
/** Somebody waits for the answer. */
const commandWaitMs = 5_000;
/** A stop does not wait longer for a worker. */
const stopWithinMs = 5_000;
/** Without progress for so long, the pipeline counts as stalled. */
const stalledAfterMs = 30_000;

/** `events` of the bulk lane grow and shrink with the store; critical ones take what is there. */
const criticalSizing = { events: criticalEvents, measured: (): void => undefined };

export class EventWorkers {
  readonly #options: EventWorkersOptions;
  readonly #breaker: StoreBreaker;
  readonly #publication: BatchPublication;
  readonly #commands: ShardCommands;
  readonly #sizing: BatchSizing;
  readonly #gate: CommitGate;
  /** By place; a worker that is replaced leaves its place to the new one. */
  readonly #workers: EventWorker[] = [];
  readonly #laneOf = new WeakMap<EventWorker, Lane>();
  readonly #ownerOf = new Map<ShardName, EventWorker>();
  /** Of shards where something waits: what they had done when they were last seen to get on. */
  readonly #progress = new Map<ShardName, { readonly done: string; readonly atMs: number }>();
  #started = 0;
  #cancelCheck: () => void = () => undefined;
  #unsubscribe: () => void = () => undefined;
  #checking: Promise<void> = Promise.resolve();
  #lastCheckMs: number | null = null;
  #stopped: Promise<void> | null = null;

  constructor(options: EventWorkersOptions) {
    const { clock, facts, maxBatchEvents, random } = options;
    this.#options = options;
    this.#breaker = new StoreBreaker({ clock, random, facts, onChanged: () => this.#wakeAll() });
    this.#publication = new BatchPublication(options);
    this.#commands = new ShardCommands({ clock, waitMs: commandWaitMs });
    this.#gate = new CommitGate({ clock, longestMs: criticalFirstMs });
    this.#sizing = new BatchSizing({
      startEvents: bulkStartEvents,
      maxEvents: maxBatchEvents,
      targetMs: bulkTargetMs,
    });
  }

  /** Resolves when the shards are given out; they are taken and read from then on. */
  async start(): Promise<void> {
    const { stream, workers } = this.#options;
    this.#unsubscribe = stream.onAppended((shard) => this.#ownerOf.get(shard)?.appended(shard));
    for (const lane of lanes) {
      const shards = stream.shards.filter((shard) => laneOfShard(shard) === lane);
      const count = Math.min(workers, shards.length);
      for (let index = 0; index < count; index += 1) this.#startWorker(lane, this.#workers.length);
    }
    await this.#check();
  }

  /**
   * What a person asks of an alert of this shard; before the events that wait. Resolves when it is stored. Rejects with
   * AlertError (`shard_unavailable` where nobody took it within 5 s) or StoreError.
   */
  command(shard: ShardName, command: AlertCommand): Promise<void> {
    const done = this.#commands.add(shard, command);
    this.#ownerOf.get(shard)?.wake();
    return done;
  }

  /** Rules or silences have changed: what the alerts wait for may be due now. */
  timersChanged(): void {
    this.#wakeAll();
  }

  /** Whether something has waited for the store for half a minute without any progress in its shard. */
  isStalled(): boolean {
    const nowMs = this.#options.clock.monotonicMs();
    return [...this.#progress.values()].some(({ atMs }) => nowMs - atMs > stalledAfterMs);
  }

  /** Finishes the batches that are on their way, tells of them, and gives the leases back. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { clock, leases, onFault } = this.#options;
    this.#cancelCheck();
    this.#unsubscribe();
    await this.#checking;
    this.#commands.close();
    const workers = this.#workers.splice(0);
    let giveUp: () => void = () => undefined;
    const tooLong = new Promise<void>((resolve) => {
      giveUp = clock.after(stopWithinMs, () => {
        onFault(new Error('a worker is not done with its batch'), 'the stop does not wait for it');
        resolve();
      });
    });
    await Promise.race([Promise.all(workers.map((worker) => worker.stop())), tooLong]);
    await Promise.race([this.#publication.settled(), tooLong]);
    giveUp();
    for (const worker of workers) {
      for (const shard of worker.shards) {
        worker.remove(shard, 'the hub is stopping');
        await leases.release(shard, worker.name);
      }
    }
    this.#ownerOf.clear();
  }

  #startWorker(lane: Lane, place: number): void {
    this.#started += 1;
    const name = `${lane}-worker-${this.#started}`;
    const worker = new EventWorker({
      name,
      clock: this.#options.clock,
      breaker: this.#breaker,
      onCrash: (error) => {
        this.#options.onFault(error, `${name} has crashed; another takes its shards`);
        this.#replace(worker, 'the worker has crashed');
      },
    });
    this.#laneOf.set(worker, lane);
    this.#workers[place] = worker;
    worker.start();
  }

  /** Its shards stay leased to it until its last term ends: it may be about to commit. */
  #replace(worker: EventWorker, reason: string): void {
    const place = this.#workers.indexOf(worker);
    const lane = this.#laneOf.get(worker);
    if (place < 0 || lane === undefined) return;
    for (const shard of worker.shards) {
      worker.remove(shard, reason);
      this.#ownerOf.delete(shard);
    }
    // Where it comes back, it finds that it has no shards and is to end.
    void worker.stop();
    this.#startWorker(lane, place);
  }

  /** Checks follow each other; the next is set when one is done. */
  #check(): Promise<void> {
    const { clock, leaseMs, onFault } = this.#options;
    const { checkMs } = leaseTimes(leaseMs);
    this.#checking = this.#checkOnce(checkMs).catch((error: unknown) =>
      onFault(error, 'the leases of shards could not be kept; they are tried again'),
    );
    return this.#checking.then(() => {
      if (this.#stopped === null) this.#cancelCheck = clock.after(checkMs, () => void this.#check());
    });
  }

  async #checkOnce(checkMs: number): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs();
    const { hungAfterMs } = leaseTimes(this.#options.leaseMs);
    // Where this process itself stood still, everybody looks hung.
    const wasFrozen = this.#lastCheckMs !== null && nowMs - this.#lastCheckMs > 2 * checkMs;
    this.#lastCheckMs = nowMs;
    for (const worker of [...this.#workers]) {
      this.#forgetLost(worker);
      if (!wasFrozen && worker.busyMs() > hungAfterMs) {
        this.#options.onFault(
          new Error(`no sign of life for ${Math.round(worker.busyMs())} ms`),
          `${worker.name} hangs; another takes its shards`,
        );
        this.#replace(worker, 'the worker hangs');
      } else {
        await this.#renew(worker);
      }
    }
    await this.#giveOut();
    this.#noteProgress();
  }

  #forgetLost(worker: EventWorker): void {
    for (const shard of worker.takeLost()) this.#ownerOf.delete(shard);
  }

  async #renew(worker: EventWorker): Promise<void> {
    const { shards } = worker;
    if (shards.length === 0) return;
    const held = await this.#options.leases.renew(shards, worker.name);
    for (const shard of shards) {
      if (held.has(shard)) continue;
      worker.remove(shard, 'its lease has gone to another');
      this.#ownerOf.delete(shard);
    }
  }

  /** Each free shard to the worker of its lane that has the fewest. */
  async #giveOut(): Promise<void> {
    const { leases, stream } = this.#options;
    for (const shard of stream.shards) {
      if (this.#ownerOf.has(shard)) continue;
      const lane = laneOfShard(shard);
      const [worker] = this.#workers
        .filter((candidate) => this.#laneOf.get(candidate) === lane)
        .sort((a, b) => a.shards.length - b.shards.length);
      if (worker === undefined || !(await leases.acquire(shard, worker.name))) continue;
      if (this.#stopped !== null || !this.#workers.includes(worker)) {
        await leases.release(shard, worker.name);
        continue;
      }
      this.#ownerOf.set(shard, worker);
      worker.add(this.#shardWorker(shard, worker));
    }
  }

  #shardWorker(shard: ShardName, worker: EventWorker): ShardWorker {
    const isBulk = laneOfShard(shard) === 'bulk';
    return new ShardWorker({
      ...this.#options,
      shard,
      worker: worker.name,
      breaker: this.#breaker,
      publication: this.#publication,
      commands: this.#commands,
      sizing: isBulk ? this.#sizing : criticalSizing,
      gate: this.#gate,
      onSign: () => worker.sign(),
      onWait: () => worker.waits(),
      lingerMs: isBulk ? bulkLingerMs : 0,
    });
  }

  #noteProgress(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const { appended, entries, oldestDurableAt, shard } of this.#options.stream.depths()) {
      const done = `${appended - entries} ${oldestDurableAt}`;
      if (entries === 0) this.#progress.delete(shard);
      else if (this.#progress.get(shard)?.done !== done) this.#progress.set(shard, { done, atMs: nowMs });
    }
  }

  #wakeAll(): void {
    for (const worker of this.#workers) worker.wake();
  }
}
