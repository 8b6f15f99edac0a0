/**
 * One shard in the hands of one worker: reads it after the position that the store has, and commits it batch by batch,
 * in order. Each `step` is one batch, one command, or one round of timers.
 *
 *   untaken ── takes the shard ──► idle ◄──────────── nothing is left to read
 *      ▲                            │ appended, a timer, a command        ▲
 *      │                            ▼                                     │
 *      │          reading ──► evaluating ──► committing ──────────────────┤
 *      │             │            │             │                         │
 *      │ the store   └────────────┴─────────────┤ the message is bad      │
 *      │ is down                                ▼                         │
 *      └──────────────────────────── retrying, then halved, then a dead letter
 *
 *   any ── the store has another owner, or the worker was replaced ──► lost
 *
 * The store's position is the truth: where it is not known whether a commit was applied, the shard is taken again and
 * goes on after the position found. Waiting for a store that is down is the breaker's; who owns what is `EventWorkers`'.
 */
import type { Clock } from '../../clock.ts';
import { StoreError, StreamError } from '../../errors.ts';
import type { FactEmitter } from '../../facts.ts';
import type { SensorId, ShardName, StreamPosition } from '../../protocol/ids.ts';
import type { Lane } from '../../protocol/sensor-event.ts';
import { type AlertChanges, type AlertEvaluator, type ShardAlerts } from '../alerts/alert-evaluator.ts';
import type { TypeRule } from '../ingest/type-rules.ts';
import type { DedupKey, EventStore, StoreBatch } from '../store/event-store.ts';
import { type DurableStream, laneOfShard, type StreamRecord } from '../stream/durable-stream.ts';
import type { BatchPublication } from './batch-publication.ts';
import type { BatchSizing } from './batch-sizing.ts';
import { commitBatch, type CommittingShard } from './commit-batch.ts';
import type { CommitGate } from './commit-gate.ts';
import { evaluateBatch } from './evaluate-batch.ts';
import { keysOf, prepareBatch } from './prepare-batch.ts';
import { isWorthRetrying, type Segment, segmentOf, splitOrCondemn } from './segment.ts';
import type { ShardCommands } from './shard-commands.ts';
import type { SensorTrack } from './sensor-track.ts';
import { SensorTracks } from './sensor-tracks.ts';
import { type BatchContent, nothingRead, storeBatch } from './store-batch.ts';
import { isStoreDown, type StoreBreaker } from './store-breaker.ts';

export interface ShardWorkerOptions {
  readonly shard: ShardName;
  /** For people. */
  readonly worker: string;
  readonly stream: Pick<DurableStream, 'read' | 'commit'>;
  readonly store: Pick<EventStore, 'takeShard' | 'knownKeys' | 'sensorProgress' | 'commit'>;
  readonly breaker: StoreBreaker;
  readonly alerts: AlertEvaluator;
  readonly publication: BatchPublication;
  readonly commands: Pick<ShardCommands, 'has' | 'take'>;
  readonly sizing: Pick<BatchSizing, 'events' | 'measured'>;
  /** Of all workers. */
  readonly gate: CommitGate;
  readonly typeRules: ReadonlyMap<string, TypeRule>;
  readonly facts: FactEmitter;
  readonly clock: Clock;
  readonly random: () => number;
  readonly newId: () => string;
  /** Called whenever a step has come further … */
  readonly onSign: () => void;
  /** … and where it waits for other batches, which is no fault of its own. */
  readonly onWait: () => void;
  readonly onFault: (error: unknown, what: string) => void;
  /** Least time between the starts of two batches that are not full. */
  readonly lingerMs: number;
}

interface Owned {
  readonly epoch: number;
  position: StreamPosition | null;
  readonly alerts: ShardAlerts;
}

type State =
  | { readonly at: 'untaken' }
  | { readonly at: 'idle' | 'reading' | 'evaluating' | 'committing' }
  | { readonly at: 'retrying'; readonly untilMs: number }
  | { readonly at: 'lost'; readonly reason: string };

const maxBatchBytes = 1_024 * 1_024;
/** The wall clock may jump: timers are looked at this often at least. */
const longestSleepMs = 60_000;
/** A timer that is due and changes nothing (a silence behind a backlog) is not asked again at once. */
const idleTimerMs = 1_000;
/** Between two attempts at what neither the store nor the message explains. */
const strangePauseMs = 1_000;

export class ShardWorker {
  readonly #options: ShardWorkerOptions;
  readonly #lane: Lane;
  readonly #tracks = new SensorTracks();
  #state: State = { at: 'untaken' };
  #owned: Owned | null = null;
  #mayHaveMore = true;
  /** Read, not yet stored; the first is next. */
  #segments: Segment[] = [];
  #lastReadAtMs = -Infinity;
  #lastReadWasFull = false;
  /** When the shard was last seen empty, Unix ms. */
  #drainedAtMs: number | null = null;
  /** Monotonic ms. */
  #timersAfterMs = 0;
  #leaveGate: () => void = () => undefined;

  constructor(options: ShardWorkerOptions) {
    this.#options = options;
    this.#lane = laneOfShard(options.shard);
  }

  get shard(): ShardName {
    return this.#options.shard;
  }

  /** Why it must not go on; null while it may. */
  get lost(): string | null {
    return this.#state.at === 'lost' ? this.#state.reason : null;
  }

  /** Something was appended to the shard. */
  wake(): void {
    this.#mayHaveMore = true;
  }

  /** Another owner has the shard, or will have: whatever is on its way changes nothing here any more. */
  lose(reason: string): void {
    if (this.#state.at === 'lost') return;
    this.#state = { at: 'lost', reason };
    this.#leaveGate();
    const { facts, shard, worker } = this.#options;
    facts.emit('shard:lost', { shard, worker, reason });
  }

  /** How long until there is something to do, ms; 0 where there is now, null where only `wake` or a command can tell. */
  nextStepInMs(): number | null {
    const { clock, commands, lingerMs, shard } = this.#options;
    if (this.#state.at === 'lost') return null;
    const nowMs = clock.monotonicMs();
    if (this.#state.at === 'retrying') return Math.max(0, this.#state.untilMs - nowMs);
    if (this.#owned === null || this.#segments.length > 0 || commands.has(shard)) return 0;
    const timerMs = this.#timerInMs(this.#owned);
    if (!this.#mayHaveMore) return timerMs;
    const readMs = this.#lastReadWasFull ? 0 : Math.max(0, this.#lastReadAtMs + lingerMs - nowMs);
    return timerMs === null ? readMs : Math.min(readMs, timerMs);
  }

  /** One batch, one command, or the timers. Never rejects for what a store, a stream or a message can do. */
  async step(): Promise<void> {
    try {
      const owned = this.#owned ?? (await this.#take());
      if (owned === null) return;
      const pending = this.#options.commands.take(this.shard);
      if (pending !== null) {
        // What is to be retried keeps its time.
        const state = this.#state;
        await this.#runCommand(owned, pending);
        if (state.at === 'retrying' && this.#isOwner(owned)) this.#state = state;
        return;
      }
      const segment = this.#segments[0] ?? (await this.#read(owned));
      if (segment === null) await this.#runTimers(owned);
      else await this.#storeInTurn(owned, segment);
    } catch (error) {
      this.#failed(error);
    }
  }

  async #take(): Promise<Owned | null> {
    const { alerts, breaker, facts, publication, shard, store, stream, worker } = this.#options;
    const { epoch, position } = await breaker.run(() => store.takeShard(shard));
    this.#options.onSign();
    const shardAlerts = await breaker.run(() => alerts.openShard(shard));
    this.#options.onSign();
    if (this.#state.at === 'lost') return null;
    publication.settle(shard, position);
    if (position !== null) stream.commit(shard, position);
    this.#owned = { epoch, position, alerts: shardAlerts };
    this.#state = { at: 'idle' };
    this.#segments = [];
    this.#mayHaveMore = true;
    this.#tracks.clear();
    facts.emit('shard:taken', { shard, worker, epoch });
    return this.#owned;
  }

  async #read(owned: Owned): Promise<Segment | null> {
    if (!this.#mayHaveMore) return null;
    const { clock, sizing, shard, stream } = this.#options;
    this.#state = { at: 'reading' };
    this.#mayHaveMore = false;
    const maxEntries = sizing.events;
    const startedAtMs = clock.monotonicMs();
    const readAtMs = clock.nowMs();
    try {
      const records = await stream.read(shard, owned.position, { maxEntries, maxBytes: maxBatchBytes });
      this.#options.onSign();
      // A read that the bytes limited is not told apart: one more read finds nothing, at little cost.
      this.#mayHaveMore ||= records.length > 0;
      this.#lastReadWasFull = records.length >= maxEntries;
      if (!this.#isOwner(owned)) return null;
      if (records.length > 0) {
        this.#lastReadAtMs = startedAtMs;
        const segment = segmentOf(records);
        this.#segments = [segment];
        return segment;
      }
      this.#drainedAtMs = readAtMs;
      this.#state = { at: 'idle' };
      return null;
    } catch (error) {
      this.#mayHaveMore = true;
      throw error;
    }
  }

  async #storeInTurn(owned: Owned, segment: Segment): Promise<void> {
    if (this.#lane === 'critical') this.#leaveGate = this.#options.gate.enterCritical();
    try {
      await this.#store(owned, segment);
    } finally {
      this.#leaveGate();
    }
  }

  async #store(owned: Owned, segment: Segment): Promise<void> {
    const { clock, newId, stream, typeRules } = this.#options;
    const { condemned, records } = segment;
    const last = records.at(-1);
    if (last === undefined) throw new Error('a segment without records');
    try {
      this.#state = { at: 'reading' };
      const keys = keysOf(records);
      const known = await this.#askStore(records, keys);
      this.#options.onSign();
      if (!this.#isOwner(owned)) return;

      this.#state = { at: 'evaluating' };
      const trackOf = (sensorId: SensorId): SensorTrack | undefined => this.#tracks.get(sensorId);
      const prepared = prepareBatch({
        lane: this.#lane,
        records,
        keys,
        knownKeys: known,
        trackOf,
        typeRules,
        newId,
        condemned,
      });
      const nowMs = clock.nowMs();
      const evaluation = evaluateBatch(owned.alerts, prepared, nowMs, drainedThrough(last));
      if (evaluation.engineFault !== null) this.#engineFailed(evaluation.engineFault, prepared.events.length);
      const batch = this.#batchOf(owned, last.position, prepared, evaluation.changes);

      await this.#commit(owned, batch);
      if (!this.#isOwner(owned)) return;
      this.#tracks.adopt(prepared);
      if (evaluation.engineFault === null) this.#timersAfterMs = 0;
      if (this.#segments[0] === segment) this.#segments.shift();
      owned.position = batch.to;
      stream.commit(this.shard, last.position);
      if (prepared.skipped > 0)
        this.#options.facts.emit('events:dropped', {
          reason: 'invalid',
          events: prepared.skipped,
          topic: null,
        });
      this.#state = { at: 'idle' };
    } catch (error) {
      this.#segmentFailed(segment, error);
    }
  }

  /** Which keys are stored; afterwards every sensor of the records has its track. */
  async #askStore(
    records: readonly StreamRecord[],
    keys: readonly (DedupKey | null)[],
  ): Promise<ReadonlySet<DedupKey>> {
    const { breaker, gate, store } = this.#options;
    const asked = keys.filter((key) => key !== null);
    const strangers = this.#tracks.unknownOf(records);
    if (asked.length === 0 && strangers.length === 0) return new Set();
    if (this.#lane === 'bulk') await gate.afterCritical();
    const [known, progress] = await breaker.run(() =>
      Promise.all([
        asked.length === 0 ? new Set<DedupKey>() : store.knownKeys(asked),
        strangers.length === 0 ? new Map() : store.sensorProgress(this.#lane, strangers),
      ]),
    );
    this.#tracks.learn(strangers, progress);
    return known;
  }

  async #runTimers(owned: Owned): Promise<void> {
    this.#state = { at: 'idle' };
    if (this.#timerInMs(owned) !== 0) return;
    const { clock } = this.#options;
    this.#timersAfterMs = clock.monotonicMs() + idleTimerMs;
    const nowMs = clock.nowMs();
    // Nothing was appended since the shard was empty: it is as empty now.
    const drainedThroughMs = this.#mayHaveMore ? (this.#drainedAtMs ?? 0) : nowMs;
    let changes: AlertChanges;
    try {
      changes = owned.alerts.evaluate({ events: [], facts: [], nowMs, drainedThroughMs });
    } catch (error) {
      this.#engineFailed(error, 0);
      return;
    }
    await this.#commitChanges(owned, changes);
  }

  async #runCommand(owned: Owned, pending: NonNullable<ReturnType<ShardCommands['take']>>): Promise<void> {
    try {
      await this.#commitChanges(owned, owned.alerts.command(pending.command, this.#options.clock.nowMs()));
      pending.done();
    } catch (error) {
      pending.failed(error);
      if (isStoreDown(error) || isFenced(error)) throw error;
    }
  }

  async #commitChanges(owned: Owned, changes: AlertChanges): Promise<void> {
    if (isEmpty(changes)) return;
    await this.#commit(owned, this.#batchOf(owned, owned.position, nothingRead, changes));
    if (!this.#isOwner(owned)) return;
    const { nextDueAt } = owned.alerts;
    if (nextDueAt === null || nextDueAt > this.#options.clock.nowMs()) this.#timersAfterMs = 0;
    this.#state = { at: 'idle' };
  }

  #batchOf(owned: Owned, to: StreamPosition | null, content: BatchContent, alerts: AlertChanges): StoreBatch {
    const { epoch, position: from } = owned;
    return storeBatch({ shard: this.shard, epoch, from, to }, content, alerts, this.#options.clock.nowMs());
  }

  #commit(owned: Owned, batch: StoreBatch): Promise<void> {
    this.#state = { at: 'committing' };
    const shard: CommittingShard = {
      isOwner: () => this.#isOwner(owned),
      sign: this.#options.onSign,
      waits: this.#options.onWait,
      entered: (leave) => (this.#leaveGate = leave),
      stored: () => this.#afterCommit(owned, batch),
    };
    return commitBatch(batch, shard, { ...this.#options, lane: this.#lane });
  }

  /** The batch is stored, whatever happens here. */
  #afterCommit(owned: Owned, batch: StoreBatch): void {
    if (!this.#isOwner(owned)) return;
    try {
      owned.alerts.applied(batch.alerts);
    } catch (error) {
      this.#options.onFault(error, `the alerts of shard ${this.shard} are loaded anew`);
      this.#retake();
    }
  }

  #retake(): void {
    this.#owned = null;
    this.#segments = [];
    this.#state = { at: 'untaken' };
  }

  #segmentFailed(segment: Segment, error: unknown): void {
    if (isStoreDown(error) || isFenced(error) || error instanceof StreamError) throw error;
    if (this.#state.at === 'lost') return;
    const { clock, onFault, random } = this.#options;
    const nowMs = clock.monotonicMs();
    segment.attempts += 1;
    segment.firstFailedAtMs ??= nowMs;
    const deterministic = error instanceof StoreError;
    if (!deterministic && isWorthRetrying(segment, nowMs)) {
      const pauseMs = 50 * 2 ** (segment.attempts - 1) * (0.5 + 0.5 * random());
      this.#state = { at: 'retrying', untilMs: nowMs + pauseMs };
      return;
    }
    const parts = splitOrCondemn(segment, error);
    if (parts === null) {
      // Not even its dead letter can be stored: nobody may go past it.
      onFault(
        error,
        `shard ${this.shard} cannot store an event and not its dead letter either; it is tried again`,
      );
      this.#state = { at: 'retrying', untilMs: nowMs + longestSleepMs / 2 };
      return;
    }
    if (parts.length === 1)
      onFault(error, `an event in shard ${this.shard} cannot be stored; it becomes a dead letter`);
    this.#segments.splice(0, 1, ...parts);
    this.#state = { at: 'idle' };
  }

  #failed(error: unknown): void {
    if (this.#state.at === 'lost') return;
    if (isFenced(error)) {
      this.lose('the store has another owner');
      return;
    }
    if (isStoreDown(error)) {
      // What became of the last commit is not known: the store's position tells.
      this.#retake();
      return;
    }
    const { clock, onFault } = this.#options;
    onFault(error, `shard ${this.shard} cannot go on; it is tried again`);
    this.#state = { at: 'retrying', untilMs: clock.monotonicMs() + strangePauseMs };
  }

  #engineFailed(error: unknown, events: number): void {
    const { clock, onFault, shard } = this.#options;
    this.#timersAfterMs = clock.monotonicMs() + longestSleepMs;
    onFault(
      error,
      events === 0
        ? `the timers of the alerts of shard ${shard} fail; they are tried again in a minute`
        : `the alert rules fail in shard ${shard}: ${events} events were stored WITHOUT being judged by them`,
    );
  }

  #timerInMs({ alerts }: Owned): number | null {
    const { clock } = this.#options;
    if (alerts.nextDueAt === null) return null;
    const dueInMs = Math.min(longestSleepMs, Math.max(0, alerts.nextDueAt - clock.nowMs()));
    return Math.max(dueInMs, this.#timersAfterMs - clock.monotonicMs());
  }

  #isOwner(owned: Owned): boolean {
    return this.#owned === owned && this.#state.at !== 'lost';
  }
}

const isFenced = (error: unknown): boolean => error instanceof StoreError && error.code === 'store_fenced';

const isEmpty = ({ alerts, notifications, removedStates, states }: AlertChanges): boolean =>
  alerts.length + notifications.length + removedStates.length + states.length === 0;

/** Entries are appended as they arrive: before the last one's arrival nothing is missing. */
const drainedThrough = ({ durableAt, entry }: StreamRecord): number =>
  entry.kind === 'event' ? Math.min(durableAt, entry.event.receivedAt) : durableAt;
